//! Definitions: CREATE, ALTER, DROP and TRUNCATE.
//!
//! IRIS compiles a definition instead of running it with values, so every literal stays in its text. Names that come
//! into being are written as PostgreSQL folds them: IRIS keeps a name's case and shows it to clients.

pub(crate) mod alter_table;
mod alter_type;
pub(crate) mod comment;
pub(crate) mod constraint;
pub(crate) mod create_table;
pub(crate) mod default;
pub(crate) mod definition;
pub(crate) mod drop;
pub(crate) mod from_query;
pub(crate) mod hidden;
pub(crate) mod index;
pub(crate) mod like;
mod materialized;
pub(crate) mod query_text;
pub(crate) mod refused;
pub(crate) mod rename;
pub(crate) mod reversal;
mod reversal_text;
pub(crate) mod rules;
pub(crate) mod schema;
pub(crate) mod sequence;
pub(crate) mod table;
pub(crate) mod temporary;
mod type_reversal;
pub(crate) mod types;
pub(crate) mod unique_index;
pub(crate) mod user_type;

#[cfg(test)]
mod tests;

pub(crate) use self::definition::Ddl;

use squawk_syntax::{SyntaxKind, SyntaxNode};

use crate::sql::syntax::nodes;
use crate::sql::translate::context::Result;
use crate::sql::translate::context::cx::Cx;

/// Translates a definition; `None` for statements that are none.
///
/// # Errors
/// What PostgreSQL would say of the statement, 0A000 for what IRIS has no way to do.
pub(crate) fn translate(cx: &Cx<'_>, stmt: &SyntaxNode) -> Result<Option<Ddl>> {
    cx.inlined(true, || {
        let mut ddl = match stmt.kind() {
            SyntaxKind::CREATE_TABLE => create_table::create_table(cx, stmt)?,
            SyntaxKind::ALTER_TABLE => alter_table::alter_table(cx, stmt)?,
            SyntaxKind::ALTER_VIEW if let Some(action) = nodes::child(stmt, SyntaxKind::VIEW_RENAME_TO) => {
                rename::rename_view(cx, stmt, &action)?
            }
            SyntaxKind::CREATE_INDEX => index::create_index(cx, stmt)?,
            SyntaxKind::DROP_TABLE => drop::drop_table(cx, stmt)?,
            SyntaxKind::DROP_VIEW => drop::drop_view(cx, stmt)?,
            SyntaxKind::DROP_INDEX => drop::drop_index(cx, stmt)?,
            SyntaxKind::TRUNCATE => drop::truncate(cx, stmt)?,
            SyntaxKind::CREATE_SEQUENCE if cx.options.has_sequences => sequence::create(cx, stmt)?,
            SyntaxKind::ALTER_SEQUENCE if cx.options.has_sequences => sequence::alter(cx, stmt)?,
            SyntaxKind::DROP_SEQUENCE if cx.options.has_sequences => sequence::drop(cx, stmt)?,
            SyntaxKind::CREATE_SCHEMA => schema::create_schema(cx, stmt)?,
            SyntaxKind::DROP_SCHEMA => schema::drop_schema(cx, stmt)?,
            SyntaxKind::CREATE_EXTENSION => schema::create_extension(cx, stmt)?,
            SyntaxKind::DROP_EXTENSION => schema::drop_extension(cx, stmt)?,
            SyntaxKind::CREATE_TABLE_AS => from_query::create_table_as(cx, stmt)?,
            SyntaxKind::SELECT_INTO => from_query::select_into(cx, stmt)?,
            SyntaxKind::CREATE_MATERIALIZED_VIEW => materialized::create(cx, stmt)?,
            SyntaxKind::DROP_MATERIALIZED_VIEW => materialized::drop(cx, stmt)?,
            SyntaxKind::REFRESH => materialized::refresh(cx, stmt)?,
            SyntaxKind::CREATE_VIEW => from_query::create_view(cx, stmt)?,
            SyntaxKind::COMMENT_ON => comment::comment_on(cx, stmt),
            SyntaxKind::CREATE_TYPE if user_type::is_enum(stmt) => user_type::create_enum(cx, stmt)?,
            SyntaxKind::ALTER_TYPE if user_type::is_supported(cx, stmt) => user_type::alter_type(cx, stmt)?,
            SyntaxKind::CREATE_TYPE if cx.options.has_sequences => user_type::create_type(cx, stmt)?,
            SyntaxKind::CREATE_DOMAIN if cx.options.has_sequences => user_type::create_domain(cx, stmt)?,
            SyntaxKind::ALTER_DOMAIN if cx.options.has_sequences => user_type::alter_domain(cx, stmt)?,
            SyntaxKind::DROP_DOMAIN if cx.options.has_sequences => user_type::drop_type(cx, stmt, "DROP DOMAIN"),
            SyntaxKind::DROP_TYPE => user_type::drop_type(cx, stmt, "DROP TYPE"),
            _ => return refused::translate(cx, stmt),
        };
        if cx.options.has_sequences {
            ddl.owned.extend(sequence::owned_changes(cx, stmt)?);
        }
        Ok(Some(reversal::reversible(cx, stmt, ddl)?))
    })
}
