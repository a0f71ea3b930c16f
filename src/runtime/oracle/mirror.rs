//! Changes of the mirror by DDL of a session.

use std::rc::Rc;
use std::time::Instant;

use super::client::{Asker, Failure, Which};
use super::state::Readiness;
use crate::catalog::{MirrorChange, MirrorMark, as_superuser, change, first_error};
use crate::runtime::wait::within;
use crate::wire::PgError;

impl Asker {
    /// Takes a change into the mirror and into what is repeated when PostgreSQL is restarted. Where a statement fails,
    /// the mirror is read from IRIS again.
    ///
    /// # Errors
    /// The first error of its statements; those behind it have been run all the same. 57P03 when there is no mirror.
    pub(in crate::runtime) async fn mirror(self: &Rc<Self>, changes: &MirrorChange) -> Result<(), Box<PgError>> {
        let oracle = self.oracle();
        let recorded = oracle.record(changes);
        let id = recorded.id;
        let Some(generation) = recorded.generation else { return self.until_mirrored().await };
        let mut done = MirrorChange { statements: Vec::new(), ..changes.clone() };
        let mut result = Ok(());
        let marks = oracle.marks([MirrorMark::Change(id)]);
        let mut is_marked = false;
        for (at, statement) in changes.statements.iter().enumerate() {
            let is_last = at.saturating_add(1) == changes.statements.len();
            let request = change(&changes.search_path, &statement.sql, marks.as_deref().filter(|_| is_last));
            let deadline = Instant::now().checked_add(self.patience());
            let error = match self.attempt(&request, Which::Only(generation), deadline).await {
                Ok(answer) => match first_error(&answer) {
                    Ok(None) => None,
                    Ok(Some((_, error))) | Err(error) => Some(error),
                },
                // The next generation begins with the whole change.
                Err(Failure::Again { .. } | Failure::Left(_) | Failure::NoWorker) => {
                    return self.until_mirrored().await;
                }
                Err(Failure::Error(error)) => Some(error),
            };
            match error {
                None => {
                    done.statements.push(statement.clone());
                    is_marked = is_last;
                }
                Some(error) => {
                    tracing::warn!(code = %error.code, error = error.message, "the mirror could not follow a statement");
                    result = result.and(Err(error));
                }
            }
        }
        if result.is_err() {
            oracle.amend(id, done);
            oracle.request_refresh();
        }
        if let (false, Some(marks)) = (is_marked, marks) {
            // Without it the next PostgreSQL would repeat the change, and fail as this one did.
            let deadline = Instant::now().checked_add(self.patience());
            let _ = self.attempt(&as_superuser([marks.as_str()]), Which::Only(generation), deadline).await;
        }
        oracle.mirror_changed();
        result
    }

    async fn until_mirrored(&self) -> Result<(), Box<PgError>> {
        let patience = self.patience();
        let ready = within(patience, self.oracle().ready(Readiness::Mirrored, None)).await;
        ready.unwrap_or_else(|| Err(super::state::not_ready(patience))).map(drop)
    }

    /// Waits until the mirror has been read from IRIS once more. Many who ask at once wait for the same reading.
    pub(in crate::runtime) async fn refresh_mirror(&self) {
        let number = self.oracle().request_refresh();
        within(self.patience(), self.oracle().refreshed(number)).await;
    }
}
