//! What the rules share while one statement is translated: pieces of text, what names mean, what is known of tables, and
//! the way to what stands within.

pub mod alike;
pub mod cx;
pub mod exact;
pub mod frag;
pub mod kept;
pub mod query;
pub mod scope;
pub mod tables;
pub mod target;
pub mod text_order;
pub mod vectors;

use crate::wire::PgError;

pub type Result<T> = std::result::Result<T, Box<PgError>>;
