//! UNION, INTERSECT, EXCEPT and VALUES.

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::select::Target;
use super::{Place, Query};
use crate::sql::plan::OutputColumn;
use crate::sql::translate::cx::{self, Column, Cx, Result};
use crate::sql::translate::expr::{common_type, expressions, stream_refused};
use crate::sql::translate::frag::{Frag, Ty, list};
use crate::sql::translate::names;
use crate::wire::{PgError, SqlState};

impl Cx<'_> {
    pub(super) fn set_operation(&self, node: &SyntaxNode, place: Place, names: Option<&[String]>) -> Result<Query> {
        let ctes = self.ctes.borrow().len();
        let with = match cx::child(node, SyntaxKind::WITH_CLAUSE) {
            Some(with) => Some(self.with(&with)?),
            None => None,
        };
        let result = self.legs(node, place, names);
        self.ctes.borrow_mut().truncate(ctes);
        let mut query = result?;
        if let Some(with) = with {
            query.frag = Frag::cat(&[&with, &query.frag], Ty::Any);
        }
        Ok(query)
    }

    fn legs(&self, node: &SyntaxNode, place: Place, names: Option<&[String]>) -> Result<Query> {
        let at = usize::from(node.text_range().start());
        let mut children = node.children().filter(|child| child.kind() != SyntaxKind::WITH_CLAUSE);
        let (Some(left), Some(operator), Some(right)) = (children.next(), children.next(), children.next()) else {
            return Err(self.unsupported("incomplete set operation", at));
        };
        let word = match operator.kind() {
            SyntaxKind::UNION => "UNION",
            SyntaxKind::INTERSECT => "INTERSECT",
            SyntaxKind::EXCEPT => "EXCEPT",
            _ => return Err(self.unsupported("this set operation is not supported by IRIS", at)),
        };
        let all = if cx::child(&operator, SyntaxKind::ALL).is_some() { " ALL" } else { "" };
        // The first leg names the columns, so a table's rules for names hold there only.
        let first = if place == Place::Table { Place::Table } else { Place::Inner };
        let a = self.query(&left, first, names)?;
        let b = self.query(&right, Place::Inner, None)?;
        let grouped = |query: Frag, leg: &SyntaxNode, is_right: bool| {
            let mixed = leg.kind() == SyntaxKind::COMPOUND_SELECT
                && (is_right || leg.children().nth(1).is_none_or(|op| op.kind() != operator.kind()));
            if mixed { query.parenthesised() } else { query }
        };
        let limit = self.limit(node)?;
        let order = cx::child(node, SyntaxKind::ORDER_BY_CLAUSE);
        let mut frag = Frag::cat(
            &[&grouped(a.frag, &left, false), &" ", &word, &all, &" ", &grouped(b.frag, &right, true)],
            Ty::Any,
        );
        let mut columns = a.shape.iter().chain(&b.shape).flatten();
        if let Some(column) = columns.find(|column| column.is_stream) {
            return Err(stream_refused(&column.name, at));
        }
        let shape = merged(a.shape.as_deref(), b.shape.as_deref(), at)?;
        if all.is_empty() {
            for column in shape.iter().flatten() {
                self.grouped(Frag::atom("", column.ty).exact())?;
            }
        }
        if let Some(order) = &order {
            if place != Place::Top {
                return Err(self.unsupported(
                    "ORDER BY of a set operation inside a query is not supported by IRIS",
                    order.text_range().start().into(),
                ));
            }
            frag.push(&" ");
            frag.push(&self.order_of_set(order, shape.as_deref())?);
        }
        frag.push(&limit.clause());
        let columns = match &shape {
            Some(shape) => shape
                .iter()
                .map(|column| OutputColumn::Column {
                    label: Some(column.name.clone()),
                    pg_type: column.ty.described(),
                    cast_from: None,
                })
                .collect(),
            None => a.columns,
        };
        Ok(Query { frag, columns, shape })
    }

    /// Only columns of the result can be sorted by, by name or number; so no test on NULL can stand in front.
    fn order_of_set(&self, clause: &SyntaxNode, shape: Option<&[Column]>) -> Result<Frag> {
        let mut keys = Vec::new();
        for item in cx::grandchildren(clause, SyntaxKind::SORT_BY_LIST, SyntaxKind::SORT_BY) {
            let at = usize::from(item.text_range().start());
            let Some(value) = item.first_child() else { continue };
            let direction = if cx::child(&item, SyntaxKind::SORT_DESC).is_some() { " DESC" } else { "" };
            let value = cx::unwrapped(&value);
            let text = match value.kind() {
                SyntaxKind::LITERAL => match self.constant_integer(&value) {
                    Some(n)
                        if shape.is_none_or(|shape| usize::try_from(n).is_ok_and(|n| n >= 1 && n <= shape.len())) =>
                    {
                        n.to_string()
                    }
                    _ => {
                        return Err(PgError::error(SqlState(*b"42P10"), "ORDER BY position is not in select list")
                            .position(cx::offset(at)));
                    }
                },
                SyntaxKind::NAME_REF => names::iris_name(&cx::plain_text(&value))?,
                _ => {
                    return Err(PgError::unsupported("invalid UNION/INTERSECT/EXCEPT ORDER BY clause")
                        .detail("Only result column names can be used, not expressions or functions.")
                        .position(cx::offset(at)));
                }
            };
            keys.push(Frag::atom(format!("{text}{direction}"), Ty::Any));
        }
        Ok(Frag::cat(&[&"ORDER BY ", &list(&keys)], Ty::Any))
    }

    /// `VALUES (..), (..)`: IRIS has it in INSERT only.
    pub(super) fn values(&self, node: &SyntaxNode, names: Option<&[String]>) -> Result<Query> {
        let at = usize::from(node.text_range().start());
        let rows = cx::grandchildren(node, SyntaxKind::ROW_LIST, SyntaxKind::ROW);
        let mut values = Vec::new();
        for row in &rows {
            let row = expressions(row).map(|value| self.value(&value)).collect::<Result<Vec<_>>>()?;
            if values.first().is_some_and(|first: &Vec<Frag>| first.len() != row.len()) {
                return Err(PgError::error(SqlState::SYNTAX_ERROR, "VALUES lists must all be the same length")
                    .position(cx::offset(at)));
            }
            values.push(row);
        }
        let width = values.first().map_or(0, Vec::len);
        let types: Vec<Ty> =
            (0..width).map(|n| common_type(values.iter().filter_map(|row| row.get(n)).map(|value| value.ty))).collect();
        let mut frag = Frag::atom(String::new(), Ty::Any);
        let mut shape = Vec::new();
        for (row_number, row) in values.into_iter().enumerate() {
            if row_number > 0 {
                frag.push(&" UNION ALL ");
            }
            frag.push(&"SELECT ");
            let mut targets = Vec::new();
            for (n, value) in row.into_iter().enumerate() {
                let ty = types.get(n).copied().unwrap_or(Ty::Any);
                let value = match ty {
                    Ty::Known(pg_type) => self.coerce(value, pg_type),
                    _ => value,
                };
                let name = names.and_then(|names| names.get(n)).cloned().unwrap_or_else(|| format!("column{}", n + 1));
                if row_number == 0 {
                    shape.push(Column {
                        name: names::folded(&name),
                        ty,
                        nullable: true,
                        enum_type: None,
                        is_stream: false,
                        is_exact: false,
                    });
                }
                let alias = if row_number == 0 { Some(names::iris_name(&name)?) } else { None };
                let nullable = !value.not_null;
                targets.push(
                    Target { frag: value, label: name, alias, node: None, nullable, enum_type: None, cast_to: None }
                        .render(),
                );
            }
            frag.push(&list(&targets));
        }
        for row in cx::children(node, SyntaxKind::ORDER_BY_CLAUSE) {
            frag.push(&" ");
            frag.push(&self.order_of_set(&row, Some(&shape))?);
        }
        frag.push(&self.limit(node)?.clause());
        let columns = shape
            .iter()
            .map(|column| OutputColumn::Column {
                label: Some(column.name.clone()),
                pg_type: column.ty.described(),
                cast_from: None,
            })
            .collect();
        Ok(Query { frag, columns, shape: Some(shape) })
    }
}

fn merged(a: Option<&[Column]>, b: Option<&[Column]>, at: usize) -> Result<Option<Vec<Column>>> {
    let (Some(a), Some(b)) = (a, b) else { return Ok(None) };
    if a.len() != b.len() {
        return Err(PgError::error(SqlState::SYNTAX_ERROR, "each UNION query must have the same number of columns")
            .position(cx::offset(at)));
    }
    let columns = a.iter().zip(b).map(|(a, b)| Column {
        name: a.name.clone(),
        ty: common_type([a.ty, b.ty]),
        nullable: a.nullable || b.nullable,
        enum_type: a.enum_type.clone().filter(|_| a.enum_type == b.enum_type),
        is_stream: false,
        is_exact: a.is_exact && b.is_exact,
    });
    Ok(Some(columns.collect()))
}
