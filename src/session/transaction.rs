//! The one owner of a session's transaction status (protocol-flow chapter; issue rule 25P02).

use crate::wire::TransactionStatus;

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
pub struct Transaction {
    block: Block,
    /// Several statements of one Query, or of one pipeline before Sync, belong together.
    implicit: bool,
    /// A statement was sent inside an IRIS transaction that has not ended.
    iris_open: bool,
    /// Names in the order of their creation; a name may repeat (the latest wins, as in PostgreSQL).
    savepoints: Vec<String>,
}

impl Transaction {
    pub fn new() -> Self {
        Self { block: Block::None, implicit: false, iris_open: false, savepoints: Vec::new() }
    }

    pub fn status(&self) -> TransactionStatus {
        match self.block {
            Block::None => TransactionStatus::Idle,
            Block::Explicit => TransactionStatus::InTransaction,
            Block::Failed => TransactionStatus::Failed,
        }
    }

    pub fn in_block(&self) -> bool {
        self.block != Block::None
    }

    pub fn is_failed(&self) -> bool {
        self.block == Block::Failed
    }

    /// Whether the next statement must run inside an IRIS transaction.
    pub fn wants_transaction(&self) -> bool {
        self.block == Block::Explicit || self.implicit || self.iris_open
    }

    /// Whether an IRIS transaction is open on the lease.
    pub fn iris_open(&self) -> bool {
        self.iris_open
    }

    /// A statement left for IRIS inside a transaction.
    pub fn mark_iris_open(&mut self) {
        self.iris_open = true;
    }

    pub fn is_implicit(&self) -> bool {
        self.implicit
    }

    /// The statements from here to the end of the Query (or to Sync) belong together.
    pub fn begin_implicit(&mut self) {
        if self.block == Block::None {
            self.implicit = true;
        }
    }

    /// BEGIN. Statements already run in the implicit transaction become part of the block, as in PostgreSQL.
    /// False: already in a block (WARNING 25001).
    pub fn begin(&mut self) -> bool {
        let fresh = self.block == Block::None;
        if fresh {
            self.block = Block::Explicit;
            self.implicit = false;
        }
        fresh
    }

    /// A statement failed. The implicit transaction ends; a block waits for ROLLBACK.
    pub fn fail(&mut self) {
        if self.block == Block::Explicit {
            self.block = Block::Failed;
        }
    }

    /// The transaction ended, one way or the other.
    pub fn end(&mut self) {
        *self = Self::new();
    }

    /// The IRIS connection is gone and took its transaction along: a block is failed, savepoints are void.
    pub fn lost(&mut self) {
        self.fail();
        self.iris_open = false;
        self.savepoints.clear();
    }

    /// IRIS has rolled back while the client's block still waits for its ROLLBACK.
    pub fn iris_rolled_back(&mut self) {
        self.iris_open = false;
        self.savepoints.clear();
    }

    pub fn savepoint(&mut self, name: &str) {
        self.savepoints.push(name.to_owned());
    }

    /// Savepoints around what happens now.
    pub fn depth(&self) -> usize {
        self.savepoints.len()
    }

    pub fn has_savepoints(&self) -> bool {
        !self.savepoints.is_empty()
    }

    /// The name IRIS knows the savepoint under: a serial number keeps reused and reserved names apart.
    pub fn iris_savepoint(&self, name: &str) -> Option<String> {
        self.position(name).map(|index| format!("PGSP{index}"))
    }

    /// How many savepoints lie below the named one.
    pub fn savepoint_depth(&self, name: &str) -> Option<usize> {
        self.position(name)
    }

    /// RELEASE: the savepoint and all later ones are forgotten. False: no such savepoint (3B001).
    pub fn release(&mut self, name: &str) -> bool {
        let Some(index) = self.position(name) else { return false };
        self.savepoints.truncate(index);
        true
    }

    /// ROLLBACK TO: later savepoints are forgotten, the named one stays, a failed block lives again.
    pub fn rolled_back_to(&mut self, name: &str) {
        if let Some(index) = self.position(name) {
            self.savepoints.truncate(index.saturating_add(1));
            self.block = Block::Explicit;
        }
    }

    fn position(&self, name: &str) -> Option<usize> {
        self.savepoints.iter().rposition(|known| known == name)
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
        t.savepoint("a");
        t.savepoint("b");
        t.savepoint("a");
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
    fn failure_outside_a_block_leaves_it_idle() {
        let mut t = Transaction::new();
        t.begin_implicit();
        t.mark_iris_open();
        t.fail();
        assert_eq!(t.status(), TransactionStatus::Idle);
        assert!(t.iris_open());
    }
}
