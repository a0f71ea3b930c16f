//! UPDATE.

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::insert::is_default;
use super::returning;
use super::target::Target;
use super::written::{changes, held};
use crate::sql::plan::{ScriptStep, StepRole, Translation};
use crate::sql::schema::ColumnFacts;
use crate::sql::syntax::names;
use crate::sql::syntax::nodes::{self, is_query};
use crate::sql::translate::context::Result;
use crate::sql::translate::context::cx::Cx;
use crate::sql::translate::context::frag::{Frag, Ty, level};
use crate::sql::translate::value::assign::assigned;
use crate::wire::{PgError, SqlState};

/// What SET says: column for IRIS, folded name, value.
pub(crate) type Assignment = (String, String, Frag);

pub(crate) fn update(cx: &Cx<'_>, node: &SyntaxNode) -> Result<Translation> {
    let at = usize::from(node.text_range().start());
    refuse_with(cx, node, "UPDATE")?;
    let target = Target::read(cx, node)?;
    let from = nodes::child(node, SyntaxKind::FROM_CLAUSE).map(|clause| cx.read_from(&clause)).transpose()?;
    let alone = from.is_none();
    let mut scope = vec![target.relation()?];
    scope.extend(from.iter().flat_map(|from| from.relations.iter().cloned()));
    let Some(set) = nodes::child(node, SyntaxKind::SET_CLAUSE) else {
        return Err(cx.unsupported("UPDATE needs SET", at));
    };
    // A row that is known to be there takes its values of sequences.
    let only = nodes::child(node, SyntaxKind::WHERE_CLAUSE).and_then(|clause| clause.first_child());
    let draws = cx.options.stores && target.is_one(only.as_ref());
    let (assignments, condition, tables) = cx.scoped(scope.clone(), || {
        cx.may_draw.set(draws);
        let assignments = assignments(cx, &target, &set, &[]);
        cx.may_draw.set(false);
        let assignments = assignments?;
        let tables = from.as_ref().map(|from| cx.write_from(from)).transpose()?;
        Ok((assignments, filter(cx, node)?, tables))
    })?;
    let changed: Vec<String> = assignments.iter().map(|(_, column, _)| column.clone()).collect();
    target.refuse_ruled(cx, Some(&changed), at)?;
    if target.facts.as_ref().is_some_and(|facts| changed.iter().any(|column| facts.is_of_key(column))) {
        target.refuse_own_references(cx, at)?;
    }
    let mut frag = Frag::cat(&[&"UPDATE ", &target.named()?, &" SET "], Ty::Any);
    for (n, (column, _, value)) in assignments.iter().enumerate() {
        if n > 0 {
            frag.push(&", ");
        }
        frag.push(&Frag::cat(&[column, &" = ", value], Ty::Any));
    }
    if let Some(tables) = &tables {
        frag.push(&" FROM ");
        frag.push(tables);
    }
    if let Some(condition) = &condition {
        frag.push(&" WHERE ");
        frag.push(condition);
    }
    let plan = cx.plan(frag, Vec::new(), false);
    let held = if alone { held(cx, node) } else { Vec::new() };
    let change = ScriptStep::new(changes(plan, &target, &assignments, held), StepRole::Count);
    let Some(returned) = nodes::child(node, SyntaxKind::RETURNING_CLAUSE) else {
        return Ok(Translation::script(vec![change], "UPDATE"));
    };
    let tables = match &tables {
        Some(tables) => Frag::cat(&[&", ", tables], Ty::Any),
        None => Frag::atom("", Ty::Any),
    };
    // After the change the same condition finds the same rows, and they are locked; unless the change is to what the
    // condition asks about. Then the rows are read first, with the new values computed from the old.
    if alone && !touches(node, &assignments) {
        let rows = returning::select(cx, &target, &returned, scope, &tables, condition.as_ref())?;
        return Ok(Translation::script(vec![change, rows], "UPDATE"));
    }
    let before = cx.substituted.replace(
        assignments.iter().map(|(_, folded, value)| (folded.clone(), value.clone().within(level::ATOM))).collect(),
    );
    let rows = returning::select(cx, &target, &returned, scope, &tables, condition.as_ref());
    cx.substituted.replace(before);
    Ok(Translation::script(vec![rows?, change], "UPDATE"))
}

/// The condition of WHERE.
pub(crate) fn filter(cx: &Cx<'_>, node: &SyntaxNode) -> Result<Option<Frag>> {
    if let Some(cursor) = nodes::child(node, SyntaxKind::WHERE_CURRENT_OF) {
        return Err(cx.unsupported("WHERE CURRENT OF is not supported", cursor.text_range().start().into()));
    }
    match nodes::child(node, SyntaxKind::WHERE_CLAUSE).and_then(|clause| clause.first_child()) {
        Some(condition) => cx.filter(&condition).map(Some),
        None => Ok(None),
    }
}

pub(crate) fn refuse_with(cx: &Cx<'_>, node: &SyntaxNode, what: &str) -> Result<()> {
    match nodes::child(node, SyntaxKind::WITH_CLAUSE) {
        Some(with) => Err(cx
            .unsupported(format!("WITH in front of {what} is not supported by IRIS"), with.text_range().start().into())
            .hint("Use a subquery in WHERE or FROM.")),
        None => Ok(()),
    }
}

/// Whether the condition reads a column that is set.
fn touches(node: &SyntaxNode, assignments: &[Assignment]) -> bool {
    let Some(condition) = nodes::child(node, SyntaxKind::WHERE_CLAUSE) else { return false };
    condition.descendants().filter(|node| node.kind() == SyntaxKind::NAME_REF).any(|name| {
        let name = names::folded(&nodes::plain_text(&name));
        assignments.iter().any(|(_, folded, _)| folded.eq_ignore_ascii_case(&name))
    })
}

/// `SET a = 1, (b, c) = (2, 3)`. `key`: the columns in which the row of an upsert is the one that was to be inserted.
pub(crate) fn assignments(cx: &Cx<'_>, target: &Target, set: &SyntaxNode, key: &[String]) -> Result<Vec<Assignment>> {
    let mut all = Vec::new();
    let items = set
        .descendants()
        .filter(|node| matches!(node.kind(), SyntaxKind::SET_SINGLE_COLUMN | SyntaxKind::SET_MULTIPLE_COLUMNS));
    for item in items {
        let at = usize::from(item.text_range().start());
        let columns: Vec<SyntaxNode> =
            item.descendants().filter(|node| node.kind() == SyntaxKind::COLUMN_TARGET).collect();
        let values: Vec<SyntaxNode> = if item.kind() == SyntaxKind::SET_SINGLE_COLUMN {
            item.children().filter(|child| child.kind() == SyntaxKind::SET_EXPR).collect()
        } else {
            if item.children().any(|child| is_query(child.kind())) {
                return Err(cx
                    .unsupported("SET (..) = (subquery) is not supported by IRIS", at)
                    .hint("Set each column by a subquery of its own."));
            }
            item.descendants().filter(|node| node.kind() == SyntaxKind::SET_EXPR).collect()
        };
        if columns.len() != values.len() {
            return Err(PgError::error(SqlState::SYNTAX_ERROR, "number of columns does not match number of values")
                .position(nodes::offset(at)));
        }
        for (column, value) in columns.iter().zip(&values) {
            let typed = Target::column_name(cx, column)?;
            let folded = names::folded(&typed);
            let facts = target.column(&folded)?;
            if facts.is_some_and(|facts| facts.identity) {
                if keeps(cx, value, &folded, key) {
                    continue;
                }
                return Err(cx
                    .unsupported(
                        format!(
                            "the value of the identity column \"{folded}\" cannot be changed: IRIS does not allow it"
                        ),
                        at,
                    )
                    .hint("Insert a row with the new value and delete the old one."));
            }
            let frag = if is_default(value) {
                match facts {
                    Some(facts) if !facts.has_default => Frag::atom("NULL", Ty::Untyped),
                    Some(facts) if facts.constant_default.is_some() => constant_default(cx, facts)?,
                    _ => {
                        return Err(cx
                            .unsupported(
                                "SET column = DEFAULT of a computed default is not supported by IRIS",
                                value.text_range().start().into(),
                            )
                            .hint("Only constant defaults are known to the gateway; set the value itself."));
                    }
                }
            } else {
                assigned(cx, cx.value(value)?, facts)?
            };
            all.push((names::iris_name(&typed)?, folded, frag));
        }
    }
    if all.is_empty() {
        // Nothing is left to be changed, but the rows count and are locked as if it were.
        let other = target.facts.iter().flat_map(|facts| &facts.columns).find(|column| !column.identity);
        let Some(other) = other else {
            let at = usize::from(set.text_range().start());
            return Err(cx.unsupported("UPDATE of a table that has an identity column only is not supported", at));
        };
        let name = names::iris_name_of(&other.name);
        all.push((name.clone(), other.name.clone(), Frag::atom(name, Ty::Known(other.pg_type))));
    }
    Ok(all)
}

/// A column's default, where it is a constant.
pub(crate) fn constant_default(cx: &Cx<'_>, facts: &ColumnFacts) -> Result<Frag> {
    let text = facts.constant_default.as_deref().unwrap_or_default();
    assigned(cx, cx.text_constant(text).with_ty(Ty::Untyped), Some(facts))
}

/// Whether a value leaves the column as it is: the column itself, or what `EXCLUDED` has for a column of the key.
fn keeps(cx: &Cx<'_>, value: &SyntaxNode, folded: &str, key: &[String]) -> bool {
    let node = nodes::unwrapped(value);
    if !matches!(node.kind(), SyntaxKind::NAME_REF | SyntaxKind::FIELD_EXPR) {
        return false;
    }
    let parts = names::folded_parts(&node);
    let Some((name, qualifiers)) = parts.split_last() else { return false };
    if !name.eq_ignore_ascii_case(folded) {
        return false;
    }
    match qualifiers.last().map(String::as_str) {
        Some("excluded") => key.iter().any(|column| column.eq_ignore_ascii_case(name)),
        qualifier => cx.find(qualifier, name).is_some_and(|found| found.is_first),
    }
}
