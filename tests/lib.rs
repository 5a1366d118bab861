//! What end-to-end tests and `cargo xtask lab` share. The tests themselves live in `e2e/`: one binary,
//! so that they are linked once.

pub mod lab;
