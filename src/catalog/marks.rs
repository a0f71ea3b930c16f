//! What has been done to a mirror, told by the mirror itself: each step leaves a mark in its own transaction, so that
//! whoever finds the mirror after a crash knows what is in it. Sans IO.
//!
//! Marks are rows of `pg_seclabel`, which is empty without a security module. Rows that belong to no object show nowhere
//! else: no client sees a relation, a schema or a comment that is not its own.

use crate::types::quoted_text;
use std::collections::HashSet;
use std::fmt;

/// A step that is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum MirrorMark {
    /// All that is done once to a fresh PostgreSQL.
    Prepared,
    /// A batch of the first snapshot, by its place.
    Batch(usize),
    /// A change since, by its id.
    Change(u64),
}

impl fmt::Display for MirrorMark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Prepared => f.write_str("pgwire prepared"),
            Self::Batch(at) => write!(f, "pgwire batch {at}"),
            Self::Change(id) => write!(f, "pgwire change {id}"),
        }
    }
}

impl MirrorMark {
    fn parse(text: &str) -> Option<Self> {
        let text = text.strip_prefix("pgwire ")?;
        match text.split_once(' ') {
            None => (text == "prepared").then_some(Self::Prepared),
            Some(("batch", at)) => at.parse().ok().map(Self::Batch),
            Some(("change", id)) => id.parse().ok().map(Self::Change),
            Some(_) => None,
        }
    }
}

/// A statement for the superuser that leaves marks, those that are not there yet. `token`: whose marks they are.
pub(crate) fn put_marks(token: &str, marks: impl IntoIterator<Item = MirrorMark>) -> String {
    let marks: Vec<String> = marks.into_iter().map(|mark| quoted_text(&mark.to_string())).collect();
    format!(
        "INSERT INTO pg_catalog.pg_seclabel (objoid, classoid, objsubid, provider, label) SELECT 0, 0, 0, mark, {} \
         FROM pg_catalog.unnest(CAST(ARRAY[{}] AS text[])) AS mark WHERE NOT EXISTS \
         (SELECT FROM pg_catalog.pg_seclabel s WHERE s.objoid = 0 AND s.classoid = 0 AND s.provider = mark)",
        quoted_text(token),
        marks.join(", "),
    )
}

/// Statements for the superuser, together one transaction, that leave `marks` alone under a new token, and besides them
/// those of changes behind `last_change`, which others may leave at the same time.
pub(crate) fn replace_marks(token: &str, marks: impl IntoIterator<Item = MirrorMark>, last_change: u64) -> String {
    const OWN: &str = "objoid = 0 AND classoid = 0 AND provider LIKE 'pgwire %'";
    const CHANGE: &str = "pgwire change ";
    format!(
        "DELETE FROM pg_catalog.pg_seclabel WHERE {OWN} AND CASE WHEN pg_catalog.starts_with(provider, {prefix}) \
         THEN CAST(pg_catalog.substr(provider, {number_at}) AS numeric) <= {last_change} ELSE true END; \
         UPDATE pg_catalog.pg_seclabel SET label = {token} WHERE {OWN}; {put}",
        prefix = quoted_text(CHANGE),
        number_at = CHANGE.len().saturating_add(1),
        put = put_marks(token, marks),
        token = quoted_text(token),
    )
}

/// Asks for all marks of `token`; one row of one column, for [`DoneMarks::read`].
pub(crate) fn get_marks(token: &str) -> String {
    format!(
        "SELECT pg_catalog.string_agg(provider, ',') FROM pg_catalog.pg_seclabel WHERE objoid = 0 AND classoid = 0 \
         AND label = {}",
        quoted_text(token)
    )
}

/// The marks of a mirror. None: nothing has been done.
#[derive(Debug, Default)]
pub(crate) struct DoneMarks(HashSet<MirrorMark>);

impl DoneMarks {
    pub(crate) fn read(list: &str) -> Self {
        Self(list.split(',').filter_map(MirrorMark::parse).collect())
    }

    pub(crate) fn has(&self, mark: MirrorMark) -> bool {
        self.0.contains(&mark)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_read_as_they_are_written() {
        let marks = [MirrorMark::Prepared, MirrorMark::Batch(0), MirrorMark::Change(u64::MAX)];
        let list = marks.map(|mark| mark.to_string()).join(",");
        let done = DoneMarks::read(&format!("{list},selinux,pgwire batch x,pgwire,pgwire change"));
        assert!(marks.iter().all(|mark| done.has(*mark)));
        assert_eq!(done.0.len(), marks.len());
        assert!(!DoneMarks::read("").has(MirrorMark::Prepared));
    }

    #[test]
    fn marks_stay_in_quotes() {
        let text = put_marks("o'x", [MirrorMark::Batch(1), MirrorMark::Change(2)]);
        assert!(text.contains("'o''x'") && text.contains("['pgwire batch 1', 'pgwire change 2']"), "{text}");
        let text = replace_marks("o'x", [MirrorMark::Prepared], 7);
        assert!(text.contains("substr(provider, 15) AS numeric) <= 7 ") && text.contains("label = 'o''x'"), "{text}");
    }
}
