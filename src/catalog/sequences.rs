//! Sequences, sans IO: IRIS SQL has none, so each is a row of a table of the gateway's in IRIS, which all gateways share.

mod names;
mod statements;

use super::TypeChange;
use crate::sql::{OwnedChange, place_aside};
use crate::types::{quoted_name, quoted_text};
use crate::wire::{PgError, SqlState};

pub(crate) use names::SequenceNames;
pub(crate) use statements::{SequenceStatements, read_sequences};

/// "sequence_generator_limit_exceeded".
const LIMIT_EXCEEDED: SqlState = SqlState(*b"2200H");

/// As PostgreSQL calls it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SequenceName {
    pub schema: String,
    pub name: String,
}

impl SequenceName {
    pub(crate) fn quoted(&self) -> String {
        format!("{}.{}", quoted_name(&self.schema), quoted_name(&self.name))
    }
}

/// The column that it belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SequenceOwner {
    pub table: SequenceName,
    pub column: String,
    /// Made with it, by GENERATED .. AS IDENTITY.
    pub is_identity: bool,
}

/// A sequence at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Sequence {
    /// What IRIS calls its row: another one for one that is made anew under the name.
    pub id: String,
    pub name: SequenceName,
    /// `smallint`, `integer` or `bigint`.
    pub type_name: String,
    pub start: i64,
    pub increment: i64,
    pub minimum: i64,
    pub maximum: i64,
    pub cache: i64,
    pub cycles: bool,
    pub owner: Option<SequenceOwner>,
    pub last_value: i64,
    /// `last_value` has been given to somebody.
    pub is_called: bool,
}

impl Sequence {
    /// The next value.
    ///
    /// # Errors
    /// 2200H: there is none.
    pub(crate) fn draw(&mut self) -> Result<i64, Box<PgError>> {
        if !self.is_called {
            self.is_called = true;
            return Ok(self.last_value);
        }
        let next = self.last_value.checked_add(self.increment);
        let (bound, first, which) = match self.increment > 0 {
            true => (self.maximum, self.minimum, "maximum"),
            false => (self.minimum, self.maximum, "minimum"),
        };
        self.last_value = match next.filter(|next| (self.minimum..=self.maximum).contains(next)) {
            Some(next) => next,
            None if self.cycles => first,
            None => {
                let name = &self.name.name;
                let message = format!("nextval: reached {which} value of sequence \"{name}\" ({bound})");
                return Err(PgError::error(LIMIT_EXCEEDED, message));
            }
        };
        Ok(self.last_value)
    }

    /// `setval`.
    ///
    /// # Errors
    /// 22003 for a value beyond its bounds.
    pub(crate) fn set(&mut self, value: i64, is_called: bool) -> Result<(), Box<PgError>> {
        let Self { minimum, maximum, .. } = *self;
        if !(minimum..=maximum).contains(&value) {
            let name = &self.name.name;
            let message =
                format!("setval: value {value} is out of bounds for sequence \"{name}\" ({minimum}..{maximum})");
            return Err(PgError::error(SqlState::NUMERIC_OUT_OF_RANGE, message));
        }
        (self.last_value, self.is_called) = (value, is_called);
        Ok(())
    }

    /// The statement that makes it in PostgreSQL.
    pub(crate) fn create_statement(&self) -> String {
        format!("CREATE SEQUENCE IF NOT EXISTS {}", self.definition())
    }

    /// What makes one of that name like it.
    pub(crate) fn alter_statement(&self) -> String {
        format!("ALTER SEQUENCE {}", self.definition())
    }

    fn definition(&self) -> String {
        let Self { type_name, start, increment, minimum, maximum, cache, .. } = self;
        let cycle = if self.cycles { "CYCLE" } else { "NO CYCLE" };
        format!(
            "{} AS {type_name} INCREMENT BY {increment} MINVALUE {minimum} \
             MAXVALUE {maximum} START WITH {start} CACHE {cache} {cycle}",
            self.name.quoted()
        )
    }

    /// What gives it to its column.
    pub(crate) fn owner_statement(&self) -> Option<String> {
        let owner = self.owner.as_ref().filter(|owner| !owner.is_identity)?;
        Some(format!(
            "ALTER SEQUENCE {} OWNED BY {}.{}",
            self.name.quoted(),
            owner.table.quoted(),
            quoted_name(&owner.column)
        ))
    }

    /// What makes PostgreSQL's own ones stand where these stand, as far as it has them.
    pub(crate) fn set_statements(all: &[Sequence]) -> String {
        let state = |sequence: &Sequence| {
            let Self { name, last_value, is_called, .. } = sequence;
            format!("({}, '{last_value}'::bigint, {is_called})", quoted_text(&name.quoted()))
        };
        if all.is_empty() {
            return String::new();
        }
        format!(
            "SELECT pg_catalog.setval(pg_catalog.to_regclass(v.n), v.l, v.c) FROM (VALUES {}) v (n, l, c), \
             pg_catalog.pg_sequence s WHERE s.seqrelid = pg_catalog.to_regclass(v.n) AND v.l BETWEEN s.seqmin AND s.seqmax",
            all.iter().map(state).collect::<Vec<_>>().join(", ")
        )
    }

    /// What makes PostgreSQL's own one stand where this one stands.
    pub(crate) fn set_statement(&self) -> String {
        let Self { last_value, is_called, .. } = self;
        format!("SELECT pg_catalog.setval({}, '{last_value}', {is_called})", quoted_text(&self.name.quoted()))
    }
}

/// What becomes of a sequence with a definition of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Followed {
    Stays,
    Goes,
    /// It begins anew.
    Restarts,
    /// Its owner is called otherwise.
    Changes(SequenceOwner),
    /// The same, and it is to be found elsewhere: with a table that is put aside, or comes back.
    Moves(SequenceOwner, SequenceName),
}

impl Sequence {
    pub(crate) fn follow(&self, change: &OwnedChange) -> Followed {
        let is_of = |schema: &str, table: &str| {
            self.owner.as_ref().filter(|owner| owner.table.schema == schema && owner.table.name == table)
        };
        match change {
            OwnedChange::Made(_) | OwnedChange::Added(_) => Followed::Stays,
            OwnedChange::SchemaGone(schema) => match self.name.schema == *schema {
                true => Followed::Goes,
                false => Followed::Stays,
            },
            OwnedChange::TableGone { schema, table } => match is_of(schema, table) {
                Some(_) => Followed::Goes,
                None => Followed::Stays,
            },
            OwnedChange::TableRestarted { schema, table } => match is_of(schema, table) {
                Some(_) => Followed::Restarts,
                None => Followed::Stays,
            },
            OwnedChange::ColumnGone { schema, table, column } => match is_of(schema, table) {
                Some(owner) if owner.column == *column => Followed::Goes,
                _ => Followed::Stays,
            },
            OwnedChange::TableRenamed { schema, table, to } => match is_of(schema, table) {
                Some(owner) => {
                    let table = SequenceName { schema: schema.clone(), name: to.clone() };
                    let owner = SequenceOwner { table, ..owner.clone() };
                    let elsewhere = match place_aside(to) {
                        Some(place) => Some(place.to_owned()),
                        None => place_aside(&self.name.schema).map(|_| schema.clone()),
                    };
                    match elsewhere {
                        Some(schema) => Followed::Moves(owner, SequenceName { schema, name: self.name.name.clone() }),
                        None => Followed::Changes(owner),
                    }
                }
                None => Followed::Stays,
            },
            OwnedChange::ColumnRenamed { schema, table, column, to } => match is_of(schema, table) {
                Some(owner) if owner.column == *column => {
                    Followed::Changes(SequenceOwner { column: to.clone(), ..owner.clone() })
                }
                _ => Followed::Stays,
            },
        }
    }
}

/// What a session wants of sequences. Names are tried in their order: those of a search path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SequenceRequest {
    /// So many values. None of them is given to anybody else, whatever becomes of the client's transaction.
    Draw {
        names: Vec<SequenceName>,
        count: usize,
    },
    Set {
        names: Vec<SequenceName>,
        value: i64,
        is_called: bool,
    },
    Read {
        names: Vec<SequenceName>,
    },
    All,
    /// Its `id` is made.
    Create {
        sequence: Box<Sequence>,
        if_absent: bool,
    },
    /// Another definition for the one of that name. `restarts`: where it stands, too.
    Change {
        sequence: Box<Sequence>,
        restarts: bool,
    },
    Rename {
        from: SequenceName,
        to: SequenceName,
    },
    Drop {
        name: SequenceName,
    },
    /// Types of users' making, which are kept beside.
    Types(Vec<TypeChange>),
    /// Those that belong to columns follow a definition of a table.
    Follow(Vec<OwnedChange>),
}

/// What came of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SequenceAnswer {
    /// The one that the request was about, as it is now; `None`: there is none.
    pub sequence: Option<Sequence>,
    /// That were drawn.
    pub values: Vec<i64>,
    /// Of [`SequenceRequest::All`].
    pub all: Vec<Sequence>,
    /// That went with a table, and that came with one.
    pub gone: Vec<SequenceName>,
    pub came: Vec<SequenceName>,
    /// It was there before.
    pub existed: bool,
}

/// Asks PostgreSQL for the definition of one of its sequences, whose name is written as a client does, and last for whether
/// a column's default draws from it.
pub(crate) fn definition_query(name: &str) -> String {
    format!(
        "SELECT n.nspname, c.relname, pg_catalog.format_type(s.seqtypid, NULL), s.seqstart, s.seqincrement, s.seqmin, \
         s.seqmax, s.seqcache, s.seqcycle, tn.nspname, t.relname, a.attname, d.deptype, EXISTS (SELECT \
         FROM pg_catalog.pg_depend u WHERE u.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass \
         AND u.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND u.refobjid = c.oid) \
         FROM pg_catalog.pg_sequence s JOIN pg_catalog.pg_class c ON c.oid = s.seqrelid \
         JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
         LEFT JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass \
         AND d.objid = c.oid AND d.objsubid = 0 AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass \
         AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i') \
         LEFT JOIN pg_catalog.pg_class t ON t.oid = d.refobjid \
         LEFT JOIN pg_catalog.pg_namespace tn ON tn.oid = t.relnamespace \
         LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid \
         WHERE c.oid = pg_catalog.to_regclass({})",
        quoted_text(name)
    )
}

/// What the row that [`definition_query`] gave begins with, of a sequence that has not been used; `None` without one.
pub(crate) fn read_definition(row: Vec<Option<String>>) -> Option<Sequence> {
    let mut cells = row.into_iter();
    let mut text = || cells.next().flatten();
    let name = SequenceName { schema: text()?, name: text()? };
    let type_name = text()?;
    let mut number = || text()?.parse::<i64>().ok();
    let (start, increment, minimum, maximum, cache) = (number()?, number()?, number()?, number()?, number()?);
    let cycles = text()? == "t";
    let owner = match (text(), text(), text(), text()) {
        (Some(schema), Some(table), Some(column), Some(kind)) => {
            Some(SequenceOwner { table: SequenceName { schema, name: table }, column, is_identity: kind == "i" })
        }
        _ => None,
    };
    Some(Sequence {
        id: String::new(),
        name,
        type_name,
        start,
        increment,
        minimum,
        maximum,
        cache,
        cycles,
        owner,
        last_value: start,
        is_called: false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sequence(increment: i64, minimum: i64, maximum: i64, cycles: bool) -> Sequence {
        let name = SequenceName { schema: "public".to_owned(), name: "s".to_owned() };
        let start = if increment > 0 { minimum } else { maximum };
        let type_name = "bigint".to_owned();
        Sequence {
            id: String::new(),
            name,
            type_name,
            start,
            increment,
            minimum,
            maximum,
            cache: 1,
            cycles,
            owner: None,
            last_value: start,
            is_called: false,
        }
    }

    fn drawn(mut sequence: Sequence, count: usize) -> Vec<Result<i64, String>> {
        (0..count).map(|_| sequence.draw().map_err(|error| error.message)).collect()
    }

    #[test]
    fn values_go_up_or_down_to_a_bound() {
        let over = |which, bound: i64| Err(format!("nextval: reached {which} value of sequence \"s\" ({bound})"));
        assert_eq!(drawn(sequence(2, 1, 4, false), 4), [Ok(1), Ok(3), over("maximum", 4), over("maximum", 4)]);
        assert_eq!(drawn(sequence(-1, -2, -1, false), 3), [Ok(-1), Ok(-2), over("minimum", -2)]);
        assert_eq!(drawn(sequence(2, 1, 4, true), 4), [Ok(1), Ok(3), Ok(1), Ok(3)]);
        let last = sequence(1, i64::MAX - 1, i64::MAX, false);
        assert_eq!(drawn(last, 3), [Ok(i64::MAX - 1), Ok(i64::MAX), over("maximum", i64::MAX)]);
    }

    #[test]
    fn a_value_that_is_set_lies_within_the_bounds() {
        let mut sequence = sequence(1, 1, 9, false);
        sequence.set(5, true).unwrap();
        assert_eq!(sequence.draw().unwrap(), 6);
        sequence.set(5, false).unwrap();
        assert_eq!(sequence.draw().unwrap(), 5);
        let error = sequence.set(10, true).unwrap_err();
        assert_eq!(error.message, "setval: value 10 is out of bounds for sequence \"s\" (1..9)");
        assert_eq!(sequence.draw().unwrap(), 6);
    }
}
