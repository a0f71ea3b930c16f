//! SELECT.

use std::rc::Rc;

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::from::From;
use super::{Place, Query};
use crate::sql::description::EnumType;
use crate::sql::plan::OutputColumn;
use crate::sql::translate::cx::{self, Column, Cx, Relation, Result};
use crate::sql::translate::expr::{ColumnCasts, expressions, label, stream_refused};
use crate::sql::translate::frag::{Frag, Ty, list};
use crate::sql::translate::{enums, names};
use crate::types::{Oid, PgType};

/// One entry of a select list.
#[derive(Debug, Clone)]
pub struct Target {
    pub frag: Frag,
    /// PostgreSQL's name of the column; folded.
    pub label: String,
    /// The name after AS, for IRIS.
    pub alias: Option<String>,
    /// The expression, where there is one.
    pub node: Option<SyntaxNode>,
    pub nullable: bool,
    /// A column of such a type.
    pub enum_type: Option<Rc<EnumType>>,
    /// What the gateway casts the values of `frag` to.
    pub cast_to: Option<PgType>,
}

impl Target {
    pub fn is_star(&self) -> bool {
        self.frag.text.ends_with('*') && self.node.is_none()
    }

    /// How ORDER BY refers to it.
    pub fn reference(&self) -> Frag {
        match &self.alias {
            Some(alias) => Frag::atom(alias.clone(), self.frag.ty),
            None => self.frag.clone(),
        }
    }

    pub fn render(&self) -> Frag {
        match &self.alias {
            Some(alias) => Frag::cat(&[&self.frag, &" AS ", alias], self.frag.ty),
            None => self.frag.clone(),
        }
    }

    pub fn output(&self) -> OutputColumn {
        if self.is_star() {
            return OutputColumn::Star;
        }
        let own = self.frag.ty.described();
        let (pg_type, cast_from) = match self.cast_to {
            Some(to) => (Some(to), own),
            None => (own, None),
        };
        OutputColumn::Column { label: Some(self.label.clone()), pg_type, cast_from }
    }
}

impl Cx<'_> {
    pub fn select(&self, node: &SyntaxNode, place: Place, names: Option<&[String]>) -> Result<Query> {
        if let Some(locking) = cx::child(node, SyntaxKind::LOCKING_CLAUSE) {
            return Err(self
                .unsupported(
                    "SELECT .. FOR UPDATE and FOR SHARE are not supported: IRIS cannot lock the rows of a query",
                    locking.text_range().start().into(),
                )
                .hint("Lock by an UPDATE in the transaction, or by LOCK TABLE."));
        }
        let ctes = self.ctes.borrow().len();
        let with = match cx::child(node, SyntaxKind::WITH_CLAUSE) {
            Some(with) => Some(self.with(&with)?),
            None => None,
        };
        let from = match cx::child(node, SyntaxKind::FROM_CLAUSE) {
            Some(clause) => self.read_from(&clause)?,
            None => From::default(),
        };
        let windows = self.windows.borrow().len();
        for definition in node
            .children()
            .filter(|child| child.kind() == SyntaxKind::WINDOW_CLAUSE)
            .flat_map(|clause| cx::children(&clause, SyntaxKind::WINDOW_DEF).collect::<Vec<_>>())
        {
            let name = names::first(&definition).map(|name| names::folded(&name)).unwrap_or_default();
            if let Some(spec) = cx::child(&definition, SyntaxKind::WINDOW_SPEC) {
                self.windows.borrow_mut().push((name, spec));
            }
        }
        let scope = from.relations.clone();
        let result = self.scoped(scope, || self.select_in_scope(node, place, names, &from));
        self.windows.borrow_mut().truncate(windows);
        self.ctes.borrow_mut().truncate(ctes);
        let mut query = result?;
        if let Some(with) = with {
            query.frag = Frag::cat(&[&with, &query.frag], Ty::Any);
        }
        Ok(query)
    }

    fn select_in_scope(&self, node: &SyntaxNode, place: Place, names: Option<&[String]>, from: &From) -> Result<Query> {
        let grouped = cx::child(node, SyntaxKind::GROUP_BY_CLAUSE).is_some();
        let clause = cx::child(node, SyntaxKind::SELECT_CLAUSE);
        let distinct = clause.as_ref().and_then(|clause| cx::child(clause, SyntaxKind::DISTINCT_CLAUSE));
        let list_node = clause.as_ref().and_then(|clause| cx::child(clause, SyntaxKind::TARGET_LIST));
        let targets = match &list_node {
            // What is grouped by must be the same text, not another mark.
            Some(list) => {
                let casts = if place == Place::Top { ColumnCasts::of(node) } else { ColumnCasts::None };
                self.inlined(grouped, || self.targets(list, place, names, &from.relations, from.merges, casts))?
            }
            None => Vec::new(),
        };
        if targets.is_empty() {
            return Err(
                self.unsupported("a SELECT without columns is not supported by IRIS", node.text_range().start().into())
            );
        }
        if let (Some(distinct), Some(target)) = (&distinct, targets.iter().find(|target| target.frag.is_stream)) {
            return Err(stream_refused(&target.label, distinct.text_range().start().into()));
        }
        if let Some(on) = distinct.as_ref().and_then(|clause| cx::child(clause, SyntaxKind::DISTINCT_ON)) {
            return self.distinct_on(node, &on, targets, from);
        }
        let targets = if distinct.is_some() { self.distinct_targets(targets, place)? } else { targets };
        let limit = self.limit(node)?;
        let order = cx::child(node, SyntaxKind::ORDER_BY_CLAUSE);
        let mut frag = Frag::atom("SELECT ", Ty::Any);
        if distinct.is_some() {
            frag.push(&"DISTINCT ");
        }
        let use_top = limit.offset.is_none();
        if let Some(top) = limit.top() {
            frag.push(&top);
        } else if order.is_some() && place != Place::Top && limit.is_none() {
            // Without TOP, IRIS refuses ORDER BY in a subquery.
            frag.push(&"TOP ALL ");
        }
        let rendered: Vec<Frag> = targets.iter().map(Target::render).collect();
        frag.push(&list(&rendered));
        frag.push(&self.rest(node, from, &targets)?);
        if let Some(order) = &order {
            if !use_top && place != Place::Top {
                return Err(self
                    .unsupported(
                        "ORDER BY with OFFSET in a subquery is not supported by IRIS",
                        order.text_range().start().into(),
                    )
                    .hint("Number the rows with ROW_NUMBER() OVER (ORDER BY ..) and filter by the number."));
            }
            frag.push(&" ");
            let before = self.is_limited.replace(!limit.is_none());
            let order = self.inlined(grouped, || self.order_by(order, Some(&targets)));
            self.is_limited.set(before);
            frag.push(&order?);
        }
        if !use_top {
            frag.push(&limit.clause());
        }
        Ok(Query { frag, columns: outputs(&targets, place), shape: shape(&targets) })
    }

    /// The columns by which DISTINCT tells rows apart.
    fn distinct_targets(&self, targets: Vec<Target>, place: Place) -> Result<Vec<Target>> {
        let told_apart = |target: Target| {
            let frag = self.grouped(target.frag.clone())?;
            let loses_name = place == Place::Table && target.alias.is_none() && frag.text != target.frag.text;
            let alias = if loses_name { Some(names::iris_name_of(&target.label)) } else { target.alias };
            Ok(Target { frag, alias, ..target })
        };
        targets.into_iter().map(told_apart).collect()
    }

    /// FROM, WHERE, GROUP BY, HAVING.
    pub(super) fn rest(&self, node: &SyntaxNode, from: &From, targets: &[Target]) -> Result<Frag> {
        let mut frag = Frag::atom(String::new(), Ty::Any);
        if !from.is_empty() {
            frag.push(&" FROM ");
            frag.push(&self.write_from(from)?);
        }
        if let Some(clause) = cx::child(node, SyntaxKind::WHERE_CLAUSE)
            && let Some(condition) = clause.first_child()
        {
            frag.push(&" WHERE ");
            frag.push(&self.filter(&condition)?);
        }
        if let Some(clause) = cx::child(node, SyntaxKind::GROUP_BY_CLAUSE) {
            let keys = self.inlined(true, || self.group_by(&clause, targets))?;
            if !keys.is_empty() {
                frag.push(&" GROUP BY ");
                frag.push(&list(&keys));
            }
        }
        if let Some(clause) = cx::child(node, SyntaxKind::HAVING_CLAUSE)
            && let Some(condition) = clause.first_child()
        {
            frag.push(&" HAVING ");
            frag.push(&self.filter(&condition)?);
        }
        Ok(frag)
    }

    fn group_by(&self, clause: &SyntaxNode, targets: &[Target]) -> Result<Vec<Frag>> {
        let mut keys = Vec::new();
        for item in cx::child(clause, SyntaxKind::GROUP_BY_LIST).iter().flat_map(SyntaxNode::children) {
            let at = usize::from(item.text_range().start());
            if item.kind() != SyntaxKind::GROUPING_EXPR {
                return Err(self
                    .unsupported("ROLLUP, CUBE and GROUPING SETS are not supported by IRIS", at)
                    .hint("Write one query per grouping and join them by UNION ALL."));
            }
            let Some(key) = item.first_child() else { continue };
            // GROUP BY (a, b) is GROUP BY a, b.
            let parts: Vec<SyntaxNode> =
                if key.kind() == SyntaxKind::TUPLE_EXPR { expressions(&key).collect() } else { vec![key] };
            for part in parts {
                let key = match self.target_of(&part, targets, false)? {
                    Some(target) if target.frag.is_stream => return Err(stream_refused(&target.label, at)),
                    Some(target) => target.frag.clone(),
                    None => self.value(&part)?,
                };
                keys.push(self.grouped(key)?);
            }
        }
        Ok(keys)
    }

    pub fn targets(
        &self,
        list: &SyntaxNode,
        place: Place,
        names: Option<&[String]>,
        relations: &[Relation],
        merges: bool,
        casts: ColumnCasts,
    ) -> Result<Vec<Target>> {
        let mut targets: Vec<Target> = Vec::new();
        for target in cx::children(list, SyntaxKind::TARGET) {
            if cx::has_token(&target, SyntaxKind::STAR) {
                self.star(None, place, names.is_some(), relations, merges, &mut targets);
                continue;
            }
            let Some(value) = target.first_child() else { continue };
            if value.kind() == SyntaxKind::FIELD_EXPR && cx::has_token(&value, SyntaxKind::STAR) {
                let parts = names::parts(&value);
                self.star(Some(&parts), place, names.is_some(), relations, merges, &mut targets);
                continue;
            }
            let (frag, cast_to) = match self.column_cast(&value, casts)? {
                Some((operand, to)) => (operand, Some(to)),
                None => (self.target_value(&value, place)?, None),
            };
            let name = target.children().find(|child| child.kind() == SyntaxKind::AS_NAME);
            let name = name.and_then(|name| names::parts(&name).into_iter().next_back());
            let (label, alias) = match name {
                Some(name) => (names::folded(&name), Some(names::iris_name(&name)?)),
                None => {
                    let label = label(self, &value);
                    let is_name = matches!(value.kind(), SyntaxKind::NAME_REF | SyntaxKind::FIELD_EXPR);
                    let plain = is_name && !frag.text.ends_with(')');
                    let named = place == Place::Table && !plain && label != "?column?";
                    let alias = named.then(|| names::iris_name_of(&label));
                    (label, alias)
                }
            };
            let nullable = !frag.not_null;
            let enum_type = enums::of_column(self, &value);
            targets.push(Target { frag, label, alias, node: Some(value), nullable, enum_type, cast_to });
        }
        if let Some(names) = names {
            for (target, name) in targets.iter_mut().zip(names) {
                target.label = names::folded(name);
                target.alias = Some(names::iris_name(name)?);
            }
        }
        Ok(targets)
    }

    fn target_value(&self, value: &SyntaxNode, place: Place) -> Result<Frag> {
        let frag =
            if place == Place::Top { self.shown_value(value)? } else { self.shown(value, place != Place::Inner)? };
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

    /// `*` and `t.*`: the columns by name where they are known and it matters, else the star itself.
    fn star(
        &self,
        qualifier: Option<&[String]>,
        place: Place,
        renamed: bool,
        relations: &[Relation],
        merges: bool,
        targets: &mut Vec<Target>,
    ) {
        let wanted = qualifier.and_then(|parts| parts.last()).map(|name| names::folded(name));
        let meant: Vec<&Relation> = relations
            .iter()
            .filter(|relation| wanted.as_ref().is_none_or(|name| relation.name.eq_ignore_ascii_case(name)))
            .collect();
        let known = !meant.is_empty() && !merges && meant.iter().all(|relation| relation.columns.is_some());
        if known && (place != Place::Inner || renamed) {
            let several = relations.len() > 1;
            for relation in meant {
                for column in relation.columns.iter().flatten() {
                    let mut text = String::new();
                    if several || qualifier.is_some() {
                        text.push_str(&relation.iris_name);
                        text.push('.');
                    }
                    text.push_str(&names::iris_name_of(&column.name));
                    let nullable = column.nullable || relation.optional;
                    let mut frag = Frag::atom(text, column.ty);
                    frag.not_null = !nullable;
                    frag.is_stream = column.is_stream;
                    frag.is_exact = column.is_exact;
                    frag.enum_type.clone_from(&column.enum_type);
                    targets.push(Target {
                        frag,
                        label: column.name.clone(),
                        alias: None,
                        node: None,
                        nullable,
                        enum_type: column.enum_type.clone(),
                        cast_to: None,
                    });
                }
            }
            return;
        }
        let text = match meant.as_slice() {
            [relation] if wanted.is_some() => format!("{}.*", relation.iris_name),
            _ => match wanted {
                Some(name) => format!("{}.*", names::iris_name_of(&name)),
                None => "*".to_owned(),
            },
        };
        let frag = Frag::atom(text, Ty::Any);
        targets.push(Target {
            frag,
            label: String::new(),
            alias: None,
            node: None,
            nullable: true,
            enum_type: None,
            cast_to: None,
        });
    }

    pub(super) fn table(&self, node: &SyntaxNode, place: Place) -> Result<Query> {
        let from = self.read_from(node)?;
        self.scoped(from.relations.clone(), || {
            let mut targets = Vec::new();
            self.star(None, place, false, &from.relations, false, &mut targets);
            let rendered: Vec<Frag> = targets.iter().map(Target::render).collect();
            let mut frag = Frag::cat(&[&"SELECT ", &list(&rendered), &" FROM "], Ty::Any);
            frag.push(&self.write_from(&from)?);
            Ok(Query { frag, columns: outputs(&targets, place), shape: shape(&targets) })
        })
    }
}

pub fn outputs(targets: &[Target], place: Place) -> Vec<OutputColumn> {
    if place == Place::Top || place == Place::Inner { targets.iter().map(Target::output).collect() } else { Vec::new() }
}

pub fn shape(targets: &[Target]) -> Option<Vec<Column>> {
    targets
        .iter()
        .map(|target| {
            (!target.is_star()).then(|| Column {
                name: target.label.clone(),
                ty: target.cast_to.map_or(target.frag.ty, Ty::Known),
                nullable: target.nullable,
                enum_type: target.enum_type.clone(),
                is_stream: target.frag.is_stream,
                is_exact: target.frag.is_exact,
            })
        })
        .collect()
}
