//! The outcome of one [`Request`](super::Request).

use std::rc::Rc;

use super::{IrisError, StatementMetadata};

/// Borrowed from the connection's receive buffer; valid until the next request.
#[derive(Debug)]
pub enum Reply<'a> {
    /// Prepare succeeded.
    Prepared(Rc<StatementMetadata>),
    /// Execute or Fetch of a query: whole rows, `$LIST` items one after the other, one item per column.
    /// `end`: no further page.
    Page {
        /// Of the statement.
        metadata: Rc<StatementMetadata>,
        /// Read with [`ItemReader`](super::ItemReader).
        rows: &'a [u8],
        /// The last page.
        end: bool,
    },
    /// Execute of anything else: one count per set.
    Updated {
        /// Of the statement.
        metadata: Rc<StatementMetadata>,
        /// Rows changed, by set.
        counts: Vec<i64>,
    },
    /// ReadStream: the raw data (UTF-8 for text).
    Stream(&'a [u8]),
    /// Commit, Rollback, CloseResult succeeded.
    Done,
    /// IRIS refused; the connection lives. `counts`: of a failing batch, per set, as far as the server tells.
    Failed {
        /// What it said.
        error: IrisError,
        /// Rows changed, by set, before it.
        counts: Vec<i64>,
    },
}
