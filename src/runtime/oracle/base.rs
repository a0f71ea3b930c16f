//! What a new PostgreSQL is filled with before the changes since.

use crate::catalog::{CommentChange, MirrorBatch, MirrorSnapshot};
use crate::sql::MirrorStatement;

/// Comments of one batch.
const BATCH_COMMENTS: usize = 100;

/// A schema of IRIS, and what the mirror had besides when the history of changes was cut.
#[derive(Debug)]
pub(super) struct Base {
    pub(super) snapshot: MirrorSnapshot,
    /// In front of the relations: schemas, extensions, types.
    rest: Vec<MirrorStatement>,
    /// Behind them.
    comments: Vec<MirrorStatement>,
}

impl Base {
    /// For a mirror that is only what IRIS tells.
    pub(super) fn of_iris(snapshot: MirrorSnapshot) -> Self {
        Self { snapshot, rest: Vec::new(), comments: Vec::new() }
    }

    /// `rest`: what [`GET_REST`](crate::catalog::GET_REST) gave.
    pub(super) fn of_mirror(snapshot: MirrorSnapshot, rest: Vec<String>, comments: &[CommentChange]) -> Self {
        let free = |sql: String| MirrorStatement { sql, otherwise: None, relations: Vec::new() };
        Self {
            snapshot,
            rest: rest.into_iter().map(free).collect(),
            comments: comments.iter().map(|(target, text)| free(target.comment_on(text.as_deref()))).collect(),
        }
    }

    /// Everything, for an empty mirror; always the same.
    pub(super) fn batches(&self) -> Vec<MirrorBatch> {
        let batch = |statements: &[MirrorStatement]| MirrorBatch { statements: statements.to_vec() };
        let rest = (!self.rest.is_empty()).then(|| batch(&self.rest));
        let comments = self.comments.chunks(BATCH_COMMENTS).map(batch);
        rest.into_iter().chain(self.snapshot.create()).chain(comments).collect()
    }
}
