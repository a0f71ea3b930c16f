//! FROM: relations, joins, derived tables.

use std::ops::Range;

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::merged::{Merged, Optional};
use crate::sql::syntax::names;
use crate::sql::syntax::nodes::{self, arguments};
use crate::sql::translate::context::Result;
use crate::sql::translate::context::cx::Cx;
use crate::sql::translate::context::frag::{Frag, Ty};
use crate::sql::translate::context::query::Place;
use crate::sql::translate::context::scope::{Column, Cte, Relation, column_of};

/// A FROM clause read: what is in it, and its text except for the conditions, which are written when all is in scope.
#[derive(Debug, Default)]
pub(crate) struct From {
    pub relations: Vec<Relation>,
    pieces: Vec<Piece>,
    /// USING or NATURAL of relations whose columns only IRIS knows: `*` has fewer columns than they.
    pub merges: bool,
    pub merged: Vec<Merged>,
    /// Where the operands of the next join begin: all of the item so far, and its last relation or parenthesis.
    item: usize,
    factor: usize,
    /// The conditions of joins, and the relations they leave out where they do not hold; `None`: all.
    pub conditions: Vec<(SyntaxNode, Option<Range<usize>>)>,
    /// A relation on the left of a join may be missing.
    pub has_full_join: bool,
}

#[derive(Debug)]
enum Piece {
    Text(String),
    Frag(Frag),
    Condition(SyntaxNode),
}

impl From {
    pub(crate) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    fn text(&mut self, text: impl Into<String>) {
        self.pieces.push(Piece::Text(text.into()));
    }
}

/// A constant range is written out up to this many rows.
const SERIES_ROWS_MAX: usize = 256;

impl Cx<'_> {
    pub(crate) fn read_from(&self, clause: &SyntaxNode) -> Result<From> {
        let mut from = From::default();
        // That of TABLE stands beside ORDER BY and the like.
        let is_item =
            |item: &SyntaxNode| clause.kind() != SyntaxKind::TABLE || item.kind() == SyntaxKind::RELATION_NAME;
        for (n, item) in clause.children().filter(is_item).enumerate() {
            if n > 0 {
                from.text(", ");
            }
            from.item = from.relations.len();
            self.read_item(&item, &mut from)?;
        }
        from.place_merged();
        Ok(from)
    }

    /// What stands in parentheses.
    fn group(&self, inner: &SyntaxNode, from: &mut From) -> Result<()> {
        let (item, start) = (from.item, from.relations.len());
        from.item = start;
        from.text("(");
        for join in inner.children() {
            self.read_item(&join, from)?;
        }
        from.text(")");
        from.item = item;
        from.factor = start;
        Ok(())
    }

    /// Its text, with the relations in scope.
    pub(crate) fn write_from(&self, from: &From) -> Result<Frag> {
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
                if nodes::has_token(item, SyntaxKind::LATERAL_KW) {
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
                // Its name hides those of the tables inside, and is one of all their columns.
                if alias(item).is_some() {
                    return Err(self.unsupported("a join with an alias is not supported by IRIS", at));
                }
                self.group(&inner, from)
            }
            SyntaxKind::PAREN_EXPR => self.group(item, from),
            SyntaxKind::FUNCTION_FROM_ITEM => self.function_item(item, from),
            SyntaxKind::JSON_TABLE_FROM_ITEM => Err(self.unsupported("JSON_TABLE cannot be translated", at)),
            _ => Err(self.unsupported("this form of FROM is not supported by IRIS", at)),
        }
    }

    fn relation_item(&self, item: &SyntaxNode, from: &mut From) -> Result<()> {
        let at = usize::from(item.text_range().start());
        if nodes::child(item, SyntaxKind::TABLESAMPLE_CLAUSE).is_some() {
            return Err(self.unsupported("TABLESAMPLE is not supported by IRIS", at));
        }
        // ONLY and the trailing star speak of inheritance, which IRIS tables made here do not have.
        let name = item.descendants().find(|node| node.kind() == SyntaxKind::RELATION_NAME_REF);
        let parts = name.map(|name| names::parts(&name)).unwrap_or_default();
        let alias = alias(item);
        let cte: Option<Cte> = match parts.as_slice() {
            [name] => self.cte(&names::folded(name)),
            _ => None,
        };
        let is_cte = cte.is_some();
        let (mut keys, mut hidden) = (Vec::new(), Vec::new());
        let (text, columns) = match cte {
            Some(cte) => (cte.iris_name, cte.columns),
            None => {
                let (text, lookup) = self.relation(&parts)?;
                let facts = self.known(&lookup);
                if let Some(facts) = &facts {
                    keys.extend(facts.unique_keys.iter().map(|(_, columns)| columns.clone()));
                    keys.push(facts.primary_key.clone());
                    keys.retain(|key| !key.is_empty());
                    hidden.clone_from(&facts.rules.hidden);
                }
                let columns = facts.map(|facts| facts.columns.iter().map(column_of).collect());
                (text, columns)
            }
        };
        let last = parts.last().cloned().unwrap_or_default();
        let typed = alias.as_ref().map_or(&last, |alias| &alias.name);
        if alias.as_ref().is_some_and(|alias| !alias.columns.is_empty()) {
            return Err(self.unsupported("column aliases of a table are not supported by IRIS", at));
        }
        let iris_name = match &alias {
            Some(alias) => self.relation_alias(&alias.name, from)?,
            None if is_cte => text.clone(),
            None => names::iris_name(typed)?,
        };
        from.text(if alias.is_some() { format!("{text} {iris_name}") } else { text });
        from.factor = from.relations.len();
        from.relations.push(Relation {
            is_cte,
            keys,
            hidden,
            ..Relation::new(names::folded(typed), iris_name, columns)
        });
        Ok(())
    }

    /// An alias of a relation for IRIS: where IRIS cannot hold it, one of the gateway's that no other query around has.
    fn relation_alias(&self, typed: &str, from: &From) -> Result<String> {
        names::iris_name_or(typed, || format!("pgw_t{}_{}", self.scopes.borrow().len() + 1, from.relations.len() + 1))
    }

    fn derived(&self, item: &SyntaxNode, inner: &SyntaxNode, from: &mut From) -> Result<()> {
        let alias = alias(item);
        let columns = alias.as_ref().map(|alias| alias.columns.as_slice()).filter(|columns| !columns.is_empty());
        let query = match inner.first_child() {
            Some(query) => self.query(&query, Place::Table, columns)?,
            None => return Err(self.unsupported("empty parentheses in FROM", inner.text_range().start().into())),
        };
        let is_one_row = query.is_one_row;
        self.derived_table(query.frag, query.shape, alias, from)?;
        if let Some(relation) = from.relations.last_mut().filter(|_| is_one_row) {
            relation.keys.push(Vec::new());
        }
        Ok(())
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
            Some(alias) => (names::folded(&alias.name), self.relation_alias(&alias.name, from)?),
            None => (String::new(), String::new()),
        };
        if alias.is_some() {
            from.text(format!(" {iris_name}"));
        }
        from.factor = from.relations.len();
        from.relations.push(Relation::new(name, iris_name, columns));
        Ok(())
    }

    fn join(&self, node: &SyntaxNode, from: &mut From) -> Result<()> {
        let Some((first, steps)) = nodes::joins(node) else {
            return Err(self.unsupported("incomplete join", node.text_range().start().into()));
        };
        // What is right of another join sees no more than its own tables.
        let start = from.relations.len();
        let item = std::mem::replace(&mut from.item, start);
        self.read_item(&first, from)?;
        for (join, right) in &steps {
            self.join_step(join, right, start, from)?;
        }
        from.item = item;
        from.factor = start;
        Ok(())
    }

    fn join_step(&self, join: &SyntaxNode, right: &SyntaxNode, left_start: usize, from: &mut From) -> Result<()> {
        let right_start = from.relations.len();
        let natural = nodes::has_token(join, SyntaxKind::NATURAL_KW);
        let mut words = String::from(" ");
        let natural_word = from.pieces.len();
        if natural {
            from.text(" NATURAL");
        }
        let mut optional: Optional = (false, false);
        for part in join.children() {
            match part.kind() {
                SyntaxKind::JOIN_INNER => {
                    words.push_str(if nodes::has_token(&part, SyntaxKind::INNER_KW) { "INNER JOIN " } else { "JOIN " })
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
                        let missing = optional.1.then_some(right_start..from.relations.len());
                        from.conditions.push((condition.clone(), missing));
                        from.pieces.push(Piece::Condition(condition));
                    }
                    continue;
                }
                SyntaxKind::JOIN_USING_CLAUSE => {
                    self.using(&part, from, optional)?;
                    continue;
                }
                _ => {
                    from.text(std::mem::take(&mut words));
                    // To IRIS joins bind to the left unless parentheses say otherwise.
                    let is_join = right.kind() == SyntaxKind::JOIN_EXPR;
                    from.text(if is_join { "(" } else { "" });
                    self.read_item(right, from)?;
                    from.text(if is_join { ")" } else { "" });
                    continue;
                }
            }
        }
        if natural {
            let (start, middle) = (from.item, from.factor);
            let names = from.common_names(start, middle, from.relations.len())?;
            let merged = match names {
                Some(names) => self.merge(from, &names, (start, middle), optional)?,
                None => None,
            };
            match merged {
                Some(condition) => {
                    if let Some(piece) = from.pieces.get_mut(natural_word) {
                        *piece = Piece::Text(String::new());
                    }
                    from.text(" ON ");
                    from.pieces.push(Piece::Frag(condition));
                }
                None => from.merges = true,
            }
        }
        for (n, relation) in from.relations.iter_mut().enumerate().skip(left_start) {
            relation.optional |= if n < right_start { optional.0 } else { optional.1 };
        }
        from.has_full_join |= optional.0;
        Ok(())
    }

    fn using(&self, clause: &SyntaxNode, from: &mut From, optional: Optional) -> Result<()> {
        if nodes::child(clause, SyntaxKind::REQUIRED_AS_ALIAS).is_some() {
            return Err(
                self.unsupported("JOIN USING .. AS is not supported by IRIS", clause.text_range().start().into())
            );
        }
        let typed: Vec<String> = clause
            .descendants()
            .filter(|node| node.kind() == SyntaxKind::COLUMN_NAME_REF)
            .map(|node| nodes::plain_text(&node))
            .collect();
        let names: Vec<String> = typed.iter().map(|name| names::folded(name)).collect();
        let sides = (from.item, from.factor);
        if let Some(condition) = self.merge(from, &names, sides, optional)? {
            from.text(" ON ");
            from.pieces.push(Piece::Frag(condition));
            return Ok(());
        }
        from.merges = true;
        let columns = typed.iter().map(|name| names::iris_name(name)).collect::<Result<Vec<_>>>()?;
        from.text(format!(" USING ({})", columns.join(", ")));
        Ok(())
    }

    /// `generate_series(1, 3)` and `unnest(ARRAY[..])` of constants, written out; IRIS has no table functions like them.
    fn function_item(&self, item: &SyntaxNode, from: &mut From) -> Result<()> {
        let at = usize::from(item.text_range().start());
        let call = nodes::child(item, SyntaxKind::CALL_EXPR);
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
            // A column would be one of a table beside it, which IRIS does not see, and else of an outer query.
            ("unnest", [array]) if nodes::is_constant(array) => self.array_items(array)?,
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
        let nullable = values.iter().any(|value| !value.not_null);
        let shape = vec![Column::new(names::folded(&column), ty, nullable)];
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
pub(crate) struct Alias {
    pub name: String,
    pub columns: Vec<String>,
}

pub(crate) fn alias(item: &SyntaxNode) -> Option<Alias> {
    let alias = item.children().find(|child| {
        matches!(child.kind(), SyntaxKind::FROM_ALIAS | SyntaxKind::OPTIONAL_AS_ALIAS | SyntaxKind::REQUIRED_AS_ALIAS)
    })?;
    let name = nodes::child(&alias, SyntaxKind::TABLE_ALIAS).map(|name| nodes::plain_text(&name))?;
    let columns = alias
        .descendants()
        .filter(|node| node.kind() == SyntaxKind::COLUMN_NAME)
        .map(|node| nodes::plain_text(&node))
        .collect();
    Some(Alias { name, columns })
}
