//! What the rules share while one statement is translated: pieces of text, what names mean, what is known of tables, and
//! the way to what stands within.

pub(crate) mod alike;
pub(crate) mod cx;
pub(crate) mod exact;
pub(crate) mod frag;
pub(crate) mod kept;
pub(crate) mod query;
pub(crate) mod scope;
pub(crate) mod tables;
pub(crate) mod target;
pub(crate) mod text_order;
pub(crate) mod vectors;

use crate::wire::PgError;

pub(crate) type Result<T> = std::result::Result<T, Box<PgError>>;
