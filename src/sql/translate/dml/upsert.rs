//! ON CONFLICT: DO NOTHING lets the duplicate be an INSERT of no rows; DO UPDATE is an UPDATE by the key, and an INSERT
//! where that found nothing.

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::insert::{DUPLICATE_KEY, Row, insertion};
use super::returning;
use super::target::Target;
use super::update::{Assignment, assignments, constant_default};
use super::written::changes;
use crate::sql::plan::{Bind, RunIf, ScriptStep, StepRole};
use crate::sql::syntax::names;
use crate::sql::syntax::nodes;
use crate::sql::translate::context::Result;
use crate::sql::translate::context::cx::Cx;
use crate::sql::translate::context::frag::{Frag, MARK, Ty, level};
use crate::wire::{PgError, SqlState};

pub(crate) fn is_do_nothing(conflict: &SyntaxNode) -> bool {
    nodes::child(conflict, SyntaxKind::CONFLICT_DO_NOTHING).is_some()
}

pub(crate) fn steps(
    cx: &Cx<'_>,
    target: &Target,
    conflict: &SyntaxNode,
    rows: Vec<Row>,
    returned: Option<&SyntaxNode>,
) -> Result<Vec<ScriptStep>> {
    let at = usize::from(conflict.text_range().start());
    let mut steps = Vec::new();
    if is_do_nothing(conflict) {
        let key = key(cx, target, conflict)?;
        for row in rows {
            let mut insert = insertion(cx, target, &row);
            let by_key = match &key {
                Some(key) => condition(target, &row, key)?,
                None => None,
            };
            // Where the key takes its default, a fresh number, there is nothing to conflict with.
            if key.is_none() || by_key.is_some() {
                insert.ignored_sqlcodes.push(DUPLICATE_KEY);
            }
            let excuse = by_key.zip(key.as_deref()).map(|(by_key, key)| excuse(cx, target, &mut insert, key, &by_key));
            steps.push(insert);
            steps.extend(excuse);
            if let Some(returned) = returned {
                let mut rows = returning::inserted(cx, target, returned)?;
                rows.run_if = RunIf::PreviousCountNotZero;
                steps.push(rows);
            }
        }
        return Ok(steps);
    }
    let Some(update) = nodes::child(conflict, SyntaxKind::CONFLICT_DO_UPDATE_SET) else {
        return Err(cx.unsupported("this form of ON CONFLICT is not supported", at));
    };
    let Some(key) = key(cx, target, conflict)? else {
        return Err(PgError::error(
            SqlState::SYNTAX_ERROR,
            "ON CONFLICT DO UPDATE requires inference specification or constraint name",
        )
        .hint("For example, ON CONFLICT (column_name).")
        .position(nodes::offset(at)));
    };
    cx.upsert_keys.replace(keys_of_rows(cx, &rows, &key, at)?);
    let filter = update.children().find(|child| child.kind() == SyntaxKind::WHERE_CLAUSE).and_then(|w| w.first_child());
    if filter.is_some() && returned.is_some() {
        return Err(cx.unsupported("ON CONFLICT DO UPDATE .. WHERE with RETURNING is not supported", at));
    }
    for row in rows {
        let insert = insertion(cx, target, &row);
        let by_key = if lacks_value(target, &row) { None } else { condition(target, &row, &key)? };
        let Some(by_key) = by_key else {
            // The key is NULL or takes its default, a fresh number: there is nothing to conflict with. Or a column is
            // missing that must not be: PostgreSQL says so before it looks for the key.
            steps.push(insert);
            if let Some(returned) = returned {
                steps.push(returning::inserted(cx, target, returned)?);
            }
            continue;
        };
        let (change, assignments) = change(cx, target, &update, &row, &key, &by_key, filter.as_ref())?;
        let sets_key = assignments.iter().any(|(_, folded, _)| key.iter().any(|key| key.eq_ignore_ascii_case(folded)));
        if sets_key && returned.is_some() {
            return Err(cx.unsupported("ON CONFLICT DO UPDATE of the key itself with RETURNING is not supported", at));
        }
        let change = changes(cx.plan(change, Vec::new(), false), target, &assignments, held(&row, &key));
        steps.push(ScriptStep::new(change, StepRole::Count));
        let mut insert = ScriptStep { run_if: RunIf::PreviousCountZero, ..insert };
        if filter.is_some() {
            // The row is there and its WHERE said no.
            insert.ignored_sqlcodes.push(DUPLICATE_KEY);
            let excuse = excuse(cx, target, &mut insert, &key, &by_key);
            steps.push(insert);
            steps.push(excuse);
        } else {
            steps.push(insert);
        }
        if let Some(returned) = returned {
            let scope = vec![target.relation()?];
            steps.push(returning::select(cx, target, returned, scope, &Frag::atom("", Ty::Any), Some(&by_key))?);
        }
    }
    Ok(steps)
}

/// Looks for the row that `insert` may be refused for: a duplicate of another key is an error.
fn excuse(cx: &Cx<'_>, target: &Target, insert: &mut ScriptStep, key: &[String], by_key: &Frag) -> ScriptStep {
    if let Some(writes) = &mut insert.plan.writes {
        writes.arbiter = Some(key.to_vec());
    }
    let count = Frag::cat(&[&"SELECT COUNT(*) FROM ", &target.text, &" WHERE ", by_key], Ty::Any);
    let excuse = ScriptStep::new(cx.plan(count, Vec::new(), true), StepRole::Excuse);
    ScriptStep { run_if: RunIf::PreviousRefused, ..excuse }
}

fn change(
    cx: &Cx<'_>,
    target: &Target,
    update: &SyntaxNode,
    row: &Row,
    key: &[String],
    by_key: &Frag,
    filter: Option<&SyntaxNode>,
) -> Result<(Frag, Vec<Assignment>)> {
    let given = |name: &str| row.columns.iter().any(|(_, folded, _)| folded.eq_ignore_ascii_case(name));
    let mut excluded: Vec<(String, Frag)> =
        row.columns.iter().map(|(_, folded, value)| (folded.clone(), value.clone().within(level::ATOM))).collect();
    let omitted = target.facts.iter().flat_map(|facts| &facts.columns).filter(|column| !given(&column.name));
    for column in omitted.filter(|column| !column.identity) {
        if column.constant_default.is_some() {
            excluded.push((column.name.clone(), constant_default(cx, column)?));
        } else if !column.has_default {
            excluded.push((column.name.clone(), Frag::atom("NULL", Ty::Known(column.pg_type))));
        }
    }
    let before = cx.excluded.replace(excluded);
    let scope = vec![target.relation()?];
    let result = cx.scoped(scope, || {
        let Some(set) = nodes::child(update, SyntaxKind::SET_CLAUSE) else {
            return Err(cx.unsupported("DO UPDATE needs SET", update.text_range().start().into()));
        };
        let mut frag = Frag::cat(&[&"UPDATE ", &target.named()?, &" SET "], Ty::Any);
        let assignments = assignments(cx, target, &set, key)?;
        for (n, (column, _, value)) in assignments.iter().enumerate() {
            if n > 0 {
                frag.push(&", ");
            }
            frag.push(&Frag::cat(&[column, &" = ", value], Ty::Any));
        }
        frag.push(&" WHERE ");
        frag.push(by_key);
        if let Some(filter) = filter {
            frag.push(&" AND ");
            frag.push(&cx.filter(filter)?.within(level::AND));
        }
        Ok((frag, assignments))
    });
    cx.excluded.replace(before);
    result
}

/// The key's columns and the row's values for them.
fn held(row: &Row, key: &[String]) -> Vec<(String, Frag)> {
    let of_key = |column: &str| key.iter().any(|key| key.eq_ignore_ascii_case(column));
    row.columns
        .iter()
        .filter(|(_, folded, _)| of_key(folded))
        .map(|(_, folded, value)| (folded.clone(), value.clone()))
        .collect()
}

/// Whether a column that must not be NULL gets no value.
fn lacks_value(target: &Target, row: &Row) -> bool {
    target.facts.iter().flat_map(|facts| &facts.columns).any(|column| {
        let value = row.columns.iter().find(|(_, folded, _)| folded.eq_ignore_ascii_case(&column.name));
        !column.nullable && !column.identity && value.map_or(!column.has_default, |(.., value)| value.is_null())
    })
}

/// What the rows of one statement have for the key, to be compared when the values are bound: no row may be changed
/// twice.
fn keys_of_rows(cx: &Cx<'_>, rows: &[Row], key: &[String], at: usize) -> Result<Vec<Vec<Bind>>> {
    if rows.len() < 2 {
        return Ok(Vec::new());
    }
    let mut all = Vec::with_capacity(rows.len());
    for row in rows {
        let mut binds = Vec::with_capacity(key.len());
        for column in key {
            let value = row.columns.iter().find(|(_, folded, _)| folded.eq_ignore_ascii_case(column));
            let Some((.., value)) = value.filter(|(.., value)| !value.is_null()) else { break };
            binds.push(match value.marks.as_slice() {
                [] => Bind::Constant(value.text.clone()),
                [mark] if value.text.chars().eq([MARK]) => mark.bind.clone(),
                _ => {
                    return Err(cx
                        .unsupported("ON CONFLICT DO UPDATE of several rows with computed keys is not supported", at)
                        .hint("Insert the rows one by one."));
                }
            });
        }
        // A row without a value for the key conflicts with none.
        if binds.len() == key.len() {
            all.push(binds);
        }
    }
    Ok(all)
}

/// `key = value AND ..`; `None` when the row leaves a key column NULL or to its default.
fn condition(target: &Target, row: &Row, key: &[String]) -> Result<Option<Frag>> {
    let mut frag = Frag::atom(String::new(), Ty::BOOL);
    for (n, column) in key.iter().enumerate() {
        let Some((text, _, value)) = row.columns.iter().find(|(_, folded, _)| folded.eq_ignore_ascii_case(column))
        else {
            let facts = target.column(column).ok().flatten();
            if facts.is_none_or(|facts| facts.identity || !facts.has_default) {
                return Ok(None);
            }
            return Err(PgError::unsupported(format!(
                "ON CONFLICT needs a value for \"{column}\" in the INSERT: its default is not known"
            )));
        };
        if n > 0 {
            frag.push(&" AND ");
        }
        frag.push(&Frag::cat(&[text, &" = ", &value.clone().within(level::OTHER)], Ty::BOOL));
    }
    Ok(Some(frag))
}

/// The columns a conflict is about; `None` when the statement names none.
fn key(cx: &Cx<'_>, target: &Target, conflict: &SyntaxNode) -> Result<Option<Vec<String>>> {
    let at = usize::from(conflict.text_range().start());
    if let Some(constraint) = nodes::child(conflict, SyntaxKind::CONFLICT_ON_CONSTRAINT) {
        let name =
            names::parts(&constraint).into_iter().next_back().map(|name| names::folded(&name)).unwrap_or_default();
        return constraint_columns(cx, target, &name, at).map(Some);
    }
    let Some(index) = nodes::child(conflict, SyntaxKind::CONFLICT_ON_INDEX) else { return Ok(None) };
    let mut columns = Vec::new();
    for item in index.descendants().filter(|node| node.kind() == SyntaxKind::CONFLICT_INDEX_ITEM) {
        match item.first_child() {
            Some(name) if name.kind() == SyntaxKind::NAME_REF => {
                columns.push(names::folded(&nodes::plain_text(&name)));
            }
            _ => return Err(cx.unsupported("ON CONFLICT over an expression is not supported by IRIS", at)),
        }
    }
    if let Some(facts) = &target.facts {
        let same = |key: &[String]| {
            key.len() == columns.len()
                && key.iter().all(|column| columns.iter().any(|other| other.eq_ignore_ascii_case(column)))
        };
        let is_hidden = facts.rules.keys.iter().any(|key| same(std::slice::from_ref(&key.hidden)));
        if !is_hidden && !same(&facts.primary_key) && !facts.unique_keys.iter().any(|(_, key)| same(key)) {
            return Err(PgError::error(
                SqlState(*b"42P10"),
                "there is no unique or exclusion constraint matching the ON CONFLICT specification",
            )
            .position(nodes::offset(at)));
        }
    }
    Ok(Some(columns))
}

fn constraint_columns(cx: &Cx<'_>, target: &Target, name: &str, at: usize) -> Result<Vec<String>> {
    let Some(facts) = &target.facts else {
        return Err(cx
            .unsupported("ON CONFLICT ON CONSTRAINT needs the table's constraints, which are not known", at)
            .hint("Name the columns: ON CONFLICT (column)."));
    };
    if let Some((_, columns)) = facts.unique_keys.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)) {
        return Ok(columns.clone());
    }
    // PostgreSQL's own name for a primary key without one.
    if name.eq_ignore_ascii_case(&format!("{}_pkey", target.name)) && !facts.primary_key.is_empty() {
        return Ok(facts.primary_key.clone());
    }
    Err(PgError::error(
        SqlState::UNDEFINED_OBJECT,
        format!("constraint \"{name}\" for table \"{}\" does not exist", target.name),
    )
    .position(nodes::offset(at)))
}
