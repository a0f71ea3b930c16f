//! Where IRIS and PostgreSQL meet: values, types and errors of one as those of the other.

#![warn(clippy::missing_errors_doc)]

mod cell;
mod link_error;
mod pg_type;
mod sqlcode;

pub(crate) use cell::CellEncoder;
pub use cell::{CellDecoder, put_value};
pub use link_error::link_to_pg;
pub(crate) use pg_type::default_pg_type;
pub(crate) use sqlcode::{Culprit, folded, last_part, to_pg};
