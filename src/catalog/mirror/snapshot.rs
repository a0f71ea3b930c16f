//! A schema at one moment, the statements that make it, and those that make it of an older one.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::catalog::sequences::{Sequence, SequenceName};
use crate::catalog::user_types::KeptTypes;
use crate::sql::{EnumType, MirrorStatement};

use super::comments::Comments;
use super::model::{Names, RawTable, Relation};
use super::text::{Guarded, do_block, unless_relation};
use crate::types::{quoted_name, quoted_text};

/// Relations of one transaction: large enough to cost little, small enough to repeat one by one.
const BATCH_RELATIONS: usize = 100;

/// Statements of one transaction. When one of them fails, each can be run for itself: they ask for nothing but what
/// earlier batches made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MirrorBatch {
    pub statements: Vec<MirrorStatement>,
}

/// What IRIS has, as PostgreSQL would have it.
#[derive(Debug, Default)]
pub struct MirrorSnapshot {
    relations: Vec<Relation>,
    /// By folded IRIS schema and name: place and fingerprint.
    places: HashMap<(String, String), (usize, u64)>,
    schemas: Vec<String>,
    /// What IRIS calls `public`.
    default_schema: String,
    /// Without where they stand.
    sequences: Vec<Sequence>,
    types: KeptTypes,
}

/// Names of relations that are taken, per schema: IRIS has a name space of indexes per table, PostgreSQL one for
/// tables, views and indexes of a schema.
#[derive(Debug, Default)]
pub(super) struct UsedNames(HashSet<(String, String)>);

impl UsedNames {
    fn take(&mut self, schema: &str, name: &str) -> bool {
        // `NAMEDATALEN` - 1 bytes count.
        let mut cut = name.len().min(63);
        while !name.is_char_boundary(cut) {
            cut = cut.saturating_sub(1);
        }
        self.0.insert((schema.to_owned(), name.get(..cut).unwrap_or(name).to_owned()))
    }

    /// `wanted`, or one like it.
    pub(super) fn free(&mut self, schema: &str, table: &str, wanted: &str) -> String {
        let mut name = wanted.to_owned();
        let mut n: u32 = 0;
        while !self.take(schema, &name) {
            n = n.saturating_add(1);
            // The number in front: a long name loses its end.
            name = if n == 1 { format!("{table}_{wanted}") } else { format!("{n}_{table}_{wanted}") };
        }
        name
    }
}

impl MirrorSnapshot {
    pub(super) fn new(tables: &[RawTable], default_schema: &str) -> Self {
        let names = Names::new(tables, default_schema);
        let mut used = UsedNames::default();
        let shown: Vec<&RawTable> =
            tables.iter().filter(|table| !table.columns.is_empty() && !names.is_query_of(table)).collect();
        for table in &shown {
            used.take(&names.schema(&table.schema), &names.table(table));
        }
        let relations: Vec<Relation> = shown
            .iter()
            .map(|raw| match names.query_of(raw) {
                _ if raw.is_view => Relation::view(&names, raw),
                Some(query) => Relation::materialized(&names, raw, query, &mut used),
                None => Relation::table(&names, raw, &mut used),
            })
            .collect();
        let places = relations.iter().enumerate().map(|(at, relation)| (key(relation), (at, fingerprint(relation))));
        let places = places.collect();
        let mut schemas: Vec<String> = relations.iter().map(|relation| relation.schema.clone()).collect();
        schemas.sort();
        schemas.dedup();
        let default_schema = default_schema.to_owned();
        Self { places, schemas, relations, default_schema, sequences: Vec::new(), types: KeptTypes::default() }
    }

    /// What its tables draw from, and others.
    pub(crate) fn set_sequences(&mut self, sequences: Vec<Sequence>) {
        let schemas = sequences.iter().map(|sequence| sequence.name.schema.clone());
        self.schemas.extend(schemas);
        self.schemas.sort();
        self.schemas.dedup();
        let unused = |sequence: Sequence| Sequence { last_value: sequence.start, is_called: false, ..sequence };
        self.sequences = sequences.into_iter().map(unused).collect();
    }

    #[cfg(test)]
    pub(super) fn sequences(&self) -> impl Iterator<Item = &Sequence> {
        self.sequences.iter()
    }

    /// Those of its columns, and others.
    pub(crate) fn set_types(&mut self, types: KeptTypes) {
        self.types = types;
    }

    pub fn len(&self) -> usize {
        self.relations.len()
    }

    /// The enum types of its columns, for [`EnumTypes::adopt`](crate::catalog::EnumTypes::adopt).
    pub fn enum_types(&self) -> impl Iterator<Item = &EnumType> {
        self.relations.iter().flat_map(|relation| &relation.enums)
    }

    /// The comments that are descriptions of IRIS.
    pub fn comments(&self) -> Comments {
        self.relations.iter().flat_map(|relation| relation.comments.iter().cloned()).collect()
    }

    pub fn is_empty(&self) -> bool {
        self.relations.is_empty()
    }

    /// Everything, for an empty mirror.
    pub fn create(&self) -> Vec<MirrorBatch> {
        let sequences = self.sequences.iter().collect::<Vec<_>>();
        self.make(&self.relations.iter().collect::<Vec<_>>(), &[], &[], &sequences, &[], &self.types.all)
    }

    /// What has to be done to a mirror made of `older` and of the clients' own words for the relations `by_text` (IRIS
    /// schema and name): those are left as they are, if IRIS still has them. Nothing is done to the relations
    /// `unsettled`, which changed while the snapshot was taken, or since.
    pub fn difference(
        &self,
        older: &Self,
        by_text: &HashSet<(String, String)>,
        unsettled: &HashSet<(String, String)>,
    ) -> Vec<MirrorBatch> {
        let folded = |names: &HashSet<(String, String)>| -> HashSet<(String, String)> {
            names.iter().map(|(schema, name)| (schema.to_lowercase(), name.to_lowercase())).collect()
        };
        let (by_text, unsettled) = (folded(by_text), folded(unsettled));
        let mut gone = Vec::new();
        for relation in &older.relations {
            let key = key(relation);
            let print = older.places.get(&key).map(|(_, print)| *print);
            let stays = match self.places.get(&key) {
                Some((_, now)) => by_text.contains(&key) || Some(*now) == print,
                None => false,
            };
            if !stays && !unsettled.contains(&key) {
                gone.push(relation);
            }
        }
        let made: Vec<&Relation> = self
            .relations
            .iter()
            .filter(|relation| {
                let key = key(relation);
                let now = self.places.get(&key).map(|(_, print)| *print);
                let before = older.places.get(&key).map(|(_, print)| *print);
                !by_text.contains(&key) && !unsettled.contains(&key) && now != before
            })
            .collect();
        // One that belongs to a column comes and goes with what is done to the table.
        let is_touched = |key: &(String, String)| by_text.contains(key) || unsettled.contains(key);
        let is_left = |sequence: &Sequence| {
            is_touched(&sequence_key(sequence)) || self.owner_key(sequence).as_ref().is_some_and(is_touched)
        };
        let lacks = |all: &[Sequence], sequence: &Sequence| !all.contains(sequence) && !is_left(sequence);
        // What belongs to a table that is made anew has gone with it.
        let made_keys: HashSet<_> = made.iter().map(|relation| key(relation)).collect();
        let is_remade = |sequence: &Sequence| {
            !is_left(sequence) && self.owner_key(sequence).is_some_and(|key| made_keys.contains(&key))
        };
        let new = self.sequences.iter().filter(|s| lacks(&older.sequences, s) || is_remade(s)).collect::<Vec<_>>();
        let old: Vec<&Sequence> = older.sequences.iter().filter(|s| lacks(&self.sequences, s)).collect();
        if gone.is_empty() && made.is_empty() && new.is_empty() && old.is_empty() {
            return self.types.gone.iter().chain(&self.types.changed).cloned().collect();
        }
        // DROP .. CASCADE takes views and foreign keys of relations that have not changed.
        let others: Vec<&Relation> = if gone.is_empty() {
            Vec::new()
        } else {
            self.relations.iter().filter(|relation| !made_keys.contains(&key(relation))).collect()
        };
        let types: Vec<MirrorBatch> = self.types.gone.iter().chain(&self.types.changed).cloned().collect();
        self.make(&made, &gone, &others, &new, &old, &types)
    }

    /// The table of its column, as IRIS calls it.
    fn owner_key(&self, sequence: &Sequence) -> Option<(String, String)> {
        let SequenceName { schema, name } = &sequence.owner.as_ref()?.table;
        let schema = if schema == "public" { &self.default_schema } else { schema };
        Some((schema.to_lowercase(), name.to_lowercase()))
    }

    /// Drops, then makes; of `others` what went with the drops.
    fn make(
        &self,
        made: &[&Relation],
        gone: &[&Relation],
        others: &[&Relation],
        new: &[&Sequence],
        old: &[&Sequence],
        types: &[MirrorBatch],
    ) -> Vec<MirrorBatch> {
        let mut batches = Batches::default();
        for relation in gone {
            batches.push(relation, relation.drop_statement());
        }
        for sequence in old.iter().filter(|sequence| !is_of_identity(sequence)) {
            // One that has changed is changed: defaults of columns hold on to it.
            if !new.iter().any(|new| new.name == sequence.name) {
                batches.push_sequence(sequence, drop_sequence(sequence));
            }
        }
        batches.close();
        // A type that a table has cannot change in every way.
        batches.done.extend(types.iter().cloned());
        let enum_schemas =
            made.iter().flat_map(|relation| &relation.enums).filter_map(|declared| declared.schema.as_ref());
        let schemas: BTreeSet<&String> = self.schemas.iter().chain(enum_schemas).collect();
        for schema in schemas.into_iter().filter(|schema| *schema != "public") {
            batches.push_free(format!("CREATE SCHEMA IF NOT EXISTS {}", quoted_name(schema)));
        }
        batches.close();
        let mut types = HashSet::new();
        for relation in made {
            for sql in relation.types.iter().filter(|sql| types.insert(sql.as_str())) {
                batches.push_free(sql.clone());
            }
        }
        batches.close();
        // In front of the tables, whose columns have defaults that name them.
        let made_keys: HashSet<_> = made.iter().map(|relation| key(relation)).collect();
        for sequence in new.iter().filter(|sequence| !is_of_identity(sequence)) {
            // The table may have gone with it by now.
            let owner = sequence
                .owner
                .as_ref()
                .filter(|_| self.owner_key(sequence).is_some_and(|key| !made_keys.contains(&key)));
            batches.push_sequence(
                sequence,
                match owner {
                    Some(owner) => unless_gone(&owner.table.quoted(), &sequence.create_statement()),
                    None => sequence.create_statement(),
                },
            );
            if old.iter().any(|old| old.name == sequence.name) {
                batches.push_sequence(sequence, sequence.alter_statement());
            }
        }
        batches.close();
        let tables = || made.iter().filter(|relation| !relation.is_view);
        for relation in tables() {
            batches.push_definition(relation, relation.create.clone());
            for sql in &relation.indexes {
                batches.push(relation, sql.clone());
            }
            batches.push_comments(relation);
            batches.relation_done();
        }
        batches.close();
        for relation in tables() {
            for (_, clause) in &relation.foreign_keys {
                batches.push(relation, format!("ALTER TABLE {} ADD {clause}", relation.qualified()));
            }
            batches.relation_done();
        }
        for relation in others.iter().filter(|relation| !relation.is_view) {
            for (name, clause) in &relation.foreign_keys {
                batches.push(relation, add_missing_key(relation, name, clause));
            }
            batches.relation_done();
        }
        batches.close();
        for sequence in new {
            if let Some(sql) = sequence.owner_statement() {
                batches.push_sequence(sequence, sql);
            }
        }
        batches.close();
        let mut views: Vec<&Relation> =
            made.iter().chain(others).copied().filter(|relation| relation.is_view).collect();
        views.sort_by(|a, b| (&a.schema, &a.name).cmp(&(&b.schema, &b.name)));
        for view in in_order(&views) {
            // Made anew it is missing; of the others only some are.
            let missing =
                |sql: &str| unless_relation(&view.schema, &view.name, &format!("EXECUTE {};", quoted_text(sql)));
            let otherwise = view.create.otherwise.as_deref().map(missing);
            batches.push_definition(view, Guarded { sql: missing(&view.create.sql), otherwise });
            for sql in &view.indexes {
                batches.push(view, sql.clone());
            }
            batches.push_comments(view);
            batches.relation_done();
        }
        batches.into_list()
    }
}

fn key(relation: &Relation) -> (String, String) {
    (relation.iris_schema.to_lowercase(), relation.iris_name.to_lowercase())
}

/// As the changes of sessions name it.
fn sequence_key(sequence: &Sequence) -> (String, String) {
    let SequenceName { schema, name } = &sequence.name;
    (schema.to_lowercase(), name.to_lowercase())
}

/// Made with its column.
fn is_of_identity(sequence: &Sequence) -> bool {
    sequence.owner.as_ref().is_some_and(|owner| owner.is_identity)
}

/// Unless it has become the counter of a column, with which it goes.
fn drop_sequence(sequence: &Sequence) -> String {
    let name = sequence.name.quoted();
    do_block(&format!(
        "IF NOT EXISTS (SELECT FROM pg_catalog.pg_depend WHERE objid = to_regclass({quoted}) AND deptype = 'i' \
         AND classid = 'pg_catalog.pg_class'::regclass) THEN DROP SEQUENCE IF EXISTS {name} CASCADE; END IF;",
        quoted = quoted_text(&name)
    ))
}

/// The statement, as long as there is such a relation.
fn unless_gone(relation: &str, sql: &str) -> String {
    do_block(&format!("IF to_regclass({}) IS NOT NULL THEN {sql}; END IF;", quoted_text(relation)))
}

fn fingerprint(relation: &Relation) -> u64 {
    let mut hasher = DefaultHasher::new();
    relation.hash(&mut hasher);
    hasher.finish()
}

fn add_missing_key(relation: &Relation, name: &str, clause: &str) -> String {
    let table = relation.qualified();
    do_block(&format!(
        "IF to_regclass({table}) IS NOT NULL AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint \
         WHERE contype = 'f' AND conrelid = to_regclass({table}) AND conname = {name}) THEN \
         EXECUTE {sql}; END IF;",
        table = quoted_text(&table),
        name = quoted_text(name),
        sql = quoted_text(&format!("ALTER TABLE {table} ADD {clause}")),
    ))
}

/// Views behind those they mention. A circle, which IRIS would not have, is cut anywhere.
fn in_order<'a>(views: &[&'a Relation]) -> Vec<&'a Relation> {
    let mut by_name: HashMap<String, Vec<usize>> = HashMap::new();
    for (at, view) in views.iter().enumerate() {
        by_name.entry(view.name.to_lowercase()).or_default().push(at);
    }
    let mut ordered = Vec::with_capacity(views.len());
    let mut seen = vec![false; views.len()];
    // (view, how many of its mentions have been followed); a chain of views may be longer than a stack is deep.
    let mut path: Vec<(usize, usize)> = Vec::new();
    for start in 0..views.len() {
        if !std::mem::replace(seen.get_mut(start).unwrap_or(&mut true), true) {
            path.push((start, 0));
        }
        while let Some((at, followed)) = path.pop() {
            let Some(view) = views.get(at) else { continue };
            let Some(mention) = view.mentions.get(followed) else {
                ordered.push(*view);
                continue;
            };
            path.push((at, followed.saturating_add(1)));
            for next in by_name.get(mention).into_iter().flatten() {
                if !std::mem::replace(seen.get_mut(*next).unwrap_or(&mut true), true) {
                    path.push((*next, 0));
                }
            }
        }
    }
    ordered
}

#[derive(Debug, Default)]
struct Batches {
    done: Vec<MirrorBatch>,
    open: MirrorBatch,
    relations_count: usize,
}

impl Batches {
    fn push(&mut self, relation: &Relation, sql: String) {
        self.push_definition(relation, Guarded::certain(sql));
    }

    fn push_definition(&mut self, relation: &Relation, definition: Guarded) {
        let Guarded { sql, otherwise } = definition;
        let relations = vec![(relation.iris_schema.clone(), relation.iris_name.clone())];
        self.open.statements.push(MirrorStatement { sql, otherwise, relations });
    }

    fn push_comments(&mut self, relation: &Relation) {
        for (target, text) in &relation.comments {
            self.push(relation, target.comment_on(Some(text)));
        }
    }

    fn push_sequence(&mut self, sequence: &Sequence, sql: String) {
        let SequenceName { schema, name } = sequence.name.clone();
        self.open.statements.push(MirrorStatement { sql, otherwise: None, relations: vec![(schema, name)] });
    }

    fn push_free(&mut self, sql: String) {
        self.open.statements.push(MirrorStatement { sql, otherwise: None, relations: Vec::new() });
    }

    fn relation_done(&mut self) {
        self.relations_count = self.relations_count.saturating_add(1);
        if self.relations_count >= BATCH_RELATIONS {
            self.close();
        }
    }

    fn close(&mut self) {
        self.relations_count = 0;
        if !self.open.statements.is_empty() {
            self.done.push(std::mem::take(&mut self.open));
        }
    }

    fn into_list(mut self) -> Vec<MirrorBatch> {
        self.close();
        self.done
    }
}
