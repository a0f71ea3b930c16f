//! What the keeper has done in the mirror, on a connection of its own.

use std::sync::Arc;
use std::time::Duration;

use super::connection::{Answer, Broken, Connection};
use super::state::Generation;
use crate::catalog::{
    CommentChange, Comments, DoneMarks, GET_COMMENTS, GET_REST, INSPECT, MirrorBatch, MirrorChange, OracleRequest,
    as_owner, as_superuser, change, first_error, get_marks, inspected, read_comments,
};
use crate::runtime::wait::within;
use crate::sql::MirrorStatement;
use crate::wire::{PgError, SqlState};

/// Preparing and single batches of the mirror take well under a second; a PostgreSQL that needs longer hangs.
const WORK_LIMIT: Duration = Duration::from_secs(60);
/// What the answers to statements that give no rows may have.
const REPLY_BYTES_MAX: usize = 16 << 20;
/// Changes of the past, or comments, that share a transaction: others wait for no more than these.
pub(super) const REPEATED_TOGETHER: usize = 100;
/// What the mirror's own statements are written under: they qualify all names but those of pgvector.
pub(super) const SEARCH_PATH: &str = "public";

/// The keeper's connection.
pub(super) struct MirrorConnection {
    connection: Connection,
}

impl MirrorConnection {
    pub(super) async fn connect(generation: Generation) -> Result<Self, Broken> {
        let connecting = within(WORK_LIMIT, Connection::open(generation)).await;
        Ok(Self { connection: connecting.unwrap_or(Err(Broken::Protocol("no connection in time")))? })
    }

    /// Waits until the connection is closed, while nothing is done on it.
    pub(super) async fn closed(&mut self) {
        self.connection.closed().await;
    }

    /// Runs statements; the first error with the number of the statement, counted from the request's first.
    pub(super) async fn run(&mut self, request: &OracleRequest) -> Result<Option<(usize, Box<PgError>)>, Broken> {
        let bytes = self.exchange(request).await?;
        first_error(&bytes).map_err(|_| Broken::Protocol("an answer is unreadable"))
    }

    async fn exchange(&mut self, request: &OracleRequest) -> Result<Vec<u8>, Broken> {
        self.exchange_within(request, REPLY_BYTES_MAX).await
    }

    async fn exchange_within(&mut self, request: &OracleRequest, reply_bytes_max: usize) -> Result<Vec<u8>, Broken> {
        let connection = &mut self.connection;
        let exchange = async {
            let mut answer = Answer::new(request.syncs_count, reply_bytes_max);
            connection.send(request).await?;
            while !answer.is_complete() {
                connection.receive(&mut answer).await?;
            }
            Ok::<_, Broken>(answer.into_bytes())
        };
        within(WORK_LIMIT, exchange).await.unwrap_or(Err(Broken::Protocol("no answer in time")))
    }

    /// The version of this PostgreSQL, or what speaks against it.
    pub(super) async fn inspect(&mut self) -> Result<Result<u32, String>, Broken> {
        let bytes = self.exchange(&as_superuser(["SELECT 1", INSPECT])).await?;
        // The second answer is the one that counts.
        let answer = read_answer(&bytes)?;
        Ok(match answer.error {
            Some(error) => Err(error.message.clone()),
            None => inspected(&answer.first_row()),
        })
    }

    /// What has been done to this PostgreSQL.
    pub(super) async fn marks(&mut self, token: &str) -> Result<DoneMarks, Broken> {
        let bytes = self.exchange(&as_superuser(["SELECT 1", &get_marks(token)])).await?;
        let answer = read_answer(&bytes)?;
        Ok(DoneMarks::read(&answer.single_value().unwrap_or_default()))
    }

    /// The statements for what the mirror has besides relations.
    pub(super) async fn rest(&mut self) -> Result<Vec<String>, Broken> {
        let bytes = self.exchange(&as_superuser(["SELECT 1", GET_REST])).await?;
        let answer = read_answer(&bytes)?;
        match answer.error {
            Some(_) => Err(Broken::Protocol("the schemas and types cannot be read")),
            None => Ok(answer.text_rows().flatten().flatten().collect()),
        }
    }

    /// The comments of the mirror.
    pub(super) async fn comments(&mut self, reply_bytes_max: usize) -> Result<Comments, Broken> {
        let bytes = self.exchange_within(&as_superuser(["SELECT 1", GET_COMMENTS]), reply_bytes_max).await?;
        let answer = read_answer(&bytes)?;
        match answer.error {
            // Without them all would be taken for dropped.
            Some(_) => Err(Broken::Protocol("the comments cannot be read")),
            None => Ok(read_comments(answer.text_rows())),
        }
    }

    /// Carries out comments: together, or one by one where one of them fails, since what it is on may not be there.
    pub(super) async fn comment(&mut self, changes: &[CommentChange]) -> Result<(), Broken> {
        let statements: Vec<String> = changes.iter().map(|(target, text)| target.comment_on(text.as_deref())).collect();
        for group in statements.chunks(REPEATED_TOGETHER) {
            if self.run(&as_owner(SEARCH_PATH, group.iter().map(String::as_str), None)).await?.is_none() {
                continue;
            }
            for sql in group {
                if let Some((_, error)) = self.run(&change(SEARCH_PATH, sql, None)).await? {
                    tracing::debug!(code = %error.code, error = error.message, sql, "a comment has no place");
                }
            }
        }
        Ok(())
    }

    async fn put_marks(&mut self, marks: Option<&str>) -> Result<(), Broken> {
        if let Some(marks) = marks {
            self.run(&as_superuser([marks])).await?;
        }
        Ok(())
    }

    /// A batch as a whole, or those statements of it that succeed; which those were.
    pub(super) async fn create(
        &mut self,
        batch: &MirrorBatch,
        marks: Option<&str>,
    ) -> Result<Vec<MirrorStatement>, Broken> {
        let texts = batch.statements.iter().map(|statement| statement.sql.as_str());
        if self.run(&as_owner(SEARCH_PATH, texts, marks)).await?.is_none() {
            return Ok(batch.statements.clone());
        }
        let mut done = Vec::new();
        for statement in &batch.statements {
            let refused = match self.run(&change(SEARCH_PATH, &statement.sql, None)).await? {
                None => None,
                Some(refused) => match &statement.otherwise {
                    Some(otherwise) => self.run(&change(SEARCH_PATH, otherwise, None)).await?,
                    None => Some(refused),
                },
            };
            match refused {
                None => done.push(statement.clone()),
                // Read while a session was making it: its own change came first.
                Some((_, error)) if error.code == SqlState(*b"42P07") => {
                    tracing::debug!(sql = statement.sql, "the mirror has this already");
                }
                Some((_, error)) => tracing::warn!(
                    code = %error.code,
                    error = error.message,
                    sql = beginning(&statement.sql),
                    "a definition of IRIS has no place in the mirror"
                ),
            }
        }
        self.put_marks(marks).await?;
        Ok(done)
    }

    /// Changes of the past, all written under the same search_path: together, or one by one where one of them fails.
    /// What fails now failed then, or was undone since.
    pub(super) async fn repeat(
        &mut self,
        changes: &[(u64, Arc<MirrorChange>)],
        marks: Option<&str>,
    ) -> Result<(), Broken> {
        let Some(search_path) = changes.first().map(|(_, change)| change.search_path.as_str()) else { return Ok(()) };
        let statements =
            || changes.iter().flat_map(|(_, change)| &change.statements).map(|statement| statement.sql.as_str());
        if self.run(&as_owner(search_path, statements(), marks)).await?.is_none() {
            return Ok(());
        }
        for statement in changes.iter().flat_map(|(_, change)| &change.statements) {
            let mut refused = self.run(&change(search_path, &statement.sql, None)).await?;
            if let (Some(_), Some(otherwise)) = (&refused, &statement.otherwise) {
                refused = self.run(&change(search_path, otherwise, None)).await?;
            }
            if let Some((_, error)) = refused {
                tracing::debug!(code = %error.code, error = error.message, sql = statement.sql, "not repeated");
            }
        }
        self.put_marks(marks).await
    }
}

fn read_answer(bytes: &[u8]) -> Result<crate::catalog::Answer, Broken> {
    crate::catalog::Answer::read(bytes).map_err(|_| Broken::Protocol("an answer is unreadable"))
}

/// Of a statement's text, what a log has room for.
fn beginning(sql: &str) -> &str {
    const CHARACTERS_MAX: usize = 300;
    sql.char_indices().nth(CHARACTERS_MAX).and_then(|(end, _)| sql.get(..end)).unwrap_or(sql)
}
