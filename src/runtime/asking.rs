//! Statements of the gateway's own for IRIS, one after the other on a lease.

use std::rc::Rc;
use std::time::Duration;

use super::link::Link;
use super::pool::Lease;
use crate::bridge::to_pg;
use crate::iris::{IrisError, Item, ItemReader, Reply, Request};
use crate::wire::{PgError, SqlState};

/// "Table or view not found", "Table name not unique".
pub(super) const NO_TABLE_SQLCODE: i32 = 30;
pub(super) const TABLE_EXISTS_SQLCODE: i32 = 201;

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Trouble {
    Refused(IrisError),
    Other(Box<PgError>),
}

impl From<Box<PgError>> for Trouble {
    fn from(error: Box<PgError>) -> Self {
        Self::Other(error)
    }
}

impl Trouble {
    /// Whether IRIS refused it for this reason.
    pub(super) fn is(&self, sqlcode: i32) -> bool {
        matches!(self, Self::Refused(error) if error.sqlcode == sqlcode)
    }

    pub(super) fn to_pg(&self) -> Box<PgError> {
        match self {
            Self::Refused(error) => to_pg(error),
            Self::Other(error) => error.clone(),
        }
    }
}

/// What a statement gives.
#[derive(Debug, Default)]
pub(super) struct Asked {
    pub rows: Vec<Vec<Option<String>>>,
    /// Rows that it has changed.
    pub changed: i64,
}

/// A request to its end, with all its pages.
///
/// # Errors
/// What IRIS has against it; 08006 without an answer in `timeout`.
pub(super) async fn ask(lease: &mut Lease, timeout: Duration, request: &Request) -> Result<Asked, Trouble> {
    let Some(link) = lease.link_mut() else {
        return Err(PgError::error(SqlState::INTERNAL_ERROR, "no IRIS connection at hand").into());
    };
    let mut asked = Asked::default();
    let mut is_end = exchange(link, timeout, request, &mut asked).await?;
    while let (false, Request::Execute { statement, .. }) = (is_end, request) {
        is_end = exchange(link, timeout, &Request::Fetch { statement: Rc::clone(statement) }, &mut asked).await?;
    }
    Ok(asked)
}

/// Whether that was all.
async fn exchange(link: &mut Link, timeout: Duration, request: &Request, asked: &mut Asked) -> Result<bool, Trouble> {
    link.exchange_within(timeout, request).await.map_err(|error| error.to_pg())?;
    match link.take_reply() {
        Reply::Failed { error, .. } => Err(Trouble::Refused(error)),
        Reply::Page { metadata, rows: bytes, end } => {
            let mut reader = ItemReader::new(bytes);
            while !reader.is_empty() && !metadata.columns.is_empty() {
                let mut row = Vec::with_capacity(metadata.columns.len());
                for _ in &metadata.columns {
                    let item = reader.need("cell").map_err(|error| {
                        PgError::error(SqlState::INTERNAL_ERROR, format!("IRIS sent rows that cannot be read: {error}"))
                    })?;
                    row.push(match &item {
                        Item::Null => None,
                        item => item.to_text(),
                    });
                }
                asked.rows.push(row);
            }
            Ok(end)
        }
        Reply::Updated { counts, .. } => {
            asked.changed = counts.iter().copied().fold(0, i64::saturating_add);
            Ok(true)
        }
        Reply::Prepared(_) | Reply::Stream(_) | Reply::Done => Ok(true),
    }
}
