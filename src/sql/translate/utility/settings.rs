//! SET, SHOW and RESET in all their spellings.

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::command::{Utility, utility};
use crate::sql::plan::{Action, ModesScope, SettingCommand, TransactionModes};
use crate::sql::syntax::names;
use crate::sql::syntax::nodes::{self, plain_text};
use crate::sql::translate::context::Result;
use crate::sql::translate::context::cx::Cx;
use crate::types::quoted_name;
use crate::wire::PgError;

pub(crate) fn translate(cx: &Cx<'_>, stmt: &SyntaxNode) -> Result<Option<Utility>> {
    match stmt.kind() {
        SyntaxKind::SET => set(cx, stmt),
        SyntaxKind::SET_TRANSACTION => set_transaction(stmt),
        SyntaxKind::SET_ROLE | SyntaxKind::SET_SESSION_AUTH => {
            let text = plain_text(stmt).to_ascii_lowercase();
            if text.ends_with(" none") || text.ends_with(" default") {
                return utility(Action::Accepted, "SET");
            }
            Err(PgError::unsupported("a session cannot change its role: privileges are kept in IRIS")
                .hint("Connect as the user you want to be."))
        }
        SyntaxKind::RESET_ROLE | SyntaxKind::RESET_SESSION_AUTH => utility(Action::Accepted, "RESET"),
        SyntaxKind::SET_CONSTRAINTS => {
            if plain_text(stmt).to_ascii_lowercase().ends_with("deferred") {
                cx.notice(*PgError::new(
                    crate::wire::Severity::Warning,
                    crate::wire::SqlState::WARNING,
                    "constraints stay immediate: IRIS cannot defer them",
                ));
            }
            utility(Action::Accepted, "SET CONSTRAINTS")
        }
        SyntaxKind::SHOW => utility(Action::Setting(SettingCommand::Show(target(stmt))), "SHOW"),
        SyntaxKind::RESET => {
            let name = target(stmt);
            let name = if name == "all" { None } else { Some(name) };
            utility(Action::Setting(SettingCommand::Reset(name)), "RESET")
        }
        _ => Ok(None),
    }
}

/// The parameter SHOW or RESET names.
fn target(stmt: &SyntaxNode) -> String {
    let text = plain_text(stmt);
    let target = text.split_once(' ').map_or("", |(_, target)| target).trim_end_matches(';').trim();
    match target.to_ascii_lowercase().as_str() {
        "time zone" => "TimeZone".to_owned(),
        "transaction isolation level" => "transaction_isolation".to_owned(),
        "session authorization" => "session_authorization".to_owned(),
        _ => target.split('.').map(|part| names::folded(part.trim())).collect::<Vec<_>>().join("."),
    }
}

fn set(cx: &Cx<'_>, stmt: &SyntaxNode) -> Result<Option<Utility>> {
    let local = stmt.children().any(|node| node.kind() == SyntaxKind::LOCAL_SCOPE);
    let command = |name: &str, value: Option<String>| {
        utility(Action::Setting(SettingCommand::Set { name: name.to_owned(), value, local }), "SET")
    };
    for node in stmt.children() {
        match node.kind() {
            SyntaxKind::SET_TIME_ZONE => return command("TimeZone", time_zone(cx, &node)?),
            SyntaxKind::SET_SCHEMA_VALUE => {
                let value = literal(cx, &node);
                return command("search_path", value.map(|schema| list_item(&schema)));
            }
            SyntaxKind::SET_XML_OPTION => {
                let text = plain_text(&node).to_ascii_lowercase();
                let value = text.rsplit(' ').next().map(str::to_owned);
                return command("xmloption", value);
            }
            SyntaxKind::SET_CATALOG => {
                return Err(PgError::unsupported("the current database cannot be changed"));
            }
            SyntaxKind::SET_CONFIG => {
                let Some(parameter) = nodes::child(&node, SyntaxKind::CONFIG_PARAMETER_REF) else { continue };
                let name = names::folded_parts(&parameter).join(".");
                if node.children().any(|child| child.kind() == SyntaxKind::FROM_CURRENT) {
                    return utility(Action::Accepted, "SET");
                }
                let Some(assigned) = nodes::child(&node, SyntaxKind::TO_CONFIG_VALUE) else { continue };
                let name = if name == "names" { "client_encoding" } else { &name };
                return command(name, values(cx, &assigned, name == "search_path"));
            }
            _ => {}
        }
    }
    Ok(None)
}

/// The value of an assignment; `None` = DEFAULT. Several values are a list.
fn values(cx: &Cx<'_>, assigned: &SyntaxNode, is_list: bool) -> Option<String> {
    let mut values = Vec::new();
    for value in assigned.children() {
        let text = match value.kind() {
            SyntaxKind::LITERAL => match cx.constant(&value) {
                Some((_, text)) if is_list => list_item(text),
                Some((_, text)) => text.to_owned(),
                None => plain_text(&value).to_ascii_lowercase(),
            },
            SyntaxKind::PREFIX_EXPR => {
                let sign = if plain_text(&value).starts_with('-') { "-" } else { "" };
                let number = value.first_child().and_then(|node| cx.constant(&node)).map(|(_, text)| text);
                format!("{sign}{}", number.unwrap_or_default())
            }
            _ if is_list => list_item(&names::folded(&plain_text(&value))),
            _ => names::folded(&plain_text(&value)),
        };
        values.push(text);
    }
    if values.is_empty() { None } else { Some(values.join(", ")) }
}

/// A schema name as it stands in a search path: quoted when it needs to be.
fn list_item(name: &str) -> String {
    let plain = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if plain { name.to_owned() } else { quoted_name(name) }
}

fn literal(cx: &Cx<'_>, node: &SyntaxNode) -> Option<String> {
    let literal = nodes::child(node, SyntaxKind::LITERAL)?;
    cx.constant(&literal).map(|(_, text)| text.to_owned())
}

fn time_zone(cx: &Cx<'_>, node: &SyntaxNode) -> Result<Option<String>> {
    if let Some(cast) = node.children().find(|child| child.kind() == SyntaxKind::CAST_EXPR) {
        // The session reads the interval; HOUR TO MINUTE says nothing the value does not.
        let offset = cast.descendants().find_map(|child| match child.kind() {
            SyntaxKind::LITERAL => cx.constant(&child).map(|(_, text)| text.to_owned()),
            _ => None,
        });
        let offset = offset.unwrap_or_default();
        return Ok(Some(format!("INTERVAL '{offset}'")));
    }
    if nodes::has_token(node, SyntaxKind::DEFAULT_KW) || nodes::has_token(node, SyntaxKind::LOCAL_KW) {
        return Ok(None);
    }
    Ok(literal(cx, node).or_else(|| values(cx, node, false)))
}

fn set_transaction(stmt: &SyntaxNode) -> Result<Option<Utility>> {
    if stmt.children().any(|node| node.kind() == SyntaxKind::TRANSACTION_SNAPSHOT) {
        return Err(PgError::unsupported("snapshots cannot be imported: IRIS has none"));
    }
    let scope = if stmt.children().any(|node| node.kind() == SyntaxKind::SESSION_CHARACTERISTICS) {
        ModesScope::Session
    } else {
        ModesScope::Transaction
    };
    utility(Action::Setting(SettingCommand::Modes { modes: modes(stmt), scope }), "SET")
}

/// A list of transaction modes; the last of each counts.
pub(crate) fn modes(stmt: &SyntaxNode) -> TransactionModes {
    let mut isolation = None;
    let mut read_only = None;
    let mut deferrable = None;
    for node in stmt.descendants() {
        match node.kind() {
            SyntaxKind::SERIALIZABLE => isolation = Some("serializable"),
            SyntaxKind::REPEATABLE_READ => isolation = Some("repeatable read"),
            SyntaxKind::READ_COMMITTED => isolation = Some("read committed"),
            SyntaxKind::READ_UNCOMMITTED => isolation = Some("read uncommitted"),
            SyntaxKind::READ_ONLY => read_only = Some(true),
            SyntaxKind::READ_WRITE => read_only = Some(false),
            SyntaxKind::DEFERRABLE => deferrable = Some(true),
            SyntaxKind::NOT_DEFERRABLE => deferrable = Some(false),
            _ => {}
        }
    }
    TransactionModes { isolation: isolation.map(str::to_owned), read_only, deferrable }
}
