//! SELECT.

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::clauses::plain_order;
use super::from::From;
use super::limit::Limit;
use super::outer::{Outer, numbered_list};
use crate::sql::plan::OutputColumn;
use crate::sql::syntax::names;
use crate::sql::syntax::nodes;
use crate::sql::translate::context::Result;
use crate::sql::translate::context::alike;
use crate::sql::translate::context::cx::{Cx, stream_refused};
use crate::sql::translate::context::exact::inexact;
use crate::sql::translate::context::frag::{Frag, Ty, list};
use crate::sql::translate::context::query::{Place, Query, column_name};
use crate::sql::translate::context::scope::{Column, Conditions, Relation};
use crate::sql::translate::context::target::{Target, outputs};
use crate::sql::translate::expr::aggregate_calls::holds_aggregate;
use crate::sql::translate::expr::column_cast::ColumnCasts;
use crate::sql::translate::expr::labels::label;
use crate::sql::translate::value::enums;
use crate::types::{Oid, PgType};

impl Cx<'_> {
    pub(crate) fn select(&self, node: &SyntaxNode, place: Place, names: Option<&[String]>) -> Result<Query> {
        self.refuse_locking(node)?;
        let from = match nodes::child(node, SyntaxKind::FROM_CLAUSE) {
            Some(clause) => self.read_from(&clause)?,
            None => From::default(),
        };
        let windows = self.windows.borrow().len();
        for definition in node
            .children()
            .filter(|child| child.kind() == SyntaxKind::WINDOW_CLAUSE)
            .flat_map(|clause| nodes::children(&clause, SyntaxKind::WINDOW_DEF).collect::<Vec<_>>())
        {
            let name = names::first(&definition).map(|name| names::folded(&name)).unwrap_or_default();
            self.windows.borrow_mut().push((name, nodes::child(&definition, SyntaxKind::WINDOW_SPEC)));
        }
        let scope = from.relations.clone();
        let depth = self.scopes.borrow().len() + 1;
        self.conditions.borrow_mut().push(Conditions::of(depth, node, &from));
        let result = self.scoped(scope, || self.select_in_scope(node, place, names, &from));
        self.conditions.borrow_mut().pop();
        self.windows.borrow_mut().truncate(windows);
        result
    }

    fn refuse_locking(&self, node: &SyntaxNode) -> Result<()> {
        if let Some(locking) = nodes::clause(node, SyntaxKind::LOCKING_CLAUSE) {
            return Err(self
                .unsupported(
                    "FOR UPDATE and FOR SHARE are not supported here: they lock rows of tables in FROM of the \
                     statement itself",
                    locking.text_range().start().into(),
                )
                .hint("Lock by a SELECT of its own in the transaction, by an UPDATE, or by LOCK TABLE."));
        }
        Ok(())
    }

    fn select_in_scope(&self, node: &SyntaxNode, place: Place, names: Option<&[String]>, from: &From) -> Result<Query> {
        let grouped = nodes::child(node, SyntaxKind::GROUP_BY_CLAUSE).is_some();
        let clause = nodes::child(node, SyntaxKind::SELECT_CLAUSE);
        let distinct = clause.as_ref().and_then(|clause| nodes::child(clause, SyntaxKind::DISTINCT_CLAUSE));
        let list_node = clause.as_ref().and_then(|clause| nodes::child(clause, SyntaxKind::TARGET_LIST));
        let targets = match &list_node {
            // What is grouped by must be the same text, not another mark.
            Some(list) => {
                let casts = if place == Place::Top { ColumnCasts::of(node) } else { ColumnCasts::None };
                self.inlined(grouped, || self.targets(list, place, names, &from.relations, from.merges, casts))?
            }
            None => Vec::new(),
        };
        if let (Some(distinct), Some(target)) = (&distinct, targets.iter().find(|target| target.frag.is_stream)) {
            return Err(stream_refused(&target.label, distinct.text_range().start().into()));
        }
        // What is compared is compared as it is.
        let compares = grouped || distinct.is_some() || matches!(place, Place::Leg | Place::Inner | Place::Scalar);
        let targets: Vec<Target> = if compares {
            targets.into_iter().enumerate().map(|(n, target)| target.compared(n)).collect()
        } else {
            targets
        };
        if let Some(on) = distinct.as_ref().and_then(|clause| nodes::child(clause, SyntaxKind::DISTINCT_ON)) {
            return self.distinct_on(node, place, &on, targets, from);
        }
        let targets = if distinct.is_some() { self.distinct_targets(targets)? } else { targets };
        let columns = outputs(&targets, place);
        let is_one_row = self.has_one_row(node, from, &targets, place);
        let query = self.select_list(node, place, distinct.is_some(), targets, from)?;
        let columns = if columns.is_empty() && place == Place::Top { vec![OutputColumn::Hidden] } else { columns };
        Ok(Query { columns, is_one_row: is_one_row || query.is_one_row, ..query })
    }

    fn select_list(
        &self,
        node: &SyntaxNode,
        place: Place,
        distinct: bool,
        mut targets: Vec<Target>,
        from: &From,
    ) -> Result<Query> {
        let grouped = nodes::child(node, SyntaxKind::GROUP_BY_CLAUSE).is_some();
        let limit = self.limit(node)?;
        let keys = match nodes::clause(node, SyntaxKind::ORDER_BY_CLAUSE) {
            // The order of one value says nothing.
            Some(_) if place == Place::Scalar && limit.is_none() => Vec::new(),
            Some(order) => {
                let before = self.is_limited.replace(!limit.is_none());
                let keys = self.inlined(grouped, || self.sort_keys(&order, Some(&targets)));
                self.is_limited.set(before);
                keys?
            }
            None => Vec::new(),
        };
        let shown = targets.len();
        if targets.is_empty() {
            // IRIS has no row without a column.
            let hidden = Column { iris_text: Some("pgw_column".to_owned()), ..Column::new("", Ty::INT4, false) };
            let one = Frag::atom("1", Ty::INT4).sure();
            targets.push(Target { alias: hidden.iris_text.clone(), ..Target::of_column(&hidden, one) });
        }
        let rest = self.rest(node, from, &targets)?;
        let word = if distinct { "SELECT DISTINCT " } else { "SELECT " };
        let mut query = if let Some(filter) = rest.one_group {
            Query { is_one_row: true, ..self.one_group(word, &targets, rest.frag, filter, &limit) }
        } else {
            let known = !targets.iter().any(Target::is_star);
            // IRIS lets DISTINCT go beside GROUP BY, and does not say when windows are computed.
            let is_late = |target: &Target| {
                target.node.as_ref().is_some_and(|node| {
                    holds_aggregate(node) || node.descendants().any(|child| child.kind() == SyntaxKind::OVER_CLAUSE)
                })
            };
            let is_nested = distinct && (grouped || targets.iter().any(is_late));
            let needs_outer = keys.iter().any(|key| key.needs_outer(distinct));
            let needs_number = place != Place::Top && limit.offset.is_some() && !keys.is_empty();
            if known && (needs_outer || needs_number || is_nested) {
                let (items, inner_names, keys) = numbered_list(&targets, &keys);
                let inner = if is_nested {
                    let names = inner_names.join(", ");
                    let query = Frag::cat(&[&"SELECT ", &list(&items), &rest.frag], Ty::Any);
                    Frag::cat(&[&"SELECT DISTINCT ", &names, &" FROM (", &query, &") pgw"], Ty::Any)
                } else {
                    Frag::cat(&[&word, &list(&items), &rest.frag], Ty::Any)
                };
                let values = inner_names.iter().map(|name| Frag::atom(name.clone(), Ty::Any)).collect();
                let outer =
                    Outer { targets: &targets, values, inner, inner_names, filter: None, keys, limit: &limit, place };
                let (head, targets, tail) = outer.parts();
                Query::of_parts(head, targets, tail)
            } else if needs_outer || needs_number || is_nested {
                return Err(self
                    .unsupported(
                        "this ORDER BY with * needs the table's columns, which are not known",
                        node.text_range().start().into(),
                    )
                    .hint("Name the columns."));
            } else {
                let (head, tail) = plain_order(word, rest.frag, &targets, &keys, &limit, place);
                Query::of_parts(head, targets, tail)
            }
        };
        if shown == 0 {
            query.shape = Some(Vec::new());
        }
        Ok(query)
    }

    /// A query that has one row or none whatever its tables hold: aggregates of all rows, and constants. IRIS wants
    /// aggregates alone in the select list of such a query, else it answers a row for each row of the tables.
    fn one_group(&self, word: &str, targets: &[Target], rest: Frag, filter: bool, limit: &Limit) -> Query {
        let mut items = vec![Frag::atom("COUNT(*) AS pgw_n", Ty::INT8)];
        let mut targets = targets.to_vec();
        for (n, target) in targets.iter_mut().enumerate() {
            let name = target.column_name();
            if target.node.as_ref().is_some_and(holds_aggregate) {
                let inner = column_name(n);
                items.push(Frag::cat(&[&target.frag, &" AS ", &inner], Ty::Any));
                target.frag = Frag { text: inner, marks: Vec::new(), ..target.frag.clone() };
            }
            target.alias = Some(name);
        }
        let mut head = Frag::atom(word, Ty::Any);
        if let Some(top) = limit.top() {
            head.push(&top);
        }
        let mut tail = Frag::cat(&[&" FROM (SELECT ", &list(&items), &rest, &") pgw"], Ty::Any);
        if filter {
            tail.push(&" WHERE pgw_n > 0");
        }
        if limit.offset.is_some() {
            tail.push(&limit.clause());
        }
        Query::of_parts(head, targets, tail)
    }

    /// The columns by which DISTINCT tells rows apart.
    fn distinct_targets(&self, targets: Vec<Target>) -> Result<Vec<Target>> {
        let told_apart = |(n, target): (usize, Target)| {
            let frag = self.grouped(target.frag.clone())?;
            let loses_name = target.alias.is_none() && frag.text != target.frag.text;
            let alias = if loses_name { Some(format!("pgw_e{}", n + 1)) } else { target.alias };
            Ok(Target { frag, alias, ..target })
        };
        targets.into_iter().enumerate().map(told_apart).collect()
    }

    pub(crate) fn targets(
        &self,
        list: &SyntaxNode,
        place: Place,
        names: Option<&[String]>,
        relations: &[Relation],
        merges: bool,
        casts: ColumnCasts,
    ) -> Result<Vec<Target>> {
        let mut targets: Vec<Target> = Vec::new();
        for target in nodes::children(list, SyntaxKind::TARGET) {
            if nodes::has_token(&target, SyntaxKind::STAR) {
                self.star(None, place, names.is_some(), relations, merges, &mut targets)?;
                continue;
            }
            let Some(value) = target.first_child() else { continue };
            if value.kind() == SyntaxKind::FIELD_EXPR && nodes::has_token(&value, SyntaxKind::STAR) {
                let parts = names::parts(&value);
                self.star(Some(&parts), place, names.is_some(), relations, merges, &mut targets)?;
                continue;
            }
            let (frag, cast_to) = match self.column_cast(&value, casts)? {
                Some((operand, to)) => (operand, Some(to)),
                None => (self.target_value(&value, place)?, None),
            };
            let name = target.children().find(|child| child.kind() == SyntaxKind::AS_NAME);
            let name = name.and_then(|name| names::parts(&name).into_iter().next_back());
            let stand_in = || format!("pgw_a{}", targets.len() + 1);
            let (label, alias) = match name {
                Some(name) => (names::folded(&name), Some(names::iris_name_or(&name, stand_in)?)),
                None => {
                    let label = label(self, &value);
                    let is_name = matches!(value.kind(), SyntaxKind::NAME_REF | SyntaxKind::FIELD_EXPR);
                    let is_bare = !frag.text.ends_with(')') || inexact(&frag).is_some();
                    let plain = is_name && is_bare && names::can_hold(&label);
                    let named = place == Place::Table && !plain;
                    let holds = names::can_hold(&label) && label != "?column?";
                    let alias = named.then(|| if holds { names::iris_name_of(&label) } else { stand_in() });
                    (label, alias)
                }
            };
            let nullable = !frag.not_null;
            let (enum_type, named) = (enums::of_column(self, &value), enums::named_column(self, &value));
            let plain = is_column(&value).then(|| inexact(&frag)).flatten();
            let folds_case = plain.is_some();
            let frag = plain.unwrap_or(frag);
            targets.push(Target {
                frag,
                label,
                alias,
                node: Some(value),
                nullable,
                enum_type,
                named,
                folds_case,
                cast_to,
            });
        }
        rename(&mut targets, names)?;
        for n in 0..targets.len() {
            let (before, rest) = targets.split_at_mut(n);
            let Some(target) = rest.first_mut().filter(|target| !target.is_star()) else { continue };
            let is_shown = place == Place::Top;
            let twice = before.iter().any(|other| alike::is_alike(&other.label, &target.label));
            // In ORDER BY, IRIS would take the name of such a column for the alias.
            let hides = is_shown
                && relations
                    .iter()
                    .flat_map(|relation| relation.columns.iter().flatten())
                    .any(|column| alike::is_confused(&column.name, &target.label));
            if (twice && !is_shown) || (target.alias.is_some() && (twice || hides)) {
                target.alias = Some(format!("pgw_a{}", n + 1));
            }
        }
        Ok(targets)
    }

    fn target_value(&self, value: &SyntaxNode, place: Place) -> Result<Frag> {
        let frag =
            if place == Place::Top { self.shown_value(value)? } else { self.shown(value, place == Place::Table)? };
        Ok(match frag.ty {
            // A number is shown with the digits it is written with.
            Ty::Known(ty) if place == Place::Top && ty == PgType::new(Oid::NUMERIC) => match frag.literal() {
                Some(n) => {
                    let text = self.read_literal(n).map_or("", |(_, text)| text);
                    let scale = text.split_once('.').map_or(0, |(_, fraction)| fraction.len());
                    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
                    match i32::try_from(scale) {
                        Ok(scale) if is_plain => frag.with_ty(Ty::Known(PgType::numeric_shown(scale))),
                        _ => frag,
                    }
                }
                None => frag,
            },
            // What nothing types is text in the end (manual, "SELECT Output Columns").
            Ty::Parameter(_) if place == Place::Top => self.coerce(frag, PgType::new(Oid::TEXT)),
            _ => frag,
        })
    }

    /// What a change gives to a column of its table, which is the first of its relations.
    fn new_value(&self, relation: &Relation, relations: &[Relation], column: &str) -> Option<Frag> {
        if !relations.first().is_some_and(|first| std::ptr::eq(first, relation)) {
            return None;
        }
        let substituted = self.substituted.borrow();
        substituted.iter().find(|(name, _)| name.eq_ignore_ascii_case(column)).map(|(_, new)| new.clone())
    }

    /// `*` and `t.*`: the columns by name where they are known and it matters, else the star itself.
    fn star(
        &self,
        qualifier: Option<&[String]>,
        place: Place,
        renamed: bool,
        relations: &[Relation],
        merges: bool,
        targets: &mut Vec<Target>,
    ) -> Result<()> {
        let wanted = qualifier.and_then(|parts| parts.last()).map(|name| names::folded(name));
        let meant: Vec<&Relation> = relations
            .iter()
            .filter(|relation| match &wanted {
                Some(name) => !relation.is_merged && relation.name.eq_ignore_ascii_case(name),
                None => true,
            })
            .collect();
        let known = !meant.is_empty() && !merges && meant.iter().all(|relation| relation.columns.is_some());
        if known
            && (place != Place::Inner
                || renamed
                || self.expands.get()
                || relations.iter().any(|relation| relation.is_merged || !relation.hidden.is_empty()))
        {
            let several = relations.len() > 1;
            for relation in meant {
                for column in relation.columns.iter().flatten() {
                    let is_column = |hidden: &String| hidden.eq_ignore_ascii_case(&column.name);
                    if wanted.is_none() && relation.hidden.iter().any(is_column) {
                        continue;
                    }
                    self.refuse_named(column, None)?;
                    let mut text = String::new();
                    if (several || qualifier.is_some()) && !relation.is_merged && !relation.iris_name.is_empty() {
                        text.push_str(&relation.iris_name);
                        text.push('.');
                    }
                    text.push_str(&column.iris_name());
                    let mut frag = match self.new_value(relation, relations, &column.name) {
                        Some(new) => new,
                        None => Frag::atom(text, column.ty),
                    };
                    frag.not_null = !(column.nullable || relation.optional);
                    frag.is_stream = column.is_stream;
                    frag.is_exact = column.is_exact;
                    frag.enum_type.clone_from(&column.enum_type);
                    let mut target = Target::of_column(column, frag);
                    if place == Place::Table && (relation.is_merged || !names::can_hold(&column.name)) {
                        let name = &column.name;
                        let holds = names::can_hold(name);
                        target.alias =
                            Some(if holds { names::iris_name_of(name) } else { format!("pgw_a{}", targets.len() + 1) });
                    }
                    targets.push(target);
                }
            }
            return Ok(());
        }
        let text = match meant.as_slice() {
            [relation] if wanted.is_some() => format!("{}.*", relation.iris_name),
            _ => match wanted {
                Some(name) => format!("{}.*", names::iris_name_of(&name)),
                None => "*".to_owned(),
            },
        };
        let frag = Frag::atom(text, Ty::Any);
        targets.push(Target { nullable: true, ..Target::of_column(&Column::new("", Ty::Any, true), frag) });
        Ok(())
    }

    pub(crate) fn table(&self, node: &SyntaxNode, place: Place, names: Option<&[String]>) -> Result<Query> {
        self.refuse_locking(node)?;
        let from = self.read_from(node)?;
        let query = self.scoped(from.relations.clone(), || {
            let mut targets = Vec::new();
            self.star(None, place, names.is_some(), &from.relations, false, &mut targets)?;
            rename(&mut targets, names)?;
            let columns = outputs(&targets, place);
            let tail = Frag::cat(&[&" FROM ", &self.write_from(&from)?], Ty::Any);
            Ok(Query { columns, ..Query::of_parts(Frag::atom("SELECT ", Ty::Any), targets, tail) })
        })?;
        let (shape, columns) = (query.shape.clone(), query.columns.clone());
        match shape {
            Some(shape) => self.ordered(node, place, query, &shape, columns),
            None if has_clauses(node) => Err(self.unknown_columns("TABLE", node.text_range().start().into())),
            None => Ok(query),
        }
    }
}

/// What an alias list calls the columns.
fn rename(targets: &mut [Target], names: Option<&[String]>) -> Result<()> {
    for (n, (target, name)) in targets.iter_mut().zip(names.unwrap_or_default()).enumerate() {
        target.label = names::folded(name);
        target.alias = Some(names::iris_name_or(name, || format!("pgw_a{}", n + 1))?);
    }
    Ok(())
}

fn is_column(node: &SyntaxNode) -> bool {
    matches!(nodes::unwrapped(node).kind(), SyntaxKind::NAME_REF | SyntaxKind::FIELD_EXPR)
}

/// Whether a query has ORDER BY, LIMIT or the like.
fn has_clauses(query: &SyntaxNode) -> bool {
    [SyntaxKind::ORDER_BY_CLAUSE, SyntaxKind::LIMIT_CLAUSE, SyntaxKind::FETCH_CLAUSE, SyntaxKind::OFFSET_CLAUSE]
        .into_iter()
        .any(|kind| nodes::clause(query, kind).is_some())
}
