//! Tables, views and schemas as a statement names them, and what is known of them.

use std::rc::Rc;

use super::alike::is_confused;
use super::cx::Cx;
use crate::sql::description::EnumType;
use crate::sql::named_type::NamedType;
use crate::sql::options::is_temporary_schema;
use crate::sql::schema::{Named, NamedFacts, Need, RelationName, TableFacts, TableLookup, ViewFacts, ViewLookup};
use crate::sql::syntax::names;
use crate::sql::translate::context::Result;
use crate::types::quoted_name;
use crate::wire::PgError;

impl Cx<'_> {
    /// Whether IRIS has a relation under a name that PostgreSQL tells from this one.
    pub(crate) fn is_another(&self, name: &RelationName) -> bool {
        let Some(facts) = self.views(name) else { return false };
        if !facts.is_called(&name.name) {
            return true;
        }
        let Some(schema) = name.schema.as_deref().filter(|schema| is_confused(schema, &facts.schema)) else {
            return false;
        };
        !schema.eq_ignore_ascii_case(self.options.default_schema) && self.is_another_schema(schema)
    }

    /// Whether IRIS has a schema under a name that PostgreSQL tells from this folded one.
    pub(crate) fn is_another_schema(&self, folded: &str) -> bool {
        let found = self.named(Named::Schema, folded);
        !found.is_empty() && !found.iter().any(|schema| schema.is_called(folded))
    }

    /// What IRIS finds by a folded name; nothing when it has to be asked first.
    pub(crate) fn named(&self, what: Named, name: &str) -> Rc<Vec<NamedFacts>> {
        self.schema.named(what, name).unwrap_or_else(|| {
            self.need(Need::Names(what, name.to_owned()));
            Rc::default()
        })
    }

    /// Facts of a table, asking for them when they are not loaded yet.
    pub(crate) fn facts(&self, name: &RelationName) -> TableLookup {
        let found = self.schema.table(name);
        if matches!(found, TableLookup::NotLoaded) {
            self.need(Need::Table(name.clone()));
        }
        found
    }

    /// `None` when they have to be loaded first.
    pub(crate) fn views(&self, name: &RelationName) -> Option<Rc<ViewFacts>> {
        match self.schema.views(name) {
            ViewLookup::Known(facts) => Some(facts),
            ViewLookup::NotLoaded => {
                self.need(Need::Views(name.clone()));
                None
            }
        }
    }

    /// An enum type by its folded name.
    pub(crate) fn enum_type(&self, name: &RelationName) -> Option<EnumType> {
        self.schema.enum_type(name)
    }

    /// Another type of a user's making, by its folded name. Without a schema it is one of the search path.
    pub(crate) fn named_type(&self, name: &RelationName) -> Option<NamedType> {
        let path = self.options.search_path;
        if name.schema.is_some() || path.is_empty() {
            return self.schema.named_type(name);
        }
        path.iter().find_map(|schema| {
            self.schema.named_type(&RelationName { schema: Some(schema.clone()), name: name.name.clone() })
        })
    }

    pub(crate) fn known(&self, name: &RelationName) -> Option<Rc<TableFacts>> {
        match self.facts(name) {
            TableLookup::Known(facts) => Some(facts),
            TableLookup::Missing | TableLookup::NotLoaded => None,
        }
    }

    /// The text for a relation's name and its name for lookups. Not for CTEs.
    pub(crate) fn relation(&self, parts: &[String]) -> Result<(String, RelationName)> {
        match parts {
            [name]
                if let Some(schema) = self.temporary_schema(&names::folded(name))
                    && !self.is_in_front_of_temporary(&names::folded(name)) =>
            {
                self.permanent(&[quoted_name(schema), name.clone()])
            }
            _ => self.permanent(parts),
        }
    }

    /// The IRIS schema of the session's temporary table of that folded name.
    pub(crate) fn temporary_schema(&self, folded: &str) -> Option<&str> {
        let temporary = self.options.temporary.as_ref()?;
        if self.made_temporary.borrow().as_deref() == Some(folded) {
            return Some(temporary.next);
        }
        temporary.schemas.get(folded).map(String::as_str)
    }

    /// Whether a schema that the search path names in front of temporary tables has a relation of that folded name.
    fn is_in_front_of_temporary(&self, folded: &str) -> bool {
        let behind = self.options.temporary.and_then(|temporary| temporary.behind).unwrap_or(0);
        let path = self.options.search_path;
        let public = (path.is_empty() && behind > 0).then_some("public");
        path.iter().map(String::as_str).take(behind).chain(public).any(|schema| {
            self.known(&RelationName { schema: Some(schema.to_owned()), name: folded.to_owned() }).is_some()
        })
    }

    /// As [`relation`](Self::relation), with no regard to temporary tables of the name alone.
    pub(crate) fn permanent(&self, parts: &[String]) -> Result<(String, RelationName)> {
        // `database.schema.table`: there is one database, the namespace the gateway is connected to.
        let parts = match parts {
            [_, schema, name] => &[schema.clone(), name.clone()],
            parts => parts,
        };
        match parts {
            [name] if !self.options.search_path.is_empty() => {
                let schema = self.schema_on_path(&names::folded(name));
                self.permanent(&[quoted_name(&schema), name.clone()])
            }
            [name] => {
                let folded = names::folded(name);
                let lookup = RelationName { schema: None, name: folded.clone() };
                self.is_read(&lookup);
                if folded.starts_with("pg_") && self.known(&lookup).is_none() {
                    return Err(names::catalog_later(&folded));
                }
                Ok((format!("{}.{}", self.options.default_schema, names::iris_name(name)?), lookup))
            }
            [schema, name] => {
                let (folded_schema, folded) = (names::folded(schema), names::folded(name));
                let text = match folded_schema.as_str() {
                    "public" => self.options.default_schema.to_owned(),
                    "pg_catalog" | "information_schema" => {
                        return Err(names::catalog_later(&format!("{folded_schema}.{folded}")));
                    }
                    "pg_temp" => return Err(no_temporary()),
                    _ => names::iris_name(schema)?,
                };
                if is_temporary_schema(&folded_schema) {
                    self.is_of_session.set(true);
                }
                let lookup = RelationName { schema: Some(folded_schema), name: folded };
                self.is_read(&lookup);
                Ok((format!("{text}.{}", names::iris_name(name)?), lookup))
            }
            _ => Err(PgError::unsupported(format!(
                "cross-database references are not implemented: \"{}\"",
                parts.iter().map(|part| names::folded(part)).collect::<Vec<_>>().join(".")
            ))),
        }
    }

    fn is_read(&self, name: &RelationName) {
        if let Some(all) = self.read_by_view.borrow_mut().as_mut() {
            let schema = match name.schema.as_deref() {
                None | Some("public") => self.options.default_schema,
                Some(schema) => schema,
            };
            all.push((schema.to_owned(), name.name.clone()));
        }
    }

    /// The schema of the search path that has the relation; the first where none has, which is where it would be made.
    fn schema_on_path(&self, folded: &str) -> String {
        let path = self.options.search_path;
        let has = |schema: &&String| {
            self.known(&RelationName { schema: Some((*schema).clone()), name: folded.to_owned() }).is_some()
        };
        path.iter().find(has).or(path.first()).cloned().unwrap_or_default()
    }
}

/// There is nobody who could keep the session's names apart from those of others.
pub(crate) fn no_temporary() -> Box<PgError> {
    PgError::unsupported("temporary tables are not supported without the catalog service")
        .hint("Set catalog to embedded or native, or use a table of an own name and drop it.")
}
