//! UNION, INTERSECT, EXCEPT and VALUES.

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::outer::Outer;
use crate::sql::plan::OutputColumn;
use crate::sql::schema::VectorElement;
use crate::sql::syntax::names;
use crate::sql::syntax::nodes;
use crate::sql::syntax::tree::expressions;
use crate::sql::translate::context::Result;
use crate::sql::translate::context::cx::{Cx, stream_refused};
use crate::sql::translate::context::frag::{Frag, Ty, list};
use crate::sql::translate::context::query::{Parts, Place, Query};
use crate::sql::translate::context::scope::Column;
use crate::sql::translate::context::target::{Target, outputs};
use crate::sql::translate::value::sort_key::SortKey;
use crate::sql::translate::value::types::common_type;
use crate::types::Oid;
use crate::wire::{PgError, SqlState};

impl Cx<'_> {
    pub(crate) fn set_operation(&self, node: &SyntaxNode, place: Place, names: Option<&[String]>) -> Result<Query> {
        let at = usize::from(node.text_range().start());
        let mut children = node.children();
        let (Some(left), Some(operator), Some(right)) = (children.next(), children.next(), children.next()) else {
            return Err(self.unsupported("incomplete set operation", at));
        };
        let word = match operator.kind() {
            SyntaxKind::UNION => "UNION",
            SyntaxKind::INTERSECT => "INTERSECT",
            SyntaxKind::EXCEPT => "EXCEPT",
            _ => return Err(self.unsupported("this set operation is not supported by IRIS", at)),
        };
        let all = nodes::child(&operator, SyntaxKind::ALL).is_some();
        // The first leg names the columns.
        let mut a = self.query(&left, Place::Leg, names)?;
        let mut b = self.query(&right, Place::Leg, None)?;
        let told = outputs_of(&a);
        let mut shown = a.shape.iter().chain(&b.shape).flatten();
        if let Some(column) = shown.find(|column| column.is_stream) {
            return Err(stream_refused(&column.name, at));
        }
        let shape = merged(a.shape.as_deref(), b.shape.as_deref(), at)?;
        if !all || word != "UNION" {
            for column in shape.iter().flatten() {
                self.grouped(Frag::atom("", column.ty).exact())?;
            }
        }
        if let Some(shape) = &shape {
            let is_unsized =
                |column: &Column| matches!(column.ty, Ty::Known(ty) if ty.oid == Oid::BPCHAR && ty.typmod < 0);
            if !(all && word == "UNION") && shape.iter().any(is_unsized) {
                return Err(self
                    .unsupported(format!("{word} of character values of several lengths is not supported"), at)
                    .hint("Cast the values to text."));
            }
            let types: Vec<Ty> = shape.iter().map(|column| column.ty).collect();
            a = self.in_types(a, &types, at)?;
            b = self.in_types(b, &types, at)?;
        }
        let columns = match &shape {
            Some(shape) => outputs(&targets_of(shape), place),
            None if place == Place::Table => Vec::new(),
            None => told,
        };
        if all && word != "UNION" {
            let Some(shape) = shape else { return Err(self.unknown_columns(word, at)) };
            let query = self.with_multiplicity(word, a, b, &shape, at)?;
            return self.ordered(node, place, query, &shape, columns);
        }
        if place == Place::Table {
            a = a.labelled();
        }
        let is_grouped = |leg: &SyntaxNode, is_right: bool| {
            leg.kind() == SyntaxKind::COMPOUND_SELECT
                && (is_right || leg.children().nth(1).is_none_or(|op| op.kind() != operator.kind()))
        };
        let word = if all { "UNION ALL" } else { word };
        let right_frag = if is_grouped(&right, true) { b.frag.parenthesised() } else { b.frag };
        let tail = Frag::cat(&[&" ", &word, &" ", &right_frag], Ty::Any);
        let named = a.shape.clone();
        let mut query = Query::joined(a, is_grouped(&left, false), tail);
        let Some(mut shape) = shape else {
            if nodes::clause(node, SyntaxKind::ORDER_BY_CLAUSE).is_some() {
                return Err(self.unknown_columns("ORDER BY of a set operation", at));
            }
            query.frag.push(&self.limit(node)?.clause());
            return Ok(Query { columns, ..Query::of_text(query.frag, Parts::Text) });
        };
        for (column, named) in shape.iter_mut().zip(named.into_iter().flatten()) {
            column.iris_text = named.iris_text;
        }
        query.shape = Some(shape.clone());
        self.ordered(node, place, query, &shape, columns)
    }

    pub(crate) fn unknown_columns(&self, what: &str, at: usize) -> Box<PgError> {
        self.unsupported(format!("{what} needs the columns of its queries, which are not known"), at)
            .hint("Name the columns.")
    }

    /// EXCEPT ALL and INTERSECT ALL, which IRIS lacks: the n-th of equal rows meets the n-th of equal rows.
    fn with_multiplicity(&self, word: &str, a: Query, b: Query, shape: &[Column], at: usize) -> Result<Query> {
        let numbered = |query: Query| {
            let (query, names) = query.named().ok_or_else(|| self.unknown_columns(word, at))?;
            let names_text = names.join(", ");
            let frag = Frag::cat(
                &[
                    &"SELECT ",
                    &names_text,
                    &", ROW_NUMBER() OVER (PARTITION BY ",
                    &names_text,
                    &") AS pgw_n FROM (",
                    &query.frag,
                    &") pgw",
                ],
                Ty::Any,
            );
            Ok::<_, Box<PgError>>((frag, names))
        };
        let (a, names) = numbered(a)?;
        let (b, _) = numbered(b)?;
        let mut targets = targets_of(shape);
        for (n, (target, name)) in targets.iter_mut().zip(names).enumerate() {
            target.alias = Some(named_or(target, n));
            target.frag.text = name;
        }
        let tail = Frag::cat(&[&" FROM (", &a, &" ", &word, &" ", &b, &") pgw"], Ty::Any);
        Ok(Query::of_parts(Frag::atom("SELECT ", Ty::Any), targets, tail))
    }

    /// ORDER BY, LIMIT and OFFSET behind rows whose columns are those of `shape`.
    pub(crate) fn ordered(
        &self,
        node: &SyntaxNode,
        place: Place,
        query: Query,
        shape: &[Column],
        columns: Vec<OutputColumn>,
    ) -> Result<Query> {
        let limit = self.limit(node)?;
        let keys = self.keys_of_set(node, shape)?;
        for key in &keys {
            self.sorted(Frag::atom(String::new(), key.value.ty))?;
        }
        let shown = query.shape.clone().or_else(|| Some(shape.to_vec()));
        if keys.is_empty() && limit.is_none() {
            return Ok(Query { columns, shape: shown, ..query });
        }
        // Behind a select list in parentheses or FROM, ORDER BY would be that one's.
        let is_joined = matches!(query.parts, Parts::Joined { .. } | Parts::Named(_));
        if keys.is_empty() || (place == Place::Top && is_joined && keys.iter().all(SortKey::is_plain)) {
            let mut frag = query.frag;
            let texts: Vec<Frag> = keys.iter().map(SortKey::render).collect();
            if !texts.is_empty() {
                frag.push(&" ORDER BY ");
                frag.push(&list(&texts));
            }
            frag.push(&limit.clause());
            let names = shown.iter().flatten().map(Column::iris_name).collect();
            let parts = if place == Place::Table { Parts::Named(names) } else { Parts::Text };
            return Ok(Query { columns, shape: shown, ..Query::of_text(frag, parts) });
        }
        let at = usize::from(node.text_range().start());
        let Some((inner, names)) = query.named() else { return Err(self.unknown_columns("ORDER BY", at)) };
        let keys = keys
            .into_iter()
            .map(|key| {
                let name = key.target.and_then(|n| names.get(n)).cloned().unwrap_or_default();
                let column = Frag { not_null: key.value.not_null, ..Frag::atom(name, key.value.ty) };
                SortKey { value: column.clone(), text: column, ..key }
            })
            .collect();
        let mut targets = targets_of(shape);
        for (n, target) in targets.iter_mut().enumerate() {
            target.alias = Some(named_or(target, n));
        }
        let values = names.iter().map(|name| Frag::atom(name.clone(), Ty::Any)).collect();
        let outer = Outer {
            targets: &targets,
            values,
            inner: inner.frag,
            inner_names: names,
            filter: None,
            keys,
            limit: &limit,
            place,
        };
        let (head, targets, tail) = outer.parts();
        Ok(Query { columns, ..Query::of_parts(head, targets, tail) })
    }

    /// Only columns of the result can be sorted by, by name or number. As texts they are numbers.
    fn keys_of_set(&self, node: &SyntaxNode, shape: &[Column]) -> Result<Vec<SortKey>> {
        let Some(clause) = nodes::clause(node, SyntaxKind::ORDER_BY_CLAUSE) else { return Ok(Vec::new()) };
        let items = nodes::grandchildren(&clause, SyntaxKind::SORT_BY_LIST, SyntaxKind::SORT_BY);
        items.iter().map(|item| self.key_of_set(item, shape)).collect()
    }

    fn key_of_set(&self, item: &SyntaxNode, shape: &[Column]) -> Result<SortKey> {
        let at = usize::from(item.text_range().start());
        let (descending, nulls_first) = self.direction(item)?;
        let value = item.first_child().map(|value| nodes::unwrapped(&value));
        let number = match &value {
            Some(value) if value.kind() == SyntaxKind::LITERAL => {
                let n = self.constant_integer(value).and_then(|n| usize::try_from(n).ok()?.checked_sub(1));
                match n.filter(|n| *n < shape.len()) {
                    Some(n) => Some(n),
                    None => {
                        return Err(PgError::error(SqlState(*b"42P10"), "ORDER BY position is not in select list")
                            .position(nodes::offset(at)));
                    }
                }
            }
            Some(value) if value.kind() == SyntaxKind::NAME_REF => {
                let name = names::folded(&nodes::plain_text(value));
                shape.iter().position(|column| column.name == name)
            }
            _ => None,
        };
        let Some((n, column)) = number.and_then(|n| Some((n, shape.get(n)?))) else {
            return Err(PgError::unsupported("invalid UNION/INTERSECT/EXCEPT ORDER BY clause")
                .detail("Only result column names can be used, not expressions or functions.")
                .position(nodes::offset(at)));
        };
        let mut value = Frag::atom((n + 1).to_string(), column.ty);
        value.not_null = !column.nullable;
        Ok(SortKey { text: value.clone(), value, descending, nulls_first, target: Some(n), is_inner: false })
    }

    pub(crate) fn values(&self, node: &SyntaxNode, place: Place, names: Option<&[String]>) -> Result<Query> {
        let mut values: Vec<Vec<Frag>> = Vec::new();
        for row in nodes::grandchildren(node, SyntaxKind::ROW_LIST, SyntaxKind::ROW) {
            let at = usize::from(row.text_range().start());
            let row = expressions(&row).map(|value| self.value(&value)).collect::<Result<Vec<_>>>()?;
            if values.first().is_some_and(|first| first.len() != row.len()) {
                return Err(PgError::error(SqlState::SYNTAX_ERROR, "VALUES lists must all be the same length")
                    .position(nodes::offset(at)));
            }
            values.push(row);
        }
        let rows = values.len();
        let width = values.first().map_or(0, Vec::len);
        let types: Vec<Ty> =
            (0..width).map(|n| common_type(values.iter().filter_map(|row| row.get(n)).map(|value| value.ty))).collect();
        let mut frag = Frag::atom(String::new(), Ty::Any);
        let mut shape: Vec<Column> = Vec::new();
        for (row_number, row) in values.into_iter().enumerate() {
            if row_number > 0 {
                frag.push(&" UNION ALL ");
            }
            frag.push(&"SELECT ");
            let mut rendered = Vec::new();
            for (n, value) in row.into_iter().enumerate() {
                let ty = types.get(n).copied().unwrap_or(Ty::Any);
                let value = self.in_common_type(value, ty)?;
                let name = names.and_then(|names| names.get(n)).cloned().unwrap_or_else(|| format!("column{}", n + 1));
                match shape.get_mut(n) {
                    Some(column) => column.nullable |= !value.not_null,
                    None => {
                        let iris_name = names::iris_name_or(&name, || format!("pgw_a{}", n + 1))?;
                        let column = Column::new(names::folded(&name), ty, !value.not_null);
                        shape.push(Column { iris_text: Some(iris_name), ..column });
                    }
                }
                let alias = shape.get(n).filter(|_| row_number == 0).map(Column::iris_name);
                rendered.push(match alias {
                    Some(alias) => Frag::cat(&[&value, &" AS ", &alias], Ty::Any),
                    None => value,
                });
            }
            frag.push(&list(&rendered));
        }
        let columns = outputs(&targets_of(&shape), place);
        let names = shape.iter().map(Column::iris_name).collect();
        let query = Query { is_one_row: rows == 1, ..Query::of_text(frag, Parts::Named(names)) };
        self.ordered(node, place, query, &shape, columns)
    }
}

fn named_or(target: &Target, n: usize) -> String {
    if target.label == "?column?" { format!("pgw_a{}", n + 1) } else { target.column_name() }
}

fn targets_of(shape: &[Column]) -> Vec<Target> {
    let of = |column: &Column| {
        let mut frag = Frag::atom(String::new(), column.ty);
        frag.not_null = !column.nullable;
        Target { alias: column.iris_text.clone(), ..Target::of_column(column, frag) }
    };
    shape.iter().map(of).collect()
}

fn outputs_of(query: &Query) -> Vec<OutputColumn> {
    query.columns.clone()
}

/// The common type of two columns. A constant has neither length nor scale, so what it shares with a column has none: in the
/// column's own type it would be cut or rounded.
fn unbounded(a: Ty, b: Ty) -> Ty {
    let common = common_type([a, b]);
    match common {
        Ty::Known(pg_type) if (a.is_open() || b.is_open()) && pg_type.oid != Oid::VECTOR => Ty::of(pg_type.oid),
        _ => common,
    }
}

fn merged(a: Option<&[Column]>, b: Option<&[Column]>, at: usize) -> Result<Option<Vec<Column>>> {
    let (Some(a), Some(b)) = (a, b) else { return Ok(None) };
    if a.len() != b.len() {
        return Err(PgError::error(SqlState::SYNTAX_ERROR, "each UNION query must have the same number of columns")
            .position(nodes::offset(at)));
    }
    let is_character = |column: &Column| column.ty.is(Oid::BPCHAR);
    if let Some((column, _)) = a.iter().zip(b).find(|(a, b)| a.ty != b.ty && (is_character(a) || is_character(b))) {
        let message = format!("characters of several lengths in the column \"{}\" are not supported", column.name);
        return Err(PgError::unsupported(message).hint("Cast them to text.").position(nodes::offset(at)));
    }
    let columns = a.iter().zip(b).map(|(a, b)| Column {
        name: a.name.clone(),
        iris_text: a.iris_text.clone(),
        ty: unbounded(a.ty, b.ty),
        nullable: a.nullable || b.nullable,
        enum_type: a.enum_type.clone().filter(|_| a.enum_type == b.enum_type),
        named: a.named.clone().filter(|_| a.named == b.named),
        is_stream: false,
        is_exact: a.is_exact && b.is_exact,
        folds_case: a.folds_case || b.folds_case,
        vector_element: if a.vector_element == b.vector_element { a.vector_element } else { VectorElement::Other },
    });
    Ok(Some(columns.collect()))
}
