//! TABLESAMPLE.

use std::ops::Range;

use squawk_syntax::{SyntaxKind, SyntaxNode};

use crate::sql::syntax::nodes;

/// TABLESAMPLE behind a table: places in the statement's text.
#[derive(Debug)]
pub(super) struct Sample {
    pub clause: Range<usize>,
    pub percentage: Range<usize>,
    /// Of REPEATABLE.
    pub seed: Option<Range<usize>>,
}

impl Sample {
    /// `None`: it is not understood.
    pub(super) fn of(clause: &SyntaxNode) -> Option<Self> {
        let call = nodes::child(clause, SyntaxKind::CALL_EXPR)?;
        let arguments = nodes::child(&call, SyntaxKind::ARG_LIST)?;
        let mut arguments = arguments.children();
        let (Some(percentage), None) = (arguments.next(), arguments.next()) else { return None };
        let seed = match nodes::child(clause, SyntaxKind::REPEATABLE_CLAUSE) {
            Some(repeatable) => Some(nodes::range(&repeatable.first_child()?)),
            None => None,
        };
        Some(Self { clause: nodes::range(clause), percentage: nodes::range(&percentage), seed })
    }

    /// The same rows are to come each time, whatever else the query asks of them.
    pub(super) const fn is_repeatable(&self) -> bool {
        self.seed.is_some()
    }
}
