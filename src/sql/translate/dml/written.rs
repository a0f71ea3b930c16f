//! What a change writes, noted beside its plan for the errors that IRIS may report.

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::insert::Row;
use super::target::Target;
use super::update::Assignment;
use crate::sql::plan::{Bind, Plan};
use crate::sql::syntax::equalities::named_values;
use crate::sql::syntax::names;
use crate::sql::syntax::nodes;
use crate::sql::translate::context::cx::Cx;
use crate::sql::translate::context::frag::{Frag, MARK};
use crate::sql::writes::{Writes, Written};
use crate::types::Oid;

/// A plan that inserts `rows`, which have the same columns.
pub(crate) fn inserts(mut plan: Plan, target: &Target, rows: &[Row]) -> Plan {
    let (Some(table), Some(first)) = (&target.facts, rows.first()) else { return plan };
    let mut marks = 0;
    let columns = first.columns.iter().map(|(_, folded, _)| folded.clone()).collect();
    let rows = rows.iter().map(|row| row.columns.iter().map(|(.., value)| written(value, &mut marks)).collect());
    let rows = rows.collect();
    plan.writes = Some(Box::new(Writes {
        table: table.clone(),
        is_insert: true,
        columns,
        rows,
        held: Vec::new(),
        arbiter: None,
    }));
    plan
}

/// A plan that sets columns of the rows that its WHERE finds; of a DELETE without any.
pub(crate) fn changes(mut plan: Plan, target: &Target, assignments: &[Assignment], held: Vec<(String, Frag)>) -> Plan {
    let Some(table) = &target.facts else { return plan };
    let mut marks = 0;
    let columns = assignments.iter().map(|(_, folded, _)| folded.clone()).collect();
    let row = assignments.iter().map(|(.., value)| written(value, &mut marks)).collect();
    let held = held
        .into_iter()
        .filter_map(|(column, value)| {
            let [mark] = value.marks.as_slice() else { return None };
            let at = plan.binds.iter().skip(marks).position(|bind| is_same(bind, &mark.bind))?;
            Some((column, at.saturating_add(marks)))
        })
        .collect();
    let rows = if assignments.is_empty() { Vec::new() } else { vec![row] };
    plan.writes = Some(Box::new(Writes { table: table.clone(), is_insert: false, columns, rows, held, arbiter: None }));
    plan
}

/// `marks`: values in front of it in the statement.
fn written(value: &Frag, marks: &mut usize) -> Written {
    let at = *marks;
    *marks = at.saturating_add(value.marks.len());
    if value.text.eq_ignore_ascii_case("NULL") {
        Written::Null
    } else if value.ty.is(Oid::BOOL) && matches!(value.text.as_str(), "0" | "1") {
        Written::Bool(value.text == "1")
    } else if is_plain(value) {
        Written::Value(at)
    } else {
        Written::Unknown
    }
}

/// Whether both are the same value of the statement, whatever type its place gives it.
fn is_same(a: &Bind, b: &Bind) -> bool {
    let literal = |bind: &Bind| match bind.innermost() {
        Bind::Literal(n) | Bind::TypedLiteral { literal: n, .. } => Some(*n),
        _ => None,
    };
    a.innermost() == b.innermost() || literal(a).is_some_and(|n| literal(b) == Some(n))
}

/// The value alone, or a spelling that leaves it as it is.
fn is_plain(value: &Frag) -> bool {
    let bare = |text: &str| text.chars().eq([MARK]);
    let cast = value.text.strip_prefix("CAST(").and_then(|rest| rest.split_once(" AS "));
    bare(&value.text)
        || cast.is_some_and(|(text, to)| bare(text) && matches!(to, "DATE)" | "TIMESTAMP)"))
        || value
            .text
            .strip_prefix("TO_VECTOR(")
            .and_then(|rest| rest.split_once(','))
            .is_some_and(|(text, _)| bare(text))
}

/// `column = value` for each column that a WHERE of such comparisons and AND names, where the value is one of the
/// statement's own.
pub(crate) fn held(cx: &Cx<'_>, node: &SyntaxNode) -> Vec<(String, Frag)> {
    let mut held = Vec::new();
    if let Some(condition) = nodes::child(node, SyntaxKind::WHERE_CLAUSE).and_then(|clause| clause.first_child()) {
        collect(cx, &condition, &mut held);
    }
    held
}

fn collect(cx: &Cx<'_>, condition: &SyntaxNode, held: &mut Vec<(String, Frag)>) {
    for (column, value) in named_values(condition) {
        let parts = names::parts(&column);
        if let (Some(typed), Ok(value)) = (parts.last(), cx.value(&value))
            && is_plain(&value)
        {
            held.push((names::folded(typed), value));
        }
    }
}
