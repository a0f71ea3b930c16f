//! `iris-pgwire`: the PostgreSQL wire protocol in front of InterSystems IRIS.
//!
//! Imports point down the floors only (`docs/ARCHITECTURE.md`, kept by `tests/tidy`):
//! `wire types vector copy auth` < `bridge sql catalog` < `session` < `runtime` < `config cli`. Below all of them is the
//! crate `iris-protocol`, here by the name of `iris`.

pub mod auth;
pub mod bridge;
pub mod catalog;
pub mod cli;
pub mod config;
pub mod copy;
pub mod runtime;
pub mod session;
pub mod sql;
pub mod types;
pub mod vector;
pub mod wire;

pub use iris_protocol as iris;
