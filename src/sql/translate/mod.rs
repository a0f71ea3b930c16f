//! The rules: one file per family. Everything no rule touches stays as written.

mod alike;
mod beyond_mirror;
mod classify;
mod cx;
mod ddl;
mod depth;
mod dml;
mod enums;
mod explain;
mod expr;
mod frag;
mod iris_dialect;
mod mirror;
mod names;
mod query;
mod utility;

use std::panic::{AssertUnwindSafe, catch_unwind};

use squawk_syntax::{SourceFile, SyntaxKind, SyntaxNode};

use self::cx::Cx;
use self::expr::GatewayCalls;
pub use self::expr::array_elements;
pub use self::mirror::{ViewText, view_for_mirror};
pub(super) use self::names::folded as folded_name;
use self::query::Place;
use super::options::{TranslateError, TranslateOptions, Translated};
use super::plan::{Action, Bind, CallArgument, Plan, RunIf, ScriptStep, SettingCommand, StepRole, Translation};
use super::schema::Schema;
use super::template::{Template, char_position};
use crate::wire::{PgError, SqlState};

/// Translates one statement, whose `template` has been scanned from the same text.
///
/// # Errors
/// [`TranslateError::NeedTables`] when `schema` has to load tables first; else what PostgreSQL would say (42601 with a
/// position), or 0A000 for what IRIS has no way to do.
pub fn translate(
    sql: &str,
    template: &Template,
    schema: &dyn Schema,
    options: &TranslateOptions<'_>,
) -> Result<Translated, TranslateError> {
    let cx = Cx::new(sql, template, schema, options);
    let result = statement(&cx);
    let needed = cx.take_needed();
    // What is wrong without the tables may be right with them, so they come first.
    if !needed.is_empty() {
        return Err(TranslateError::NeedTables(needed));
    }
    let mut translation = result.map_err(|error| in_characters(sql, error))?;
    translation.parameter_types = cx.parameter_types();
    translation.upsert_keys = cx.upsert_keys.take();
    translation.notices.extend(cx.take_notices());
    check_values(&translation.action)?;
    let pinned = pinned(&cx, &translation);
    Ok(Translated { translation, pinned })
}

/// Values that one statement may have for IRIS.
const VALUES_MAX: usize = 32_766;

/// # Errors
/// 54000 for more values than a statement of IRIS takes.
fn check_values(action: &Action) -> Result<(), Box<PgError>> {
    let Action::Script(steps) = action else { return Ok(()) };
    let most = steps.iter().map(|step| step.plan.binds.len()).max().unwrap_or(0);
    if most <= VALUES_MAX {
        return Ok(());
    }
    Err(PgError::error(SqlState::PROGRAM_LIMIT_EXCEEDED, format!("the statement has {most} values for IRIS"))
        .detail(format!("A statement of IRIS takes {VALUES_MAX} at most."))
        .hint("Send it in several parts."))
}

/// What can be said of a statement before anything of its query string runs: PostgreSQL parses the whole string first.
///
/// # Errors
/// 42601 with a position in the statement.
pub fn check_syntax(sql: &str) -> Result<(), Box<PgError>> {
    let check = || {
        depth::check(sql)?;
        match parse(sql)? {
            (_, Some(error)) if !iris_dialect::is_iris(sql, true) => {
                let mut template = Template::default();
                template.scan(sql)?;
                if utility::is_fetch(sql) {
                    return utility::fetch(sql).map(|_| ());
                }
                let shorter = utility::without_read_only(sql);
                let is_read_only = shorter.is_some_and(|sql| matches!(parse(sql), Ok((_, None))));
                if is_read_only || is_set_names(&template) { Ok(()) } else { Err(error) }
            }
            _ => Ok(()),
        }
    };
    check().map_err(|error| in_characters(sql, error))
}

fn statement(cx: &Cx<'_>) -> Result<Translation, Box<PgError>> {
    if cx.template.text.is_empty() {
        return Ok(translation(Action::Empty, ""));
    }
    depth::check(cx.sql)?;
    let (root, error) = parse(cx.sql)?;
    if iris_dialect::is_iris(cx.sql, error.is_some()) {
        return iris_dialect::translate(cx);
    }
    if let Some(error) = error {
        if utility::is_fetch(cx.sql) {
            let utility = utility::fetch(cx.sql)?;
            return Ok(translation(utility.action, utility.tag));
        }
        if let Some(shorter) = utility::without_read_only(cx.sql)
            && let (root, None) = parse(shorter)?
            && let Some(node) = root.first_child()
        {
            return one(cx, &node);
        }
        return set_names(cx).ok_or(error);
    }
    let mut statements = root.children();
    let Some(node) = statements.next() else {
        return Ok(translation(Action::Empty, ""));
    };
    if let Some(second) = statements.next() {
        return Err(PgError::error(
            SqlState::SYNTAX_ERROR,
            "cannot insert multiple commands into a prepared statement",
        )
        .position(cx::offset(second.text_range().start().into())));
    }
    one(cx, &node)
}

/// `SET NAMES 'encoding'`, which squawk does not know.
fn is_set_names(template: &Template) -> bool {
    let words = template.text.strip_suffix('\u{4}').map(str::trim_end);
    words.is_some_and(|words| words.eq_ignore_ascii_case("set names"))
}

fn set_names(cx: &Cx<'_>) -> Option<Translation> {
    let (_, encoding) = is_set_names(cx.template).then(|| cx.read_literal(0)).flatten()?;
    let name = "client_encoding".to_owned();
    let set = SettingCommand::Set { name, value: Some(encoding.to_owned()), local: false };
    Some(translation(Action::Setting(set), "SET"))
}

fn one(cx: &Cx<'_>, node: &SyntaxNode) -> Result<Translation, Box<PgError>> {
    match node.kind() {
        SyntaxKind::SELECT
        | SyntaxKind::COMPOUND_SELECT
        | SyntaxKind::VALUES
        | SyntaxKind::TABLE
        | SyntaxKind::PAREN_SELECT => {
            match cx.gateway_calls(node)? {
                None => {}
                Some(GatewayCalls::Alone(calls)) => return Ok(translation(Action::Calls(calls), "SELECT")),
                Some(GatewayCalls::Before(sleeps, query)) => {
                    return Ok(Translation { sleeps, ..translation(Action::Catalog(query), "SELECT") });
                }
            }
            if let Some(query) = cx.catalog_query(node)? {
                let set_configs = cx.set_configs(node)?;
                return Ok(Translation { set_configs, ..translation(Action::Catalog(query), "SELECT") });
            }
            let query = cx.query(node, Place::Top, None)?;
            let plan = cx.plan(query.frag, query.columns, true);
            let is_constant = classify::is_plain_constants(node) && cx.parameter_types().is_empty();
            Ok(Translation { is_constant, ..script(vec![step(plan, StepRole::Rows)], "SELECT") })
        }
        SyntaxKind::INSERT => dml::insert(cx, node),
        SyntaxKind::UPDATE => dml::update(cx, node),
        SyntaxKind::DELETE => dml::delete(cx, node),
        SyntaxKind::EXPLAIN => explain::explain(cx, node),
        _ => {
            if let Some(utility) = utility::translate(cx, node)? {
                return Ok(translation(utility.action, utility.tag));
            }
            match ddl::translate(cx, node)? {
                Some(ddl) => {
                    let ddl::Ddl { action, tag, mirror, mirror_decides, enum_change } = ddl;
                    Ok(Translation { mirror, mirror_decides, enum_change, ..translation(action, tag) })
                }
                None => Err(utility::unsupported(node)),
            }
        }
    }
}

pub(super) fn step(plan: Plan, role: StepRole) -> ScriptStep {
    ScriptStep { plan, role, run_if: RunIf::Always, ignored_sqlcodes: Vec::new() }
}

fn script(steps: Vec<ScriptStep>, tag: &str) -> Translation {
    translation(Action::Script(steps), tag)
}

fn translation(action: Action, tag: impl Into<String>) -> Translation {
    Translation {
        action,
        tag: tag.into(),
        parameter_types: Vec::new(),
        notices: Vec::new(),
        mirror: Vec::new(),
        is_iris_dialect: false,
        is_constant: false,
        set_configs: Vec::new(),
        mirror_decides: false,
        sleeps: Vec::new(),
        enum_change: None,
        upsert_keys: Vec::new(),
    }
}

/// The tree, and the first thing the parser did not understand. The parser is another project's: a panic of it must
/// not cost the shard.
fn parse(sql: &str) -> Result<(SyntaxNode, Option<Box<PgError>>), Box<PgError>> {
    let parsed = catch_unwind(AssertUnwindSafe(|| {
        let parse = SourceFile::parse(sql);
        // `a IN (1, 2) = b`: the list is read with what follows it, and then found wanting; the tokens are all there and
        // expressions are read again anyway.
        // The language of DO is no matter of syntax.
        let spurious =
            ["Expected a parenthesized value list or subquery.", "SQL is not a valid language for DO statements."];
        let errors = parse.errors();
        let error = errors.iter().find(|error| !spurious.contains(&error.message()));
        (parse.syntax_node(), error.map(|error| usize::from(error.range().start())))
    }));
    let (root, error) =
        parsed.map_err(|_| PgError::error(SqlState::INTERNAL_ERROR, "the parser failed on this statement"))?;
    let error = error.or_else(|| ambiguous(&root));
    Ok((root.clone(), error.map(|at| syntax_error_at(sql, &root, at))))
}

/// The tree of a text that is one statement, understood in full; `None` for any other.
pub(in crate::sql) fn lone_statement(sql: &str) -> Option<SyntaxNode> {
    depth::check(sql).ok()?;
    let (root, None) = parse(sql).ok()? else { return None };
    let mut statements = root.children();
    let statement = statements.next()?;
    statements.next().is_none().then_some(statement)
}

/// Where the tree has more than it should: an expression nobody would read. Better refused than left out.
fn ambiguous(root: &SyntaxNode) -> Option<usize> {
    let single = [
        SyntaxKind::WHERE_CLAUSE,
        SyntaxKind::HAVING_CLAUSE,
        SyntaxKind::ON_CLAUSE,
        SyntaxKind::SET_EXPR,
        SyntaxKind::PAREN_EXPR,
        SyntaxKind::ELSE_CLAUSE,
        SyntaxKind::GROUPING_EXPR,
    ];
    root.descendants()
        .filter(|node| single.contains(&node.kind()))
        .find_map(|node| expr::expressions(&node).nth(1))
        .map(|extra| extra.text_range().start().into())
}

/// PostgreSQL names the token it could not use; squawk gives the place in front of it.
fn syntax_error_at(sql: &str, root: &SyntaxNode, at: usize) -> Box<PgError> {
    let token = root.descendants_with_tokens().filter_map(squawk_syntax::SyntaxElement::into_token).find(|token| {
        usize::from(token.text_range().end()) > at
            && !matches!(token.kind(), SyntaxKind::WHITESPACE | SyntaxKind::COMMENT)
    });
    match token {
        Some(token) => {
            let start = usize::from(token.text_range().start());
            PgError::error(SqlState::SYNTAX_ERROR, format!("syntax error at or near \"{}\"", token.text()))
                .position(cx::offset(start))
        }
        None => PgError::error(SqlState::SYNTAX_ERROR, "syntax error at end of input").position(cx::offset(sql.len())),
    }
}

/// Positions inside translation are byte offsets + 1.
fn in_characters(sql: &str, mut error: Box<PgError>) -> Box<PgError> {
    if let Some(position) = error.position {
        let offset = usize::try_from(position).unwrap_or(0).saturating_sub(1);
        error.position = Some(char_position(sql, offset));
    }
    error
}

/// Literals the translation depends on: those a rule read, and those that are bound nowhere, whose value is therefore
/// in a text or had a say in it.
fn pinned(cx: &Cx<'_>, translation: &Translation) -> Vec<u16> {
    let mut bound = vec![false; cx.template.literals.len()];
    let mut mark_bind = |bind: &Bind| {
        if let Bind::Literal(n) | Bind::TypedLiteral { literal: n, .. } = bind.innermost()
            && let Some(bound) = bound.get_mut(usize::from(*n))
        {
            *bound = true;
        }
    };
    let mut mark = |plan: &Plan| plan.binds.iter().for_each(&mut mark_bind);
    match &translation.action {
        Action::Script(steps) => steps.iter().for_each(|step| mark(&step.plan)),
        Action::CopyFromStdin(copy) => mark(&copy.insert),
        Action::Calls(calls) => calls.iter().flat_map(|call| &call.arguments).for_each(|argument| {
            if let CallArgument::Value { bind, .. } = argument {
                mark_bind(bind);
            }
        }),
        _ => {}
    }
    let mut pinned = cx.pinned();
    let free = bound.iter().enumerate().filter(|(_, bound)| !**bound);
    pinned.extend(free.filter_map(|(n, _)| u16::try_from(n).ok()));
    pinned.sort_unstable();
    pinned.dedup();
    pinned
}
