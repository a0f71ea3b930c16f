//! The IRIS schema as PostgreSQL definitions for the mirror, sans IO: a handful of queries on INFORMATION_SCHEMA for
//! all tables together, a snapshot of what they tell, and the statements that make it, or that make it of an older one.
//!
//! Names: IRIS compares names without case and keeps their spelling, PostgreSQL folds what is not quoted. A name that
//! was made through the gateway is mirrored as it is spelled; any other, of a table made by an IRIS client, is folded
//! to lower case, as a PostgreSQL client will write it. The description tells which is which (`sql::description`).

mod comments;
mod default;
mod load;
mod model;
mod rest;
mod snapshot;
mod text;
mod view;

#[cfg(test)]
mod tests;

pub(crate) use comments::{
    CommentChange, CommentTarget, Comments, GET_COMMENTS, SideTableStatements, comment_changes, comments_from_table,
    kept_comments, read_comments, read_side_table,
};
pub(super) use default::IrisDefault;
pub(super) use load::parameter;
pub use load::{MirrorLoad, MirrorStep};
pub(super) use model::default_clause;
pub(crate) use rest::GET_REST;
pub use snapshot::{MirrorBatch, MirrorSnapshot};

use std::sync::Arc;

use crate::sql::SideTable;

/// What is mirrored.
#[derive(Debug, Clone)]
pub struct MirrorOptions {
    /// The IRIS schema that `public` stands for.
    pub default_schema: String,
    /// PostgreSQL names of the schemas to mirror; `None` = all that are not IRIS's own.
    pub schemas: Option<Vec<String>>,
    /// A table of the gateway's own, which is not mirrored.
    pub side_table: Option<Arc<SideTable>>,
    /// Another one.
    pub sequence_table: Option<Arc<SideTable>>,
}
