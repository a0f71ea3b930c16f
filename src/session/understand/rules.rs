//! What holds for a statement wherever it runs: rules that need no session.

use crate::bridge::to_pg;
use crate::catalog::MirrorChange;
use crate::iris::{IrisError, Reply};
use crate::sql::{Action, CursorCommand, TransactionCommand};
use crate::types::Oid;
use crate::wire::{PgError, SendBuf, SqlState};

use super::context::{ShardContext, Understood};
use super::learnt::plans;
use crate::session::client::Client;

/// Several IRIS statements for one of PostgreSQL's, and COPY, are all or nothing. DDL stands alone: IRIS does not
/// roll it back.
pub(crate) fn needs_transaction(understood: &Understood) -> bool {
    let translation = &understood.translation;
    match &translation.action {
        Action::CopyFromStdin(_) | Action::WriteBack(_) | Action::LockRows(_) | Action::Staged(_) => true,
        Action::Do(block) => block.has_several_statements(),
        Action::Script(_) => {
            let is_ddl =
                || ["CREATE", "DROP", "ALTER", "TRUNCATE"].iter().any(|verb| translation.tag.starts_with(verb));
            plans(&translation.action).nth(1).is_some() && !is_ddl()
        }
        _ => false,
    }
}

/// What a statement that has succeeded says besides; a definition is known to the transaction.
pub(crate) fn put_notices(understood: &Understood, client: &mut Client, out: &mut SendBuf) {
    if !understood.translation.mirror.is_empty() {
        client.transaction.mark_definition();
    }
    for notice in &understood.translation.notices {
        client.notice(notice, out);
    }
}

/// What a statement that was carried out changes in the mirror.
pub(crate) fn mirror_change(client: &Client, understood: &Understood) -> Option<MirrorChange> {
    let statements = &understood.translation.mirror;
    (!statements.is_empty()).then(|| MirrorChange {
        statements: statements.clone(),
        search_path: client.settings.show("search_path").unwrap_or_else(|_| "public".to_owned()),
        is_idempotent: false,
    })
}

/// Whether a failed block still allows it.
pub(crate) fn ends_failed_block(action: &Action) -> bool {
    matches!(
        action,
        Action::Transaction(
            TransactionCommand::Commit { .. } | TransactionCommand::Rollback { .. } | TransactionCommand::RollbackTo(_)
        )
    )
}

/// The statement inside of DECLARE or PREPARE.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Nested<'a> {
    pub sql: &'a str,
    /// Characters in front of it.
    pub offset: u32,
    pub parameter_types: &'a [Oid],
}

/// `client_types`: of the parameters of the whole statement; those of DECLARE belong to its query.
pub(crate) fn nested<'a>(action: &'a Action, client_types: &'a [Oid]) -> Option<Nested<'a>> {
    match action {
        Action::Cursor(CursorCommand::Declare { sql, offset, .. }) => {
            Some(Nested { sql, offset: *offset, parameter_types: client_types })
        }
        Action::Prepare { sql, offset, parameter_types, .. } => Some(Nested { sql, offset: *offset, parameter_types }),
        _ => None,
    }
}

/// IRIS's refusal as PostgreSQL words it. A missing table or column may mean that somebody else changed the schema:
/// what the shard knows is forgotten, so the next attempt asks anew.
pub(crate) fn refused(error: &IrisError, context: &ShardContext) -> Box<PgError> {
    if matches!(error.sqlcode, 29 | 30 | IrisError::RECOMPILED) {
        context.schema_changed();
    }
    if error.sqlcode == IrisError::RECOMPILED {
        return result_changed();
    }
    to_pg(error)
}

/// PostgreSQL's refusal of a prepared statement whose result has other columns than it was described with.
pub(crate) fn result_changed() -> Box<PgError> {
    // asyncpg and pgjdbc know by the routine that preparing it again will do.
    PgError::unsupported("cached plan must not change result type").routine("RevalidateCachedQuery")
}

/// IRIS answered something else than it was asked.
pub(crate) fn unexpected(reply: &Reply<'_>) -> Box<PgError> {
    let kind = match reply {
        Reply::Prepared(_) => "metadata",
        Reply::Page { .. } => "rows",
        Reply::Updated { .. } => "a row count",
        Reply::Stream(_) => "stream data",
        Reply::Done => "a confirmation",
        Reply::Failed { .. } => "an error",
    };
    PgError::error(SqlState::INTERNAL_ERROR, format!("IRIS answered {kind} where something else was expected"))
}

/// The error with its position counted from the start of a longer text.
pub(crate) fn moved(mut error: Box<PgError>, offset: u32) -> Box<PgError> {
    error.position = error.position.map(|position| position.saturating_add(offset));
    error
}
