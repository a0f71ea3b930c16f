//! A translated query, and the pieces of its text that what stands around it may change.

use squawk_syntax::SyntaxKind;

use super::exact::trimmed_character;
use super::frag::{Frag, Ty, list};
use super::scope::Column;
use super::target::{Target, shape};
use super::text_order::as_sorted;
use crate::sql::plan::OutputColumn;
use crate::sql::syntax::names;

/// A translated query.
#[derive(Debug)]
pub(crate) struct Query {
    pub frag: Frag,
    /// For RowDescription.
    pub columns: Vec<OutputColumn>,
    /// Its columns as a table of FROM has them; `None` when only IRIS knows.
    pub shape: Option<Vec<Column>>,
    /// It has at most one row, whatever its tables hold.
    pub is_one_row: bool,
    /// What its text is made of, for columns that have to be named or typed otherwise.
    pub parts: Parts,
}

/// Where a query stands, which decides what its text may and must say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// The statement itself: `*` is expanded, LIMIT may follow ORDER BY.
    Top,
    /// In FROM or WITH, or a view: columns are referred to by the names PostgreSQL gives them.
    Table,
    /// In an expression that takes its rows, or the source of an INSERT.
    Inner,
    /// Of a set operation.
    Leg,
    /// For a value.
    Scalar,
}

/// What a query's text is made of.
#[derive(Debug)]
pub(crate) enum Parts {
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
pub(crate) fn column_name(n: usize) -> String {
    format!("pgw_c{}", n + 1)
}

impl Query {
    /// Its text, without parentheses around it; its type is its only column's.
    pub(crate) fn rows(&self) -> Frag {
        let ty = match self.shape.as_deref() {
            Some([column]) => column.ty,
            _ => Ty::Any,
        };
        self.frag.clone().with_ty(ty)
    }

    /// Whether its only column never is NULL.
    pub(crate) fn is_not_null(&self) -> bool {
        matches!(self.shape.as_deref(), Some([column]) if !column.nullable)
    }
}

impl Query {
    /// From a select list and the texts around it.
    pub(crate) fn of_parts(head: Frag, targets: Vec<Target>, tail: Frag) -> Self {
        let parts = Parts::Select { head, targets, tail, parenthesised: false };
        let mut query = Query::of_text(Frag::atom(String::new(), Ty::Any), parts);
        query.write();
        query
    }

    /// A set operation: its first query and what follows.
    pub(crate) fn joined(first: Query, is_grouped: bool, tail: Frag) -> Self {
        let head = Frag::atom(String::new(), Ty::Any);
        let parts = Parts::Joined { head, first: Box::new(first), is_grouped, tail };
        let mut query = Query::of_text(Frag::atom(String::new(), Ty::Any), parts);
        query.write();
        query
    }

    pub(crate) fn of_text(frag: Frag, parts: Parts) -> Self {
        Query { frag, columns: Vec::new(), shape: None, is_one_row: false, parts }
    }

    pub(crate) fn write(&mut self) {
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

    pub(crate) fn parenthesised(mut self) -> Self {
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
    pub(crate) fn behind(mut self, prefix: &Frag) -> Self {
        if let Parts::Select { head, .. } | Parts::Joined { head, .. } = &mut self.parts {
            *head = Frag::cat(&[prefix, head], Ty::Any);
        }
        self.frag = Frag::cat(&[prefix, &self.frag], Ty::Any);
        self
    }

    /// The query with columns that go by names IRIS takes, and these names. `None` when its columns are not known.
    pub(crate) fn named(mut self) -> Option<(Self, Vec<String>)> {
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
    pub(crate) fn sorted_by(mut self) -> Option<Self> {
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
    pub(crate) fn labelled(mut self) -> Self {
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
}
