//! Changes by a join of rows that come with rows that are there: MERGE, and ON CONFLICT DO UPDATE.

use super::target::Table;
use super::update::{Assignment, qualified};
use super::{Change, Made};
use crate::sql::write_plan::{Repeats, RowWrite, WriteBack, WritePart};
use crate::types::PgType;

/// The sub-query that tells what becomes of a row, and its column.
const CHOICE: &str = "pgw_choice";
const CHOSEN: &str = "pgw_choice.pgw_n";

/// What becomes of the rows of which a condition is true, and of no condition before.
pub(super) struct Action {
    pub(super) condition: String,
    pub(super) write: Write,
}

pub(super) enum Write {
    Nothing,
    Delete,
    Update(Vec<Assignment>),
    /// `head`: all in front of VALUES; `values`: `None` is DEFAULT.
    Insert {
        head: String,
        values: Vec<Option<String>>,
        tail: String,
    },
}

/// The rows.
pub(super) struct Joined {
    /// The join, with the table on the side that may be missing.
    pub(super) from: String,
    /// Expressions in which no two rows may agree.
    pub(super) distinct: Vec<String>,
    /// Texts that have to fit into columns, whatever becomes of the row.
    pub(super) fits: Vec<(String, PgType)>,
    pub(super) actions: Vec<Action>,
}

impl Change<'_, '_> {
    pub(super) fn joined(&self, table: &Table, key: &[String], joined: &Joined) -> Made {
        let mut listed = qualified(table, key);
        let choice = listed.len();
        listed.push(CHOSEN.to_owned());
        let excluded = listed.len()..listed.len().saturating_add(joined.distinct.len());
        listed.extend(joined.distinct.iter().cloned());
        let fits = joined.fits.iter().enumerate();
        let fits = fits.map(|(n, (_, pg_type))| (excluded.end.saturating_add(n), *pg_type)).collect();
        listed.extend(joined.fits.iter().map(|(text, _)| format!("({text})::pg_catalog.text")));
        let mut cases = String::new();
        let mut rows = Vec::new();
        let mut by_query = None;
        for Action { condition, write } in &joined.actions {
            let number = if matches!(write, Write::Nothing) { 0 } else { rows.len().saturating_add(1) };
            cases.push_str(&format!(" WHEN {condition} THEN {number}"));
            let mut columns: Vec<usize> = Vec::new();
            // A value is computed for the rows that it is for.
            let mut value = |text: &str, columns: &mut Vec<usize>| {
                columns.push(listed.len());
                listed.push(format!("CASE WHEN {CHOSEN} = {number} THEN {text} END"));
                format!("${}", columns.len())
            };
            let (before, after) = match write {
                Write::Nothing => continue,
                Write::Delete => {
                    columns.extend(0..key.len());
                    (format!("DELETE FROM {} WHERE {}", table.named, table.has_key(key)), "")
                }
                Write::Update(assignments) => {
                    columns.extend(0..key.len());
                    let sets: Vec<String> = assignments
                        .iter()
                        .map(|(column, text)| match text {
                            Some(text) => format!("{column} = {}", value(text, &mut columns)),
                            None => format!("{column} = DEFAULT"),
                        })
                        .collect();
                    let set = sets.join(", ");
                    (format!("UPDATE {} SET {set} WHERE {}", table.named, table.has_key(key)), "")
                }
                Write::Insert { head, values, tail } => {
                    let values: Vec<String> = values
                        .iter()
                        .map(|text| match text {
                            Some(text) => value(text, &mut columns),
                            None => "DEFAULT".to_owned(),
                        })
                        .collect();
                    (format!("{head} VALUES ({})", values.join(", ")), tail.as_str())
                }
            };
            let sql = format!("{before} {after}");
            let Some(returned) = self.returned(table, |clause| format!("{}{clause}", sql.trim_end()))? else {
                return Ok(None);
            };
            by_query = by_query.or(returned.by_query);
            let sql = format!("{}{}", sql.trim_end(), returned.clause);
            rows.push(match write {
                Write::Insert { .. } if !joined.distinct.is_empty() => RowWrite::New { sql, columns },
                _ => RowWrite::Of { sql, columns },
            });
        }
        let Some(lock) = self.lock(table, key, None)? else { return Ok(None) };
        let query = format!(
            "{}SELECT {} FROM {} CROSS JOIN LATERAL (SELECT CASE{cases} ELSE 0 END AS pgw_n OFFSET 0) AS {CHOICE}",
            self.with(),
            listed.join(", "),
            joined.from
        );
        let repeats = match joined.distinct.is_empty() {
            true => Repeats::Merge,
            false => Repeats::Excluded { columns: excluded },
        };
        Ok(Some(WriteBack {
            parts: vec![WritePart { query, rows, choice: Some(choice) }],
            lock,
            keys_count: key.len(),
            repeats,
            fits,
            returning: by_query,
        }))
    }
}
