//! LISTEN, UNLISTEN, NOTIFY.

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::command::{Utility, utility};
use crate::sql::plan::{Action, ChannelCommand};
use crate::sql::syntax::names;
use crate::sql::syntax::nodes;
use crate::sql::translate::context::Result;
use crate::sql::translate::context::cx::Cx;
use crate::wire::{PgError, Severity, SqlState};

/// Bytes of a name; the scanner of PostgreSQL cuts longer ones (`NAMEDATALEN` - 1).
const NAME_BYTES_MAX: usize = 63;

pub(crate) fn translate(cx: &Cx<'_>, stmt: &SyntaxNode) -> Result<Option<Utility>> {
    match stmt.kind() {
        SyntaxKind::UNLISTEN if nodes::has_token(stmt, SyntaxKind::STAR) => {
            utility(Action::Channel(ChannelCommand::Unlisten(None)), "UNLISTEN")
        }
        SyntaxKind::UNLISTEN => {
            utility(Action::Channel(ChannelCommand::Unlisten(Some(channel(cx, stmt)?))), "UNLISTEN")
        }
        SyntaxKind::LISTEN => utility(Action::Channel(ChannelCommand::Listen(channel(cx, stmt)?)), "LISTEN"),
        _ => {
            let payload = match nodes::child(stmt, SyntaxKind::LITERAL) {
                None => String::new(),
                Some(literal) => match cx.constant(&literal) {
                    Some((_, payload)) => payload.to_owned(),
                    None => {
                        let at = usize::from(literal.text_range().start());
                        return Err(cx.unsupported("this form of string constant is not supported in NOTIFY", at));
                    }
                },
            };
            utility(Action::Channel(ChannelCommand::Notify { channel: channel(cx, stmt)?, payload }), "NOTIFY")
        }
    }
}

/// The channel's name as the scanner of PostgreSQL leaves it: folded, and cut with a notice.
fn channel(cx: &Cx<'_>, stmt: &SyntaxNode) -> Result<String> {
    let node = stmt.children().find(|node| matches!(node.kind(), SyntaxKind::CHANNEL | SyntaxKind::CHANNEL_REF));
    let name = node.and_then(|node| names::first(&node)).unwrap_or_default();
    let folded = names::folded(&name);
    if folded.is_empty() {
        return Err(PgError::error(SqlState::SYNTAX_ERROR, "zero-length delimited identifier"));
    }
    let short = (0..=NAME_BYTES_MAX).rev().find_map(|end| folded.get(..end)).unwrap_or(&folded);
    if short.len() < folded.len() {
        let message = format!("identifier \"{folded}\" will be truncated to \"{short}\"");
        cx.notice(*PgError::new(Severity::Notice, SqlState(*b"42622"), message));
    }
    Ok(short.to_owned())
}
