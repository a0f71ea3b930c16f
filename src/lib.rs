//! `iris-pgwire`: the PostgreSQL wire protocol in front of InterSystems IRIS.
//!
//! Imports point down the floors only (`docs/ARCHITECTURE.md`, kept by `tests/tidy`):
//! `wire types vector copy iris auth` < `sql catalog` < `session` < `runtime embedded` < `config cli`.

pub mod auth;
pub mod catalog;
pub mod cli;
pub mod config;
pub mod copy;
pub mod embedded;
pub mod iris;
pub mod runtime;
pub mod session;
pub mod sql;
pub mod types;
pub mod vector;
pub mod wire;
