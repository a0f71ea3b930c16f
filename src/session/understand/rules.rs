//! What holds for a statement wherever it runs: rules that need no session.

use crate::bridge::to_pg;
use crate::catalog::{MirrorChange, TemporarySchema};
use crate::iris::{IrisError, Reply};
use crate::sql::{Action, CursorCommand, TransactionCommand, is_temporary_schema};
use crate::types::{Oid, quoted_name};
use crate::wire::{PgError, SendBuf, SqlState};

use super::context::{ShardContext, Understood};
use super::learnt::plans;
use crate::session::client::Client;
use crate::session::contract::step::{WaitRequest, Want};

/// Several IRIS statements for one of PostgreSQL's, and COPY, are all or nothing. DDL stands alone: IRIS does not
/// roll it back.
pub(crate) fn needs_transaction(understood: &Understood) -> bool {
    let translation = &understood.translation;
    match &translation.action {
        Action::CopyFromStdin(_) | Action::WriteBack(_) | Action::LockRows(_) | Action::Staged(_) => true,
        Action::CopyToStdout(copy) => copy.is_change,
        Action::Do(block) => block.has_several_statements(),
        Action::Script(_) => {
            let is_ddl =
                || ["CREATE", "DROP", "ALTER", "TRUNCATE"].iter().any(|verb| translation.tag.starts_with(verb));
            plans(&translation.action).nth(1).is_some() && !is_ddl()
        }
        _ => false,
    }
}

/// What a statement that has succeeded says besides; a definition that cannot be undone is known to
/// the transaction.
#[inline]
pub(crate) fn put_notices(understood: &Understood, context: &ShardContext, client: &mut Client, out: &mut SendBuf) {
    if !understood.is_plain {
        put_more(understood, context, client, out);
    }
}

#[cold]
fn put_more(understood: &Understood, context: &ShardContext, client: &mut Client, out: &mut SendBuf) {
    let translation = &understood.translation;
    if client.definitions.is_settling() && translation.is_of_session {
        // What is undone comes back under the names that the rollback has brought back already.
        client.temporary.altered(&client.temporaries);
    } else if let Some(change) = &translation.temporary {
        client.temporary.apply(change, client.transaction.latest_savepoint(), &client.temporaries);
    } else if translation.is_of_session && !translation.mirror.is_empty() {
        client.temporary.altered(&client.temporaries);
    }
    // An ALTER of a temporary table stays.
    let is_kept = translation.is_of_session && translation.temporary.is_none();
    let is_undone = translation.reversal.is_some() && context.options.undoes_definitions && !is_kept;
    // A rollback undoes CREATE and DROP of temporary tables.
    if !is_undone && !translation.mirror.is_empty() && !translation.makes_temporary() {
        client.transaction.mark_definition();
    }
    for notice in &understood.translation.notices {
        client.notice(notice, out);
    }
}

/// What has to be waited for before a temporary table is made.
///
/// # Errors
/// 0A000 where the statement was understood when the table would have been made elsewhere.
pub(crate) fn temporary_place(client: &Client, understood: &Understood) -> Result<Want, Box<PgError>> {
    let place = client.temporary.place(understood.translation.temporary.as_ref());
    let number = place.map(TemporarySchema::number).ok_or_else(result_changed)?;
    Ok(Want::Wait(WaitRequest::Temporary(number)))
}

/// A statement has been carried out. What was known before a definition is forgotten: by everybody, or by this session
/// where nobody else sees the tables that it is about.
#[inline]
pub(crate) fn definition_done(understood: &Understood, context: &ShardContext) {
    if !understood.is_plain {
        definition_known(understood, context);
    }
}

#[cold]
fn definition_known(understood: &Understood, context: &ShardContext) {
    let translation = &understood.translation;
    if translation.is_of_session && !translation.mirror.is_empty() {
        context.tables.borrow_mut().forget_temporary();
    }
    let is_permanent = |(schema, _): &(String, String)| !is_temporary_schema(schema);
    let is_for_all = || translation.mirror.iter().flat_map(|statement| &statement.relations).any(is_permanent);
    // CREATE TABLE .. AS and SELECT INTO are told as SELECT.
    let makes_table = translation.tag.starts_with("SELECT") && !translation.mirror.is_empty();
    if (makes_table || changes_schema(&translation.tag)) && (!translation.is_of_session || is_for_all()) {
        context.schema_changed();
    }
}

fn changes_schema(tag: &str) -> bool {
    ["CREATE ", "DROP ", "ALTER "].iter().any(|verb| tag.starts_with(verb))
}

/// What a statement that was carried out changes in the mirror.
pub(crate) fn mirror_change(client: &Client, understood: &Understood) -> Option<MirrorChange> {
    let translation = &understood.translation;
    let statements = &translation.mirror;
    if statements.is_empty() {
        return None;
    }
    let mut search_path = client.settings.show("search_path").unwrap_or_else(|_| "public".to_owned());
    if translation.is_of_session {
        let made = client.temporary.place(translation.temporary.as_ref()).map(TemporarySchema::name);
        let path = client.path_with_temporary().0;
        let path: Vec<String> = made.into_iter().chain(path.iter().map(String::as_str)).map(quoted_name).collect();
        search_path = path.join(", ");
    }
    Some(MirrorChange { statements: statements.clone(), search_path, is_idempotent: false })
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
