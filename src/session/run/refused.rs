//! A query that IRIS computes, were it not for one of its values or the format of a column: PostgreSQL finishes it.

use crate::wire::PgError;

use super::bind::RefusedQuery;
use super::catalog::CatalogStatement;
use crate::session::contract::step::Event;
use crate::session::understand::context::Cx;
use crate::session::understand::resolve::{Resolve, Understanding};
use crate::session::understand::rows::Formats;

/// Such a query being understood anew. Cached as any other statement, under a key of its own.
#[derive(Debug)]
pub(crate) struct RefusedRun {
    resolve: Resolve,
    wanted: Wanted,
}

/// What is to be done with it then.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    pub statement: CatalogStatement,
    pub formats: Formats,
    pub describe: bool,
    /// Rows at most (0 = all); `None`: a cursor is opened, which stops in front of the first.
    pub rows_max: Option<u64>,
}

impl RefusedRun {
    pub(super) fn new(query: RefusedQuery, formats: Formats, describe: bool) -> Self {
        let (error, template, statement) = query.into_parts();
        let resolve = Resolve::refused(&statement.sql, template, &statement.parameter_types, error);
        Self { resolve, wanted: Wanted { statement, formats, describe, rows_max: None } }
    }

    /// # Errors
    /// Why IRIS cannot compute it, where PostgreSQL cannot either.
    pub(super) fn start(&mut self, rows_max: Option<u64>, cx: &mut Cx<'_>) -> Result<Understanding, Box<PgError>> {
        self.wanted.rows_max = rows_max;
        self.resolve.start(cx)
    }

    /// # Errors
    /// As [`start`](Self::start).
    pub(super) fn resume(&mut self, event: Event<'_>, cx: &mut Cx<'_>) -> Result<Understanding, Box<PgError>> {
        self.resolve.resume(event, cx)
    }

    /// Once it is understood.
    pub(super) fn take_wanted(&mut self) -> Wanted {
        std::mem::take(&mut self.wanted)
    }
}
