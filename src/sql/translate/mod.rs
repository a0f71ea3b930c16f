//! The rules: one file per family. Everything no rule touches stays as written.

pub(super) mod beyond_mirror;
pub(super) mod calls;
pub(super) mod check;
pub(super) mod classify;
pub(super) mod context;
pub(super) mod ddl;
pub(super) mod dml;
pub(super) mod explain;
pub(super) mod expr;
pub(super) mod iris_dialect;
pub(super) mod mirror;
pub(super) mod query;
pub(super) mod utility;
pub(super) mod value;

use squawk_syntax::{SyntaxKind, SyntaxNode};

use self::calls::GatewayCalls;
pub use self::check::check_syntax;
use self::check::{in_characters, is_set_names};
pub(crate) use self::mirror::view_for_mirror;
use crate::sql::options::{TranslateError, TranslateOptions, Translated};
use crate::sql::plan::{
    Action, Bind, CallArgument, Plan, ScriptStep, SequenceFunction, SettingCommand, StepRole, Translation,
};
use crate::sql::schema::Schema;
use crate::sql::syntax::depth;
use crate::sql::syntax::nodes;
use crate::sql::syntax::parse::parse;
use crate::sql::template::Template;
use crate::sql::translate::context::cx::{Cx, Rules};
use crate::sql::translate::context::query::Place;
use crate::sql::translate::ddl::definition::Ddl;
use crate::sql::translate::dml::delete;
use crate::sql::translate::dml::insert;
pub(in crate::sql) use crate::sql::translate::dml::insert::is_default;
use crate::sql::translate::dml::update;
use crate::sql::translate::utility::cursor::{fetch, is_fetch, without_read_only};
use crate::wire::{PgError, SqlState};

/// Where what stands within a rule's own node is translated.
pub(super) const RULES: &Rules = &Rules { expression: expr::expression, query: query::query };

/// What IRIS would be sent for a statement of the gateway's own making; `None` where IRIS cannot do what it says, exactly as
/// PostgreSQL means it, as far as translation can tell.
///
/// # Errors
/// [`TranslateError::NeedTables`], as of [`translate`].
pub(in crate::sql) fn trial(
    sql: &str,
    schema: &dyn Schema,
    options: &TranslateOptions<'_>,
) -> Result<Option<Vec<ScriptStep>>, TranslateError> {
    let mut template = Template::default();
    if template.scan(sql).is_err() {
        return Ok(None);
    }
    match translate(sql, &template, schema, options) {
        Ok(Translated { translation: Translation { action: Action::Script(steps), .. }, .. }) => Ok(Some(steps)),
        Ok(_) | Err(TranslateError::Pg(_)) => Ok(None),
        Err(needs @ TranslateError::NeedTables(_)) => Err(needs),
    }
}

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
    let cx = Cx::new(sql, template, schema, options, RULES);
    let result = statement(&cx);
    let needed = cx.take_needed();
    // What is wrong without the tables may be right with them, so they come first.
    if !needed.is_empty() {
        return Err(TranslateError::NeedTables(needed));
    }
    let mut translation = result.map_err(|error| in_characters(sql, error))?;
    translation.parameter_types = cx.parameter_types();
    translation.upsert_keys = cx.upsert_keys.take();
    translation.is_of_session = cx.is_of_session.get();
    translation.draws = cx.take_draws();
    check_draws(&translation)?;
    translation.notices.extend(cx.take_notices());
    check_values(&translation.action)?;
    let pinned = pinned(&cx, &translation);
    Ok(Translated { translation, pinned })
}

/// PostgreSQL evaluates what an INSERT stores in the order of the table's columns.
///
/// # Errors
/// 0A000 for an INSERT that takes the next value of a sequence and reads its last one.
fn check_draws(translation: &Translation) -> Result<(), TranslateError> {
    let has = |functions: &[SequenceFunction]| translation.draws.iter().any(|draw| functions.contains(&draw.function));
    let reads = has(&[SequenceFunction::Current, SequenceFunction::Last]);
    if translation.tag.starts_with("INSERT") && reads && has(&[SequenceFunction::Next]) {
        let message = "currval() and lastval() are not supported in an INSERT that takes a value of a sequence itself";
        let error = PgError::unsupported(message);
        return Err(error.hint("Ask for nextval() first, and send its value in both places.").into());
    }
    Ok(())
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

fn statement(cx: &Cx<'_>) -> Result<Translation, Box<PgError>> {
    if cx.template.text.is_empty() {
        return Ok(Translation::new(Action::Empty, ""));
    }
    depth::check(cx.sql)?;
    let (root, error) = parse(cx.sql)?;
    if iris_dialect::is_iris(cx.sql, error.is_some()) {
        return iris_dialect::translate(cx);
    }
    if let Some(error) = error {
        if is_fetch(cx.sql) {
            let utility = fetch(cx.sql)?;
            return Ok(Translation::new(utility.action, utility.tag));
        }
        if let Some(shorter) = without_read_only(cx.sql)
            && let (root, None) = parse(shorter)?
            && let Some(node) = root.first_child()
        {
            return one(cx, &node);
        }
        return set_names(cx).ok_or(error);
    }
    let mut statements = root.children();
    let Some(node) = statements.next() else {
        return Ok(Translation::new(Action::Empty, ""));
    };
    if let Some(second) = statements.next() {
        return Err(PgError::error(
            SqlState::SYNTAX_ERROR,
            "cannot insert multiple commands into a prepared statement",
        )
        .position(nodes::offset(second.text_range().start().into())));
    }
    one(cx, &node)
}

fn set_names(cx: &Cx<'_>) -> Option<Translation> {
    let (_, encoding) = is_set_names(cx.template).then(|| cx.read_literal(0)).flatten()?;
    let name = "client_encoding".to_owned();
    let set = SettingCommand::Set { name, value: Some(encoding.to_owned()), local: false };
    Some(Translation::new(Action::Setting(set), "SET"))
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
                Some(GatewayCalls::Alone(calls)) => return Ok(Translation::new(Action::Calls(calls), "SELECT")),
                Some(GatewayCalls::Before(sleeps, query)) => {
                    return Ok(Translation { sleeps, ..Translation::new(Action::Catalog(query), "SELECT") });
                }
            }
            if let Some(query) = cx.catalog_query(node)? {
                let set_configs = cx.set_configs(node)?;
                return Ok(Translation { set_configs, ..Translation::new(Action::Catalog(query), "SELECT") });
            }
            cx.may_draw.set(calls::is_one_row(node));
            let query = cx.query(node, Place::Top, None)?;
            cx.may_draw.set(false);
            let plan = cx.plan(query.frag, query.columns, true);
            let is_constant = classify::is_plain_constants(node) && cx.parameter_types().is_empty();
            Ok(Translation {
                is_constant,
                ..Translation::script(vec![ScriptStep::new(plan, StepRole::Rows)], "SELECT")
            })
        }
        SyntaxKind::INSERT => insert::insert(cx, node),
        SyntaxKind::UPDATE => update::update(cx, node),
        SyntaxKind::DELETE => delete::delete(cx, node),
        SyntaxKind::EXPLAIN => explain::explain(cx, node),
        _ => {
            if let Some(utility) = utility::translate(cx, node)? {
                return Ok(Translation::new(utility.action, utility.tag));
            }
            match ddl::translate(cx, node)? {
                Some(ddl) => {
                    let Ddl {
                        action,
                        tag,
                        mirror,
                        mirror_decides,
                        enum_change,
                        type_command,
                        temporary,
                        owned,
                        rehearsal,
                        reversal,
                        ..
                    } = ddl;
                    let translation = Translation {
                        mirror,
                        mirror_decides,
                        enum_change,
                        type_command,
                        ..Translation::new(action, tag)
                    };
                    Ok(Translation { temporary, owned, rehearsal, reversal, ..translation })
                }
                None => Err(utility::unsupported(node)),
            }
        }
    }
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
