//! Where IRIS and PostgreSQL meet: values, types and errors of one as those of the other.

#![warn(clippy::missing_errors_doc)]

mod cell;
mod link_error;
mod pg_type;
mod sqlcode;

pub use cell::{CellDecoder, CellEncoder, put_value};
pub use link_error::link_to_pg;
pub use pg_type::default_pg_type;
pub use sqlcode::{Culprit, folded, last_part, to_pg};
