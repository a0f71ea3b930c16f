//! Rows of a table that refers to itself. IRIS looks at references with each row, PostgreSQL when all rows are changed: a row that
//! IRIS refuses is tried again when others are changed, in turns from the last to the first and from the first to the last, until
//! all are changed or none can be.

use std::ops::Range;

use crate::wire::{PgError, SendBuf, SqlState};

/// Where a row stands among those of the query, and which of its statements it is.
pub(super) type Place = (usize, usize);

#[derive(Debug, Default)]
pub(super) struct Deferred {
    /// Those of this turn, the next one last.
    again: Vec<Place>,
    /// Those of the next turn.
    aside: Vec<Place>,
    /// Those whose references are taken away, the next one last.
    loosening: Vec<Place>,
    /// What the first of those aside was refused for.
    refused: Option<(Place, Box<PgError>)>,
    /// A row of this turn has been changed.
    has_changed: bool,
    is_again: bool,
    is_loosened: bool,
    /// Where the rows stand that the statements gave.
    given: Vec<(Place, Range<usize>)>,
}

/// What comes behind a turn.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Turn {
    Over,
    Again,
    /// Their references are taken away first: rows that refer to each other are in each other's way.
    Loosen,
}

impl Deferred {
    pub(super) fn is_again(&self) -> bool {
        self.is_again
    }

    /// Whether a row may be changed when others are.
    pub(super) fn is_for_later(error: &PgError) -> bool {
        error.code == SqlState::FOREIGN_KEY_VIOLATION
    }

    pub(super) fn put_aside(&mut self, place: Place, error: Box<PgError>) {
        self.aside.push(place);
        if self.refused.as_ref().is_none_or(|(first, _)| place < *first) {
            self.refused = Some((place, error));
        }
    }

    /// `given`: where the rows stand that its statement gave.
    pub(super) fn changed(&mut self, place: Place, given: Range<usize>) {
        self.has_changed = true;
        if !given.is_empty() {
            self.given.push((place, given));
        }
    }

    /// The next row of this turn.
    pub(super) fn next(&mut self) -> Option<Place> {
        self.again.pop()
    }

    /// The next one whose references are taken away.
    pub(super) fn next_loosened(&mut self) -> Option<Place> {
        self.loosening.pop()
    }

    /// # Errors
    /// What the first row was refused for, where nothing helps.
    pub(super) fn turn(&mut self, can_loosen: bool) -> Result<Turn, Box<PgError>> {
        if self.aside.is_empty() {
            return Ok(Turn::Over);
        }
        let refused = self.refused.take();
        if !std::mem::take(&mut self.has_changed) {
            if let (Some((_, error)), true) = (refused, self.is_loosened || !can_loosen) {
                return Err(error);
            }
            self.is_loosened = true;
            self.loosening.clone_from(&self.aside);
        }
        self.is_again = true;
        self.again = std::mem::take(&mut self.aside);
        Ok(if self.loosening.is_empty() { Turn::Again } else { Turn::Loosen })
    }

    /// Puts the rows that the statements gave into the order of the query's.
    pub(super) fn put_in_order(&mut self, spool: &mut SendBuf) {
        if !self.is_again {
            return;
        }
        let Some(start) = self.given.first().map(|(_, given)| given.start) else { return };
        self.given.sort_by_key(|(place, _)| *place);
        let mut ordered = SendBuf::new();
        let all = spool.as_slice();
        let given = self.given.iter().map(|(_, given)| given.clone());
        for range in std::iter::once(0..start).chain(given) {
            ordered.put_messages(all.get(range).unwrap_or_default());
        }
        *spool = ordered;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(what: &str) -> Box<PgError> {
        PgError::error(SqlState::FOREIGN_KEY_VIOLATION, what)
    }

    #[test]
    fn turns_go_on_while_rows_are_changed() {
        let mut deferred = Deferred::default();
        deferred.put_aside((0, 0), refused("first"));
        deferred.put_aside((9, 0), refused("second"));
        deferred.changed((18, 0), 4..6);
        assert_eq!(deferred.turn(false).unwrap(), Turn::Again);
        assert_eq!(deferred.next(), Some((9, 0)));
        deferred.changed((9, 0), 6..7);
        assert_eq!(deferred.next(), Some((0, 0)));
        deferred.changed((0, 0), 7..9);
        assert_eq!(deferred.next(), None);
        assert_eq!(deferred.turn(false).unwrap(), Turn::Over);
        let mut spool = SendBuf::new();
        spool.put_messages(b"....ccbaa");
        deferred.put_in_order(&mut spool);
        assert_eq!(spool.as_slice(), b"....aabcc");
    }

    #[test]
    fn what_nothing_helps_is_the_first_row_s_error() {
        let mut deferred = Deferred::default();
        deferred.put_aside((9, 0), refused("second"));
        deferred.put_aside((0, 0), refused("first"));
        assert_eq!(deferred.turn(true).unwrap(), Turn::Loosen);
        assert_eq!((deferred.next_loosened(), deferred.next_loosened()), (Some((0, 0)), Some((9, 0))));
        assert_eq!(deferred.next_loosened(), None);
        deferred.put_aside(deferred.again[1], refused("first"));
        deferred.put_aside(deferred.again[0], refused("second"));
        assert_eq!(deferred.turn(true).unwrap_err().message, "first");
    }
}
