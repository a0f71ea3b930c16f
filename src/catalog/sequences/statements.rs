//! The table of IRIS that keeps sequences: its statements and its rows.

use std::rc::Rc;

use super::{Sequence, SequenceName, SequenceOwner};
use crate::iris::{IrisStatement, ParameterKind, Request, put_text};
use crate::sql::SideTable;
use crate::types::quoted_name;

/// Keys of the statements: far from those of a shard, and from those of the keeper of the mirror.
const KEY_FIRST: u64 = (1 << 63) | (1 << 33);

/// What stands for nothing: IRIS may take an empty text for NULL.
const NONE: &str = "-";

const NO_VALUES: &[&str] = &[];

/// All numbers are texts: IRIS has no place for the least bigint.
const COLUMNS: &str = "sequence_schema, sequence_name, data_type, start_value, increment_by, min_value, max_value, \
     cache_size, does_cycle, owner_schema, owner_table, owner_column, owner_kind, last_value, is_called";
const COLUMNS_COUNT: usize = 15;

/// The statements on the table.
#[derive(Debug)]
pub(crate) struct SequenceStatements {
    create: Rc<IrisStatement>,
    select: Rc<IrisStatement>,
    select_one: Rc<IrisStatement>,
    lock: Rc<IrisStatement>,
    insert: Rc<IrisStatement>,
    set: Rc<IrisStatement>,
    change: Rc<IrisStatement>,
    rename: Rc<IrisStatement>,
    delete: Rc<IrisStatement>,
}

impl SequenceStatements {
    pub(crate) fn new(table: &SideTable) -> Self {
        let name = format!("{}.{}", quoted_name(&table.schema), quoted_name(&table.name));
        let statement = |number: u64, text: String, parameters_count: usize, is_query| {
            let kinds = vec![ParameterKind::User; parameters_count];
            Rc::new(IrisStatement { key: KEY_FIRST | number, text, kinds, is_query })
        };
        let marks = |from: usize, count: usize| -> Vec<String> {
            (from..from.saturating_add(count)).map(|n| format!(":%qpar({n})")).collect()
        };
        // Names that differ in case are different sequences: without %EXACT they were one.
        let definitions: Vec<String> =
            COLUMNS.split(", ").map(|column| format!("{column} VARCHAR(128) %EXACT NOT NULL")).collect();
        let create = format!(
            "CREATE TABLE {name} ({}, CONSTRAINT sequences_pkey PRIMARY KEY (sequence_schema, sequence_name))",
            definitions.join(", ")
        );
        let named = |from: usize| {
            format!("WHERE sequence_schema = :%qpar({from}) AND sequence_name = :%qpar({})", from.saturating_add(1))
        };
        let select = format!("SELECT %ID, {COLUMNS} FROM {name}");
        let assigned: Vec<String> = COLUMNS
            .split(", ")
            .skip(2)
            .take(11)
            .zip(marks(1, 11))
            .map(|(column, mark)| format!("{column} = {mark}"))
            .collect();
        Self {
            create: statement(0, create, 0, false),
            select_one: statement(1, format!("{select} {}", named(1)), 2, true),
            select: statement(2, select, 0, true),
            // The row is this transaction's from here on, whoever else wants to draw.
            lock: statement(3, format!("UPDATE {name} SET is_called = is_called {}", named(1)), 2, false),
            insert: statement(
                4,
                format!("INSERT INTO {name} ({COLUMNS}) VALUES ({})", marks(1, COLUMNS_COUNT).join(", ")),
                COLUMNS_COUNT,
                false,
            ),
            set: statement(
                5,
                format!("UPDATE {name} SET last_value = :%qpar(1), is_called = :%qpar(2) {}", named(3)),
                4,
                false,
            ),
            change: statement(6, format!("UPDATE {name} SET {} {}", assigned.join(", "), named(12)), 13, false),
            rename: statement(
                7,
                format!("UPDATE {name} SET sequence_schema = :%qpar(1), sequence_name = :%qpar(2) {}", named(3)),
                4,
                false,
            ),
            delete: statement(8, format!("DELETE FROM {name} {}", named(1)), 2, false),
        }
    }

    pub(crate) fn create(&self) -> Request {
        execute(&self.create, NO_VALUES, false)
    }

    /// The rows are for [`read_sequences`].
    pub(crate) fn select(&self) -> Request {
        execute(&self.select, NO_VALUES, false)
    }

    /// The same of one.
    pub(crate) fn select_one(&self, name: &SequenceName, in_transaction: bool) -> Request {
        execute(&self.select_one, &[&name.schema, &name.name], in_transaction)
    }

    pub(crate) fn lock(&self, name: &SequenceName) -> Request {
        execute(&self.lock, &[&name.schema, &name.name], true)
    }

    pub(crate) fn insert(&self, sequence: &Sequence) -> Request {
        let mut values = vec![sequence.name.schema.clone(), sequence.name.name.clone()];
        values.extend(definition(sequence));
        values.extend(state(sequence));
        execute(&self.insert, &values, true)
    }

    /// Where it stands.
    pub(crate) fn set(&self, sequence: &Sequence) -> Request {
        let mut values = state(sequence);
        values.extend([sequence.name.schema.clone(), sequence.name.name.clone()]);
        execute(&self.set, &values, true)
    }

    /// Everything but its name and where it stands.
    pub(crate) fn change(&self, sequence: &Sequence) -> Request {
        let mut values = definition(sequence);
        values.extend([sequence.name.schema.clone(), sequence.name.name.clone()]);
        execute(&self.change, &values, true)
    }

    pub(crate) fn rename(&self, from: &SequenceName, to: &SequenceName) -> Request {
        execute(&self.rename, &[&to.schema, &to.name, &from.schema, &from.name], true)
    }

    pub(crate) fn delete(&self, name: &SequenceName) -> Request {
        execute(&self.delete, &[&name.schema, &name.name], true)
    }
}

fn definition(sequence: &Sequence) -> Vec<String> {
    let Sequence { type_name, start, increment, minimum, maximum, cache, cycles, owner, .. } = sequence;
    let mut values = vec![type_name.clone()];
    values.extend([start, increment, minimum, maximum, cache].map(i64::to_string));
    values.push(u8::from(*cycles).to_string());
    match owner {
        None => values.extend([NONE; 4].map(str::to_owned)),
        Some(SequenceOwner { table, column, is_identity }) => {
            let kind = if *is_identity { "i" } else { "a" };
            values.extend([table.schema.clone(), table.name.clone(), column.clone(), kind.to_owned()]);
        }
    }
    values
}

fn state(sequence: &Sequence) -> Vec<String> {
    vec![sequence.last_value.to_string(), u8::from(sequence.is_called).to_string()]
}

fn execute(statement: &Rc<IrisStatement>, texts: &[impl AsRef<str>], in_transaction: bool) -> Request {
    let mut values = Vec::new();
    for text in texts {
        put_text(&mut values, text.as_ref());
    }
    let values_per_set = texts.len();
    Request::Execute { statement: Rc::clone(statement), values, values_per_set, sets: 1, rows_max: 0, in_transaction }
}

/// The rows of the table; those that are no sequences are skipped.
pub(crate) fn read_sequences(rows: impl IntoIterator<Item = Vec<Option<String>>>) -> Vec<Sequence> {
    rows.into_iter().filter_map(read_row).collect()
}

fn read_row(row: Vec<Option<String>>) -> Option<Sequence> {
    let cells = row.into_iter().collect::<Option<Vec<String>>>()?;
    let mut cells = cells.into_iter();
    let id = cells.next()?;
    let name = SequenceName { schema: cells.next()?, name: cells.next()? };
    let type_name = cells.next().filter(|name| matches!(name.as_str(), "smallint" | "integer" | "bigint"))?;
    let mut number = || cells.next()?.trim().parse::<i64>().ok();
    let (start, increment, minimum, maximum, cache) = (number()?, number()?, number()?, number()?, number()?);
    let cycles = number()? == 1;
    let mut owner = || cells.next();
    let (schema, table, column, kind) = (owner()?, owner()?, owner()?, owner()?);
    let owner = (kind != NONE).then(|| SequenceOwner {
        table: SequenceName { schema, name: table },
        column,
        is_identity: kind == "i",
    });
    let last_value = cells.next()?.trim().parse().ok()?;
    let is_called = cells.next()? == "1";
    Some(Sequence {
        id,
        name,
        type_name,
        start,
        increment,
        minimum,
        maximum,
        cache,
        cycles,
        owner,
        last_value,
        is_called,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_read_as_it_was_written() {
        let name = SequenceName { schema: "public".to_owned(), name: "S".to_owned() };
        let owner = SequenceOwner { table: name.clone(), column: "id".to_owned(), is_identity: true };
        let written = Sequence {
            id: "7".to_owned(),
            name: name.clone(),
            type_name: "bigint".to_owned(),
            start: 3,
            increment: -2,
            minimum: i64::MIN,
            maximum: 9,
            cache: 1,
            cycles: true,
            owner: Some(owner),
            last_value: i64::MIN,
            is_called: true,
        };
        for sequence in [Sequence { owner: None, cycles: false, is_called: false, ..written.clone() }, written] {
            let mut row = vec![sequence.id.clone(), name.schema.clone(), name.name.clone()];
            row.extend(definition(&sequence));
            row.extend(state(&sequence));
            assert_eq!(row.len(), COLUMNS_COUNT + 1);
            assert_eq!(read_sequences([row.into_iter().map(Some).collect()]), [sequence]);
        }
        assert_eq!(read_sequences([vec![Some("1".to_owned()), None]]), []);
    }
}
