//! Comments and the side table that keeps them in IRIS, sans IO: what the mirror says of them, what the table says, and
//! what has to be done to either.
//!
//! The mirror is the truth of this gateway: PostgreSQL itself moves comments when things are renamed and drops them with
//! what they are on. The table is how they get to the next gateway, and to others.

use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;

use crate::iris::{IrisStatement, ParameterKind, Request, put_int, put_text};
use crate::sql::SideTable;
use crate::types::{quoted_name, quoted_text, read_quoted_name};

/// Asks the mirror for the comments that the side table can keep: kind, name and text. Objects of PostgreSQL's own are
/// older than `FirstNormalObjectId`, but for `public`.
pub(crate) const GET_COMMENTS: &str = "SELECT i.type, i.identity, d.description FROM pg_catalog.pg_description d, \
     LATERAL pg_catalog.pg_identify_object(d.classoid, d.objoid, d.objsubid) i \
     WHERE d.classoid IN ('pg_catalog.pg_class'::pg_catalog.regclass, 'pg_catalog.pg_constraint'::pg_catalog.regclass, \
     'pg_catalog.pg_namespace'::pg_catalog.regclass, 'pg_catalog.pg_type'::pg_catalog.regclass) \
     AND (d.objoid >= 16384 OR d.objoid = pg_catalog.to_regnamespace('public')) \
     AND NOT (i.type = 'schema' AND d.description = 'standard public schema')";

/// Keys of the statements on the side table: far from those of a shard, and from those that read the schema.
const KEY_FIRST: u64 = (1 << 63) | (1 << 32);

/// In UTF-16 units, as IRIS counts; a longer comment takes several rows.
const PART_LENGTH_MAX: usize = 8_000;

/// What a comment is on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommentTarget {
    kind: &'static str,
    name: Vec<String>,
    /// Of a constraint: its table.
    table: Vec<String>,
}

/// As COMMENT ON names it, all names in quotes.
impl fmt::Display for CommentTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dotted = |name: &[String]| name.iter().map(|part| quoted_name(part)).collect::<Vec<_>>().join(".");
        write!(f, "{} {}", self.kind, dotted(&self.name))?;
        if self.table.is_empty() { Ok(()) } else { write!(f, " ON {}", dotted(&self.table)) }
    }
}

/// The kinds of objects whose comments are kept, and how many parts their names have.
const KINDS: &[(&str, usize)] = &[
    ("COLUMN", 3),
    ("CONSTRAINT", 1),
    ("INDEX", 2),
    ("MATERIALIZED VIEW", 2),
    ("SCHEMA", 1),
    ("SEQUENCE", 2),
    ("TABLE", 2),
    ("TYPE", 2),
    ("VIEW", 2),
];

impl CommentTarget {
    pub(super) fn new(kind: &'static str, name: &[&str]) -> Self {
        Self { kind, name: name.iter().map(|part| (*part).to_owned()).collect(), table: Vec::new() }
    }

    /// What `pg_identify_object` says of an object; `None` for one whose comment is not kept.
    fn identified(kind: &str, identity: &str) -> Option<Self> {
        let kind = match kind {
            "table constraint" => "CONSTRAINT".to_owned(),
            kind if kind.ends_with(" column") => "COLUMN".to_owned(),
            kind => kind.to_uppercase(),
        };
        Self::read(&kind, identity, " on ")
    }

    /// What stands in the side table. Anybody may have written there: it is one name, and nothing else.
    fn parse(text: &str) -> Option<Self> {
        let (kind, _) =
            KINDS.iter().find(|(kind, _)| text.strip_prefix(kind).is_some_and(|rest| rest.starts_with(" \"")))?;
        let target = Self::read(kind, text.get(kind.len().saturating_add(1)..)?, " ON ")?;
        // Rows are found by this text.
        (target.to_string() == text).then_some(target)
    }

    fn read(kind: &str, text: &str, on: &str) -> Option<Self> {
        let (kind, parts) = KINDS.iter().find(|(known, _)| *known == kind)?;
        let (name, rest) = read_name(text)?;
        let (table, rest) = match (*kind, rest.strip_prefix(on)) {
            ("CONSTRAINT", Some(rest)) => read_name(rest)?,
            _ => (Vec::new(), rest),
        };
        let is_whole = rest.is_empty() && name.len() == *parts && (*kind != "CONSTRAINT" || table.len() == 2);
        is_whole.then_some(Self { kind, name, table })
    }

    /// COMMENT ON it; `None` takes the comment away.
    pub fn comment_on(&self, text: Option<&str>) -> String {
        format!("COMMENT ON {self} IS {}", text.map_or_else(|| "NULL".to_owned(), quoted_text))
    }
}

/// Names with dots between, each in quotes or of letters, digits and underscores; and what is behind them.
fn read_name(text: &str) -> Option<(Vec<String>, &str)> {
    let mut parts = Vec::new();
    let mut rest = text;
    loop {
        let (part, after) = if rest.starts_with('"') {
            read_quoted_name(rest)?
        } else {
            let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(rest.len());
            let (plain, after) = rest.split_at_checked(end)?;
            (plain.to_owned(), after)
        };
        rest = after;
        if part.is_empty() {
            return None;
        }
        parts.push(part);
        match rest.strip_prefix('.') {
            Some(after) => rest = after,
            None => return Some((parts, rest)),
        }
    }
}

/// Comments by what they are on.
pub(crate) type Comments = BTreeMap<CommentTarget, String>;

/// A comment that has to become another one; `None`: none at all.
pub(crate) type CommentChange = (CommentTarget, Option<String>);

/// The rows that [`GET_COMMENTS`] gave.
pub(crate) fn read_comments(rows: impl IntoIterator<Item = Vec<Option<String>>>) -> Comments {
    let comment = |row: Vec<Option<String>>| {
        let mut cells = row.into_iter();
        let (kind, identity, text) = (cells.next()??, cells.next()??, cells.next()??);
        Some((CommentTarget::identified(&kind, &identity)?, text))
    };
    rows.into_iter().filter_map(comment).collect()
}

/// What of the mirror's comments belongs into the side table: not what IRIS itself describes so.
pub(crate) fn kept_comments(mut mirror: Comments, described: &Comments) -> Comments {
    mirror.retain(|target, text| described.get(target) != Some(text));
    mirror
}

/// What turns `known` into `wanted`.
pub(crate) fn comment_changes(wanted: &Comments, known: &Comments) -> Vec<CommentChange> {
    let gone = known.keys().filter(|target| !wanted.contains_key(target)).map(|target| (target.clone(), None));
    let new = wanted.iter().filter(|(target, text)| known.get(target) != Some(text));
    gone.chain(new.map(|(target, text)| (target.clone(), Some(text.clone())))).collect()
}

/// What the mirror has to take over of a side table that was read just now. `known`: what was in the table when this
/// gateway last read or wrote it, from which follows who has changed what since; a comment that both have changed is
/// the table's. `is_remade`: the mirror, or tables of it, were made anew and lack comments for that reason alone.
pub(crate) fn comments_from_table(
    table: &Comments,
    known: &Comments,
    mirror: &Comments,
    described: &Comments,
    is_remade: bool,
) -> Vec<CommentChange> {
    let set = table
        .iter()
        .filter(|(target, text)| mirror.get(target) != Some(text) && (is_remade || known.get(target) != Some(text)));
    let removed = known
        .iter()
        .filter(|(target, text)| !table.contains_key(target) && mirror.get(target) == Some(text))
        .map(|(target, _)| (target.clone(), described.get(target).cloned()));
    set.map(|(target, text)| (target.clone(), Some(text.clone()))).chain(removed).collect()
}

/// The statements on a side table.
#[derive(Debug)]
pub(crate) struct SideTableStatements {
    create: Rc<IrisStatement>,
    select: Rc<IrisStatement>,
    delete: Rc<IrisStatement>,
    insert: Rc<IrisStatement>,
}

impl SideTableStatements {
    pub(crate) fn new(table: &SideTable) -> Self {
        let name = format!("{}.{}", quoted_name(&table.schema), quoted_name(&table.name));
        let statement = |number: u64, text: String, parameters_count: usize, is_query| {
            let kinds = vec![ParameterKind::User; parameters_count];
            Rc::new(IrisStatement { key: KEY_FIRST | number, text, kinds, is_query })
        };
        // Names that differ in case are different objects: without %EXACT they were one.
        let create = format!(
            "CREATE TABLE {name} (object_name VARCHAR(1000) %EXACT NOT NULL, part_number INTEGER NOT NULL, \
             comment_text VARCHAR({PART_LENGTH_MAX}) %EXACT NOT NULL)"
        );
        let select = format!("SELECT object_name, part_number, comment_text FROM {name}");
        let delete = format!("DELETE FROM {name} WHERE object_name = :%qpar(1)");
        let insert = format!(
            "INSERT INTO {name} (object_name, part_number, comment_text) VALUES (:%qpar(1), :%qpar(2), :%qpar(3))"
        );
        Self {
            create: statement(0, create, 0, false),
            select: statement(1, select, 0, true),
            delete: statement(2, delete, 1, false),
            insert: statement(3, insert, 3, false),
        }
    }

    pub(crate) fn create(&self) -> Request {
        execute(&self.create, Vec::new(), 0, false)
    }

    /// The rows are for [`read_side_table`].
    pub(crate) fn select(&self) -> Request {
        execute(&self.select, Vec::new(), 0, false)
    }

    /// What makes a change, in a transaction that the caller ends.
    pub(crate) fn change(&self, (target, text): &CommentChange) -> Vec<Request> {
        let name = target.to_string();
        let mut values = Vec::new();
        put_text(&mut values, &name);
        let mut requests = vec![execute(&self.delete, values, 1, true)];
        for (number, part) in (1_i64..).zip(parts(text.as_deref().unwrap_or_default())) {
            let mut values = Vec::new();
            put_text(&mut values, &name);
            put_int(&mut values, number);
            put_text(&mut values, part);
            requests.push(execute(&self.insert, values, 3, true));
        }
        requests
    }
}

fn execute(statement: &Rc<IrisStatement>, values: Vec<u8>, values_per_set: usize, in_transaction: bool) -> Request {
    Request::Execute { statement: Rc::clone(statement), values, values_per_set, sets: 1, rows_max: 0, in_transaction }
}

/// The text in pieces of a row each; none of an empty text.
fn parts(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let mut length = 0_usize;
        let fits = |c: &char| {
            length = length.saturating_add(c.len_utf16());
            length <= PART_LENGTH_MAX
        };
        let end = rest.chars().take_while(fits).map(char::len_utf8).sum();
        let (part, after) = rest.split_at_checked(end)?;
        rest = after;
        (!part.is_empty()).then_some(part)
    })
}

/// The rows of a side table; those that are no comments are skipped.
pub(crate) fn read_side_table(rows: impl IntoIterator<Item = Vec<Option<String>>>) -> Comments {
    let mut found: BTreeMap<CommentTarget, BTreeMap<i64, String>> = BTreeMap::new();
    for row in rows {
        let mut cells = row.into_iter().flatten();
        let (Some(name), Some(number), Some(text)) = (cells.next(), cells.next(), cells.next()) else { continue };
        let (Some(target), Ok(number)) = (CommentTarget::parse(&name), number.trim().parse()) else { continue };
        // Two gateways may have written at the same time: one of them is as good as the other.
        found.entry(target).or_default().insert(number, text);
    }
    found.into_iter().map(|(target, parts)| (target, parts.into_values().collect())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn comments(list: &[(&str, &str)]) -> Comments {
        let comment = |(name, text): &(&str, &str)| (CommentTarget::parse(name).unwrap(), (*text).to_owned());
        list.iter().map(comment).collect()
    }

    fn shown(changes: &[CommentChange]) -> Vec<String> {
        changes.iter().map(|(target, text)| target.comment_on(text.as_deref())).collect()
    }

    const T: &str = r#"TABLE "public"."t""#;
    const A: &str = r#"COLUMN "public"."t"."a""#;

    #[test]
    fn names_that_postgresql_tells() {
        for (kind, identity, expected) in [
            ("table", "public.t", Some(T)),
            ("view", r#"s."My ""View""""#, Some(r#"VIEW "s"."My ""View""""#)),
            ("table column", "public.t.a", Some(A)),
            ("view column", r#"public.v."order""#, Some(r#"COLUMN "public"."v"."order""#)),
            ("index", "public.i", Some(r#"INDEX "public"."i""#)),
            ("table constraint", r#""t on x" on public.t"#, Some(r#"CONSTRAINT "t on x" ON "public"."t""#)),
            ("schema", "sales", Some(r#"SCHEMA "sales""#)),
            ("type", "public.mood", Some(r#"TYPE "public"."mood""#)),
            ("materialized view", "public.m", Some(r#"MATERIALIZED VIEW "public"."m""#)),
            ("type", "public.mood[]", None),
            ("domain constraint", "c on public.d", None),
            ("function", "public.f(integer)", None),
            ("trigger", "t on public.t", None),
            ("table constraint", "c", None),
        ] {
            let target = CommentTarget::identified(kind, identity).map(|target| target.to_string());
            assert_eq!(target.as_deref(), expected, "{kind} {identity}");
            if let Some(text) = target {
                assert_eq!(CommentTarget::parse(&text).map(|target| target.to_string()), Some(text));
            }
        }
    }

    #[test]
    fn a_row_is_one_name_and_nothing_else() {
        for text in [
            "",
            "TABLE",
            "TABLE public.t",
            r#"TABLE "t""#,
            r#"TABLE "public"."t" IS 'x'; DROP TABLE "public"."t""#,
            r#"TABLE "public"."t" ON "public"."t""#,
            r#"TABLE "public"."""#,
            r#"TABLE "public"."t"#,
            r#"table "public"."t""#,
            r#"FUNCTION "public"."f""#,
            r#"CONSTRAINT "c""#,
            r#"CONSTRAINT "c" ON "t""#,
        ] {
            assert_eq!(CommentTarget::parse(text), None, "{text}");
        }
    }

    #[test]
    fn only_differences_are_written() {
        let known = comments(&[(T, "old"), (A, "same")]);
        assert_eq!(comment_changes(&known, &known), []);
        let view = r#"VIEW "public"."v""#;
        let wanted = comments(&[(A, "same"), (view, "it's")]);
        let expected = [r#"COMMENT ON TABLE "public"."t" IS NULL"#, r#"COMMENT ON VIEW "public"."v" IS 'it''s'"#];
        assert_eq!(shown(&comment_changes(&wanted, &known)), expected);
        // A rename is one gone and one new.
        let renamed = comments(&[(r#"TABLE "public"."u""#, "old"), (A, "same")]);
        assert_eq!(comment_changes(&renamed, &known).len(), 2);
    }

    #[test]
    fn descriptions_of_iris_are_not_stored_unless_changed() {
        let described = comments(&[(T, "from IRIS"), (A, "from IRIS")]);
        let mirror = comments(&[(T, "from IRIS"), (A, "another")]);
        assert_eq!(kept_comments(mirror, &described), comments(&[(A, "another")]));
    }

    #[test]
    fn whoever_changed_a_comment_last_is_followed() {
        let none = Comments::new();
        let [old, new] = ["old", "new"].map(|text| comments(&[(T, text)]));
        let set = [r#"COMMENT ON TABLE "public"."t" IS 'new'"#];
        let take = |table: &Comments, known: &Comments, mirror: &Comments, is_remade| {
            shown(&comments_from_table(table, known, mirror, &none, is_remade))
        };
        // The first reading; another gateway's change; one's own that is not written yet; one's own removal.
        assert_eq!(take(&new, &none, &none, false), set);
        assert_eq!(take(&new, &old, &old, false), set);
        assert_eq!(take(&old, &old, &new, false), Vec::<String>::new());
        assert_eq!(take(&old, &old, &none, false), Vec::<String>::new());
        // A table that was made anew.
        assert_eq!(take(&new, &new, &none, true), set);
        assert_eq!(take(&new, &new, &new, true), Vec::<String>::new());
        // Removed by another gateway; what IRIS describes comes back.
        assert_eq!(take(&none, &old, &old, false), [r#"COMMENT ON TABLE "public"."t" IS NULL"#]);
        assert_eq!(shown(&comments_from_table(&none, &old, &old, &new, false)), set);
        assert_eq!(take(&none, &old, &new, false), Vec::<String>::new());
    }

    #[test]
    fn long_comments_take_several_rows() {
        let text = format!("{}\u{1f600}{}", "a".repeat(PART_LENGTH_MAX - 1), "b".repeat(PART_LENGTH_MAX));
        let pieces: Vec<&str> = parts(&text).collect();
        assert_eq!(pieces.concat(), text);
        assert_eq!(pieces.len(), 3);
        assert!(pieces.iter().all(|part| part.encode_utf16().count() <= PART_LENGTH_MAX));
        let row =
            |name: &str, n: usize, part: &str| [name.to_owned(), n.to_string(), part.to_owned()].map(Some).to_vec();
        let mut rows: Vec<_> = pieces.iter().zip(1..).map(|(part, n)| row(T, n, part)).collect();
        rows.reverse();
        rows.push(row("nonsense", 1, "x"));
        assert_eq!(read_side_table(rows), comments(&[(T, &text)]));
        let statements = SideTableStatements::new(&SideTable::new("Pg", "comments"));
        let target = CommentTarget::parse(T).unwrap();
        assert_eq!(statements.change(&(target.clone(), Some(text))).len(), 4);
        assert_eq!(statements.change(&(target, None)).len(), 1);
    }
}
