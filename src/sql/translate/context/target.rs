//! The entries of a select list.

use std::rc::Rc;

use squawk_syntax::SyntaxNode;

use super::exact::unfolded;
use super::frag::{Frag, Ty};
use super::query::Place;
use super::scope::Column;
use crate::sql::description::EnumType;
use crate::sql::named_type::NamedType;
use crate::sql::plan::OutputColumn;
use crate::sql::syntax::names;
use crate::types::PgType;

/// One entry of a select list.
#[derive(Debug, Clone)]
pub(crate) struct Target {
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
    /// A column of such a type.
    pub named: Option<Rc<NamedType>>,
    /// A column that stands there as it is, and that IRIS compares without regard to case.
    pub folds_case: bool,
    /// What the gateway casts the values of `frag` to.
    pub cast_to: Option<PgType>,
}

pub(crate) fn outputs(targets: &[Target], place: Place) -> Vec<OutputColumn> {
    if place == Place::Table { Vec::new() } else { targets.iter().map(Target::output).collect() }
}

pub(crate) fn shape(targets: &[Target]) -> Option<Vec<Column>> {
    targets
        .iter()
        .map(|target| {
            // A column without AS goes by its own name.
            let iris_text = target.alias.clone().filter(|alias| *alias != names::iris_name_of(&target.label));
            (!target.is_star()).then(|| Column {
                name: target.label.clone(),
                iris_text,
                ty: target.cast_to.map_or(target.frag.ty, Ty::Known),
                nullable: target.nullable,
                enum_type: target.enum_type.clone(),
                named: target.named.clone(),
                is_stream: target.frag.is_stream,
                is_exact: target.frag.is_exact,
                folds_case: target.folds_case,
                vector_element: target.frag.vector_element,
            })
        })
        .collect()
}

/// The texts of a select list.
pub(crate) fn render(targets: &[Target]) -> Vec<Frag> {
    targets.iter().map(Target::render).collect()
}

impl Target {
    /// A column of a relation or query under its own name.
    pub(crate) fn of_column(column: &Column, frag: Frag) -> Self {
        Self {
            nullable: !frag.not_null,
            frag,
            label: column.name.clone(),
            alias: None,
            node: None,
            enum_type: column.enum_type.clone(),
            named: column.named.clone(),
            folds_case: column.folds_case,
            cast_to: None,
        }
    }

    pub(crate) fn is_star(&self) -> bool {
        self.frag.text.ends_with('*') && self.node.is_none()
    }

    /// What a query around this one calls it.
    pub(crate) fn column_name(&self) -> String {
        match &self.alias {
            Some(alias) => alias.clone(),
            None if names::can_hold(&self.label) => names::iris_name_of(&self.label),
            None => "pgw_column".to_owned(),
        }
    }

    /// The target where its values are compared.
    pub(crate) fn compared(self, n: usize) -> Self {
        if !self.folds_case {
            return self;
        }
        // Under its own name, ORDER BY would be by the column.
        let alias = self.alias.clone().or_else(|| Some(format!("pgw_e{}", n + 1)));
        Self { frag: self.value(), alias, folds_case: false, ..self }
    }

    /// Its value, to compare by.
    pub(crate) fn value(&self) -> Frag {
        if self.folds_case { unfolded(&self.frag) } else { self.frag.clone() }
    }

    /// How ORDER BY refers to it.
    pub(crate) fn reference(&self) -> Frag {
        if self.folds_case {
            return self.value();
        }
        match &self.alias {
            Some(alias) => Frag::atom(alias.clone(), self.frag.ty),
            None => self.frag.clone(),
        }
    }

    pub(crate) fn render(&self) -> Frag {
        match &self.alias {
            Some(alias) => Frag::cat(&[&self.frag, &" AS ", alias], self.frag.ty),
            None => self.frag.clone(),
        }
    }

    pub(crate) fn output(&self) -> OutputColumn {
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
