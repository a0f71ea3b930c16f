//! What stands in place of a table in the second step: its rows, as PostgreSQL has them of a table where the query asks
//! for more than columns.

use std::ops::Range;

use super::columns::Mentions;
use super::relations::Base;
use super::sample::Sample;
use super::{Cut, Edit};
use crate::sql::plan::FetchedColumn;
use crate::types::{quoted_name, quoted_text};

impl Cut<'_, '_> {
    /// The edits that put the rows of a fetch in place of a table.
    pub(super) fn in_place(
        &self,
        base: &Base,
        fetch: usize,
        columns: &[FetchedColumn],
        mentions: &Mentions,
    ) -> Vec<(Range<usize>, Edit)> {
        let mut around = (String::new(), String::new());
        let mut wrap = |front: &str, back: &str| {
            around.0.insert_str(0, front);
            around.1.push_str(back);
        };
        let list = || -> Vec<String> { columns.iter().map(|column| quoted_name(&column.name)).collect() };
        if let Some(sample) = &base.sample {
            let (front, back) = self.sampled(base, sample, &list().join(", "));
            wrap(&front, &back);
        }
        if base.shows_own_oid {
            let name = quoted_text(&base.own_name());
            let oid = format!("{name}::pg_catalog.regclass::pg_catalog.oid AS tableoid");
            wrap(&format!("(SELECT pgw_s.*, {oid} FROM "), " pgw_s)");
        }
        // A row that a function gives of the table's type is what a row of the table is: it has the type's name, and its
        // columns have their names and types wherever it goes.
        if mentions.names_row(base) {
            let row: Vec<String> = list().iter().map(|name| format!("pgw_s.{name}")).collect();
            let row = format!("ROW({})::{}", row.join(", "), base.own_name());
            wrap(&format!("pg_catalog.unnest(ARRAY(SELECT {row} FROM "), " pgw_s))");
        }
        if base.alias.is_none() {
            wrap("", &format!(" AS {}", base.shown));
        }
        let (start, end) = (base.range.start, base.range.end);
        let mut edits = vec![(start..end, Edit::Rows(fetch))];
        let put = |at: usize, text: String| (!text.is_empty()).then_some((at..at, Edit::Text(text)));
        edits.extend(put(start, around.0));
        edits.extend(put(end, around.1));
        edits.extend(base.sample.iter().map(|sample| (sample.clause.clone(), Edit::Text(String::new()))));
        edits
    }

    /// Each row for itself, as BERNOULLI has it; IRIS has no blocks of which SYSTEM would take all rows or none.
    fn sampled(&self, base: &Base, sample: &Sample, columns: &str) -> (String, String) {
        let text = |range: &Range<usize>| self.cx.sql.get(range.clone()).unwrap_or_default();
        let (clause, percentage) = (text(&sample.clause), text(&sample.percentage));
        // What PostgreSQL has against the numbers it says of the table in the mirror, which has no rows.
        let check = format!("CASE WHEN (SELECT pg_catalog.count(*) FROM {} {clause}) = 0 THEN", base.own_name());
        let Some(seed) = &sample.seed else {
            let condition = format!("{check} pg_catalog.random() * 100 < ({percentage}) END");
            return (format!("(SELECT {columns} FROM "), format!(" pgw_s WHERE {condition} OFFSET 0)"));
        };
        // The same rows each time, by their numbers: 53 bits of a hash are what a double holds.
        let hash =
            format!("pg_catalog.hashint8extended(pgw_n, pg_catalog.hashfloat8extended(({})::float8, 0))", text(seed));
        let condition = format!("{check} ({hash} & 9007199254740991) / 90071992547409.92 < ({percentage}) END");
        (
            format!("(SELECT {columns} FROM (SELECT pgw_s.*, pg_catalog.row_number() OVER () AS pgw_n FROM "),
            format!(" pgw_s) pgw_s WHERE {condition} OFFSET 0)"),
        )
    }
}
