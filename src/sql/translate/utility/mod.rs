//! Statements that concern the session, the transaction or the upkeep of the database.

mod channel;
mod copy;
mod settings;

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::cx::{self, Cx, Result, plain_text};
use super::frag::{Frag, Ty};
use super::names;
use crate::sql::plan::{Action, RunIf, ScriptStep, SettingCommand, StepRole, TransactionCommand};
use crate::wire::{PgError, SqlState};

/// A statement of this family, and its tag.
#[derive(Debug)]
pub struct Utility {
    pub action: Action,
    pub tag: String,
}

fn utility(action: Action, tag: &str) -> Result<Option<Utility>> {
    Ok(Some(Utility { action, tag: tag.to_owned() }))
}

/// `Ok(None)`: another family's statement.
pub fn translate(cx: &Cx<'_>, stmt: &SyntaxNode) -> Result<Option<Utility>> {
    match stmt.kind() {
        SyntaxKind::BEGIN => {
            let starts = cx::has_token(stmt, SyntaxKind::START_KW);
            let (isolation, read_only) = settings::modes(stmt);
            let tag = if starts { "START TRANSACTION" } else { "BEGIN" };
            utility(Action::Transaction(TransactionCommand::Begin { isolation, read_only }), tag)
        }
        SyntaxKind::COMMIT_TRANSACTION => {
            utility(Action::Transaction(TransactionCommand::Commit { chain: chains(stmt) }), "COMMIT")
        }
        SyntaxKind::ROLLBACK_TRANSACTION => {
            utility(Action::Transaction(TransactionCommand::Rollback { chain: chains(stmt) }), "ROLLBACK")
        }
        SyntaxKind::ROLLBACK_TO_SAVEPOINT => {
            let name = object(stmt, SyntaxKind::SAVEPOINT_REF);
            utility(Action::Transaction(TransactionCommand::RollbackTo(name)), "ROLLBACK")
        }
        SyntaxKind::SAVEPOINT_CREATE => {
            let name = object(stmt, SyntaxKind::SAVEPOINT);
            utility(Action::Transaction(TransactionCommand::Savepoint(name)), "SAVEPOINT")
        }
        SyntaxKind::RELEASE_SAVEPOINT => {
            let name = object(stmt, SyntaxKind::SAVEPOINT_REF);
            utility(Action::Transaction(TransactionCommand::Release(name)), "RELEASE")
        }
        SyntaxKind::COMMIT_PREPARED | SyntaxKind::ROLLBACK_PREPARED | SyntaxKind::PREPARE_TRANSACTION => {
            Err(PgError::unsupported("two-phase commit is not supported: IRIS has no prepared transactions"))
        }
        SyntaxKind::SET
        | SyntaxKind::SET_TRANSACTION
        | SyntaxKind::SET_ROLE
        | SyntaxKind::SET_SESSION_AUTH
        | SyntaxKind::SET_CONSTRAINTS
        | SyntaxKind::SHOW
        | SyntaxKind::RESET
        | SyntaxKind::RESET_ROLE
        | SyntaxKind::RESET_SESSION_AUTH => settings::translate(cx, stmt),
        SyntaxKind::DISCARD => {
            let target = plain_text(stmt).to_ascii_uppercase();
            match target.split_whitespace().nth(1) {
                Some("ALL") => utility(Action::Setting(SettingCommand::DiscardAll), "DISCARD ALL"),
                Some("PLANS") => utility(Action::Accepted, "DISCARD PLANS"),
                Some("SEQUENCES") => utility(Action::Accepted, "DISCARD SEQUENCES"),
                _ => utility(Action::Accepted, "DISCARD TEMP"),
            }
        }
        SyntaxKind::PREPARE => prepare(cx, stmt),
        SyntaxKind::EXECUTE => execute(cx, stmt),
        SyntaxKind::DEALLOCATE => {
            if cx::has_token(stmt, SyntaxKind::ALL_KW) {
                return utility(Action::Deallocate(None), "DEALLOCATE ALL");
            }
            utility(Action::Deallocate(Some(object(stmt, SyntaxKind::PREPARED_STATEMENT_REF))), "DEALLOCATE")
        }
        SyntaxKind::COPY => copy::translate(cx, stmt),
        SyntaxKind::VACUUM => utility(Action::Accepted, "VACUUM"),
        SyntaxKind::ANALYZE => utility(Action::Accepted, "ANALYZE"),
        SyntaxKind::CHECKPOINT => utility(Action::Accepted, "CHECKPOINT"),
        SyntaxKind::REINDEX => utility(Action::Accepted, "REINDEX"),
        SyntaxKind::CLUSTER => utility(Action::Accepted, "CLUSTER"),
        // There are no cursors yet: all of them are closed.
        SyntaxKind::CLOSE if cx::has_token(stmt, SyntaxKind::ALL_KW) => utility(Action::Accepted, "CLOSE CURSOR ALL"),
        SyntaxKind::LISTEN | SyntaxKind::UNLISTEN | SyntaxKind::NOTIFY => channel::translate(cx, stmt),
        SyntaxKind::LOCK => lock(cx, stmt),
        _ => Ok(None),
    }
}

/// What IRIS and the gateway have nothing for. Everything the other families left over.
pub fn unsupported(stmt: &SyntaxNode) -> Box<PgError> {
    let text = plain_text(stmt).to_ascii_uppercase();
    let mut words = text.split_whitespace();
    let verb = words.next().unwrap_or_default();
    match verb {
        "DO" => PgError::unsupported("DO is not supported: IRIS runs no PL/pgSQL"),
        "DECLARE" | "FETCH" | "MOVE" | "CLOSE" => PgError::unsupported("SQL-level cursors are not supported yet")
            .hint("Use a portal of the extended protocol with a row limit (the fetch size of drivers)."),
        "GRANT" | "REVOKE" => PgError::unsupported(format!("{verb} is not supported: privileges are kept in IRIS"))
            .hint("Grant and revoke there, with an IRIS client."),
        "CREATE" | "ALTER" | "DROP" => {
            let object: Vec<&str> = words.take(2).collect();
            PgError::unsupported(format!("{verb} {} is not supported", object.join(" ")))
        }
        _ => PgError::unsupported(format!("{verb} is not supported")),
    }
}

fn chains(stmt: &SyntaxNode) -> bool {
    stmt.descendants().any(|node| node.kind() == SyntaxKind::AND_CHAIN)
}

/// The folded name under a node of `kind`.
fn object(stmt: &SyntaxNode, kind: SyntaxKind) -> String {
    let node = stmt.descendants().skip(1).find(|node| node.kind() == kind);
    node.and_then(|node| names::first(&node)).map(|name| names::folded(&name)).unwrap_or_default()
}

fn prepare(cx: &Cx<'_>, stmt: &SyntaxNode) -> Result<Option<Utility>> {
    let name = object(stmt, SyntaxKind::PREPARED_STATEMENT);
    let mut parameter_types = Vec::new();
    if let Some(list) = cx::child(stmt, SyntaxKind::PARAM_LIST) {
        for parameter in cx::children(&list, SyntaxKind::PARAM) {
            parameter_types.push(super::expr::type_name(cx, &parameter).resolve()?.oid);
        }
    }
    let body = stmt
        .children()
        .filter(|node| !matches!(node.kind(), SyntaxKind::PREPARED_STATEMENT | SyntaxKind::PARAM_LIST))
        .last()
        .ok_or_else(|| PgError::error(SqlState::SYNTAX_ERROR, "PREPARE without a statement"))?;
    let range = body.text_range();
    let sql = cx.sql.get(usize::from(range.start())..usize::from(range.end())).unwrap_or_default();
    // The inner statement is scanned on its own: its literals are this translation's as well.
    for n in 0..u16::try_from(cx.template.literals.len()).unwrap_or(u16::MAX) {
        cx.pin(n);
    }
    let sql = sql.trim_end_matches([';', ' ', '\n', '\t', '\r']).to_owned();
    utility(Action::Prepare { name, parameter_types, sql }, "PREPARE")
}

fn execute(cx: &Cx<'_>, stmt: &SyntaxNode) -> Result<Option<Utility>> {
    let name = object(stmt, SyntaxKind::PREPARED_STATEMENT_REF);
    let mut arguments = Vec::new();
    if let Some(list) = cx::child(stmt, SyntaxKind::ARG_LIST) {
        for argument in list.children() {
            arguments.push(constant(cx, &argument)?);
        }
    }
    utility(Action::Execute { name, arguments }, "EXECUTE")
}

/// A constant argument as text; `None` = NULL. Casts of constants are what the parameter's type makes of them.
fn constant(cx: &Cx<'_>, node: &SyntaxNode) -> Result<Option<String>> {
    let node = cx::unwrapped(node);
    match node.kind() {
        SyntaxKind::ARG | SyntaxKind::PAREN_EXPR => {
            let inner = node.first_child().ok_or_else(|| not_constant(&node))?;
            constant(cx, &inner)
        }
        SyntaxKind::CAST_EXPR => {
            let inner = node.first_child().ok_or_else(|| not_constant(&node))?;
            constant(cx, &inner)
        }
        SyntaxKind::LITERAL => {
            if let Some((_, value)) = cx.constant(&node) {
                return Ok(Some(value.to_owned()));
            }
            match node.first_token().map(|token| token.kind()) {
                Some(SyntaxKind::NULL_KW) => Ok(None),
                Some(SyntaxKind::TRUE_KW) => Ok(Some("true".to_owned())),
                Some(SyntaxKind::FALSE_KW) => Ok(Some("false".to_owned())),
                _ => Err(not_constant(&node)),
            }
        }
        SyntaxKind::PREFIX_EXPR => {
            let negative = node.first_token().is_some_and(|token| token.text() == "-");
            let inner = node.first_child().ok_or_else(|| not_constant(&node))?;
            let value = constant(cx, &inner)?;
            Ok(value.map(|value| if negative { format!("-{value}") } else { value }))
        }
        _ => Err(not_constant(&node)),
    }
}

fn not_constant(node: &SyntaxNode) -> Box<PgError> {
    PgError::unsupported("arguments of EXECUTE must be constants")
        .position(cx::offset(node.text_range().start().into()))
}

/// IRIS knows SHARE and EXCLUSIVE. The weaker modes of PostgreSQL are taken by every statement there too and need no
/// statement of their own.
fn lock(cx: &Cx<'_>, stmt: &SyntaxNode) -> Result<Option<Utility>> {
    const TAG: &str = "LOCK TABLE";
    let text = plain_text(stmt).to_ascii_uppercase();
    let mode = match text.rsplit_once(" IN ").map(|(_, mode)| mode.trim_end_matches(" NOWAIT").trim()) {
        None | Some("ACCESS EXCLUSIVE MODE" | "EXCLUSIVE MODE" | "SHARE ROW EXCLUSIVE MODE") => "EXCLUSIVE",
        Some("SHARE MODE") => "SHARE",
        Some(_) => return utility(Action::Accepted, TAG),
    };
    let Some(list) = cx::child(stmt, SyntaxKind::RELATION_LIST) else { return utility(Action::Accepted, TAG) };
    let mut steps = Vec::new();
    for relation in list.children() {
        let (text, _) = cx.relation(&names::parts(&relation))?;
        steps.push(silent(cx, format!("LOCK TABLE {text} IN {mode} MODE")));
    }
    utility(Action::Script(steps), TAG)
}

/// A step that only has to succeed.
fn silent(cx: &Cx<'_>, text: String) -> ScriptStep {
    ScriptStep {
        plan: cx.plan(Frag::atom(text, Ty::Any), Vec::new(), false),
        role: StepRole::Silent,
        run_if: RunIf::Always,
        ignored_sqlcodes: Vec::new(),
    }
}
