//! End-to-end tests live in `e2e/`: one binary, so that they are linked once.
