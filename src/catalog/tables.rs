//! The tables a shard has looked up, until the schema moves.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use super::{EnumTypes, SequenceName, SequenceNames};
use crate::sql::{
    ColumnFacts, EnumType, Named, NamedFacts, NamedType, RelationName, Schema, TableFacts, TableLookup, ViewFacts,
    ViewLookup, is_temporary_schema,
};

/// Tables by their folded IRIS schema and name. Forgotten as a whole when the schema epoch moves: DDL is rare, and a
/// table is two short queries away.
#[derive(Debug)]
pub(crate) struct TableCache {
    epoch: u64,
    /// What PostgreSQL's `public` and unqualified names mean in IRIS.
    default_schema: String,
    /// `None`: IRIS was asked and has no such table.
    tables: HashMap<(String, String), Option<Rc<TableFacts>>>,
    views: HashMap<(String, String), Rc<ViewFacts>>,
    named: HashMap<(Named, String), Rc<Vec<NamedFacts>>>,
    enums: Arc<EnumTypes>,
    sequences: Option<Arc<SequenceNames>>,
}

impl TableCache {
    #[cfg(test)]
    pub(crate) fn new(default_schema: &str) -> Self {
        Self::with_enums(default_schema, Arc::default(), None)
    }

    /// With the enum types and sequences that all shards share.
    pub(crate) fn with_enums(
        default_schema: &str,
        enums: Arc<EnumTypes>,
        sequences: Option<Arc<SequenceNames>>,
    ) -> Self {
        Self {
            epoch: 0,
            default_schema: default_schema.to_owned(),
            tables: HashMap::new(),
            views: HashMap::new(),
            named: HashMap::new(),
            enums,
            sequences,
        }
    }

    /// Forgets everything when `epoch` is a new one.
    pub(crate) fn follow(&mut self, epoch: u64) {
        if self.epoch != epoch {
            self.epoch = epoch;
            self.tables.clear();
            self.views.clear();
            self.named.clear();
        }
    }

    /// Forgets temporary tables, which change without an epoch: what depends on them their sessions alone have.
    pub(crate) fn forget_temporary(&mut self) {
        self.tables.retain(|(schema, _), _| !is_temporary_schema(schema));
        self.views.retain(|(schema, _), _| !is_temporary_schema(schema));
        self.named.clear();
    }

    /// The IRIS schema a relation lives in.
    pub(crate) fn iris_schema<'a>(&'a self, name: &'a RelationName) -> &'a str {
        match name.schema.as_deref() {
            None | Some("public") => &self.default_schema,
            Some(schema) => schema,
        }
    }

    /// Columns of an enum type have the labels it has now; those of their descriptions are as old as the columns.
    pub(crate) fn insert(&mut self, name: &RelationName, mut facts: Option<TableFacts>) {
        let key = self.key(name);
        for column in facts.iter_mut().flat_map(|facts| &mut facts.columns) {
            let now = column.enum_type.as_ref().and_then(|described| {
                self.enums.get(&RelationName { schema: described.schema.clone(), name: described.name.clone() })
            });
            if let Some(now) = now {
                column.enum_type = Some(Rc::new(now));
            }
        }
        // A column takes the default of its domain where it has none of its own.
        if let Some(facts) = &mut facts {
            let typed = facts.columns.iter().filter(|column| column.named.is_some());
            facts.rules.typed = typed.map(|column| column.name.clone()).collect();
            for column in facts.columns.iter_mut().filter(|column| !column.has_default) {
                let Some(named) = column.named.as_ref().filter(|named| !named.is_array) else { continue };
                let name = RelationName { schema: named.schema.clone(), name: named.name.clone() };
                // Of one that is not known yet nobody can tell.
                column.has_default = self.enums.kept.named(&name).is_none();
                let default = self.enums.kept.default_of(named);
                facts.rules.defaults.extend(default.map(|default| (column.name.clone(), default)));
            }
        }
        self.tables.insert(key, facts.map(Rc::new));
    }

    pub(crate) fn insert_views(&mut self, name: &RelationName, facts: ViewFacts) {
        let key = self.key(name);
        self.views.insert(key, Rc::new(facts));
    }

    pub(crate) fn insert_named(&mut self, what: Named, name: &str, facts: Vec<NamedFacts>) {
        self.named.insert((what, name.to_lowercase()), Rc::new(facts));
    }

    /// A table by its IRIS names.
    pub(crate) fn table_facts(&self, schema: &str, table: &str) -> Option<Rc<TableFacts>> {
        self.tables.get(&(schema.to_lowercase(), table.to_lowercase()))?.clone()
    }

    /// A column of result metadata, by the IRIS names of its table.
    pub(crate) fn column(&self, schema: &str, table: &str, column: &str) -> Option<&ColumnFacts> {
        let key = (schema.to_lowercase(), table.to_lowercase());
        self.tables.get(&key)?.as_ref()?.columns.iter().find(|c| c.name.eq_ignore_ascii_case(column))
    }

    fn key(&self, name: &RelationName) -> (String, String) {
        (self.iris_schema(name).to_lowercase(), name.name.to_lowercase())
    }
}

impl Schema for TableCache {
    fn table(&self, name: &RelationName) -> TableLookup {
        match self.tables.get(&self.key(name)) {
            Some(Some(facts)) => TableLookup::Known(Rc::clone(facts)),
            Some(None) => TableLookup::Missing,
            None => TableLookup::NotLoaded,
        }
    }

    fn views(&self, name: &RelationName) -> ViewLookup {
        match self.views.get(&self.key(name)) {
            Some(facts) => ViewLookup::Known(Rc::clone(facts)),
            None => ViewLookup::NotLoaded,
        }
    }

    fn named(&self, what: Named, name: &str) -> Option<Rc<Vec<NamedFacts>>> {
        self.named.get(&(what, name.to_lowercase())).map(Rc::clone)
    }

    fn has_sequence(&self, schema: &str, name: &str) -> bool {
        let name = SequenceName { schema: schema.to_owned(), name: name.to_owned() };
        self.sequences.as_ref().is_some_and(|known| known.contains(&name))
    }

    fn enum_type(&self, name: &RelationName) -> Option<EnumType> {
        self.enums.get(name)
    }

    fn default_of(&self, named: &NamedType) -> Option<String> {
        self.enums.kept.default_of(named)
    }

    fn named_type(&self, name: &RelationName) -> Option<NamedType> {
        self.enums.kept.named(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::EnumChange;
    use crate::types::{Oid, PgType};

    #[test]
    fn a_label_added_later_is_known_to_columns_made_before() {
        let mood = |labels: &[&str]| EnumType {
            schema: None,
            name: "mood".to_owned(),
            labels: labels.iter().map(|label| (*label).to_owned()).collect(),
        };
        let name = |name: &str| RelationName { schema: None, name: name.to_owned() };
        let facts = TableFacts {
            columns: vec![ColumnFacts {
                name: "m".to_owned(),
                pg_type: PgType::new(Oid::TEXT),
                nullable: true,
                identity: false,
                has_default: false,
                folds_case: false,
                vector_element: Default::default(),
                draws: None,
                constant_default: None,
                enum_type: Some(Rc::new(mood(&["sad"]))),
                named: None,
                is_stream: false,
                is_spelled: false,
            }],
            ..TableFacts::default()
        };
        let mut cache = TableCache::new("SQLUser");
        cache.insert(&name("t"), Some(facts.clone()));
        assert!(cache.column("SQLUser", "t", "m").unwrap().enum_type.as_ref().unwrap().check("ok").is_err());

        cache.enums.apply(&EnumChange::Create(mood(&["sad", "ok"])));
        cache.insert(&name("t"), Some(facts));
        assert!(cache.column("SQLUser", "t", "m").unwrap().enum_type.as_ref().unwrap().check("ok").is_ok());
    }
}
