//! Columns of a query in another type or under other names: what set operations and queries around a query need.
//!
//! IRIS types the columns of a set operation by its first query (EXCEPT, INTERSECT) or by a ranking of its own (UNION),
//! so every query of one is given PostgreSQL's common types itself.

use squawk_syntax::SyntaxKind;

use super::select::{Target, shape};
use crate::sql::schema::ColumnFacts;
use crate::sql::syntax::names;
use crate::sql::translate::cx::{Column, Cx, Result};
use crate::sql::translate::dml::assign::{assigned, is_same};
use crate::sql::translate::expr::compare::trimmed_character;
use crate::sql::translate::expr::text_order::as_sorted;
use crate::sql::translate::frag::{Frag, Ty, list};
use crate::sql::translate::query::Query;
use crate::types::{Oid, PgType};

/// What a query's text is made of.
#[derive(Debug)]
pub(super) enum Parts {
    /// `head`, the targets, `tail`; in parentheses or not. The targets may be changed where nothing else refers to what
    /// they say.
    Select { head: Frag, targets: Vec<Target>, tail: Frag, parenthesised: bool },
    /// A text whose columns have these names.
    Named(Vec<String>),
    /// `head`, the first query, which names the columns, `tail`.
    Joined { head: Frag, first: Box<Query>, is_grouped: bool, tail: Frag },
    /// A text and no more.
    Text,
}

/// The name of the n-th column, counted from 0, of a query that stands in another of the gateway's making.
pub(super) fn column_name(n: usize) -> String {
    format!("pgw_c{}", n + 1)
}

impl Query {
    /// From a select list and the texts around it.
    pub(super) fn of_parts(head: Frag, targets: Vec<Target>, tail: Frag) -> Self {
        let parts = Parts::Select { head, targets, tail, parenthesised: false };
        let mut query = Query::of_text(Frag::atom(String::new(), Ty::Any), parts);
        query.write();
        query
    }

    /// A set operation: its first query and what follows.
    pub(super) fn joined(first: Query, is_grouped: bool, tail: Frag) -> Self {
        let head = Frag::atom(String::new(), Ty::Any);
        let parts = Parts::Joined { head, first: Box::new(first), is_grouped, tail };
        let mut query = Query::of_text(Frag::atom(String::new(), Ty::Any), parts);
        query.write();
        query
    }

    pub(super) fn of_text(frag: Frag, parts: Parts) -> Self {
        Query { frag, columns: Vec::new(), shape: None, is_one_row: false, parts }
    }

    fn write(&mut self) {
        if let Parts::Joined { head, first, is_grouped, tail } = &self.parts {
            let first = if *is_grouped { first.frag.clone().parenthesised() } else { first.frag.clone() };
            self.frag = Frag::cat(&[head, &first, tail], Ty::Any);
        }
        if let Parts::Select { head, targets, tail, parenthesised } = &self.parts {
            let rendered: Vec<Frag> = targets.iter().map(Target::render).collect();
            let frag = Frag::cat(&[head, &list(&rendered), tail], Ty::Any);
            self.frag = if *parenthesised { frag.parenthesised() } else { frag };
            self.shape = shape(targets);
        }
    }

    pub(super) fn parenthesised(mut self) -> Self {
        match &mut self.parts {
            Parts::Select { parenthesised, .. } if !*parenthesised => {
                *parenthesised = true;
                self.write();
                self
            }
            Parts::Joined { head, tail, .. } => {
                *head = Frag::cat(&[&"(", head], Ty::Any);
                tail.push(&")");
                self.write();
                self
            }
            _ => Query { frag: self.frag.parenthesised(), ..self },
        }
    }

    /// `prefix` in front of its text.
    pub(super) fn behind(mut self, prefix: &Frag) -> Self {
        if let Parts::Select { head, .. } | Parts::Joined { head, .. } = &mut self.parts {
            *head = Frag::cat(&[prefix, head], Ty::Any);
        }
        self.frag = Frag::cat(&[prefix, &self.frag], Ty::Any);
        self
    }

    /// The query with columns that go by names IRIS takes, and these names. `None` when its columns are not known.
    pub(super) fn named(mut self) -> Option<(Self, Vec<String>)> {
        match &mut self.parts {
            Parts::Named(names) => {
                let names = names.clone();
                Some((self, names))
            }
            Parts::Select { targets, .. } => {
                if targets.iter().any(Target::is_star) {
                    return None;
                }
                let names: Vec<String> = (0..targets.len()).map(column_name).collect();
                for (target, name) in targets.iter_mut().zip(&names) {
                    target.alias = Some(name.clone());
                }
                self.write();
                Some((self, names))
            }
            Parts::Joined { head, first, is_grouped, tail } => {
                let placeholder = Query::of_text(Frag::atom(String::new(), Ty::Any), Parts::Text);
                let (first, names) = std::mem::replace(&mut **first, placeholder).named()?;
                let shape = self.shape.take();
                let parts = Parts::Joined {
                    head: head.clone(),
                    first: Box::new(first),
                    is_grouped: *is_grouped,
                    tail: tail.clone(),
                };
                let mut query = Query { parts, shape, ..self };
                query.write();
                Some((query, names))
            }
            Parts::Text => None,
        }
    }

    /// The query with its columns, texts, as they are sorted by. `None` when its columns are not known.
    pub fn sorted_by(mut self) -> Option<Self> {
        let key = |frag: &Frag| as_sorted(&trimmed_character(frag.clone()));
        if let Parts::Select { targets, .. } = &mut self.parts {
            if targets.iter().any(Target::is_star) {
                return None;
            }
            for target in targets.iter_mut() {
                target.frag = key(&target.value());
                target.folds_case = false;
            }
            self.write();
            return Some(self);
        }
        let types: Vec<Ty> = self.shape.iter().flatten().map(|column| column.ty).collect();
        let (inner, names) = self.named()?;
        let keys: Vec<Frag> =
            names.iter().zip(types).map(|(name, ty)| key(&Frag::atom(name.clone(), ty).exact())).collect();
        let frag = Frag::cat(&[&"SELECT ", &list(&keys), &" FROM (", &inner.frag, &") pgw"], Ty::Any);
        Some(Query::of_text(frag, Parts::Text))
    }

    /// The query with columns that a query around it can name.
    pub(super) fn labelled(mut self) -> Self {
        if let Parts::Select { targets, .. } = &mut self.parts {
            for (n, target) in targets.iter_mut().enumerate() {
                let is_named = match &target.node {
                    Some(node) => matches!(node.kind(), SyntaxKind::NAME_REF | SyntaxKind::FIELD_EXPR),
                    None => true,
                };
                let is_named = is_named && !target.frag.text.ends_with(')');
                if target.alias.is_none() && !(is_named && names::can_hold(&target.label)) {
                    let holds = names::can_hold(&target.label) && target.label != "?column?";
                    target.alias =
                        Some(if holds { names::iris_name_of(&target.label) } else { format!("pgw_a{}", n + 1) });
                }
            }
            self.write();
        }
        if let Parts::Joined { first, .. } = &mut self.parts {
            let placeholder = Query::of_text(Frag::atom(String::new(), Ty::Any), Parts::Text);
            let inner = std::mem::replace(&mut **first, placeholder).labelled();
            self.shape = match (self.shape.take(), &inner.shape) {
                (Some(mut shape), Some(named)) => {
                    for (column, named) in shape.iter_mut().zip(named) {
                        column.iris_text.clone_from(&named.iris_text);
                    }
                    Some(shape)
                }
                (shape, _) => shape,
            };
            **first = inner;
            self.write();
        }
        self
    }

    /// Whether a column has to be converted for `types`.
    fn needs_types(&self, types: &[Ty]) -> bool {
        let shape = self.shape.as_deref().unwrap_or_default();
        shape.iter().zip(types).any(|(column, to)| is_converted(column.ty, *to))
    }
}

/// `character(n)` beside other lengths: its blanks are part of the value.
fn loses_length(from: PgType, to: PgType) -> bool {
    from.oid == Oid::BPCHAR && to.oid == Oid::BPCHAR && from.typmod >= 0 && to.typmod < 0
}

/// Whether IRIS has to be told, beyond what is told by the values themselves.
fn is_converted(from: Ty, to: Ty) -> bool {
    let Ty::Known(to) = to else { return false };
    match from {
        Ty::Untyped | Ty::Parameter(_) => true,
        Ty::Any => false,
        Ty::Known(from) => {
            let whole = |oid: Oid| Ty::of(oid).is_integer();
            let text = |oid: Oid| Ty::of(oid).is_string();
            // IRIS would round all of them to the scale of one.
            let is_unbounded = to == PgType::new(Oid::NUMERIC);
            loses_length(from, to)
                || (from.oid != to.oid || is_unbounded)
                    && !(whole(from.oid) && whole(to.oid))
                    && !(text(from.oid) && text(to.oid))
        }
    }
}

impl Cx<'_> {
    /// A value in the type it shares with others of its column.
    pub(super) fn in_common_type(&self, frag: Frag, to: Ty) -> Result<Frag> {
        let Ty::Known(pg_type) = to else { return Ok(frag) };
        if !is_converted(frag.ty, to) {
            return Ok(frag);
        }
        let sure = frag.not_null;
        let frag = if matches!(frag.ty, Ty::Known(from) if loses_length(from, pg_type)) {
            self.padded(frag).with_ty(to)
        } else if frag.ty.is_open() && frag.is_null() {
            self.cast(frag, pg_type)?
        } else if frag.ty.is_open() && to.is_string() && pg_type.typmod < 0 {
            // As long as a column it stands under, IRIS would cut it.
            let ty = Ty::of(pg_type.oid);
            Frag::cat(&[&"CAST(", &self.coerce(frag, pg_type), &" AS VARCHAR(3641144))"], ty)
        } else if frag.ty.is_open() {
            self.branch(frag, pg_type)
        } else if pg_type.oid == Oid::NUMERIC && (frag.ty.is_integer() || frag.ty.is(Oid::NUMERIC)) {
            // A whole number is a numeric to IRIS, but a column that begins with it is one of whole numbers, and one that
            // begins with a numeric has its scale.
            Frag::cat(&[&"CAST(", &frag, &" AS NUMERIC(38,19))"], Ty::NUMERIC)
        } else {
            self.cast(frag, PgType::new(pg_type.oid))?
        };
        Ok(if sure { frag.sure() } else { frag })
    }

    /// The query with its columns in these types.
    pub(super) fn in_types(&self, mut query: Query, types: &[Ty], at: usize) -> Result<Query> {
        if !query.needs_types(types) {
            return Ok(query);
        }
        if let Parts::Select { head, targets, .. } = &mut query.parts
            // What DISTINCT compares is what was written.
            && !head.text.contains("DISTINCT ")
            && !targets.iter().any(Target::is_star)
        {
            for (target, ty) in targets.iter_mut().zip(types) {
                let name = target.alias.clone().unwrap_or_default();
                let frag = self.in_common_type(target.frag.clone(), *ty)?;
                if frag.text != target.frag.text && name.is_empty() {
                    target.alias = Some(target.column_name());
                }
                target.frag = frag;
            }
            query.write();
            return Ok(query);
        }
        let shape = query.shape.clone().unwrap_or_default();
        let columns = std::mem::take(&mut query.columns);
        let is_one_row = query.is_one_row;
        let Some((inner, names)) = query.named() else {
            return Err(
                self.unsupported("a set operation of queries with * needs their columns, which are not known", at)
            );
        };
        let mut targets = Vec::new();
        for ((name, column), ty) in names.iter().zip(&shape).zip(types) {
            let mut frag = Frag::atom(name.clone(), column.ty);
            frag.not_null = !column.nullable;
            let frag = self.in_common_type(frag, *ty)?;
            targets.push(Target { alias: Some(column.iris_name()), ..Target::of_column(column, frag) });
        }
        let tail = Frag::cat(&[&" FROM (", &inner.frag, &") pgw"], Ty::Any);
        Ok(Query { columns, is_one_row, ..Query::of_parts(Frag::atom("SELECT ", Ty::Any), targets, tail) })
    }

    /// The query with its columns as those that an INSERT fills take them.
    ///
    /// # Errors
    /// 0A000 where IRIS cannot convert a value exactly, or the columns of the query are not known.
    pub fn assigned_query(&self, mut query: Query, columns: &[ColumnFacts], at: usize) -> Result<Query> {
        let unknown = || {
            self.unsupported("INSERT of a query with * needs its columns, which are not known", at)
                .hint("Name the columns: each is converted to the type of its target.")
        };
        if let Parts::Select { head, targets, .. } = &mut query.parts
            // What DISTINCT and LIMIT choose by is what was written.
            && ["SELECT ", "SELECT TOP ALL "].iter().any(|head_end| head.text.ends_with(head_end))
        {
            if targets.iter().any(Target::is_star) {
                return Err(unknown());
            }
            for (target, column) in targets.iter_mut().zip(columns) {
                target.frag = assigned(self, target.frag.clone(), Some(column))?;
            }
            query.write();
            return Ok(query);
        }
        let shape = query.shape.clone().ok_or_else(unknown)?;
        let fits = |(column, to): (&Column, &ColumnFacts)| match column.ty {
            Ty::Untyped => Ty::Known(to.pg_type).is_string(),
            ty => is_same(ty, to.pg_type),
        };
        if shape.iter().zip(columns).all(fits) {
            return Ok(query);
        }
        let (inner, names) = query.named().ok_or_else(unknown)?;
        let mut targets = Vec::new();
        for ((name, column), to) in names.iter().zip(&shape).zip(columns) {
            let mut frag = Frag::atom(name.clone(), column.ty);
            frag.not_null = !column.nullable;
            targets.push(Target::of_column(column, assigned(self, frag, Some(to))?));
        }
        let tail = Frag::cat(&[&" FROM (", &inner.frag, &") pgw"], Ty::Any);
        Ok(Query::of_parts(Frag::atom("SELECT ", Ty::Any), targets, tail))
    }
}
