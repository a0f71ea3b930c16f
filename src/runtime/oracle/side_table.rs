//! Keeps comments in a table of IRIS: reads it into the mirror, and writes to it what sessions have changed there.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::connection::Broken;
use super::mirror_connection::MirrorConnection;
use crate::bridge::to_pg;
use crate::catalog::{
    CommentChange, CommentTarget, Comments, SideTableStatements, comment_changes, comments_from_table, kept_comments,
    read_side_table,
};
use crate::iris::Request;
use crate::runtime::asking::{NO_TABLE_SQLCODE, TABLE_EXISTS_SQLCODE, Trouble, ask};
use crate::runtime::keeper_pool::KeeperPool;
use crate::runtime::pool::Lease;
use crate::sql::SideTable;

/// The part of the keeper that knows the side table.
pub(super) struct CommentKeeper {
    table: Arc<SideTable>,
    statements: SideTableStatements,
    pool: Rc<KeeperPool>,
    /// Of one answer of IRIS.
    timeout: Duration,
    /// Moved when sessions have to tell their clients something else.
    schema_epoch: Arc<AtomicU64>,
    /// What the table holds of objects that the mirror has or had, as far as is known; `None` until it could be read.
    known: Option<Comments>,
    has_warned: bool,
}

impl CommentKeeper {
    pub(super) fn new(
        table: Arc<SideTable>,
        pool: Rc<KeeperPool>,
        timeout: Duration,
        schema_epoch: Arc<AtomicU64>,
    ) -> Self {
        let statements = SideTableStatements::new(&table);
        Self { table, statements, pool, timeout, schema_epoch, known: None, has_warned: false }
    }

    /// Whether the table has been read.
    pub(super) fn has_read(&self) -> bool {
        self.known.is_some()
    }

    /// Reads the table and carries out in the mirror what others have changed in it; then writes what the mirror has
    /// besides.
    ///
    /// # Errors
    /// The connection to the mirror broke. Without IRIS nothing is done.
    pub(super) async fn take(
        &mut self,
        connection: &mut MirrorConnection,
        reply_bytes_max: usize,
        described: &Comments,
        is_remade: bool,
    ) -> Result<(), Broken> {
        let result = self.read().await;
        let Some(found) = self.accept(result) else { return Ok(()) };
        let none = Comments::new();
        // Nobody has taken comments out of a table that was not there: they are put into the new one.
        let known = self.known.as_ref().filter(|_| found.is_some()).unwrap_or(&none);
        let table = found.unwrap_or_default();
        let mirror = connection.comments(reply_bytes_max).await?;
        let changes = comments_from_table(&table, known, &mirror, described, is_remade);
        connection.comment(&changes).await?;
        let mirror = connection.comments(reply_bytes_max).await?;
        // What neither is nor was here is another gateway's.
        let is_ours = |target: &CommentTarget| mirror.contains_key(target) || known.contains_key(target);
        self.known = Some(table.into_iter().filter(|(target, _)| is_ours(target)).collect());
        self.write_all(mirror, described).await;
        Ok(())
    }

    /// Writes to the table what has changed in the mirror.
    ///
    /// # Errors
    /// The connection to the mirror broke.
    pub(super) async fn write(
        &mut self,
        connection: &mut MirrorConnection,
        reply_bytes_max: usize,
        described: &Comments,
    ) -> Result<(), Broken> {
        if self.known.is_some() {
            let mirror = connection.comments(reply_bytes_max).await?;
            self.write_all(mirror, described).await;
        }
        Ok(())
    }

    async fn write_all(&mut self, mirror: Comments, described: &Comments) {
        let Some(known) = &self.known else { return };
        let wanted = kept_comments(mirror, described);
        let changes = comment_changes(&wanted, known);
        if changes.is_empty() {
            return;
        }
        let result = self.carry_out(&changes).await;
        if self.accept(result).is_some() {
            self.known = Some(wanted);
        }
    }

    /// What succeeded; what did not is told once.
    fn accept<T>(&mut self, result: Result<T, Trouble>) -> Option<T> {
        let (is_refused, error) = match result {
            Ok(value) => {
                self.has_warned = false;
                self.set_usable(true);
                return Some(value);
            }
            Err(Trouble::Refused(error)) => (true, to_pg(&error)),
            Err(Trouble::Other(error)) => (false, error),
        };
        if is_refused {
            self.set_usable(false);
        }
        if !std::mem::replace(&mut self.has_warned, true) {
            let SideTable { schema, name, .. } = &*self.table;
            tracing::warn!(
                code = %error.code,
                error = error.message,
                table = format!("{schema}.{name}"),
                "comments are not kept: the table of catalog_side_table could not be read or written"
            );
        }
        None
    }

    fn set_usable(&self, is_usable: bool) {
        if self.table.set_usable(is_usable) {
            self.schema_epoch.fetch_add(1, Ordering::Release);
        }
    }

    /// What the table holds; `None` when there was none and it was made.
    async fn read(&self) -> Result<Option<Comments>, Trouble> {
        let mut lease = self.pool.acquire().await?;
        let result = match ask(&mut lease, self.timeout, &self.statements.select()).await {
            Err(Trouble::Refused(error)) if error.sqlcode == NO_TABLE_SQLCODE => {
                match ask(&mut lease, self.timeout, &self.statements.create()).await {
                    // Another gateway was faster.
                    Err(Trouble::Refused(error)) if error.sqlcode == TABLE_EXISTS_SQLCODE => {
                        ask(&mut lease, self.timeout, &self.statements.select()).await.map(Some)
                    }
                    made => made.map(|_| None),
                }
            }
            read => read.map(Some),
        };
        Lease::release(lease).await;
        result.map(|asked| asked.map(|asked| read_side_table(asked.rows)))
    }

    async fn carry_out(&self, changes: &[CommentChange]) -> Result<(), Trouble> {
        let mut lease = self.pool.acquire().await?;
        let mut result = Ok(());
        for request in changes.iter().flat_map(|change| self.statements.change(change)) {
            result = ask(&mut lease, self.timeout, &request).await.map(drop);
            if result.is_err() {
                break;
            }
        }
        if result.is_ok() {
            result = ask(&mut lease, self.timeout, &Request::Commit).await.map(drop);
        }
        // Rolls back what is left half done.
        Lease::release(lease).await;
        result
    }
}
