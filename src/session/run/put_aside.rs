//! DROP TABLE inside of a transaction: the table gets another name, which a rollback takes back, and is dropped when the
//! transaction has been committed. Meanwhile it stands in a schema of its own in the mirror, which the session's questions
//! do not see.

use std::rc::Rc;

use crate::catalog::MirrorChange;
use crate::iris::Request;
use crate::sql::{DroppedTable, MirrorStatement, PUT_ASIDE_PREFIX, witness};
use crate::types::{quoted_name, quoted_text};
use crate::wire::{PgError, SqlState};

use super::nested::{MakeCarrying, Nested, NestedProgress, OwnStatement, RowForm};
use super::outcome::Outcome;
use super::undoing::{Found, Lookup};
use crate::session::client::definitions::{Undo, UndoHow};
use crate::session::contract::step::{Event, Progress, Want};
use crate::session::understand::context::{Cx, Understood};
use crate::session::understand::rows::Formats;

type Result<T> = std::result::Result<T, Box<PgError>>;

/// Bytes of a name of PostgreSQL's.
const NAME_BYTES_MAX: usize = 63;

/// Such a DROP under way.
#[derive(Debug)]
pub(crate) struct PutAside {
    make: MakeCarrying,
    understood: Rc<Understood>,
    stage: Stage,
    /// From the last.
    todo: Vec<Step>,
}

#[derive(Debug)]
enum Stage {
    Next,
    Look(Lookup),
    /// A statement, the name that it leaves free, and what tells that it was done.
    Run(Box<Nested>, Option<(String, String)>),
    Mirror,
}

#[derive(Debug)]
enum Step {
    /// A statement, and what undoes it.
    Statement { sql: String, undo: String, vacates: Option<(String, String)> },
    /// The mirror's part of it, and what undoes that.
    Mirror { change: MirrorChange, undo: MirrorChange },
}

/// How far it is.
#[derive(Debug)]
pub(crate) enum Aside {
    Outcome(Outcome),
    /// The mirror does not know all of the tables: IRIS decides.
    Unknown,
}

impl PutAside {
    pub(crate) fn new(make: MakeCarrying, understood: Rc<Understood>) -> Self {
        Self { make, understood, stage: Stage::Next, todo: Vec::new() }
    }

    fn dropped(&self) -> &[DroppedTable] {
        self.understood.translation.reversal.as_deref().map(|reversal| reversal.drops.as_slice()).unwrap_or_default()
    }

    fn cascades(&self) -> bool {
        self.understood.translation.reversal.as_deref().is_some_and(|reversal| reversal.cascades)
    }

    pub(crate) fn start(&mut self, cx: &mut Cx<'_>) -> Result<Aside> {
        let lookup = Lookup::new(&dependents(self.dropped()), cx);
        let want = lookup.ask();
        self.stage = Stage::Look(lookup);
        Ok(Aside::Outcome(Outcome::Wait(want)))
    }

    /// # Errors
    /// 2BP01, and those of IRIS.
    pub(crate) fn resume(&mut self, event: Event<'_>, cx: &mut Cx<'_>) -> Result<Aside> {
        cx.settling(|cx| self.on_event(event, cx))
    }

    fn on_event(&mut self, event: Event<'_>, cx: &mut Cx<'_>) -> Result<Aside> {
        match (std::mem::replace(&mut self.stage, Stage::Next), event) {
            (Stage::Look(mut lookup), event) => match lookup.resume(event, cx)? {
                Progress::Wait(want) => {
                    self.stage = Stage::Look(lookup);
                    Ok(Aside::Outcome(Outcome::Wait(want)))
                }
                Progress::Ready(found) => {
                    if !self.plan(&found, cx)? {
                        return Ok(Aside::Unknown);
                    }
                    self.next(cx).map(Aside::Outcome)
                }
            },
            (Stage::Run(mut nested, vacates), event) => {
                let progress = nested.resume(event, cx)?;
                match self.ran(progress, nested, vacates, cx) {
                    Some(want) => Ok(Aside::Outcome(Outcome::Wait(want))),
                    None => self.next(cx).map(Aside::Outcome),
                }
            }
            (Stage::Mirror, Event::Mirrored(done)) => {
                done?;
                cx.shard.schema_changed();
                self.next(cx).map(Aside::Outcome)
            }
            _ => Err(cx.shard.unwaited()),
        }
    }

    /// Says what there is to do; `false`: not all of it are known.
    ///
    /// # Errors
    /// 2BP01 for what others depend on.
    fn plan(&mut self, found: &Found, cx: &mut Cx<'_>) -> Result<bool> {
        let mut steps = Vec::new();
        let mut others = Vec::new();
        for row in &found.texts {
            match row.split(SEPARATOR).collect::<Vec<_>>().as_slice() {
                ["other", text] => others.push((*text).to_owned()),
                ["step", sql, undo] => {
                    steps.push(Step::Statement { sql: (*sql).to_owned(), undo: (*undo).to_owned(), vacates: None });
                }
                _ => return Ok(false),
            }
        }
        if !others.is_empty() && !self.cascades() {
            return Err(held(self.dropped(), &others));
        }
        let serial = serial()?;
        let mut relations = Vec::new();
        let mut at_commit = Vec::new();
        for (at, table) in self.dropped().iter().enumerate() {
            let mark = format!("{PUT_ASIDE_PREFIX}{serial}_{at}");
            let aside = cut(&format!("{mark}_{}", table.name));
            let schema = &table.schema;
            let (old, new) = (quoted_name(&table.name), quoted_name(&aside));
            steps.push(Step::Statement {
                sql: format!("ALTER TABLE {schema}.{old} RENAME TO {new}"),
                undo: format!("ALTER TABLE {schema}.{new} RENAME TO {old}"),
                vacates: Some((format!("{schema}.{old}"), witness(&(table.iris.0.clone(), aside.clone()), "1"))),
            });
            let place = quoted_name(&mark);
            let of_iris = vec![table.iris.clone(), (table.iris.0.clone(), aside.clone())];
            relations.extend(of_iris.iter().cloned());
            let change = |statements: &[String]| MirrorChange {
                statements: statements
                    .iter()
                    .map(|sql| MirrorStatement { sql: sql.clone(), otherwise: None, relations: of_iris.clone() })
                    .collect(),
                search_path: "public".to_owned(),
                is_idempotent: false,
            };
            steps.push(Step::Mirror {
                change: change(&[
                    format!("CREATE SCHEMA IF NOT EXISTS {place}"),
                    format!("ALTER TABLE {schema}.{new} SET SCHEMA {place}"),
                ]),
                undo: change(&[
                    format!("ALTER TABLE IF EXISTS {place}.{new} SET SCHEMA {schema}"),
                    format!("DROP SCHEMA IF EXISTS {place}"),
                ]),
            });
            cx.client.definitions.put_aside(&place);
            at_commit.push(Undo::new(UndoHow::Statement(format!("DROP TABLE IF EXISTS {schema}.{new}")), None));
            at_commit
                .push(Undo::new(UndoHow::Mirror(change(&[format!("DROP SCHEMA IF EXISTS {place} CASCADE")])), None));
        }
        cx.client.definitions.hold(cx.shard.options.changes.begin(relations));
        cx.client.definitions.at_commit(at_commit);
        steps.reverse();
        self.todo = steps;
        Ok(true)
    }

    fn next(&mut self, cx: &mut Cx<'_>) -> Result<Outcome> {
        while let Some(step) = self.todo.pop() {
            match step {
                Step::Statement { sql, undo, vacates } => {
                    // Should it end with its connection, nothing is undone that is not there.
                    cx.client.definitions.push(Undo::new(UndoHow::Statement(undo), None));
                    let form = RowForm::Client(Formats::text());
                    let own = OwnStatement::new(sql, Vec::new(), Vec::new(), form);
                    let (nested, progress) = Nested::start(own, self.make, cx)?;
                    if let Some(want) = self.ran(progress, Box::new(nested), vacates, cx) {
                        return Ok(Outcome::Wait(want));
                    }
                }
                Step::Mirror { change, undo } => {
                    cx.client.definitions.push(Undo::new(UndoHow::Mirror(undo), None));
                    self.stage = Stage::Mirror;
                    return Ok(Outcome::Wait(Want::Mirror(change)));
                }
            }
        }
        Ok(Outcome::Complete((&self.understood.tag).into()))
    }

    fn ran(
        &mut self,
        progress: NestedProgress,
        nested: Box<Nested>,
        vacates: Option<(String, String)>,
        cx: &mut Cx<'_>,
    ) -> Option<Want> {
        match progress {
            NestedProgress::Wait(want) => {
                self.stage = Stage::Run(nested, vacates);
                Some(want)
            }
            NestedProgress::Done(_) => {
                if let Some((name, witness)) = vacates {
                    cx.client.definitions.vacate(&name, &witness);
                }
                None
            }
        }
    }

    /// The result left open on the lease when this is given up.
    pub(crate) fn take_result(&mut self) -> Option<Request> {
        match &mut self.stage {
            Stage::Run(nested, _) => nested.take_result(),
            Stage::Next | Stage::Look(_) | Stage::Mirror => None,
        }
    }
}

/// No name has it.
const SEPARATOR: char = '\u{1}';

/// Tells this one from all others, of other gateways too.
fn serial() -> Result<String> {
    let mut bytes = [0; 4];
    getrandom::fill(&mut bytes)
        .map_err(|_| PgError::error(SqlState::INTERNAL_ERROR, "no random numbers from the system"))?;
    Ok(format!("{:08x}", u32::from_ne_bytes(bytes)))
}

/// What PostgreSQL cuts of a name, in whole characters.
fn cut(name: &str) -> String {
    let mut end = name.len().min(NAME_BYTES_MAX);
    while !name.is_char_boundary(end) {
        end = end.saturating_sub(1);
    }
    name.get(..end).unwrap_or_default().to_owned()
}

fn held(dropped: &[DroppedTable], others: &[String]) -> Box<PgError> {
    let message = match dropped {
        [table] => format!("cannot drop table {} because other objects depend on it", table.name),
        _ => "cannot drop desired object(s) because other objects depend on them".to_owned(),
    };
    PgError::error(SqlState(*b"2BP01"), message)
        .detail(others.join("\n"))
        .hint("Use DROP ... CASCADE to drop the dependent objects too.")
}

/// A query for what depends on the tables: what of it stands in the way, and the statements that take it away and bring it
/// back. Another row tells of a table that is not there.
fn dependents(dropped: &[DroppedTable]) -> String {
    let names: Vec<String> =
        dropped.iter().map(|table| quoted_text(&format!("{}.{}", table.schema, quoted_name(&table.name)))).collect();
    let names = names.join(", ");
    format!(
        "WITH RECURSIVE dropped (oid, name) AS (SELECT pg_catalog.to_regclass(name)::pg_catalog.oid, name \
         FROM pg_catalog.unnest(ARRAY[{names}]::pg_catalog.text[]) AS name), \
         readers (oid, of) AS (SELECT oid, NULL::pg_catalog.oid FROM dropped WHERE oid IS NOT NULL UNION \
         SELECT rule.ev_class, use.refobjid FROM readers JOIN pg_catalog.pg_depend AS use ON use.refobjid = readers.oid \
         AND use.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass \
         JOIN pg_catalog.pg_rewrite AS rule ON rule.oid = use.objid AND rule.ev_class <> use.refobjid), \
         keys AS (SELECT * FROM pg_catalog.pg_constraint WHERE contype = 'f' AND conparentid = 0 \
         AND (conrelid IN (SELECT oid FROM dropped) OR confrelid IN (SELECT oid FROM dropped))) \
         SELECT text FROM (\
         SELECT 1 AS stage, 0::pg_catalog.oid AS place, 'missing' || pg_catalog.chr(1) || name AS text FROM dropped \
         WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_class AS class WHERE class.oid = dropped.oid AND relkind = 'r') \
         UNION ALL SELECT 2, oid, pg_catalog.concat_ws(pg_catalog.chr(1), 'other', pg_catalog.format(\
         'constraint %I on table %s depends on table %s', conname, conrelid::pg_catalog.regclass, \
         confrelid::pg_catalog.regclass)) FROM keys WHERE conrelid NOT IN (SELECT oid FROM dropped WHERE oid IS NOT NULL) \
         UNION ALL SELECT 3, oid, pg_catalog.concat_ws(pg_catalog.chr(1), 'other', pg_catalog.format(\
         'view %s depends on %s %s', oid::pg_catalog.regclass, \
         CASE WHEN of IN (SELECT oid FROM dropped) THEN 'table' ELSE 'view' END, of::pg_catalog.regclass)) \
         FROM readers WHERE of IS NOT NULL \
         UNION ALL SELECT 4, (4294967295 - class.oid::pg_catalog.int8)::pg_catalog.oid, \
         pg_catalog.concat_ws(pg_catalog.chr(1), 'step', pg_catalog.format('DROP VIEW %I.%I', nspname, relname), \
         pg_catalog.format('CREATE OR REPLACE VIEW %I.%I (%s) AS %s%s', nspname, relname, \
         (SELECT pg_catalog.string_agg(pg_catalog.quote_ident(attname), ', ' ORDER BY attnum) FROM pg_catalog.pg_attribute \
         WHERE attrelid = class.oid AND attnum > 0), pg_catalog.rtrim(pg_catalog.pg_get_viewdef(class.oid), ';'), \
         (SELECT ' WITH ' || pg_catalog.upper(option_value) || ' CHECK OPTION' \
         FROM pg_catalog.pg_options_to_table(reloptions) WHERE option_name = 'check_option'))) \
         FROM pg_catalog.pg_class AS class JOIN pg_catalog.pg_namespace AS space ON space.oid = relnamespace \
         WHERE class.oid IN (SELECT oid FROM readers WHERE of IS NOT NULL) \
         UNION ALL SELECT 5, keys.oid, pg_catalog.concat_ws(pg_catalog.chr(1), 'step', \
         pg_catalog.format('ALTER TABLE %I.%I DROP CONSTRAINT %I', nspname, relname, conname), \
         pg_catalog.format('ALTER TABLE %I.%I ADD CONSTRAINT %I %s', nspname, relname, conname, \
         pg_catalog.pg_get_constraintdef(keys.oid))) FROM keys JOIN pg_catalog.pg_class AS class ON class.oid = conrelid \
         JOIN pg_catalog.pg_namespace AS space ON space.oid = relnamespace) AS found ORDER BY stage, place"
    )
}
