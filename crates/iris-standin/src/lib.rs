//! A strict IRIS stand-in: the superserver protocol and IRIS SQL over SQLite, std threads.

pub mod engine;
pub mod kernels;
pub mod server;
