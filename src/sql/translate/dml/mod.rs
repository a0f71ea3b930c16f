//! INSERT, UPDATE, DELETE, with RETURNING and ON CONFLICT, which IRIS has not: a script of statements instead.

pub mod delete;
pub mod insert;
pub mod returning;
pub mod rows;
pub mod target;
pub mod update;
pub mod upsert;
pub mod written;
