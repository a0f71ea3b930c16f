//! What holds for a statement wherever it runs: rules that need no session.

use crate::sql::Action;
use crate::wire::{PgError, SendBuf};

use super::client::Client;
use super::context::Understood;
use super::resolve::plans;

/// Several IRIS statements for one of PostgreSQL's, and COPY, are all or nothing. DDL stands alone: IRIS does not
/// roll it back.
pub fn needs_transaction(understood: &Understood) -> bool {
    let translation = &understood.translation;
    match &translation.action {
        Action::CopyFromStdin(_) => true,
        Action::Do(block) => block.has_several_statements(),
        Action::Script(_) => {
            let is_ddl = ["CREATE", "DROP", "ALTER", "TRUNCATE"].iter().any(|verb| translation.tag.starts_with(verb));
            !is_ddl && plans(&translation.action).count() > 1
        }
        _ => false,
    }
}

/// What a statement that has succeeded says besides; a definition is known to the transaction.
pub fn put_notices(understood: &Understood, client: &mut Client, out: &mut SendBuf) {
    if !understood.translation.mirror.is_empty() {
        client.transaction.mark_definition();
    }
    for notice in &understood.translation.notices {
        client.notice(notice, out);
    }
}

/// The error with its position counted from the start of a longer text.
pub fn moved(mut error: Box<PgError>, offset: u32) -> Box<PgError> {
    error.position = error.position.map(|position| position.saturating_add(offset));
    error
}
