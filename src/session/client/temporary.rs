//! The temporary tables and views of a client: names that lead to tables of IRIS which nobody else has names for. Where there
//! is nothing else to say of a view, it is a table here.
//!
//! DROP, ON COMMIT DROP, a rollback and the end of the session take a name away, and with it the [`TemporarySchema`], whose
//! end has the table dropped behind the session's back. So all of them are carried out at once and can be undone until the
//! transaction is over.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::catalog::{Temporaries, TemporarySchema};
use crate::sql::{OnCommit, ReadByView, TemporaryChange, TemporaryNames};

/// As [`TemporaryTables::state`].
pub(crate) const NONE_ANY_MORE: u64 = 1;

/// Costs a session without them a few words.
#[derive(Debug, Default)]
pub(crate) struct TemporaryTables {
    /// In the order in which they were made.
    tables: Vec<Table>,
    /// The IRIS schemas of those that are there, by folded names.
    schemas: BTreeMap<String, String>,
    /// As [`TemporaryNames::views`].
    views: BTreeMap<String, Vec<ReadByView>>,
    /// Of the next one.
    next: OnceCell<TemporarySchema>,
    /// A number that no other state of any session has; 0 = there have been none, 1 = there are none any more.
    state: u64,
    /// As [`TemporaryNames::behind`].
    behind: Option<usize>,
}

#[derive(Debug)]
struct Table {
    name: String,
    schema: TemporarySchema,
    on_commit: OnCommit,
    /// Of a view, what it reads: IRIS schemas and names.
    view: Option<Vec<ReadByView>>,
    /// What it read before, and the latest savepoint when it was replaced, while the transaction lasts.
    replaced: Vec<(u64, Option<Vec<ReadByView>>)>,
    /// The latest savepoint when it was made, while the transaction lasts.
    made: Option<u64>,
    /// The same when it was dropped.
    dropped: Option<u64>,
    /// The same when nothing was in it; `None`: it may have rows of an earlier transaction, which ON COMMIT DELETE ROWS is to
    /// have deleted.
    emptied: Option<u64>,
}

impl TemporaryTables {
    /// As translation needs them.
    pub(crate) fn names<'a>(&'a self, all: &Arc<Temporaries>) -> TemporaryNames<'a> {
        let next = self.next.get_or_init(|| all.reserve()).name();
        TemporaryNames { schemas: &self.schemas, views: &self.views, next, behind: self.behind }
    }

    /// The search path says how many schemas come in front of temporary tables.
    pub(crate) fn follow_path(&mut self, behind: Option<usize>, all: &Temporaries) {
        if self.behind != behind {
            self.behind = behind;
            self.altered(all);
        }
    }

    /// Whether a table is made as a temporary one without a word: `pg_temp` comes first on the search path.
    pub(crate) fn makes_all_temporary(&self) -> bool {
        self.behind == Some(0)
    }

    /// The place of the next table; `None` where the statement that makes it was understood when there was another one.
    pub(crate) fn place(&self, change: Option<&TemporaryChange>) -> Option<&TemporarySchema> {
        let Some(TemporaryChange::Create { schema, .. }) = change else { return None };
        self.next.get().filter(|next| next.name() == schema)
    }

    /// The schemas, the latest first: no two have a table of the same name.
    pub(crate) fn schemas(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.tables.iter().rev().filter(|table| table.dropped.is_none()).map(|table| table.schema.name())
    }

    /// A number that changes with the tables, and that no other session has; 0 = there have been none, 1 = there are none any
    /// more.
    pub(crate) fn state(&self) -> u64 {
        self.state
    }

    /// Tables have other columns or indexes than before.
    pub(crate) fn altered(&mut self, all: &Temporaries) {
        if self.state > NONE_ANY_MORE {
            self.state = all.next_number();
        }
    }

    /// A statement has been carried out. `savepoint`: the latest one.
    pub(crate) fn apply(&mut self, change: &TemporaryChange, savepoint: u64, all: &Temporaries) {
        match change {
            TemporaryChange::Create { name, on_commit, view, .. } => {
                if let Some(schema) = self.next.take() {
                    // A view that others have dropped, with a table that it read.
                    if let Some(table) = self.find(name) {
                        table.dropped = Some(savepoint);
                    }
                    self.tables.push(Table {
                        name: name.clone(),
                        schema,
                        on_commit: *on_commit,
                        view: view.clone(),
                        replaced: Vec::new(),
                        made: Some(savepoint),
                        dropped: None,
                        emptied: Some(savepoint),
                    });
                }
            }
            TemporaryChange::Replace { name, view } => {
                if let Some(table) = self.find(name) {
                    let before = table.view.replace(view.clone());
                    table.replaced.push((savepoint, before));
                }
                self.altered(all);
            }
            TemporaryChange::Rename { from, to } => {
                if let Some(table) = self.find(from) {
                    table.name.clone_from(to);
                }
            }
            TemporaryChange::Drop(names) => {
                for name in names {
                    if let Some(table) = self.find(name) {
                        table.dropped = Some(savepoint);
                    }
                }
            }
        }
        self.changed(all);
    }

    fn find(&mut self, name: &str) -> Option<&mut Table> {
        self.tables.iter_mut().find(|table| table.dropped.is_none() && table.name == name)
    }

    /// A statement has failed: something may be where the next table would have been, which gets another place.
    pub(crate) fn forget_next(&mut self) {
        self.next.take();
    }

    /// DISCARD TEMP.
    pub(crate) fn drop_all(&mut self, savepoint: u64, all: &Temporaries) {
        for table in self.tables.iter_mut().filter(|table| table.dropped.is_none()) {
            table.dropped = Some(savepoint);
        }
        self.changed(all);
    }

    /// What was done since that savepoint is undone; 0: since the transaction began.
    pub(crate) fn roll_back_to(&mut self, savepoint: u64, all: &Temporaries) {
        if self.tables.is_empty() {
            return;
        }
        let is_undone = |at: Option<u64>| at.is_some_and(|at| at >= savepoint);
        self.tables.retain(|table| !is_undone(table.made));
        for table in &mut self.tables {
            if is_undone(table.dropped) {
                table.dropped = None;
            }
            while let Some((_, before)) = table.replaced.pop_if(|(at, _)| *at >= savepoint) {
                table.view = before;
            }
            // Rows that were deleted since are there again.
            if is_undone(table.emptied) {
                table.emptied = None;
            }
        }
        self.changed(all);
    }

    /// The transaction is over.
    #[cold]
    pub(crate) fn end(&mut self, committed: bool, all: &Temporaries) {
        if self.tables.is_empty() {
            return;
        }
        if !committed {
            self.roll_back_to(0, all);
        }
        let is_over = |table: &Table| table.dropped.is_some() || committed && table.on_commit == OnCommit::Drop;
        let mut gone: Vec<String> = self.tables.iter().filter(|table| is_over(table)).map(Table::schema_name).collect();
        let has_changed = !gone.is_empty();
        // What ON COMMIT drops takes the views with it that read it, and those that read these.
        loop {
            let is_gone = |table: &Table| gone.iter().any(|schema| schema == table.schema.name());
            let is_reader = |table: &&Table| !is_gone(table) && gone.iter().any(|schema| table.reads(schema));
            let readers: Vec<String> = self.tables.iter().filter(is_reader).map(Table::schema_name).collect();
            if readers.is_empty() {
                break;
            }
            gone.extend(readers);
        }
        self.tables.retain(|table| !gone.iter().any(|schema| schema == table.schema.name()));
        for table in &mut self.tables {
            table.made = None;
            table.emptied = None;
            table.replaced.clear();
        }
        if has_changed {
            self.changed(all);
        }
    }

    fn changed(&mut self, all: &Temporaries) {
        let there = self.tables.iter().filter(|table| table.dropped.is_none());
        let views = there.clone().filter_map(|table| Some((table.name.clone(), table.view.clone()?)));
        self.views = views.collect();
        let schemas: BTreeMap<String, String> =
            there.map(|table| (table.name.clone(), table.schema.name().to_owned())).collect();
        if schemas != self.schemas {
            self.state = if schemas.is_empty() { NONE_ANY_MORE } else { all.next_number() };
            self.schemas = schemas;
        }
    }

    /// The tables of ON COMMIT DELETE ROWS that may have rows of the last transaction: IRIS schemas and names.
    pub(crate) fn stale(&self) -> Vec<ReadByView> {
        let stale = self.tables.iter().filter(|table| table.is_stale());
        stale.map(|table| (table.schema.name().to_owned(), table.name.clone())).collect()
    }

    /// These have been emptied. `savepoint`: the latest one.
    pub(crate) fn emptied(&mut self, savepoint: u64) {
        for table in self.tables.iter_mut().filter(|table| table.is_stale()) {
            table.emptied = Some(savepoint);
        }
    }
}

impl Table {
    fn schema_name(&self) -> String {
        self.schema.name().to_owned()
    }

    fn reads(&self, schema: &str) -> bool {
        self.view.iter().flatten().any(|(of, _)| of.eq_ignore_ascii_case(schema))
    }

    fn is_stale(&self) -> bool {
        self.on_commit == OnCommit::DeleteRows && self.dropped.is_none() && self.emptied.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn create(tables: &mut TemporaryTables, all: &Arc<Temporaries>, name: &str, on_commit: OnCommit, savepoint: u64) {
        let schema = tables.names(all).next.to_owned();
        let change = TemporaryChange::Create { name: name.to_owned(), schema, on_commit, view: None };
        assert!(tables.place(Some(&change)).is_some());
        tables.apply(&change, savepoint, all);
        assert!(tables.place(Some(&change)).is_none());
    }

    fn names(tables: &TemporaryTables) -> Vec<&str> {
        tables.schemas.keys().map(String::as_str).collect()
    }

    #[test]
    fn what_a_transaction_does_is_undone_with_it() {
        let all = Arc::<Temporaries>::default();
        let mut tables = TemporaryTables::default();
        assert_eq!(tables.state(), 0);
        create(&mut tables, &all, "kept", OnCommit::PreserveRows, 0);
        tables.end(true, &all);
        let before = tables.state();
        create(&mut tables, &all, "a", OnCommit::PreserveRows, 0);
        create(&mut tables, &all, "b", OnCommit::PreserveRows, 2);
        tables.apply(&TemporaryChange::Drop(vec!["kept".to_owned()]), 2, &all);
        create(&mut tables, &all, "kept", OnCommit::PreserveRows, 3);
        assert_eq!(names(&tables), ["a", "b", "kept"]);
        assert_eq!(tables.schemas().count(), 3);
        tables.roll_back_to(2, &all);
        assert_eq!(names(&tables), ["a", "kept"]);
        tables.end(false, &all);
        assert_eq!(names(&tables), ["kept"]);
        assert_ne!(tables.state(), before);
        tables.drop_all(0, &all);
        assert_eq!((names(&tables).len(), tables.state()), (0, NONE_ANY_MORE));
        tables.end(false, &all);
        assert_eq!(names(&tables), ["kept"]);
    }

    #[test]
    fn the_end_of_a_transaction_drops_and_empties() {
        let all = Arc::<Temporaries>::default();
        let mut tables = TemporaryTables::default();
        create(&mut tables, &all, "gone", OnCommit::Drop, 0);
        create(&mut tables, &all, "empty", OnCommit::DeleteRows, 0);
        assert!(tables.stale().is_empty());
        tables.end(true, &all);
        assert_eq!(names(&tables), ["empty"]);
        assert_eq!(tables.stale().len(), 1);
        tables.emptied(1);
        tables.roll_back_to(2, &all);
        assert!(tables.stale().is_empty());
        tables.roll_back_to(1, &all);
        assert_eq!(tables.stale().len(), 1);
    }
}
