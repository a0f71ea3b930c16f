//! Changes of the mirror.

use std::rc::Rc;

use super::client::Asker;
use crate::catalog::{Answer, MirrorChange, change};
use crate::wire::PgError;

impl Asker {
    /// # Errors
    /// The first error of its statements; those behind it have been run all the same.
    pub(in crate::runtime) async fn mirror(self: &Rc<Self>, changes: &MirrorChange) -> Result<(), Box<PgError>> {
        let mut result = Ok(());
        for statement in &changes.statements {
            let answer = self.ask(&change(&changes.search_path, &statement.sql)).await;
            let answer = answer.and_then(|bytes| Answer::read(&bytes));
            let failed = match answer {
                Ok(mut answer) => answer.error.take().map_or(Ok(()), Err),
                Err(error) => Err(error),
            };
            if let Err(error) = failed {
                tracing::warn!(%error.message, "the mirror could not follow");
                result = result.and(Err(error));
            }
        }
        result
    }
}
