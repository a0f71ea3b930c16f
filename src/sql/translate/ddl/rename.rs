//! A table or view under a new name. IRIS cannot rename a view, and its views know what they read by name; in
//! PostgreSQL they stay with the relation whatever it is called.

use std::rc::Rc;

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::create_table::has_capitals;
use super::definition::{Ddl, accepted, at, ddl, first_name, has_child, need, new_name, skipping, step, unsupported};
use super::from_query::create_view;
use super::table::Table;
use crate::sql::description::parse_view_note;
use crate::sql::options::{TemporaryNames, TranslateOptions};
use crate::sql::plan::{Action, ScriptStep, StepRole, TemporaryChange};
use crate::sql::schema::{Named, NamedFacts, RelationName, Schema, TableFacts, TableLookup, ViewFacts, ViewLookup};
use crate::sql::syntax::names;
use crate::sql::syntax::nodes;
use crate::sql::syntax::parse::lone_statement;
use crate::sql::template::Template;
use crate::sql::translate::context::Result;
use crate::sql::translate::context::cx::Cx;
use crate::sql::translate::context::frag::{Frag, Ty};
use crate::types::quoted_name;
use crate::wire::{PgError, SqlState};

/// ALTER VIEW .. RENAME TO.
pub(super) fn rename_view(cx: &Cx<'_>, stmt: &SyntaxNode, action: &SyntaxNode) -> Result<Ddl> {
    const TAG: &str = "ALTER VIEW";
    let view = Table::of(cx, &need(stmt, SyntaxKind::VIEW_REF)?)?;
    let new = need(action, SyntaxKind::VIEW)?;
    let found = if view.is_another(cx) { TableLookup::Missing } else { cx.facts(&view.lookup) };
    match found {
        TableLookup::Missing if has_child(stmt, SyntaxKind::IF_EXISTS) => {
            skipping(cx, &format!("relation \"{}\" does not exist", view.name()));
            Ok(accepted(TAG))
        }
        TableLookup::Known(facts) => {
            let Some(views) = cx.views(&view.lookup) else { return Ok(ddl(TAG, Vec::new())) };
            if views.definition.is_none() {
                return Err(PgError::error(SqlState(*b"42809"), format!("\"{}\" is not a view", view.name())));
            }
            renamed(cx, stmt, TAG, &Relation { table: &view, facts, views }, &new)
        }
        TableLookup::Missing | TableLookup::NotLoaded => {
            let message = format!("relation \"{}\" does not exist", view.name());
            Err(PgError::error(SqlState::UNDEFINED_TABLE, message))
        }
    }
}

/// ALTER TABLE .. RENAME TO, of a table or a view; `None` when IRIS does it all, or what it has is not known yet.
pub(super) fn rename_table(
    cx: &Cx<'_>,
    stmt: &SyntaxNode,
    table: &Table,
    facts: Rc<TableFacts>,
    action: &SyntaxNode,
) -> Result<Option<Ddl>> {
    let new = need(action, SyntaxKind::TABLE_NAME)?;
    let Some(views) = cx.views(&table.lookup) else { return Ok(None) };
    if views.definition.is_none() && views.readers.is_empty() {
        return Ok(None);
    }
    renamed(cx, stmt, "ALTER TABLE", &Relation { table, facts, views }, &new).map(Some)
}

struct Relation<'a> {
    table: &'a Table,
    facts: Rc<TableFacts>,
    views: Rc<ViewFacts>,
}

/// Nothing is dropped before its successor is there: IRIS takes no definition back. A view that cannot read a table under its new name,
/// as it has words for a column that has another one by now, gives the table the old one again.
fn renamed(cx: &Cx<'_>, stmt: &SyntaxNode, tag: &str, old: &Relation<'_>, new: &SyntaxNode) -> Result<Ddl> {
    let typed = first_name(new)?;
    if old.views.definition.is_none() {
        keeps_spelling(old.views.is_spelled, &names::folded(&typed), new)?;
    }
    let (schema, _) = old.table.text.rsplit_once('.').unwrap_or_default();
    let name = names::folded(&typed);
    let text = format!("{schema}.{}", new_name(new)?);
    let lookup = RelationName { name: name.clone(), ..old.table.lookup.clone() };
    let iris = (old.table.iris.0.clone(), name);
    let new = Table { text, lookup, iris, pg: String::new() };
    let mut readers = Vec::new();
    let mut changes = Vec::new();
    for reader in &old.views.readers {
        if let Some((table, steps)) = followed(cx, old, &new, reader, stmt)? {
            readers.push(table);
            changes.extend(steps);
        }
    }
    let steps = match &old.views.definition {
        Some(definition) => {
            let create = format!(
                "CREATE VIEW {} ({}) AS {}{}",
                new.text,
                columns(&old.facts),
                definition.trim().trim_end_matches(';'),
                check_option(&old.views)
            );
            let drop = format!("DROP VIEW {}", old.table.text);
            std::iter::once(step(cx, create)).chain(changes).chain([step(cx, drop)]).collect()
        }
        None => {
            let (_, name) = new.text.rsplit_once('.').unwrap_or_default();
            let rename = format!("ALTER TABLE {} RENAME {name}", old.table.text);
            let before = quoted_name(&old.table.iris.1);
            let back = Frag::atom(format!("ALTER TABLE {} RENAME {before}", new.text), Ty::Any);
            let undo = || ScriptStep::new(cx.plan(back.clone(), Vec::new(), false), StepRole::Undo);
            std::iter::once(step(cx, rename)).chain(changes.into_iter().flat_map(|change| [change, undo()])).collect()
        }
    };
    let mut tables = vec![old.table, &new];
    tables.extend(&readers);
    let mut ddl = ddl(tag, steps).mirrored_as_written(cx, stmt, &tables);
    if old.table.is_temporary() {
        let (from, to) = (old.table.lookup.name.clone(), new.lookup.name.clone());
        ddl.temporary = Some(TemporaryChange::Rename { from, to });
    }
    Ok(ddl)
}

/// A name with capitals, of what has a description that tells that it is meant so: ALTER TABLE cannot make one.
///
/// # Errors
/// 0A000 where the name would be known until the gateway restarts, and not to others.
pub(super) fn keeps_spelling(is_spelled: bool, folded: &str, at: &SyntaxNode) -> Result<()> {
    if is_spelled || !has_capitals(folded) {
        return Ok(());
    }
    let message = format!("the name {} has capitals, and IRIS has no place to note that", quoted_name(folded));
    Err(unsupported(at, message)
        .detail("Only what was made through the gateway tells how its names are spelled.")
        .hint("Give it a name in lower case."))
}

fn columns(facts: &TableFacts) -> String {
    facts.columns.iter().map(|column| quoted_name(&column.name)).collect::<Vec<_>>().join(", ")
}

fn check_option(views: &ViewFacts) -> String {
    views.check_option.map(|level| format!(" WITH {level} CHECK OPTION")).unwrap_or_default()
}

/// The view `reader` made anew, to read the relation under its new name; `None` when it reads it through another view.
///
/// # Errors
/// 2BP01 when it is not the gateway's own, whose words in PostgreSQL's SQL it keeps.
fn followed(
    cx: &Cx<'_>,
    old: &Relation<'_>,
    new: &Table,
    reader: &RelationName,
    stmt: &SyntaxNode,
) -> Result<Option<(Table, Vec<ScriptStep>)>> {
    let table = Table::of_iris(cx, reader);
    let (facts, views) = (cx.facts(reader), cx.views(reader));
    let (TableLookup::Known(facts), Some(views)) = (&facts, &views) else {
        if matches!(facts, TableLookup::Missing) {
            return Err(stays_behind(old.table, reader, stmt));
        }
        // Translated again when they are there.
        return Ok(None);
    };
    if !views.definition.as_deref().unwrap_or_default().to_lowercase().contains(&old.table.name().to_lowercase()) {
        return Ok(None);
    }
    let own = views.definition.as_deref().and_then(parse_view_note);
    let changed = own.as_deref().and_then(|query| reading(query, old.table, new, cx.options.default_schema));
    let Some(query) = changed else { return Err(stays_behind(old.table, reader, stmt)) };
    if own.as_ref() == Some(&query) {
        return Ok(None);
    }
    let schema = table.iris.0.as_str();
    let pg_schema = if schema.eq_ignore_ascii_case(cx.options.default_schema) { "public" } else { schema };
    let sql = format!(
        "CREATE OR REPLACE VIEW {}.{} ({}) AS {query}{}",
        quoted_name(pg_schema),
        quoted_name(&reader.name),
        columns(facts),
        check_option(views)
    );
    let schema = Renamed { others: cx.schema, name: new, facts: &old.facts, default_schema: cx.options.default_schema };
    let mut template = Template::default();
    template.scan(&sql)?;
    let mut names = cx.options.temporary.map(|temporary| temporary.schemas.clone()).unwrap_or_default();
    if old.table.is_temporary()
        && let Some(of) = names.remove(old.table.name())
    {
        names.insert(new.name().to_owned(), of);
    }
    let temporary = cx.options.temporary.map(|temporary| TemporaryNames { schemas: &names, ..temporary });
    let options = TranslateOptions { temporary, ..*cx.options };
    let inner = Cx::new(&sql, &template, &schema, &options, cx.rules);
    let Some(statement) = lone_statement(&sql) else { return Err(stays_behind(old.table, reader, stmt)) };
    let made = inner.inlined(true, || create_view(&inner, &statement));
    let needed = inner.take_needed();
    if !needed.is_empty() {
        needed.into_iter().for_each(|need| cx.need(need));
        return Ok(None);
    }
    match made {
        Ok(Ddl { action: Action::Script(steps), .. }) => Ok(Some((table, steps))),
        _ => Err(stays_behind(old.table, reader, stmt)),
    }
}

fn stays_behind(table: &Table, reader: &RelationName, stmt: &SyntaxNode) -> Box<PgError> {
    PgError::error(
        SqlState(*b"2BP01"),
        format!("cannot rename {}: IRIS cannot make view {} follow it", table.name(), reader.name),
    )
    .detail(
        "IRIS finds what a view reads by its name, and PostgreSQL's words for this view are not known, or ambiguous.",
    )
    .hint("Drop the view, rename, and create the view again.")
    .position(nodes::offset(at(stmt)))
}

/// A query that calls the relation by its new name; `None` where that cannot be said with certainty.
fn reading(query: &str, old: &Table, new: &Table, default_schema: &str) -> Option<String> {
    let statement = lone_statement(query)?;
    let is_public = |schema: &str| schema == "public" || schema.eq_ignore_ascii_case(default_schema);
    let is_it = |parts: &[String]| match parts {
        [name] => *name == old.lookup.name,
        [.., schema, name] => {
            *name == old.lookup.name
                && (schema.eq_ignore_ascii_case(&old.iris.0) || (is_public(schema) && is_public(&old.iris.0)))
        }
        [] => false,
    };
    let mut changed = query.to_owned();
    let mut ends = Vec::new();
    for node in statement.descendants() {
        match node.kind() {
            SyntaxKind::RELATION_NAME_REF if is_it(&names::folded_parts(&node)) => ends.push(node),
            // A common table expression of that name; `schema.table.column`.
            SyntaxKind::WITH_TABLE if is_it(&[names::folded(&names::first(&node)?)]) => return None,
            SyntaxKind::FIELD_EXPR => match names::folded_parts(&node).as_slice() {
                [before @ .., _] if before.len() > 1 && is_it(before) => return None,
                _ => {}
            },
            _ => {}
        }
    }
    // From the end, so that the places in front stay where they are.
    for node in ends.iter().rev() {
        let mut typed = names::parts(node);
        let name = typed.pop()?;
        let alias = match node.parent() {
            Some(item) if nodes::child(&item, SyntaxKind::FROM_ALIAS).is_some() => String::new(),
            _ => format!(" AS {name}"),
        };
        typed.push(quoted_name(&new.lookup.name));
        let range = node.text_range();
        changed.replace_range(usize::from(range.start())..usize::from(range.end()), &(typed.join(".") + &alias));
    }
    Some(changed)
}

/// The schema as it will be: the relation has its new name.
struct Renamed<'a> {
    others: &'a dyn Schema,
    name: &'a Table,
    facts: &'a Rc<TableFacts>,
    default_schema: &'a str,
}

impl Schema for Renamed<'_> {
    fn table(&self, name: &RelationName) -> TableLookup {
        let schema = match name.schema.as_deref() {
            None | Some("public") => self.default_schema,
            Some(schema) => schema,
        };
        if name.name == self.name.lookup.name && schema.eq_ignore_ascii_case(&self.name.iris.0) {
            return TableLookup::Known(Rc::clone(self.facts));
        }
        self.others.table(name)
    }

    fn views(&self, name: &RelationName) -> ViewLookup {
        self.others.views(name)
    }

    fn named(&self, what: Named, name: &str) -> Option<Rc<Vec<NamedFacts>>> {
        self.others.named(what, name)
    }

    fn has_sequence(&self, schema: &str, name: &str) -> bool {
        self.others.has_sequence(schema, name)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::sql::description::view_note;
    use crate::sql::options::TranslateError;
    use crate::sql::schema::{ColumnFacts, Need};
    use crate::sql::translate::translate;
    use crate::types::{Oid, PgType};

    /// Table `t` with view `v` on it, `w` and IRIS's own `x` on `v`, and `later`, which nobody has loaded.
    struct Views;

    impl Schema for Views {
        fn table(&self, name: &RelationName) -> TableLookup {
            let column = |name: &str| ColumnFacts {
                name: name.to_owned(),
                pg_type: PgType::new(Oid::INT4),
                nullable: true,
                identity: false,
                has_default: false,
                folds_case: false,
                vector_element: Default::default(),
                draws: None,
                constant_default: None,
                enum_type: None,
                named: None,
                is_stream: false,
                is_spelled: false,
            };
            match name.name.as_str() {
                "t" | "v" | "w" | "x" | "alone" | "odd" => TableLookup::Known(Rc::new(TableFacts {
                    spelled: None,
                    schema: "SQLUser".to_owned(),
                    name: name.name.clone(),
                    columns: vec![column("id"), column("B")],
                    ..TableFacts::default()
                })),
                "later" => TableLookup::NotLoaded,
                _ => TableLookup::Missing,
            }
        }

        fn views(&self, name: &RelationName) -> ViewLookup {
            let of = |query: Option<&str>, readers: &[&str]| {
                ViewLookup::Known(Rc::new(ViewFacts {
                    definition: query
                        .map(|query| format!("SELECT {} IRIS", view_note(query).unwrap()))
                        .or_else(|| (name.name == "x").then(|| "SELECT TOP 1 * FROM Odd".to_owned())),
                    check_option: (name.name == "w").then_some("LOCAL"),
                    readers: readers
                        .iter()
                        .map(|name| RelationName { schema: Some("SQLUser".to_owned()), name: (*name).to_owned() })
                        .collect(),
                    ..ViewFacts::default()
                }))
            };
            match name.name.as_str() {
                "t" => of(None, &["v", "w"]),
                "v" => of(Some("SELECT id, t.b FROM public.t WHERE t.id > 'x'::text::int"), &["w"]),
                "w" => of(Some("SELECT a.id, a.\"B\" FROM \"v\" AS a, (SELECT 1 AS v) AS v"), &[]),
                "alone" => of(Some("SELECT 1"), &[]),
                "odd" => of(None, &["x"]),
                "later" => ViewLookup::NotLoaded,
                _ => of(None, &[]),
            }
        }
    }

    fn steps(sql: &str) -> Result<Vec<String>> {
        let mut template = Template::default();
        template.scan(sql).unwrap();
        let keys = Cell::new(1);
        let options = TranslateOptions::new("SQLUser", &keys);
        match translate(sql, &template, &Views, &options) {
            Ok(translated) => match translated.translation.action {
                Action::Script(steps) => Ok(steps.iter().map(|step| step.plan.statement.text.clone()).collect()),
                action => panic!("{action:?}"),
            },
            Err(TranslateError::Pg(error)) => Err(error),
            Err(TranslateError::NeedTables(needs)) => Ok(vec![format!("{needs:?}")]),
        }
    }

    #[test]
    fn a_view_is_made_anew_and_what_reads_it_follows() {
        for sql in ["ALTER TABLE v RENAME TO v2", "ALTER VIEW IF EXISTS public.v RENAME TO v2"] {
            let steps = steps(sql).unwrap();
            assert_eq!(steps.len(), 3, "{steps:?}");
            assert!(steps[0].starts_with("CREATE VIEW SQLUser.\"v2\" (\"id\", \"B\") AS SELECT /* pg:"), "{steps:?}");
            assert!(
                steps[1].starts_with("CREATE OR REPLACE VIEW SQLUser.\"w\" (\"id\", \"B\") AS SELECT "),
                "{steps:?}"
            );
            assert!(steps[1].contains("FROM \"v2\" AS a"), "{steps:?}");
            assert!(steps[1].contains("FROM SQLUser.\"v2\" "), "{steps:?}");
            assert!(steps[1].ends_with(" WITH LOCAL CHECK OPTION"), "{steps:?}");
            assert_eq!(steps[2], "DROP VIEW SQLUser.v");
        }
        assert_eq!(steps("ALTER VIEW alone RENAME TO \"Other\"").unwrap().len(), 2);
    }

    #[test]
    fn views_follow_a_table() {
        let steps = steps("ALTER TABLE t RENAME TO u").unwrap();
        assert_eq!(steps[0], "ALTER TABLE SQLUser.t RENAME \"u\"");
        // What was called by the old name still is.
        assert!(steps[1].contains("FROM SQLUser.\"u\" t WHERE"), "{steps:?}");
        // A view that cannot follow takes the table's new name back.
        assert_eq!(steps[2], "ALTER TABLE SQLUser.\"u\" RENAME \"t\"");
        assert_eq!(steps.len(), 3);
    }

    #[test]
    fn what_cannot_be_renamed() {
        for (sql, code) in [
            ("ALTER TABLE odd RENAME TO even", "2BP01"),
            ("ALTER VIEW t RENAME TO u", "42809"),
            ("ALTER VIEW nobody RENAME TO u", "42P01"),
            ("ALTER VIEW v SET SCHEMA s", "0A000"),
        ] {
            assert_eq!(steps(sql).unwrap_err().code.to_string(), code, "{sql}");
        }
        let needs = steps("ALTER TABLE later RENAME TO u").unwrap();
        let later = RelationName { schema: None, name: "later".to_owned() };
        assert_eq!(needs, [format!("{:?}", [Need::Table(later.clone()), Need::Views(later)])]);
    }

    #[test]
    fn only_what_names_the_relation_changes() {
        let table = |schema: &str, name: &str| Table {
            text: format!("{schema}.{name}"),
            lookup: RelationName { schema: Some(schema.to_owned()), name: name.to_owned() },
            iris: (schema.to_owned(), name.to_owned()),
            pg: String::new(),
        };
        for (query, changed) in [
            ("SELECT v.a FROM s.v", Some("SELECT v.a FROM s.\"n\" AS v")),
            ("SELECT 'v' FROM \"db\".\"s\".\"v\" x", Some("SELECT 'v' FROM \"db\".\"s\".\"n\" x")),
            (
                "SELECT 1 FROM s.v JOIN t.v ON true, s.v AS y",
                Some("SELECT 1 FROM s.\"n\" AS v JOIN t.v ON true, s.\"n\" AS y"),
            ),
            ("SELECT s.v.a FROM s.v", None),
            ("SELECT a FROM other", Some("SELECT a FROM other")),
        ] {
            assert_eq!(reading(query, &table("s", "v"), &table("s", "n"), "SQLUser").as_deref(), changed, "{query}");
        }
        let own = table("SQLUser", "v");
        assert_eq!(reading("WITH v AS (SELECT 1) SELECT * FROM v", &own, &own, "SQLUser"), None);
    }
}
