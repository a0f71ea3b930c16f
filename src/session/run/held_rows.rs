//! Rows of a RETURNING that a client fetches in parts: the statement runs to its end first, as PostgreSQL's does
//! (`PORTAL_ONE_RETURNING`), and its rows wait here.

use crate::sql::{ScriptStep, StepRole};
use crate::wire::{Messages, PgError, SendBuf, SqlState};

/// Memory for the rows of one statement.
const BYTES_MAX: usize = 64 << 20;

#[derive(Debug, Default)]
pub(crate) struct HeldRows {
    /// Whole DataRow messages.
    pub spool: SendBuf,
    /// Where the first message is that the client has not got.
    position: usize,
    sent_count: u64,
    /// Rows of the latest Execute: what its command tag counts.
    last_count: u64,
}

impl HeldRows {
    /// # Errors
    /// 54000 when the rows take too much memory.
    pub(crate) fn check(&self) -> Result<(), Box<PgError>> {
        if self.spool.len() <= BYTES_MAX {
            return Ok(());
        }
        Err(PgError::error(
            SqlState::PROGRAM_LIMIT_EXCEEDED,
            format!("the rows of RETURNING take more than {} MB", BYTES_MAX >> 20),
        )
        .hint("Fetch them all at once, without a row limit."))
    }

    /// Sends up to `rows_max` rows (0 = all). Whether the limit was reached.
    pub(crate) fn send(&mut self, rows_max: u64, out: &mut SendBuf) -> bool {
        let rest = self.spool.as_slice().get(self.position..).unwrap_or_default();
        let mut messages = Messages::new(rest);
        let mut count = 0;
        while (rows_max == 0 || count < rows_max) && messages.next().is_some() {
            count += 1;
        }
        let length = rest.len().saturating_sub(messages.rest().len());
        out.put_messages(rest.get(..length).unwrap_or_default());
        self.position = self.position.saturating_add(length);
        self.sent_count = self.sent_count.saturating_add(count);
        self.last_count = count;
        rows_max > 0 && count == rows_max
    }

    pub(crate) fn last_count(&self) -> u64 {
        self.last_count
    }

    /// Rows sent so far, and whether these were all.
    pub(crate) fn sent(&self) -> (u64, bool) {
        (self.sent_count, self.position >= self.spool.len())
    }
}

/// RETURNING of an UPDATE or DELETE reads the rows beside the change: they must be as many.
///
/// # Errors
/// 40001 when another transaction has come between, 0A000 when the change joins rows with several others.
pub(crate) fn check_returned(tag: &str, steps: &[ScriptStep], changed: u64, found: u64) -> Result<(), Box<PgError>> {
    // One step either changes or returns.
    if steps.len() < 2 || changed == found {
        return Ok(());
    }
    let returns = steps.iter().any(|step| step.role == StepRole::Rows);
    if !returns || !matches!(tag, "UPDATE" | "DELETE") {
        return Ok(());
    }
    let detail = format!("{changed} rows were changed, {found} found for RETURNING.");
    if steps.last().is_some_and(|step| step.role == StepRole::Rows) {
        let message = "could not serialize access due to concurrent update";
        return Err(PgError::error(SqlState(*b"40001"), message).detail(detail));
    }
    Err(PgError::unsupported("RETURNING of a change that joins a row with several others is not supported")
        .detail(detail)
        .hint("Join each row of the table with at most one, by a sub-query with DISTINCT or GROUP BY."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_leave_in_parts() {
        let mut held = HeldRows::default();
        for n in 0..5_u8 {
            held.spool.put_messages(&[b'D', 0, 0, 0, 7, 0, 0, n]);
        }
        let mut out = SendBuf::new();
        assert!(held.send(2, &mut out));
        assert_eq!((out.len(), held.sent()), (16, (2, false)));
        assert!(held.send(3, &mut out), "the limit is reached though nothing is left");
        assert_eq!((out.len(), held.sent()), (40, (5, true)));
        assert!(!held.send(3, &mut out));
        assert_eq!(held.last_count(), 0);
        assert_eq!(out.as_slice().last(), Some(&4));
        assert!(held.check().is_ok());
    }
}
