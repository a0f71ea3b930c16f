//! What the transaction has defined, and how a rollback takes it back.

use std::collections::HashSet;

use crate::catalog::{ChangeUnderWay, MirrorChange, SequenceRequest};
use crate::sql::{Deferral, EnumChange};

/// How often an undo is tried in one cycle when its connection to IRIS breaks each time.
const ATTEMPTS_MAX: u32 = 3;

/// One change that a rollback undoes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Undo {
    pub how: UndoHow,
    /// Nobody knows whether IRIS has made the change. A query for the oracle: a row says that what it makes was there before.
    pub probe: Option<String>,
    /// What it drops has a name that something older had before: a query of IRIS's, which IRIS answers unless it has given that
    /// its name back by itself.
    pub witness: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum UndoHow {
    /// In PostgreSQL's SQL; harmless where there is nothing to undo.
    Statement(String),
    /// A query for the oracle whose rows are such statements.
    Query(String),
    /// It has only to be forgotten.
    Nothing,
    /// What IRIS knows nothing of.
    Mirror(MirrorChange),
    Sequence(SequenceRequest),
    /// What this process knows of enum types.
    Enums(EnumChange),
}

impl Undo {
    pub(crate) fn new(how: UndoHow, probe: Option<String>) -> Self {
        Self { how, probe, witness: None }
    }
}

/// A change that waits for COMMIT, with the length of `made` when it came, and when what it changes was dropped.
#[derive(Debug)]
struct Waiting {
    deferral: Deferral,
    from: usize,
    until: Option<usize>,
}

/// Of one session.
#[derive(Debug, Default)]
pub(crate) struct Definitions {
    /// Of the transaction, in the order in which they were made.
    made: Vec<Undo>,
    /// Tables that the transaction has made, with the length of `made` then.
    tables: Vec<(String, usize)>,
    /// What is to be undone now, from the last.
    due: Vec<Undo>,
    /// What is done when it has been committed, with the length of `made` then.
    at_commit: Vec<(Undo, usize)>,
    /// Statements by which the mirror becomes what the session sees of it, with the length of `made` then.
    seen: Vec<(String, usize)>,
    /// Changes of columns that wait for COMMIT.
    deferred: Vec<Waiting>,
    /// What readings of the schema are not to follow before all is done.
    held: Vec<ChangeUnderWay>,
    /// What is being undone, or done for the transaction by statements of the gateway's own, is no definition of the client's.
    is_settling: bool,
    /// Names that something had when the transaction began and has no more, each with a query that IRIS answers as long as
    /// that is so, and the length of `made` then.
    vacated: Vec<(String, String, usize)>,
    /// COMMIT is sent, and not answered.
    is_committing: bool,
    /// How often in this cycle the connection to IRIS has been lost over it.
    losses_count: u32,
}

impl Definitions {
    /// Of the transaction so far; a savepoint remembers it.
    pub(crate) fn count(&self) -> usize {
        self.made.len()
    }

    /// No transaction has defined anything that is still to be looked after.
    pub(crate) fn is_untouched(&self) -> bool {
        self.is_empty()
            && self.tables.is_empty()
            && self.at_commit.is_empty()
            && self.seen.is_empty()
            && self.deferred.is_empty()
            && self.held.is_empty()
            && self.vacated.is_empty()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.made.is_empty() && self.due.is_empty()
    }

    /// The transaction has made a table, or is about to.
    pub(crate) fn makes_table(&mut self, name: &str) {
        self.tables.push((name.to_owned(), self.made.len()));
    }

    /// Tables made since there were `count` definitions: a rollback to there drops them, whatever they are like by then.
    pub(crate) fn tables_since(&self, count: usize) -> HashSet<&str> {
        self.tables.iter().filter(|(_, at)| *at >= count).map(|(name, _)| name.as_str()).collect()
    }

    /// The session's questions about the mirror begin with this statement from now on.
    pub(crate) fn sees(&mut self, sql: String) {
        self.seen.push((sql, self.made.len()));
    }

    pub(crate) fn seen(&self) -> impl Iterator<Item = &str> {
        self.seen.iter().map(|(sql, _)| sql.as_str())
    }

    /// What is to be changed when the transaction has been committed: what the session's questions begin with says how it is to
    /// look, and a query gives the statement.
    pub(crate) fn defer(&mut self, deferral: &Deferral, changes: &[(String, String)]) {
        for (seen, query) in changes {
            self.at_commit([Undo::new(UndoHow::Query(query.clone()), None)]);
            self.sees(seen.clone());
        }
        self.deferred.push(Waiting { deferral: deferral.clone(), from: self.made.len(), until: None });
        self.made.push(Undo::new(UndoHow::Nothing, None));
    }

    /// A table, or a column of it, has been dropped: what waits does not show any more.
    pub(crate) fn gone(&mut self, relation: &str, column: Option<&str>) {
        let at = self.made.len();
        let is_all =
            |deferral: &Deferral| column.is_none_or(|column| deferral.columns.iter().all(|name| name == column));
        for waiting in self.deferred.iter_mut().filter(|waiting| waiting.until.is_none()) {
            if waiting.deferral.relation == relation && is_all(&waiting.deferral) {
                waiting.until = Some(at);
            }
        }
    }

    #[inline]
    pub(crate) fn has_deferred(&self) -> bool {
        !self.deferred.is_empty()
    }

    pub(crate) fn deferred(&self) -> impl Iterator<Item = &Deferral> {
        self.deferred.iter().filter(|waiting| waiting.until.is_none()).map(|waiting| &waiting.deferral)
    }

    /// Kept until all is done.
    pub(crate) fn hold(&mut self, change: ChangeUnderWay) {
        self.held.push(change);
    }

    /// A name is free from now on, which IRIS's answer to a query tells.
    pub(crate) fn vacate(&mut self, name: &str, witness: &str) {
        self.vacated.push((name.to_owned(), witness.to_owned(), self.made.len().saturating_sub(1)));
    }

    /// What tells that the name is not that of something older again.
    pub(crate) fn witness(&self, name: &str) -> Option<String> {
        let vacated = self.vacated.iter().rev().find(|(vacated, ..)| vacated == name);
        vacated.map(|(_, witness, _)| witness.clone())
    }

    pub(crate) fn at_commit(&mut self, steps: impl IntoIterator<Item = Undo>) {
        let count = self.made.len();
        self.at_commit.extend(steps.into_iter().map(|step| (step, count)));
    }

    pub(crate) fn push(&mut self, undo: Undo) {
        self.made.push(undo);
    }

    /// Those behind the first `count`, which are what a definition under way would have to undo, become `known`.
    pub(crate) fn replace(&mut self, count: usize, known: impl IntoIterator<Item = Undo>) {
        self.made.truncate(count);
        self.made.extend(known);
    }

    /// What was made behind the first `count` is to be undone.
    pub(crate) fn roll_back_to(&mut self, count: usize) {
        let undone = self.made.split_off(count.min(self.made.len()));
        self.vacated.retain(|(.., at)| *at < count);
        self.tables.retain(|(_, at)| *at < count);
        self.seen.retain(|(_, at)| *at < count);
        self.deferred.retain(|waiting| waiting.from < count);
        for waiting in &mut self.deferred {
            waiting.until = waiting.until.filter(|at| *at < count);
        }
        self.at_commit.retain(|(_, at)| *at < count);
        // What a broken attempt has left goes first.
        self.due.splice(0..0, undone);
    }

    /// COMMIT is sent, or has been answered.
    pub(crate) fn set_committing(&mut self, is_committing: bool) {
        self.is_committing = is_committing;
    }

    /// The transaction is lost with its connection. Where nobody knows whether it has been committed, what it has made stays,
    /// and what it has dropped stays aside: nothing is lost but the tables' old names.
    pub(crate) fn connection_lost(&mut self) {
        if std::mem::take(&mut self.is_committing) && !self.made.is_empty() {
            tracing::warn!("nobody knows whether a transaction has been committed; its definitions stay");
            self.made.clear();
            self.deferred.clear();
            self.at_commit.retain(|(step, _)| matches!(step.how, UndoHow::Mirror(_)));
            self.end(true);
        }
    }

    /// The transaction is over.
    pub(crate) fn end(&mut self, committed: bool) {
        if !self.is_untouched() {
            self.end_touched(committed);
        }
    }

    #[cold]
    fn end_touched(&mut self, committed: bool) {
        if committed {
            self.made.clear();
            let steps = std::mem::take(&mut self.at_commit).into_iter().map(|(step, _)| step);
            self.due.splice(0..0, steps.rev());
        } else {
            self.roll_back_to(0);
        }
        self.tables.clear();
        self.vacated.clear();
        self.seen.clear();
        self.deferred.clear();
        if self.due.is_empty() {
            self.held.clear();
        }
    }

    /// There is something to undo, and IRIS could be reached when it was tried.
    pub(crate) fn is_due(&self) -> bool {
        !self.due.is_empty() && self.losses_count < ATTEMPTS_MAX
    }

    /// The connection to IRIS was lost over what is to be undone.
    pub(crate) fn lost(&mut self) {
        self.losses_count = self.losses_count.saturating_add(1);
    }

    /// A cycle is over: what could not be undone is tried again with the end of the next one. Whether there is such.
    pub(crate) fn end_cycle(&mut self) -> bool {
        self.losses_count = 0;
        !self.due.is_empty()
    }

    /// What is to be undone next.
    pub(crate) fn next_due(&mut self) -> Option<Undo> {
        let next = self.due.last().cloned();
        if next.is_none() && self.made.is_empty() {
            self.held.clear();
        }
        next
    }

    /// The one that [`next_due`](Self::next_due) gave is done, or is these.
    pub(crate) fn done(&mut self, instead: impl IntoIterator<Item = Undo>) {
        self.due.pop();
        self.due.extend(instead);
    }

    pub(crate) fn is_settling(&self) -> bool {
        self.is_settling
    }

    pub(crate) fn set_settling(&mut self, is_settling: bool) {
        self.is_settling = is_settling;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn undo(sql: &str) -> Undo {
        Undo::new(UndoHow::Statement(sql.to_owned()), None)
    }

    fn due(definitions: &mut Definitions) -> Vec<UndoHow> {
        std::iter::from_fn(|| {
            let next = definitions.next_due()?;
            definitions.done([]);
            Some(next.how)
        })
        .collect()
    }

    #[test]
    fn a_rollback_undoes_from_the_end() {
        let mut definitions = Definitions::default();
        definitions.makes_table("a");
        for sql in ["a", "b", "c"] {
            definitions.push(undo(sql));
        }
        assert_eq!(definitions.tables_since(0), HashSet::from(["a"]));
        assert!(definitions.tables_since(1).is_empty());
        definitions.roll_back_to(2);
        assert_eq!(due(&mut definitions), [undo("c").how]);
        definitions.end(false);
        assert_eq!(due(&mut definitions), [undo("b").how, undo("a").how]);
        definitions.push(undo("d"));
        definitions.end(true);
        assert!(definitions.is_empty());
    }

    #[test]
    fn what_breaks_is_tried_again_for_a_while() {
        let mut definitions = Definitions::default();
        definitions.push(undo("a"));
        definitions.end(false);
        for _ in 0..ATTEMPTS_MAX {
            assert!(definitions.is_due());
            definitions.lost();
        }
        assert!(!definitions.is_due() && definitions.end_cycle() && definitions.is_due());
        assert_eq!(due(&mut definitions), [undo("a").how]);
        assert!(!definitions.end_cycle());
    }
}
