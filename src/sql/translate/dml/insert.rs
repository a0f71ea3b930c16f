//! INSERT.

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::returning;
use super::rows::rows_of_query;
use super::target::Target;
use super::upsert;
use super::written::inserts;
use crate::sql::plan::{Action, Draw, RunIf, ScriptStep, SequenceFunction, StepRole, Translation};
use crate::sql::schema::{ColumnFacts, TableFacts};
use crate::sql::syntax::names;
use crate::sql::syntax::nodes::{self, is_query};
use crate::sql::syntax::tree::expressions;
use crate::sql::translate::context::Result;
use crate::sql::translate::context::cx::Cx;
use crate::sql::translate::context::frag::{Frag, Ty, list};
use crate::sql::translate::context::query::Place;
use crate::sql::translate::value::assign::assigned;
use crate::wire::{PgError, SqlState};

/// One row of VALUES: column as typed for IRIS, folded name, value. Columns that take their default are not in it.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub columns: Vec<(String, String, Frag)>,
    /// A value has a subquery, which IRIS refuses in VALUES (SQLCODE -144).
    pub subquery: bool,
}

/// Marks of one INSERT of several rows. IRIS takes a few thousand; some report trouble beyond a thousand.
const MARKS_MAX: usize = 800;

/// Unique or primary key violation.
pub(crate) const DUPLICATE_KEY: i32 = 119;

pub(crate) fn insert(cx: &Cx<'_>, node: &SyntaxNode) -> Result<Translation> {
    let at = usize::from(node.text_range().start());
    if nodes::child(node, SyntaxKind::WITH_CLAUSE).is_some() {
        return Err(cx
            .unsupported("WITH in front of INSERT is not supported by IRIS", at)
            .hint("Put the WITH clause into the SELECT of the INSERT."));
    }
    if let Some(clause) = node.descendants().find(|child| child.kind() == SyntaxKind::OVERRIDING_USER_VALUE) {
        return Err(cx
            .unsupported("OVERRIDING USER VALUE is not supported", clause.text_range().start().into())
            .hint("Leave the column out."));
    }
    let target = Target::read(cx, node)?;
    target.refuse_ruled(cx, None, at)?;
    let conflict = nodes::child(node, SyntaxKind::ON_CONFLICT_CLAUSE);
    let returned = nodes::child(node, SyntaxKind::RETURNING_CLAUSE);
    let columns = listed_columns(cx, node)?;
    let source = node.children().find(|child| is_query(child.kind()));
    let rows = match &source {
        Some(source) if source.kind() == SyntaxKind::VALUES => Some(rows(cx, &target, columns.as_deref(), source)?),
        Some(source) => match rows_of_query(cx, source)? {
            Some(values) => Some(assigned_rows(cx, &target, columns.as_deref(), values, source)?),
            None => None,
        },
        None if target.facts.iter().any(|facts| draws_beside(facts, &[])) => {
            let mut columns = Vec::new();
            draw_omitted(cx, &target, &mut columns)?;
            Some(vec![Row { columns, subquery: false }])
        }
        None => None,
    };
    if rows.as_ref().map_or(source.is_some(), |rows| rows.len() > 1) {
        target.refuse_own_references(cx, at)?;
    }
    if let Some(rows) = rows {
        if rows.is_empty() && returned.is_none() {
            return Ok(Translation::new(Action::Accepted, "INSERT 0 0"));
        }
        let steps = match (&conflict, &returned) {
            (None, None) => plain(cx, &target, rows),
            (None, Some(returned)) => {
                let mut steps = Vec::new();
                for row in rows {
                    steps.push(insertion(cx, &target, &row));
                    steps.push(returning::inserted(cx, &target, returned)?);
                }
                steps
            }
            (Some(conflict), returned) => upsert::steps(cx, &target, conflict, rows, returned.as_ref())?,
        };
        return Ok(Translation::script(steps, "INSERT 0"));
    }
    let steps = match source {
        Some(source) => {
            if returned.is_some() {
                return Err(cx
                    .unsupported("INSERT .. SELECT .. RETURNING is not supported by IRIS", at)
                    .hint("Insert with VALUES, or read the rows afterwards."));
            }
            if conflict.is_some() {
                return Err(cx
                    .unsupported("INSERT .. SELECT .. ON CONFLICT is not supported by IRIS", at)
                    .hint("Leave out existing rows with WHERE NOT EXISTS (..)."));
            }
            vec![from_query(cx, &target, columns.as_deref(), &source)?]
        }
        None => {
            // DEFAULT VALUES
            let frag = Frag::atom(format!("INSERT INTO {} DEFAULT VALUES", target.text), Ty::Any);
            let mut first = ScriptStep::new(cx.plan(frag, Vec::new(), false), StepRole::Count);
            if conflict.as_ref().is_some_and(upsert::is_do_nothing) {
                first.ignored_sqlcodes.push(DUPLICATE_KEY);
            } else if conflict.is_some() {
                return Err(cx.unsupported("ON CONFLICT DO UPDATE needs VALUES", at));
            }
            let mut steps = vec![first];
            if let Some(returned) = &returned {
                let mut rows = returning::inserted(cx, &target, returned)?;
                rows.run_if = if conflict.is_some() { RunIf::PreviousCountNotZero } else { RunIf::Always };
                steps.push(rows);
            }
            steps
        }
    };
    Ok(Translation::script(steps, "INSERT 0"))
}

fn listed_columns(cx: &Cx<'_>, node: &SyntaxNode) -> Result<Option<Vec<(String, String)>>> {
    let Some(list) = nodes::child(node, SyntaxKind::COLUMN_TARGET_LIST) else { return Ok(None) };
    nodes::children(&list, SyntaxKind::COLUMN_TARGET)
        .map(|column| {
            let typed = Target::column_name(cx, &column)?;
            Ok((names::iris_name(&typed)?, names::folded(&typed)))
        })
        .collect::<Result<Vec<_>>>()
        .map(Some)
}

/// The columns values are for: as listed, or all of the table where it is known. IRIS, unlike PostgreSQL, wants a
/// value for every column that is not listed away.
fn columns_of(target: &Target, listed: Option<&[(String, String)]>, width: usize) -> Option<Vec<(String, String)>> {
    match (listed, &target.facts) {
        (Some(listed), _) => Some(listed.to_vec()),
        (None, Some(facts)) => Some(
            facts
                .columns
                .iter()
                .take(width)
                .map(|column| (names::iris_name_of(&column.name), column.name.clone()))
                .collect(),
        ),
        (None, None) => None,
    }
}

fn rows(cx: &Cx<'_>, target: &Target, listed: Option<&[(String, String)]>, values: &SyntaxNode) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for row in nodes::grandchildren(values, SyntaxKind::ROW_LIST, SyntaxKind::ROW) {
        let values: Vec<SyntaxNode> = expressions(&row).collect();
        let columns = columns_of(target, listed, values.len());
        check_width(columns.as_deref(), values.len(), &row)?;
        let subquery = row.descendants().any(|node| is_query(node.kind()));
        let mut filled = Vec::new();
        for (n, value) in values.iter().enumerate() {
            let (text, folded) = columns.as_ref().and_then(|columns| columns.get(n)).cloned().unwrap_or_default();
            if is_default(value) {
                if columns.is_none() {
                    return Err(cx.unsupported(
                        "DEFAULT without a column list needs the table's columns, which are not known",
                        value.text_range().start().into(),
                    ));
                }
                continue;
            }
            let facts = if folded.is_empty() { None } else { target.column(&folded)? };
            cx.may_draw.set(true);
            let read = cx.value(value);
            cx.may_draw.set(false);
            let value = assigned(cx, read?, facts)?;
            filled.push((text, folded, value));
        }
        draw_omitted(cx, target, &mut filled)?;
        rows.push(Row { columns: filled, subquery });
    }
    Ok(rows)
}

/// Rows that were computed, into their columns.
fn assigned_rows(
    cx: &Cx<'_>,
    target: &Target,
    listed: Option<&[(String, String)]>,
    rows: Vec<Vec<Frag>>,
    source: &SyntaxNode,
) -> Result<Vec<Row>> {
    let subquery = source
        .descendants()
        .filter(|node| matches!(node.kind(), SyntaxKind::PAREN_EXPR | SyntaxKind::EXISTS_FN))
        .any(|node| node.children().any(|child| is_query(child.kind())));
    rows.into_iter()
        .map(|values| {
            let columns = columns_of(target, listed, values.len());
            check_width(columns.as_deref(), values.len(), source)?;
            let mut filled = Vec::new();
            for (n, value) in values.into_iter().enumerate() {
                let (text, folded) = columns.as_ref().and_then(|columns| columns.get(n)).cloned().unwrap_or_default();
                let facts = if folded.is_empty() { None } else { target.column(&folded)? };
                filled.push((text, folded, assigned(cx, value, facts)?));
            }
            draw_omitted(cx, target, &mut filled)?;
            Ok(Row { columns: filled, subquery })
        })
        .collect()
}

/// What IRIS has no default for: columns that take the next value of a sequence.
fn draw_omitted(cx: &Cx<'_>, target: &Target, filled: &mut Vec<(String, String, Frag)>) -> Result<()> {
    for column in target.facts.iter().flat_map(|facts| &facts.columns) {
        let Some(name) = &column.draws else { continue };
        // Without names the values are for the first columns.
        let is_given = filled.iter().any(|(_, folded, _)| folded.eq_ignore_ascii_case(&column.name));
        if !is_given {
            let value = cx.drawn(None, Draw { function: SequenceFunction::Next, name: name.clone() });
            let value = assigned(cx, value, Some(column))?;
            filled.push((names::iris_name_of(&column.name), column.name.clone(), value));
        }
    }
    Ok(())
}

/// Whether a column that takes the next value of a sequence is not among those that are listed.
pub(crate) fn draws_beside(facts: &TableFacts, listed: &[&str]) -> bool {
    let mut drawing = facts.columns.iter().filter(|column| column.draws.is_some());
    drawing.any(|column| !listed.iter().any(|name| name.eq_ignore_ascii_case(&column.name)))
}

fn check_width(columns: Option<&[(String, String)]>, width: usize, at: &SyntaxNode) -> Result<()> {
    let message = match columns {
        Some(columns) if columns.len() < width => "INSERT has more expressions than target columns",
        Some(columns) if columns.len() > width => "INSERT has more target columns than expressions",
        _ => return Ok(()),
    };
    Err(PgError::error(SqlState::SYNTAX_ERROR, message).position(nodes::offset(at.text_range().start().into())))
}

pub(crate) fn is_default(node: &SyntaxNode) -> bool {
    let only = node.first_token().filter(|token| token.text_range() == node.text_range());
    only.is_some_and(|token| token.kind() == SyntaxKind::DEFAULT_KW)
}

fn head(target: &Target, row: &Row) -> String {
    let columns: Vec<&str> =
        row.columns.iter().map(|(text, ..)| text.as_str()).filter(|text| !text.is_empty()).collect();
    if columns.is_empty() {
        format!("INSERT INTO {} ", target.text)
    } else {
        format!("INSERT INTO {} ({}) ", target.text, columns.join(", "))
    }
}

/// `INSERT INTO t (a, b) VALUES (..)`
fn one_row(target: &Target, row: &Row) -> Frag {
    let values: Vec<Frag> = row.columns.iter().map(|(.., value)| value.clone()).collect();
    if values.is_empty() {
        return Frag::atom(format!("INSERT INTO {} DEFAULT VALUES", target.text), Ty::Any);
    }
    if row.subquery {
        return Frag::cat(&[&head(target, row), &"SELECT ", &list(&values)], Ty::Any);
    }
    Frag::cat(&[&head(target, row), &"VALUES (", &list(&values), &")"], Ty::Any)
}

/// The step of [`one_row`].
pub(crate) fn insertion(cx: &Cx<'_>, target: &Target, row: &Row) -> ScriptStep {
    let plan = cx.plan(one_row(target, row), Vec::new(), false);
    ScriptStep::new(inserts(plan, target, std::slice::from_ref(row)), StepRole::Count)
}

/// As few statements as the bound on marks allows; rows with different columns or with subqueries go alone.
fn plain(cx: &Cx<'_>, target: &Target, rows: Vec<Row>) -> Vec<ScriptStep> {
    let mut steps = Vec::new();
    let mut batch: Vec<Row> = Vec::new();
    let mut marks = 0;
    let mut flush = |batch: &mut Vec<Row>| {
        let frag = match batch.as_slice() {
            [] => return,
            [only] => one_row(target, only),
            [first, rest @ ..] => {
                let mut frag = one_row(target, first);
                for row in rest {
                    let values: Vec<Frag> = row.columns.iter().map(|(.., value)| value.clone()).collect();
                    frag.push(&", (");
                    frag.push(&list(&values));
                    frag.push(&")");
                }
                frag
            }
        };
        let plan = inserts(cx.plan(frag, Vec::new(), false), target, batch);
        steps.push(ScriptStep::new(plan, StepRole::Count));
        batch.clear();
    };
    for row in rows {
        let more: usize = row.columns.iter().map(|(.., value)| value.marks.len()).sum();
        let alike = batch.first().is_none_or(|first| {
            !first.subquery
                && !row.subquery
                && !first.columns.is_empty()
                && first.columns.iter().map(|(text, ..)| text).eq(row.columns.iter().map(|(text, ..)| text))
        });
        if !batch.is_empty() && (!alike || marks + more > MARKS_MAX) {
            flush(&mut batch);
            marks = 0;
        }
        marks += more;
        batch.push(row);
    }
    flush(&mut batch);
    steps
}

/// Whether a query shows something: IRIS has no row without a column, and gives one that nobody asked for.
fn has_columns(query: &SyntaxNode) -> bool {
    match query.kind() {
        SyntaxKind::SELECT => nodes::child(query, SyntaxKind::SELECT_CLAUSE).is_some_and(|clause| {
            !nodes::grandchildren(&clause, SyntaxKind::TARGET_LIST, SyntaxKind::TARGET).is_empty()
        }),
        SyntaxKind::COMPOUND_SELECT | SyntaxKind::PAREN_SELECT => {
            query.children().find(|child| is_query(child.kind())).is_none_or(|first| has_columns(&first))
        }
        _ => true,
    }
}

/// The facts of the columns that get values, where the table is known.
fn assigned_columns(target: &Target, listed: Option<&[(String, String)]>) -> Result<Option<Vec<ColumnFacts>>> {
    let Some(facts) = &target.facts else { return Ok(None) };
    match listed {
        Some(listed) => listed.iter().map(|(_, folded)| Ok(target.column(folded)?.cloned())).collect(),
        None => Ok(Some(facts.columns.clone())),
    }
}

fn from_query(
    cx: &Cx<'_>,
    target: &Target,
    listed: Option<&[(String, String)]>,
    source: &SyntaxNode,
) -> Result<ScriptStep> {
    let at = usize::from(source.text_range().start());
    if !has_columns(source) {
        return Err(cx
            .unsupported("INSERT of a query without columns is not supported by IRIS", at)
            .hint("Use INSERT .. DEFAULT VALUES."));
    }
    cx.expands.set(true);
    let query = cx.query(source, Place::Inner, None);
    cx.expands.set(false);
    let query = match assigned_columns(target, listed)? {
        Some(columns) => cx.assigned_query(query?, &columns, at)?,
        None => query?,
    };
    let width = query.shape.as_ref().map(Vec::len);
    if let Some(facts) = &target.facts {
        let names: Vec<&str> = match listed {
            Some(listed) => listed.iter().map(|(_, folded)| folded.as_str()).collect(),
            None => facts.columns.iter().take(width.unwrap_or(0)).map(|column| column.name.as_str()).collect(),
        };
        if draws_beside(facts, &names) {
            return Err(
                cx.unsupported("INSERT of a query into a table that takes values of a sequence is not IRIS's", at)
            );
        }
    }
    let columns = match (listed, width) {
        (Some(listed), _) => Some(listed.to_vec()),
        (None, Some(width)) => columns_of(target, None, width),
        (None, None) => None,
    };
    let head = match columns {
        Some(columns) => {
            let columns: Vec<&str> = columns.iter().map(|(text, _)| text.as_str()).collect();
            format!("INSERT INTO {} ({}) ", target.text, columns.join(", "))
        }
        None => format!("INSERT INTO {} ", target.text),
    };
    let frag = Frag::cat(&[&head, &query.frag], Ty::Any);
    Ok(ScriptStep::new(cx.plan(frag, Vec::new(), false), StepRole::Count))
}
