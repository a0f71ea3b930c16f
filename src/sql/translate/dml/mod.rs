//! INSERT, UPDATE, DELETE, with RETURNING and ON CONFLICT, which IRIS has not: a script of statements instead.

mod assign;
mod delete;
mod insert;
mod returning;
mod rows;
mod target;
mod update;
mod upsert;
mod written;

pub use self::assign::{assigned, is_same};
pub use self::delete::delete;
pub use self::insert::insert;
pub use self::update::update;
