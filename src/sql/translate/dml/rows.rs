//! Queries that are only another spelling of VALUES. SQLAlchemy inserts many rows by
//! `INSERT .. SELECT p0::text FROM (VALUES ($1, 0), ($2, 1)) AS s(p0, n) ORDER BY n`, Django by
//! `INSERT .. SELECT * FROM UNNEST('{..}'::text[], '{..}'::int[])`: to keep the order of RETURNING and to save parameters.

use squawk_syntax::{SyntaxKind, SyntaxNode};

use crate::sql::syntax::names;
use crate::sql::syntax::nodes::{self, arguments};
use crate::sql::syntax::tree::expressions;
use crate::sql::translate::context::Result;
use crate::sql::translate::context::cx::Cx;
use crate::sql::translate::context::frag::{Frag, Ty, level};
use crate::sql::translate::context::scope::{Column, Relation};
use crate::sql::translate::query::from::{Alias, alias};

/// The rows of such a query; `None` for every other.
pub(crate) fn rows_of_query(cx: &Cx<'_>, query: &SyntaxNode) -> Result<Option<Vec<Vec<Frag>>>> {
    let plain = [SyntaxKind::SELECT_CLAUSE, SyntaxKind::FROM_CLAUSE, SyntaxKind::ORDER_BY_CLAUSE];
    if query.kind() != SyntaxKind::SELECT || query.children().any(|child| !plain.contains(&child.kind())) {
        return Ok(None);
    }
    let Some(clause) = nodes::child(query, SyntaxKind::SELECT_CLAUSE) else { return Ok(None) };
    let Some(targets) = nodes::child(&clause, SyntaxKind::TARGET_LIST) else { return Ok(None) };
    if nodes::child(&clause, SyntaxKind::DISTINCT_CLAUSE).is_some() {
        return Ok(None);
    }
    let Some(source) = source(cx, query)? else { return Ok(None) };
    if let Some(order) = nodes::child(query, SyntaxKind::ORDER_BY_CLAUSE)
        && !is_in_order(cx, &order, &source)
    {
        return Ok(None);
    }
    let mut rows = Vec::new();
    for values in source.rows {
        let pairs = source.columns.iter().cloned().zip(values.iter().map(|value| value.clone().within(level::ATOM)));
        let before = cx.substituted.replace(pairs.collect());
        let row = cx.scoped(vec![source.relation.clone()], || target_values(cx, &targets, &values));
        cx.substituted.replace(before);
        match row? {
            Some(row) => rows.push(row),
            None => return Ok(None),
        }
    }
    Ok(Some(rows))
}

struct Source {
    relation: Relation,
    columns: Vec<String>,
    rows: Vec<Vec<Frag>>,
    /// The nodes of VALUES, to see whether they are in order already.
    nodes: Vec<Vec<SyntaxNode>>,
}

fn source(cx: &Cx<'_>, query: &SyntaxNode) -> Result<Option<Source>> {
    let Some(from) = nodes::child(query, SyntaxKind::FROM_CLAUSE) else { return Ok(None) };
    let mut items = from.children();
    let (Some(item), None) = (items.next(), items.next()) else { return Ok(None) };
    let alias = alias(&item);
    let (rows, nodes, default): (Vec<Vec<Frag>>, Vec<Vec<SyntaxNode>>, &str) = match item.kind() {
        SyntaxKind::PAREN_FROM_ITEM => {
            let values = nodes::child(&item, SyntaxKind::PAREN_SELECT).and_then(|inner| inner.first_child());
            let Some(values) = values.filter(|values| values.kind() == SyntaxKind::VALUES) else { return Ok(None) };
            if values.children().any(|child| child.kind() != SyntaxKind::ROW_LIST) {
                return Ok(None);
            }
            let nodes: Vec<Vec<SyntaxNode>> = nodes::grandchildren(&values, SyntaxKind::ROW_LIST, SyntaxKind::ROW)
                .iter()
                .map(|row| expressions(row).collect())
                .collect();
            let rows = nodes
                .iter()
                .map(|row| row.iter().map(|value| cx.value(value)).collect::<Result<Vec<_>>>())
                .collect::<Result<Vec<_>>>()?;
            (rows, nodes, "column")
        }
        SyntaxKind::FUNCTION_FROM_ITEM => match unnested(cx, &item)? {
            Some(rows) => (rows, Vec::new(), "unnest"),
            None => return Ok(None),
        },
        _ => return Ok(None),
    };
    let width = rows.first().map_or(0, Vec::len);
    if rows.iter().any(|row| row.len() != width) {
        return Ok(None);
    }
    let columns = column_names(alias.as_ref(), default, width);
    let name = alias.map_or_else(|| default.to_owned(), |alias| names::folded(&alias.name));
    let known = columns.iter().map(|name| Column::new(name.clone(), Ty::Any, true)).collect();
    let relation = Relation::new(name, String::new(), Some(known));
    Ok(Some(Source { relation, columns, rows, nodes }))
}

fn column_names(alias: Option<&Alias>, default: &str, width: usize) -> Vec<String> {
    (0..width)
        .map(|n| match alias.and_then(|alias| alias.columns.get(n)) {
            Some(name) => names::folded(name),
            None if default == "column" => format!("column{}", n + 1),
            None => default.to_owned(),
        })
        .collect()
}

/// `UNNEST(array, array)` of constants: row by row, NULL where an array is shorter.
fn unnested(cx: &Cx<'_>, item: &SyntaxNode) -> Result<Option<Vec<Vec<Frag>>>> {
    let Some(call) = nodes::child(item, SyntaxKind::CALL_EXPR) else { return Ok(None) };
    let name = call.first_child().map(|name| names::parts(&name)).unwrap_or_default();
    if name.last().is_none_or(|name| !name.eq_ignore_ascii_case("unnest")) {
        return Ok(None);
    }
    if item.children_with_tokens().any(|element| element.kind() == SyntaxKind::WITH_ORDINALITY) {
        return Ok(None);
    }
    let mut arrays = Vec::new();
    for argument in arguments(&call) {
        match cx.array_items(&argument)? {
            Some(items) => arrays.push(items),
            None => return Ok(None),
        }
    }
    let length = arrays.iter().map(Vec::len).max().unwrap_or(0);
    let row = |n: usize| {
        arrays.iter().map(|items| items.get(n).cloned().unwrap_or_else(|| Frag::atom("NULL", Ty::Untyped))).collect()
    };
    Ok(Some((0..length).map(row).collect()))
}

/// What the select list makes of one row; `*` is all of it.
fn target_values(cx: &Cx<'_>, targets: &SyntaxNode, row: &[Frag]) -> Result<Option<Vec<Frag>>> {
    let mut values = Vec::new();
    for target in nodes::children(targets, SyntaxKind::TARGET) {
        if nodes::has_token(&target, SyntaxKind::STAR) {
            values.extend_from_slice(row);
            continue;
        }
        match target.first_child() {
            Some(value) if value.kind() == SyntaxKind::FIELD_EXPR && nodes::has_token(&value, SyntaxKind::STAR) => {
                values.extend_from_slice(row);
            }
            Some(value) => values.push(cx.value(&value)?),
            None => return Ok(None),
        }
    }
    Ok(Some(values))
}

/// Whether ORDER BY is by one column of VALUES whose constants ascend.
fn is_in_order(cx: &Cx<'_>, order: &SyntaxNode, source: &Source) -> bool {
    let keys = nodes::grandchildren(order, SyntaxKind::SORT_BY_LIST, SyntaxKind::SORT_BY);
    let [key] = keys.as_slice() else { return false };
    if nodes::child(key, SyntaxKind::SORT_DESC).is_some() {
        return false;
    }
    let name = key.first_child().map(|name| names::parts(&name)).unwrap_or_default();
    let Some(name) = name.last().map(|name| names::folded(name)) else { return false };
    let Some(column) = source.columns.iter().position(|column| *column == name) else { return false };
    let numbers: Option<Vec<i64>> =
        source.nodes.iter().map(|row| row.get(column).and_then(|value| cx.constant_integer(value))).collect();
    numbers.is_some_and(|numbers| !numbers.is_empty() && numbers.is_sorted())
}
