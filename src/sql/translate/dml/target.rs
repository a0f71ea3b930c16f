//! The table a statement changes.

use std::rc::Rc;

use squawk_syntax::{SyntaxKind, SyntaxNode};

use crate::sql::schema::{ColumnFacts, TableFacts};
use crate::sql::translate::cx::{Cx, Relation, Result, column_of};
use crate::sql::translate::frag::{Frag, Ty};
use crate::sql::translate::{enums, names};
use crate::types::{Fitting, Oid, PgType};
use crate::wire::{PgError, SqlState};

pub struct Target {
    /// `SQLUser.t`
    pub text: String,
    /// As PostgreSQL says it in messages.
    pub name: String,
    pub alias: Option<String>,
    pub facts: Option<Rc<TableFacts>>,
}

impl Target {
    pub fn read(cx: &Cx<'_>, node: &SyntaxNode) -> Result<Target> {
        let name = node.descendants().find(|node| node.kind() == SyntaxKind::RELATION_NAME_REF);
        let parts = name.map(|name| names::parts(&name)).unwrap_or_default();
        let (text, lookup) = cx.relation(&parts)?;
        let alias = node
            .children()
            .find(|child| matches!(child.kind(), SyntaxKind::OPTIONAL_AS_ALIAS | SyntaxKind::REQUIRED_AS_ALIAS))
            .and_then(|alias| names::parts(&alias).into_iter().next_back());
        Ok(Target { text, facts: cx.known(&lookup), name: lookup.name, alias })
    }

    /// As the statement names it: `SQLUser.t` or `SQLUser.t x`.
    pub fn named(&self) -> Result<String> {
        Ok(match &self.alias {
            Some(alias) => format!("{} {}", self.text, names::iris_name(alias)?),
            None => self.text.clone(),
        })
    }

    /// As a relation of the statement's own scope.
    pub fn relation(&self) -> Result<Relation> {
        let typed = self.alias.clone().unwrap_or_else(|| names::iris_name_of(&self.name));
        let columns = self.facts.as_ref().map(|facts| facts.columns.iter().map(column_of).collect());
        Ok(Relation::new(names::folded(&typed), names::iris_name(&typed)?, columns))
    }

    /// The facts of a column; an error where the table is known and has no such column.
    pub fn column(&self, folded: &str) -> Result<Option<&ColumnFacts>> {
        let Some(facts) = &self.facts else { return Ok(None) };
        match facts.columns.iter().find(|column| column.name.eq_ignore_ascii_case(folded)) {
            Some(column) => Ok(Some(column)),
            None => Err(PgError::error(
                SqlState::UNDEFINED_COLUMN,
                format!("column \"{folded}\" of relation \"{}\" does not exist", self.name),
            )),
        }
    }
}

/// A value on its way into a column.
pub fn assigned(cx: &Cx<'_>, value: Frag, column: Option<&ColumnFacts>) -> Result<Frag> {
    let Some(column) = column else { return Ok(value) };
    let to = column.pg_type;
    if to.oid == Oid::VECTOR && value.ty.is_string() {
        return Ok(crate::sql::translate::expr::to_vector(value, to));
    }
    let open = value.ty.is_open();
    let mut value = cx.coerce(value, to);
    if let Some(enum_type) = &column.enum_type {
        enums::checked(cx, &mut value, enum_type)?;
    }
    // `INSERT .. VALUES ('..')` of a string is no cast: the column takes it as it is.
    let value = if open { value } else { cast_for(value, to) };
    cx.fitted(value, to, Fitting::Assignment)
}

/// Values PostgreSQL would convert by an assignment cast that IRIS does otherwise.
fn cast_for(value: Frag, to: PgType) -> Frag {
    let integer = Ty::of(to.oid).is_integer();
    if integer && value.ty.is_number() && !value.ty.is_integer() && !value.marks.is_empty() && value.text.len() > 1 {
        // A fraction computed for a whole column is rounded, not cut.
        return Frag::cat(&[&"ROUND(", &value, &", 0)"], Ty::Known(to));
    }
    value
}
