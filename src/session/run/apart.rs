//! A client's statement that is taken apart into others: what these have of it, and how it is answered.

use std::rc::Rc;

use crate::sql::Action;
use crate::wire::{PgError, SendBuf, SqlState};

use super::catalog::CatalogStatement;
use super::held_rows::HeldRows;
use super::nested::{MakeCarrying, OwnStatement, RowForm};
use super::outcome::{CommandTag, Outcome};
use crate::session::understand::context::{Cx, Understood};
use crate::session::understand::rows::{Formats, described_fields, put_row_description};

/// Such a statement.
#[derive(Debug)]
pub(crate) struct Apart {
    /// For the statements that it consists of.
    pub make: MakeCarrying,
    pub understood: Rc<Understood>,
    /// The client's parameters.
    pub statement: CatalogStatement,
    pub formats: Formats,
    /// RowDescription goes in front of the rows (simple protocol).
    describe: bool,
    pub rows_max: u64,
}

impl Apart {
    pub(crate) fn new(
        make: MakeCarrying,
        understood: Rc<Understood>,
        statement: CatalogStatement,
        formats: Formats,
        describe: bool,
    ) -> Self {
        Self { make, understood, statement, formats, describe, rows_max: 0 }
    }

    pub(crate) fn action(&self) -> &Action {
        &self.understood.translation.action
    }

    /// One of its statements, which has the client's parameters.
    pub(crate) fn part(&self, sql: String, form: RowForm) -> OwnStatement {
        let CatalogStatement { parameter_types, values, .. } = &self.statement;
        OwnStatement::new(sql, parameter_types.clone(), values.clone(), form)
    }

    /// Columns of the client's rows; `None` where it gets none.
    pub(crate) fn columns_count(&self) -> Option<usize> {
        let described = self.understood.extra.described();
        described.and_then(|described| described.columns.as_ref().map(Vec::len))
    }

    /// # Errors
    /// For a format that PostgreSQL does not have for a column.
    pub(crate) fn put_description(&self, out: &mut SendBuf) -> Result<(), Box<PgError>> {
        if self.describe
            && let Some(fields) = described_fields(self.understood.extra.described().as_deref(), &self.formats)?
        {
            put_row_description(&fields, out);
        }
        Ok(())
    }

    /// The next rows, or the end. `changed_count`: what the tag tells of a statement that gives no rows.
    pub(crate) fn answer(&self, rows: &mut HeldRows, changed_count: u64, out: &mut SendBuf) -> Outcome {
        if rows.send(self.rows_max, out) {
            return Outcome::Suspended;
        }
        let count = self.columns_count().map_or(changed_count, |_| rows.last_count());
        Outcome::Complete(CommandTag::counted(Rc::clone(&self.understood.tag), count))
    }
}

/// `what`: needs the rows; `why` and `instead` are told besides.
///
/// # Errors
/// 54000 when the rows of a query take too much memory.
pub(crate) fn check_spool(spool: &SendBuf, [what, why, instead]: [&str; 3], cx: &Cx<'_>) -> Result<(), Box<PgError>> {
    let max = cx.shard.options.limits.finish_bytes_max;
    if spool.len() <= max {
        return Ok(());
    }
    let message = format!("{what} would need more than {} MB of rows", max >> 20);
    Err(PgError::error(SqlState::PROGRAM_LIMIT_EXCEEDED, message)
        .detail(why)
        .hint(format!("{instead}, or raise finish_bytes_max.")))
}
