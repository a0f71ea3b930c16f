//! The body of a DO block, as far as it is a sequence of SQL statements (PostgreSQL manual, "PL/pgSQL").
//!
//! IRIS runs no PL/pgSQL. What has no variables needs no interpreter: statements one after the other, blocks around
//! them whose EXCEPTION handlers take an error, IF. It is one list of steps, with jumps.

pub(super) mod conditions;

pub(crate) use self::conditions::Condition;

/// What a DO block does.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DoBlock {
    pub steps: Vec<BlockStep>,
}

impl DoBlock {
    /// Whether its statements need a transaction around them to be all or nothing.
    pub fn has_several_statements(&self) -> bool {
        self.steps.iter().filter(|step| matches!(step, BlockStep::Run(_) | BlockStep::Perform(_))).nth(1).is_some()
    }
}

/// Steps follow one another; a number is the step that is next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BlockStep {
    Run(BlockStatement),
    /// A query whose rows nobody wants.
    Perform(BlockStatement),
    /// Goes on at `otherwise` unless the query's one value is true.
    Test {
        condition: BlockStatement,
        otherwise: usize,
    },
    Jump(usize),
    /// A block with handlers begins. Until its `Leave` an error goes to the first handler that takes it, and what the
    /// block has done is undone.
    Enter {
        handlers: Vec<Handler>,
        /// The block is one statement, which undoes itself when it fails.
        is_single: bool,
    },
    /// The block of the last `Enter` has come to its end.
    Leave(usize),
}

/// `WHEN condition OR .. THEN`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handler {
    pub conditions: Vec<Condition>,
    /// Its first step.
    pub start: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockStatement {
    pub sql: String,
    /// Of the block's text, counted from 1.
    pub line: u32,
}
