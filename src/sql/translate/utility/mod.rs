//! Statements that concern the session, the transaction or the upkeep of the database.

pub(crate) mod block;
pub(crate) mod channel;
pub(crate) mod command;
pub(crate) mod copy;
mod copy_options;
mod copy_out;
pub(crate) mod cursor;
pub(crate) mod do_block;
pub(crate) mod settings;

use squawk_syntax::{SyntaxKind, SyntaxNode};

pub(crate) use self::command::Utility;
use self::command::{object, utility};
use crate::sql::plan::{Action, ExecuteArgument, RunIf, ScriptStep, SettingCommand, StepRole, TransactionCommand};
use crate::sql::schema::TableLookup;
use crate::sql::syntax::names;
use crate::sql::syntax::nodes::{self, plain_text};
use crate::sql::translate::context::Result;
use crate::sql::translate::context::cx::Cx;
use crate::sql::translate::context::frag::{Frag, Ty};
use crate::sql::translate::expr::casts::type_name;
use crate::wire::{PgError, SqlState};

/// `Ok(None)`: another family's statement.
pub(crate) fn translate(cx: &Cx<'_>, stmt: &SyntaxNode) -> Result<Option<Utility>> {
    match stmt.kind() {
        SyntaxKind::BEGIN => {
            let starts = nodes::has_token(stmt, SyntaxKind::START_KW);
            let tag = if starts { "START TRANSACTION" } else { "BEGIN" };
            utility(Action::Transaction(TransactionCommand::Begin(settings::modes(stmt))), tag)
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
                Some("SEQUENCES") => utility(Action::Setting(SettingCommand::DiscardSequences), "DISCARD SEQUENCES"),
                _ => utility(Action::Setting(SettingCommand::DiscardTemporary), "DISCARD TEMP"),
            }
        }
        SyntaxKind::PREPARE => prepare(cx, stmt),
        SyntaxKind::EXECUTE => execute(cx, stmt),
        SyntaxKind::DEALLOCATE => {
            if nodes::has_token(stmt, SyntaxKind::ALL_KW) {
                return utility(Action::Deallocate(None), "DEALLOCATE ALL");
            }
            utility(Action::Deallocate(Some(object(stmt, SyntaxKind::PREPARED_STATEMENT_REF))), "DEALLOCATE")
        }
        SyntaxKind::COPY => copy::translate(cx, stmt),
        SyntaxKind::VACUUM => upkeep(cx, stmt, "VACUUM"),
        SyntaxKind::ANALYZE => upkeep(cx, stmt, "ANALYZE"),
        SyntaxKind::CHECKPOINT => utility(Action::Accepted, "CHECKPOINT"),
        SyntaxKind::REINDEX => upkeep(cx, stmt, "REINDEX"),
        SyntaxKind::CLUSTER => upkeep(cx, stmt, "CLUSTER"),
        SyntaxKind::DECLARE | SyntaxKind::FETCH | SyntaxKind::MOVE | SyntaxKind::CLOSE => cursor::translate(cx, stmt),
        SyntaxKind::LISTEN | SyntaxKind::UNLISTEN | SyntaxKind::NOTIFY => channel::translate(cx, stmt),
        SyntaxKind::LOCK => lock(cx, stmt),
        SyntaxKind::DO => do_block::translate(cx, stmt),
        _ => Ok(None),
    }
}

/// What IRIS and the gateway have nothing for. Everything the other families left over.
pub(crate) fn unsupported(stmt: &SyntaxNode) -> Box<PgError> {
    let text = plain_text(stmt).to_ascii_uppercase();
    let mut words = text.split_whitespace();
    let verb = words.next().unwrap_or_default();
    match verb {
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

fn prepare(cx: &Cx<'_>, stmt: &SyntaxNode) -> Result<Option<Utility>> {
    let name = object(stmt, SyntaxKind::PREPARED_STATEMENT);
    let mut parameter_types = Vec::new();
    if let Some(list) = nodes::child(stmt, SyntaxKind::PARAM_LIST) {
        for parameter in nodes::children(&list, SyntaxKind::PARAM) {
            parameter_types.push(type_name(cx, &parameter).resolve()?.oid);
        }
    }
    let body = stmt
        .children()
        .filter(|node| !matches!(node.kind(), SyntaxKind::PREPARED_STATEMENT | SyntaxKind::PARAM_LIST))
        .last()
        .ok_or_else(|| PgError::error(SqlState::SYNTAX_ERROR, "PREPARE without a statement"))?;
    let range = body.text_range();
    if !is_preparable(body.kind()) {
        let verb = body.first_token().map(|token| token.text().to_owned()).unwrap_or_default();
        return Err(PgError::error(SqlState::SYNTAX_ERROR, format!("syntax error at or near \"{verb}\""))
            .position(nodes::offset(range.start().into())));
    }
    let sql = cx.sql.get(usize::from(range.start())..usize::from(range.end())).unwrap_or_default();
    let before = cx.sql.get(..usize::from(range.start())).map_or(0, |text| text.chars().count());
    let offset = u32::try_from(before).unwrap_or(u32::MAX);
    // The inner statement is scanned on its own: its literals are this translation's as well.
    for n in 0..u16::try_from(cx.template.literals.len()).unwrap_or(u16::MAX) {
        cx.pin(n);
    }
    let sql = sql.trim_end_matches([';', ' ', '\n', '\t', '\r']).to_owned();
    utility(Action::Prepare { name, parameter_types, sql, offset }, "PREPARE")
}

/// Statements with parameters (manual, PREPARE).
fn is_preparable(kind: SyntaxKind) -> bool {
    nodes::is_query(kind)
        || matches!(kind, SyntaxKind::INSERT | SyntaxKind::UPDATE | SyntaxKind::DELETE | SyntaxKind::MERGE)
}

fn execute(cx: &Cx<'_>, stmt: &SyntaxNode) -> Result<Option<Utility>> {
    let (name, arguments) = execute_of(cx, stmt);
    utility(Action::Execute { name, arguments }, "EXECUTE")
}

/// The name and the arguments of an EXECUTE.
pub(super) fn execute_of(cx: &Cx<'_>, stmt: &SyntaxNode) -> (String, Vec<ExecuteArgument>) {
    let name = object(stmt, SyntaxKind::PREPARED_STATEMENT_REF);
    let mut arguments = Vec::new();
    if let Some(list) = nodes::child(stmt, SyntaxKind::ARG_LIST) {
        for argument in list.children() {
            arguments.push(match constant(cx, &argument) {
                Some(value) => ExecuteArgument::Constant(value),
                None => ExecuteArgument::Expression(plain_text(&argument)),
            });
        }
    }
    (name, arguments)
}

/// A constant argument as text, `Some(None)` = NULL; `None`: it is no constant. Casts of constants are what the
/// parameter's type makes of them.
#[allow(clippy::option_option, reason = "no constant and a null constant are different things")]
fn constant(cx: &Cx<'_>, node: &SyntaxNode) -> Option<Option<String>> {
    let node = nodes::unwrapped(node);
    match node.kind() {
        SyntaxKind::ARG | SyntaxKind::PAREN_EXPR | SyntaxKind::CAST_EXPR => constant(cx, &node.first_child()?),
        SyntaxKind::LITERAL => {
            if let Some((_, value)) = cx.constant(&node) {
                return Some(Some(value.to_owned()));
            }
            match node.first_token().map(|token| token.kind()) {
                Some(SyntaxKind::NULL_KW) => Some(None),
                Some(SyntaxKind::TRUE_KW) => Some(Some("true".to_owned())),
                Some(SyntaxKind::FALSE_KW) => Some(Some("false".to_owned())),
                _ => None,
            }
        }
        SyntaxKind::PREFIX_EXPR => {
            let sign = node.first_token()?;
            let value = constant(cx, &node.first_child()?)?;
            match sign.text() {
                "-" => Some(value.map(|value| format!("-{value}"))),
                "+" => Some(value),
                _ => None,
            }
        }
        _ => None,
    }
}

/// The tables are IRIS's to keep in order; they have to be there.
fn upkeep(cx: &Cx<'_>, stmt: &SyntaxNode, tag: &str) -> Result<Option<Utility>> {
    let names = |node: &SyntaxNode| matches!(node.kind(), SyntaxKind::TABLE_RELATION_NAME | SyntaxKind::TABLE_NAME_REF);
    for table in stmt.descendants().filter(names) {
        let parts = names::parts(&table);
        if parts.first().is_none_or(|first| is_of_catalogs(&names::folded(first))) {
            continue;
        }
        let (_, lookup) = cx.relation(&parts)?;
        let facts = match cx.facts(&lookup) {
            TableLookup::Missing => {
                let message = format!("relation \"{}\" does not exist", folded_path(&parts));
                return Err(PgError::error(SqlState::UNDEFINED_TABLE, message));
            }
            TableLookup::Known(facts) => facts,
            TableLookup::NotLoaded => continue,
        };
        let listed = table.next_sibling().filter(|node| node.kind() == SyntaxKind::COLUMN_REF_LIST);
        for column in listed.iter().flat_map(SyntaxNode::children).flat_map(|column| names::first(&column)) {
            let column = names::folded(&column);
            if !facts.columns.iter().any(|known| known.name.eq_ignore_ascii_case(&column)) {
                let message = format!("column \"{column}\" of relation \"{}\" does not exist", lookup.name);
                return Err(PgError::error(SqlState::UNDEFINED_COLUMN, message));
            }
        }
    }
    utility(Action::Accepted, tag)
}

fn is_of_catalogs(name: &str) -> bool {
    name.starts_with("pg_") || name == "information_schema"
}

fn folded_path(parts: &[String]) -> String {
    parts.iter().map(|part| names::folded(part)).collect::<Vec<_>>().join(".")
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
    let Some(list) = nodes::child(stmt, SyntaxKind::RELATION_LIST) else { return utility(Action::Accepted, TAG) };
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
