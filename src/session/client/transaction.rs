//! The one owner of a session's transaction status (protocol-flow chapter; issue rule 25P02).

use crate::wire::{PgError, SqlState, TransactionStatus};

/// What the client thinks it is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Block {
    /// Outside BEGIN..COMMIT.
    None,
    /// BEGIN was said.
    Explicit,
    /// A statement of the block failed: only ROLLBACK (TO) or COMMIT help.
    Failed,
}

/// Transaction state of one client, and of the IRIS transaction that serves it.
///
/// The IRIS transaction opens with the first statement that is sent with `in_transaction`, not with BEGIN: a client
/// that only says BEGIN holds no connection.
#[derive(Debug)]
pub(crate) struct Transaction {
    block: Block,
    /// Several statements of one Query, or of one pipeline before Sync, belong together.
    implicit: bool,
    /// A statement was sent inside an IRIS transaction that has not ended.
    iris_open: bool,
    /// Definitions carried out in it that a rollback does not undo.
    definitions_count: usize,
    /// Names in the order of their creation; a name may repeat (the latest wins, as in PostgreSQL).
    savepoints: Vec<Savepoint>,
    /// Savepoints set so far, those that are gone included.
    savepoints_count: u64,
    /// Savepoints that IRIS holds: it has no RELEASE, so those that the client released are among them.
    iris_savepoints: usize,
}

#[derive(Debug)]
struct Savepoint {
    name: String,
    /// Counts from 1 in the transaction.
    number: u64,
    /// How many savepoints IRIS held when it was set.
    below: usize,
    /// Definitions in front of it that cannot be undone, and those that can.
    definitions_count: usize,
    definitions_made: usize,
}

/// IRIS counts transaction levels up to 255, and the transaction itself is the first (manual, SAVEPOINT). Beyond, it
/// says -400 <TRANSACTION LEVEL>.
const IRIS_SAVEPOINTS_MAX: usize = 254;

impl Transaction {
    pub(crate) fn new() -> Self {
        Self {
            block: Block::None,
            implicit: false,
            iris_open: false,
            definitions_count: 0,
            savepoints: Vec::new(),
            savepoints_count: 0,
            iris_savepoints: 0,
        }
    }

    pub(crate) fn status(&self) -> TransactionStatus {
        match self.block {
            Block::None => TransactionStatus::Idle,
            Block::Explicit => TransactionStatus::InTransaction,
            Block::Failed => TransactionStatus::Failed,
        }
    }

    pub(crate) fn in_block(&self) -> bool {
        self.block != Block::None
    }

    pub(crate) fn is_failed(&self) -> bool {
        self.block == Block::Failed
    }

    /// Whether the next statement must run inside an IRIS transaction.
    pub(crate) fn wants_transaction(&self) -> bool {
        self.block == Block::Explicit || self.implicit || self.iris_open
    }

    /// Whether an IRIS transaction is open on the lease.
    pub(crate) fn iris_open(&self) -> bool {
        self.iris_open
    }

    /// A definition was carried out that cannot be undone.
    pub(crate) fn mark_definition(&mut self) {
        if self.wants_transaction() {
            self.definitions_count = self.definitions_count.saturating_add(1);
        }
    }

    /// Whether a rollback, of all or to a savepoint, leaves definitions behind that PostgreSQL would undo.
    pub(crate) fn leaves_definitions(&self, savepoint: Option<&str>) -> bool {
        let set = savepoint.and_then(|name| self.position(name)).and_then(|index| self.savepoints.get(index));
        self.definitions_count > set.map_or(0, |savepoint| savepoint.definitions_count)
    }

    /// Definitions, of those that can be undone, that a rollback to the named savepoint keeps.
    pub(crate) fn definitions_in_front_of(&self, name: &str) -> usize {
        let savepoint = self.position(name).and_then(|index| self.savepoints.get(index));
        savepoint.map_or(0, |savepoint| savepoint.definitions_made)
    }

    /// Definitions that a rollback to the innermost savepoint keeps.
    pub(crate) fn definitions_kept(&self) -> usize {
        self.savepoints.last().map_or(0, |savepoint| savepoint.definitions_made)
    }

    /// A statement left for IRIS inside a transaction.
    pub(crate) fn mark_iris_open(&mut self) {
        self.iris_open = true;
    }

    pub(crate) fn is_implicit(&self) -> bool {
        self.implicit
    }

    /// The statements from here to the end of the Query (or to Sync) belong together.
    pub(crate) fn begin_implicit(&mut self) {
        if self.block == Block::None {
            self.implicit = true;
        }
    }

    /// BEGIN. Statements already run in the implicit transaction become part of the block, as in PostgreSQL.
    /// False: already in a block (WARNING 25001).
    pub(crate) fn begin(&mut self) -> bool {
        let fresh = self.block == Block::None;
        if fresh {
            self.block = Block::Explicit;
            self.implicit = false;
        }
        fresh
    }

    /// A statement failed. The implicit transaction ends; a block waits for ROLLBACK.
    pub(crate) fn fail(&mut self) {
        if self.block == Block::Explicit {
            self.block = Block::Failed;
        }
    }

    /// The transaction ended, one way or the other.
    pub(crate) fn end(&mut self) {
        *self = Self::new();
    }

    /// The IRIS connection is gone and took its transaction along: a block is failed, savepoints are void.
    pub(crate) fn lost(&mut self) {
        self.fail();
        self.iris_rolled_back();
    }

    /// IRIS has rolled back while the client's block still waits for its ROLLBACK.
    pub(crate) fn iris_rolled_back(&mut self) {
        self.iris_open = false;
        self.savepoints.clear();
        self.iris_savepoints = 0;
    }

    /// A savepoint that is about to be set in IRIS. `definitions_made`: those in front of it that can be undone.
    ///
    /// # Errors
    /// 54000: IRIS has no room for one more.
    pub(crate) fn savepoint(&mut self, name: &str, definitions_made: usize) -> Result<(), Box<PgError>> {
        if self.iris_savepoints >= IRIS_SAVEPOINTS_MAX {
            let message = format!("IRIS cannot set more than {IRIS_SAVEPOINTS_MAX} savepoints in a transaction");
            return Err(PgError::error(SqlState::PROGRAM_LIMIT_EXCEEDED, message)
                .hint("IRIS keeps a released savepoint until the transaction ends: commit more often."));
        }
        let definitions_count = self.definitions_count;
        self.savepoints_count = self.savepoints_count.saturating_add(1);
        let (number, below) = (self.savepoints_count, self.iris_savepoints);
        self.savepoints.push(Savepoint { name: name.to_owned(), number, below, definitions_count, definitions_made });
        self.iris_savepoints = self.iris_savepoints.saturating_add(1);
        Ok(())
    }

    /// Savepoints around what happens now.
    pub(crate) fn depth(&self) -> usize {
        self.savepoints.len()
    }

    /// Number of the latest savepoint set in the transaction, 0 = none. What is made now was made after it, and after all
    /// that have a lower number.
    pub(crate) fn latest_savepoint(&self) -> u64 {
        self.savepoints_count
    }

    /// Number of the innermost savepoint that there is, 0 = none.
    pub(crate) fn innermost_savepoint(&self) -> u64 {
        self.savepoints.last().map_or(0, |savepoint| savepoint.number)
    }

    /// The number of the savepoint of that name.
    pub(crate) fn savepoint_number(&self, name: &str) -> Option<u64> {
        self.position(name).and_then(|index| self.savepoints.get(index)).map(|savepoint| savepoint.number)
    }

    pub(crate) fn has_savepoints(&self) -> bool {
        !self.savepoints.is_empty()
    }

    /// The name IRIS knows the savepoint under: a serial number keeps reused and reserved names apart.
    pub(crate) fn iris_savepoint(&self, name: &str) -> Option<String> {
        self.position(name).map(|index| format!("PGSP{index}"))
    }

    /// How many savepoints lie below the named one.
    pub(crate) fn savepoint_depth(&self, name: &str) -> Option<usize> {
        self.position(name)
    }

    /// RELEASE: the savepoint and all later ones are forgotten. False: no such savepoint (3B001).
    pub(crate) fn release(&mut self, name: &str) -> bool {
        let Some(index) = self.position(name) else { return false };
        self.savepoints.truncate(index);
        true
    }

    /// ROLLBACK TO is done in IRIS, which forgets the savepoint with all later ones. It has to be set again if it is to
    /// live on.
    pub(crate) fn iris_rolled_back_to(&mut self, name: &str) {
        if let Some(savepoint) = self.position(name).and_then(|index| self.savepoints.get(index)) {
            self.iris_savepoints = savepoint.below;
        }
    }

    /// ROLLBACK TO: later savepoints are forgotten, the named one stays and is set again in IRIS, a failed block lives
    /// again.
    pub(crate) fn rolled_back_to(&mut self, name: &str) {
        if let Some(index) = self.position(name) {
            self.savepoints.truncate(index.saturating_add(1));
            if let Some(savepoint) = self.savepoints.last() {
                self.iris_savepoints = savepoint.below.saturating_add(1);
            }
            self.block = Block::Explicit;
        }
    }

    fn position(&self, name: &str) -> Option<usize> {
        self.savepoints.iter().rposition(|known| known.name == name)
    }
}

impl Default for Transaction {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definitions_outlive_a_rollback() {
        let mut t = Transaction::new();
        t.mark_definition();
        assert!(!t.leaves_definitions(None));
        t.begin();
        t.savepoint("a", 0).unwrap();
        t.mark_definition();
        t.savepoint("b", 0).unwrap();
        assert!(t.leaves_definitions(None) && t.leaves_definitions(Some("a")) && !t.leaves_definitions(Some("b")));
        t.end();
        assert!(!t.leaves_definitions(None));
    }

    #[test]
    fn begin_inside_an_implicit_transaction_adopts_it() {
        let mut t = Transaction::new();
        t.begin_implicit();
        t.mark_iris_open();
        assert!(t.begin());
        assert_eq!(t.status(), TransactionStatus::InTransaction);
        assert!(!t.is_implicit());
        assert!(t.iris_open());
        assert!(!t.begin());
    }

    #[test]
    fn a_failed_block_recovers_by_rollback_to() {
        let mut t = Transaction::new();
        t.begin();
        for name in ["a", "b", "a"] {
            t.savepoint(name, 0).unwrap();
        }
        assert_eq!(t.iris_savepoint("a").as_deref(), Some("PGSP2"));
        t.fail();
        assert_eq!(t.status(), TransactionStatus::Failed);
        t.rolled_back_to("b");
        assert_eq!(t.status(), TransactionStatus::InTransaction);
        assert_eq!(t.iris_savepoint("a").as_deref(), Some("PGSP0"));
        assert!(t.release("a"));
        assert!(!t.release("b"));
        assert!(!t.has_savepoints());
    }

    #[test]
    fn iris_keeps_what_is_released_and_forgets_what_is_undone() {
        let mut t = Transaction::new();
        t.begin();
        t.savepoint("outer", 0).unwrap();
        for _ in 1..IRIS_SAVEPOINTS_MAX {
            t.savepoint("inner", 0).unwrap();
            assert!(t.release("inner"));
        }
        let refused = t.savepoint("inner", 0).unwrap_err();
        assert_eq!(refused.code, SqlState::PROGRAM_LIMIT_EXCEEDED);
        assert_eq!(t.depth(), 1);
        t.iris_rolled_back_to("outer");
        t.rolled_back_to("outer");
        assert_eq!(t.iris_savepoints, 1);
        t.savepoint("inner", 0).unwrap();
        t.lost();
        assert_eq!((t.iris_savepoints, t.has_savepoints()), (0, false));
    }

    #[test]
    fn failure_outside_a_block_leaves_it_idle() {
        let mut t = Transaction::new();
        t.begin_implicit();
        t.mark_iris_open();
        t.fail();
        assert_eq!(t.status(), TransactionStatus::Idle);
        assert!(t.iris_open());
    }
}
