//! Benchmarks live in `benches/`: the core by itself, and the gateway beside a direct connection.
