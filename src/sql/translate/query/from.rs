//! FROM: relations, joins, derived tables.

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::Place;
use crate::sql::translate::cx::{self, Column, Cx, Relation, Result, column_of};
use crate::sql::translate::expr::{Asked, arguments};
use crate::sql::translate::frag::{Frag, Ty};
use crate::sql::translate::names;
use crate::wire::PgError;

/// A FROM clause read: what is in it, and its text except for the conditions, which are written when all is in scope.
#[derive(Debug, Default)]
pub struct From {
    pub relations: Vec<Relation>,
    pieces: Vec<Piece>,
    /// USING or NATURAL: `*` has fewer columns than the relations.
    pub merges: bool,
}

#[derive(Debug)]
enum Piece {
    Text(String),
    Frag(Frag),
    Condition(SyntaxNode),
}

impl From {
    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    fn text(&mut self, text: impl Into<String>) {
        self.pieces.push(Piece::Text(text.into()));
    }
}

/// A constant range is written out up to this many rows.
const SERIES_ROWS_MAX: usize = 256;

impl Cx<'_> {
    pub fn read_from(&self, clause: &SyntaxNode) -> Result<From> {
        let mut from = From::default();
        for (n, item) in clause.children().enumerate() {
            if n > 0 {
                from.text(", ");
            }
            self.read_item(&item, &mut from)?;
        }
        Ok(from)
    }

    /// Its text, with the relations in scope.
    pub fn write_from(&self, from: &From) -> Result<Frag> {
        let mut frag = Frag::atom(String::new(), Ty::Any);
        for piece in &from.pieces {
            match piece {
                Piece::Text(text) => frag.push(text),
                Piece::Frag(piece) => frag.push(piece),
                Piece::Condition(node) => frag.push(&self.filter(node)?),
            }
        }
        Ok(frag)
    }

    fn read_item(&self, item: &SyntaxNode, from: &mut From) -> Result<()> {
        let at = usize::from(item.text_range().start());
        match item.kind() {
            SyntaxKind::RELATION_FROM_ITEM | SyntaxKind::RELATION_NAME => self.relation_item(item, from),
            SyntaxKind::JOIN_EXPR => self.join(item, from),
            SyntaxKind::PAREN_FROM_ITEM => {
                if cx::has_token(item, SyntaxKind::LATERAL_KW) {
                    return Err(self
                        .unsupported("LATERAL is not supported by IRIS", at)
                        .hint("Write the subquery into the select list, or join and group."));
                }
                let Some(inner) = item.first_child() else {
                    return Err(self.unsupported("empty parentheses in FROM", at));
                };
                if inner.kind() == SyntaxKind::PAREN_SELECT {
                    return self.derived(item, &inner, from);
                }
                from.text("(");
                for join in inner.children() {
                    self.read_item(&join, from)?;
                }
                from.text(")");
                Ok(())
            }
            SyntaxKind::PAREN_EXPR => {
                from.text("(");
                for join in item.children() {
                    self.read_item(&join, from)?;
                }
                from.text(")");
                Ok(())
            }
            SyntaxKind::FUNCTION_FROM_ITEM => self.function_item(item, from),
            SyntaxKind::JSON_TABLE_FROM_ITEM => Err(self.unsupported("JSON_TABLE cannot be translated", at)),
            _ => Err(self.unsupported("this form of FROM is not supported by IRIS", at)),
        }
    }

    fn relation_item(&self, item: &SyntaxNode, from: &mut From) -> Result<()> {
        let at = usize::from(item.text_range().start());
        if cx::child(item, SyntaxKind::TABLESAMPLE_CLAUSE).is_some() {
            return Err(self.unsupported("TABLESAMPLE is not supported by IRIS", at));
        }
        // ONLY and the trailing star speak of inheritance, which IRIS tables made here do not have.
        let name = item.descendants().find(|node| node.kind() == SyntaxKind::RELATION_NAME_REF);
        let parts = name.map(|name| names::parts(&name)).unwrap_or_default();
        let alias = alias(item);
        let cte = match parts.as_slice() {
            [name] => self.cte(&names::folded(name)),
            _ => None,
        };
        let (text, columns) = match cte {
            Some(cte) => {
                let name = parts.first().map(String::as_str).unwrap_or_default();
                (names::iris_name(name)?, cte.columns)
            }
            None => {
                let (text, lookup) = self.relation(&parts)?;
                let columns = self.known(&lookup).map(|facts| facts.columns.iter().map(column_of).collect());
                (text, columns)
            }
        };
        let last = parts.last().cloned().unwrap_or_default();
        let typed = alias.as_ref().map_or(&last, |alias| &alias.name);
        if alias.as_ref().is_some_and(|alias| !alias.columns.is_empty()) {
            return Err(self.unsupported("column aliases of a table are not supported by IRIS", at));
        }
        let iris_name = names::iris_name(typed)?;
        from.text(if alias.is_some() { format!("{text} {iris_name}") } else { text });
        from.relations.push(Relation { name: names::folded(typed), iris_name, columns, optional: false });
        Ok(())
    }

    fn derived(&self, item: &SyntaxNode, inner: &SyntaxNode, from: &mut From) -> Result<()> {
        let alias = alias(item);
        let columns = alias.as_ref().map(|alias| alias.columns.as_slice()).filter(|columns| !columns.is_empty());
        let query = match inner.first_child() {
            Some(query) => self.query(&query, Place::Table, columns)?,
            None => return Err(self.unsupported("empty parentheses in FROM", inner.text_range().start().into())),
        };
        self.derived_table(query.frag, query.shape, alias, from)
    }

    fn derived_table(
        &self,
        frag: Frag,
        columns: Option<Vec<Column>>,
        alias: Option<Alias>,
        from: &mut From,
    ) -> Result<()> {
        from.text("(");
        from.pieces.push(Piece::Frag(frag));
        from.text(")");
        let (name, iris_name) = match &alias {
            Some(alias) => (names::folded(&alias.name), names::iris_name(&alias.name)?),
            None => (String::new(), String::new()),
        };
        if alias.is_some() {
            from.text(format!(" {iris_name}"));
        }
        from.relations.push(Relation { name, iris_name, columns, optional: false });
        Ok(())
    }

    fn join(&self, node: &SyntaxNode, from: &mut From) -> Result<()> {
        let mut children = node.children();
        let (Some(left), Some(join)) = (children.next(), children.next()) else {
            return Err(self.unsupported("incomplete join", node.text_range().start().into()));
        };
        let left_start = from.relations.len();
        self.read_item(&left, from)?;
        let right_start = from.relations.len();
        let natural = cx::has_token(&join, SyntaxKind::NATURAL_KW);
        let mut words = String::from(" ");
        if natural {
            words.push_str("NATURAL ");
            from.merges = true;
        }
        let mut optional = (false, false);
        for part in join.children() {
            match part.kind() {
                SyntaxKind::JOIN_INNER => {
                    words.push_str(if cx::has_token(&part, SyntaxKind::INNER_KW) { "INNER JOIN " } else { "JOIN " })
                }
                SyntaxKind::JOIN_LEFT => {
                    words.push_str("LEFT JOIN ");
                    optional.1 = true;
                }
                SyntaxKind::JOIN_RIGHT => {
                    words.push_str("RIGHT JOIN ");
                    optional.0 = true;
                }
                SyntaxKind::JOIN_FULL => {
                    words.push_str("FULL JOIN ");
                    optional = (true, true);
                }
                SyntaxKind::JOIN_CROSS => words.push_str("CROSS JOIN "),
                SyntaxKind::ON_CLAUSE => {
                    from.text(" ON ");
                    if let Some(condition) = part.first_child() {
                        from.pieces.push(Piece::Condition(condition));
                    }
                    continue;
                }
                SyntaxKind::JOIN_USING_CLAUSE => {
                    self.using(&part, from)?;
                    let names = part.descendants().filter(|node| node.kind() == SyntaxKind::COLUMN_NAME_REF);
                    let names: Vec<String> = names.map(|node| names::folded(&cx::plain_text(&node))).collect();
                    self.check_merged(from, left_start, right_start, Some(&names))?;
                    continue;
                }
                _ => {
                    from.text(std::mem::take(&mut words));
                    // A right operand that is itself a join was read too greedily only in its grouping; in the text
                    // joins follow one another and bind to the left, as in PostgreSQL.
                    self.read_item(&part, from)?;
                    continue;
                }
            }
        }
        if natural {
            self.check_merged(from, left_start, right_start, None)?;
        }
        for (n, relation) in from.relations.iter_mut().enumerate().skip(left_start) {
            relation.optional |= if n < right_start { optional.0 } else { optional.1 };
        }
        Ok(())
    }

    /// The columns of both sides that USING (`names`) or NATURAL makes one have to compare as they are.
    fn check_merged(&self, from: &From, left: usize, right: usize, names: Option<&[String]>) -> Result<()> {
        let (lefts, rights) = from.relations.split_at_checked(right).unwrap_or_default();
        let lefts = lefts.iter().skip(left).flat_map(|relation| relation.columns.iter().flatten());
        for column in lefts.filter(|column| names.is_none_or(|names| names.contains(&column.name))) {
            let mut columns = rights.iter().flat_map(|relation| relation.columns.iter().flatten());
            let Some(other) = columns.find(|other| other.name.eq_ignore_ascii_case(&column.name)) else { continue };
            let side = |column: &Column| Frag { is_exact: true, ..Frag::atom(column.name.clone(), column.ty) };
            let (a, b) = self.compared(Asked::Equality, side(column), side(other))?;
            if a.text != column.name || b.text != other.name {
                return Err(PgError::unsupported(format!(
                    "JOIN USING and NATURAL JOIN by the column \"{}\" are not supported for its types",
                    column.name
                ))
                .hint("Write JOIN .. ON with both columns."));
            }
        }
        Ok(())
    }

    fn using(&self, clause: &SyntaxNode, from: &mut From) -> Result<()> {
        if cx::child(clause, SyntaxKind::REQUIRED_AS_ALIAS).is_some() {
            return Err(
                self.unsupported("JOIN USING .. AS is not supported by IRIS", clause.text_range().start().into())
            );
        }
        from.merges = true;
        let columns = clause
            .descendants()
            .filter(|node| node.kind() == SyntaxKind::COLUMN_NAME_REF)
            .map(|node| names::iris_name(&cx::plain_text(&node)))
            .collect::<Result<Vec<_>>>()?;
        from.text(format!(" USING ({})", columns.join(", ")));
        Ok(())
    }

    /// `generate_series(1, 3)` and `unnest(ARRAY[..])` of constants, written out; IRIS has no table functions like them.
    fn function_item(&self, item: &SyntaxNode, from: &mut From) -> Result<()> {
        let at = usize::from(item.text_range().start());
        let call = cx::child(item, SyntaxKind::CALL_EXPR);
        let name = call.as_ref().and_then(SyntaxNode::first_child).map(|name| names::parts(&name)).unwrap_or_default();
        let name = name.last().map(|name| names::folded(name)).unwrap_or_default();
        let arguments: Vec<SyntaxNode> = call.iter().flat_map(arguments).collect();
        let ordinality = item.children_with_tokens().any(|element| element.kind() == SyntaxKind::WITH_ORDINALITY);
        let alias = alias(item);
        let values = match (name.as_str(), arguments.as_slice()) {
            _ if ordinality => None,
            ("generate_series", [start, stop, step @ ..]) => {
                let step = step.first().map_or(Some(1), |step| self.constant_integer(step));
                self.series(self.constant_integer(start), self.constant_integer(stop), step)
            }
            ("unnest", [array]) => self.array_constants(array)?,
            _ => None,
        };
        let Some(values) = values else {
            return Err(self
                .unsupported(format!("{name}() in FROM is not supported by IRIS"), at)
                .hint("IRIS SQL has no set-returning functions; JSON_TABLE reads rows from a JSON document."));
        };
        let column = alias
            .as_ref()
            .map_or(name.clone(), |alias| alias.columns.first().cloned().unwrap_or_else(|| alias.name.clone()));
        let column_text = names::iris_name(&column)?;
        let ty = values.first().map_or(Ty::Any, |value| value.ty);
        let mut frag = Frag::atom(String::new(), Ty::Any);
        for (n, value) in values.iter().enumerate() {
            if n == 0 {
                frag.push(&"SELECT ");
                frag.push(value);
                frag.push(&" AS ");
                frag.push(&column_text);
            } else {
                frag.push(&" UNION ALL SELECT ");
                frag.push(value);
            }
        }
        if values.is_empty() {
            frag.push(&"SELECT NULL AS ");
            frag.push(&column_text);
            frag.push(&" WHERE 1 = 0");
        }
        let shape = vec![Column {
            name: names::folded(&column),
            ty,
            nullable: false,
            enum_type: None,
            is_stream: false,
            is_exact: false,
        }];
        self.derived_table(frag, Some(shape), alias.or(Some(Alias { name, columns: Vec::new() })), from)
    }

    fn series(&self, start: Option<i64>, stop: Option<i64>, step: Option<i64>) -> Option<Vec<Frag>> {
        let (mut at, stop, step) = (start?, stop?, step.filter(|step| *step != 0)?);
        let mut values = Vec::new();
        while if step > 0 { at <= stop } else { at >= stop } {
            if values.len() >= SERIES_ROWS_MAX {
                return None;
            }
            values.push(Frag::atom(at.to_string(), Ty::INT4).sure());
            at = at.checked_add(step)?;
        }
        Some(values)
    }
}

/// A table alias as typed.
#[derive(Debug, Clone)]
pub struct Alias {
    pub name: String,
    pub columns: Vec<String>,
}

pub fn alias(item: &SyntaxNode) -> Option<Alias> {
    let alias = item.children().find(|child| {
        matches!(child.kind(), SyntaxKind::FROM_ALIAS | SyntaxKind::OPTIONAL_AS_ALIAS | SyntaxKind::REQUIRED_AS_ALIAS)
    })?;
    let name = cx::child(&alias, SyntaxKind::TABLE_ALIAS).map(|name| cx::plain_text(&name))?;
    let columns = alias
        .descendants()
        .filter(|node| node.kind() == SyntaxKind::COLUMN_NAME)
        .map(|node| cx::plain_text(&node))
        .collect();
    Some(Alias { name, columns })
}
