//! INSERT, UPDATE, DELETE, with RETURNING and ON CONFLICT, which IRIS has not: a script of statements instead.

pub(crate) mod delete;
pub(crate) mod insert;
pub(crate) mod returning;
pub(crate) mod rows;
pub(crate) mod target;
pub(crate) mod update;
pub(crate) mod upsert;
pub(crate) mod written;
