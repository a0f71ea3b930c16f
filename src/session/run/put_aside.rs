//! DROP inside of a transaction: what is dropped gets another name or place, which a rollback takes back, and goes when the
//! transaction has been committed. Meanwhile the session's questions do not see it: tables, types and sequences stand in a
//! schema of their own in the mirror, columns of tables that stay have a name that no client sees.

mod queries;

use std::rc::Rc;

use crate::catalog::{Answer, MirrorChange, SequenceName, SequenceRequest, TypeChange, try_setting};
use crate::iris::Request;
use crate::sql::{
    CatalogQuery, Deferral, DroppedKind, DroppedOthers, DroppedTable, EnumChange, PUT_ASIDE_PREFIX, RelationName,
    Reversal, witness,
};
use crate::types::{quoted_name, quoted_text};
use crate::wire::{PgError, SqlState};

use self::queries::{SEPARATOR, carried_out, change_column, drop_column, of_columns, of_others, of_tables};
use super::nested::{MakeCarrying, Nested, NestedProgress, OwnStatement, RowForm};
use super::type_run::depends;
use super::undoing::{Found, Lookup, follow_names};
use crate::session::client::definitions::{Undo, UndoHow};
use crate::session::contract::step::{Event, Progress, Want};
use crate::session::understand::context::{Cx, Understood};
use crate::session::understand::prelude::prelude_trying;
use crate::session::understand::rows::Formats;
use crate::session::understand::rules::mirror_change;

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
    /// What waits for COMMIT: by which the session sees it, and the query for the statement.
    waiting: Vec<(String, String)>,
}

#[derive(Debug)]
enum Stage {
    Next,
    /// PostgreSQL says what is wrong with it.
    Try,
    Look(Lookup),
    /// A statement, the name that it leaves free, and what tells that it was done.
    Run(Box<Nested>, Option<(String, String)>),
    /// A statement like one of the client's.
    Own(Box<Nested>),
    Mirror,
    Sequence(SequenceRequest),
}

#[derive(Debug)]
enum Step {
    /// A statement, and what undoes it.
    Statement {
        sql: String,
        undo: String,
        vacates: Option<(String, String)>,
    },
    /// A statement like one of the client's: how it is undone it finds out itself.
    Own(String),
    /// The mirror's part of it, and what undoes that.
    Mirror {
        change: MirrorChange,
        undo: MirrorChange,
    },
    Sequence {
        request: SequenceRequest,
        undo: SequenceRequest,
    },
    /// What this process knows of a type.
    Forget(RelationName),
    /// The session's questions begin with this from now on, and this is done behind COMMIT.
    Hide {
        sql: String,
        at_commit: Vec<Undo>,
    },
    /// What waits for COMMIT about this does not show any more.
    Gone {
        relation: String,
        column: Option<String>,
    },
}

/// How far it is.
#[derive(Debug)]
pub(crate) enum Aside {
    Wait(Want),
    Done,
    /// The mirror does not know all of the tables: IRIS decides.
    Unknown,
}

impl PutAside {
    pub(crate) fn new(make: MakeCarrying, understood: Rc<Understood>) -> Self {
        Self { make, understood, stage: Stage::Next, todo: Vec::new(), waiting: Vec::new() }
    }

    /// What [`Definitions::defer`](crate::session::client::definitions::Definitions::defer) wants.
    pub(crate) fn waiting(&self) -> &[(String, String)] {
        &self.waiting
    }

    fn reversal(&self) -> Option<&Reversal> {
        self.understood.translation.reversal.as_deref()
    }

    fn dropped(&self) -> &[DroppedTable] {
        self.reversal().map(|reversal| reversal.drops.as_slice()).unwrap_or_default()
    }

    fn others(&self) -> Option<&DroppedOthers> {
        self.reversal()?.drops_others.as_ref()
    }

    fn deferral(&self) -> Option<&Deferral> {
        self.reversal()?.deferral.as_ref()
    }

    fn cascades(&self) -> bool {
        self.reversal().is_some_and(|reversal| reversal.cascades)
    }

    /// # Errors
    /// XX000 for a statement that drops nothing.
    pub(crate) fn start(&mut self, cx: &mut Cx<'_>) -> Result<Aside> {
        let tried = self.tried(cx);
        if tried.is_empty() {
            return self.look(cx);
        }
        let prelude = prelude_trying(cx.client, CatalogQuery::default(), cx.shard, &tried);
        let request = try_setting(&prelude, "SELECT 1");
        self.stage = Stage::Try;
        Ok(Aside::Wait(Want::Ask(request)))
    }

    /// What PostgreSQL has to find nothing wrong with. Of tables it is asked what depends on them.
    fn tried(&self, cx: &Cx<'_>) -> Vec<String> {
        if let Some(deferral) = self.deferral() {
            return deferral.tried.clone();
        }
        match self.others() {
            // Its own `public` has what belongs to extensions.
            Some(others) if others.kind == DroppedKind::Schema => {
                let names: Vec<&str> =
                    others.names.iter().map(String::as_str).filter(|name| *name != "\"public\"").collect();
                let if_exists = if others.if_exists { "IF EXISTS " } else { "" };
                let behaviour = if others.cascades { " CASCADE" } else { "" };
                let drop = |names: &[&str]| format!("DROP SCHEMA {if_exists}{}{behaviour}", names.join(", "));
                if names.is_empty() { Vec::new() } else { vec![drop(&names)] }
            }
            Some(_) => {
                let Some(change) = mirror_change(cx.client, &self.understood) else { return Vec::new() };
                let path = quoted_text(&change.search_path);
                let path = format!("SELECT pg_catalog.set_config('search_path', {path}, true)");
                std::iter::once(path).chain(change.statements.into_iter().map(|statement| statement.sql)).collect()
            }
            None => Vec::new(),
        }
    }

    fn look(&mut self, cx: &mut Cx<'_>) -> Result<Aside> {
        let sql = match (self.deferral(), self.others()) {
            (Some(deferral), _) => of_columns(deferral),
            (None, Some(others)) => of_others(others),
            (None, None) => of_tables(self.dropped()),
        };
        let lookup = Lookup::new(&sql, cx);
        let want = lookup.ask();
        self.stage = Stage::Look(lookup);
        Ok(Aside::Wait(want))
    }

    /// # Errors
    /// 2BP01, and those of IRIS.
    pub(crate) fn resume(&mut self, event: Event<'_>, cx: &mut Cx<'_>) -> Result<Aside> {
        match std::mem::replace(&mut self.stage, Stage::Next) {
            Stage::Own(mut nested) => {
                if let NestedProgress::Wait(want) = nested.resume(event, cx)? {
                    self.stage = Stage::Own(nested);
                    return Ok(Aside::Wait(want));
                }
                self.next(cx)
            }
            stage => {
                let progress = cx.settling(|cx| self.on_event(stage, event, cx))?;
                match progress {
                    Some(aside) => Ok(aside),
                    None => self.next(cx),
                }
            }
        }
    }

    /// `None`: the next step is due.
    fn on_event(&mut self, stage: Stage, event: Event<'_>, cx: &mut Cx<'_>) -> Result<Option<Aside>> {
        match (stage, event) {
            (Stage::Try, Event::Oracle(reply)) => {
                let answer = Answer::read(&reply?)?;
                if let Some(error) = answer.error {
                    return Err(Box::new(PgError { position: None, ..*error }));
                }
                for notice in &answer.prelude_notices {
                    cx.client.notice(notice, cx.out);
                }
                self.look(cx).map(Some)
            }
            (Stage::Look(mut lookup), event) => match lookup.resume(event, cx)? {
                Progress::Wait(want) => {
                    self.stage = Stage::Look(lookup);
                    Ok(Some(Aside::Wait(want)))
                }
                Progress::Ready(found) => {
                    let is_known = match self.deferral().is_some() || self.others().is_some() {
                        true => self.plan_parts(&found, cx).map(|()| true)?,
                        false => self.plan(&found, cx)?,
                    };
                    Ok((!is_known).then_some(Aside::Unknown))
                }
            },
            (Stage::Run(mut nested, vacates), event) => {
                let progress = nested.resume(event, cx)?;
                Ok(self.ran(progress, nested, vacates, cx).map(Aside::Wait))
            }
            (Stage::Mirror, Event::Mirrored(done)) => {
                done?;
                cx.shard.schema_changed();
                Ok(None)
            }
            (Stage::Sequence(request), Event::Sequence(answer)) => {
                answer?;
                follow_names(&request, cx);
                cx.shard.schema_changed();
                Ok(None)
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
            let drop_table = format!("DROP TABLE IF EXISTS {schema}.{new}");
            let hide = hide_place(&place, &of_iris, vec![Undo::new(UndoHow::Statement(drop_table), None)]);
            steps.push(move_to(
                &place,
                &of_iris,
                vec![format!("ALTER TABLE {schema}.{new} SET SCHEMA {place}")],
                vec![format!("ALTER TABLE IF EXISTS {place}.{new} SET SCHEMA {schema}")],
            ));
            steps.push(hide);
            steps.push(Step::Gone { relation: format!("{schema}.{old}"), column: None });
        }
        let pid = cx.client.identity.pid;
        cx.client.definitions.hold(cx.shard.options.changes.begin(relations, pid));
        steps.reverse();
        self.todo = steps;
        Ok(true)
    }

    /// The same of columns, types, sequences and schemas.
    ///
    /// # Errors
    /// 0A000 for what could not be undone.
    fn plan_parts(&mut self, found: &Found, cx: &mut Cx<'_>) -> Result<()> {
        let serial = serial()?;
        let mut steps = Vec::new();
        let mut relations = Vec::new();
        for (at, row) in found.texts.iter().enumerate() {
            let mark = format!("{PUT_ASIDE_PREFIX}{serial}_{at}");
            let place = quoted_name(&mark);
            match row.split(SEPARATOR).collect::<Vec<_>>().as_slice() {
                ["step", sql, undo] => {
                    steps.push(Step::Statement { sql: (*sql).to_owned(), undo: (*undo).to_owned(), vacates: None });
                }
                ["waits", table, column, name] => {
                    let all = self.deferral().map(|deferral| deferral.changes.as_slice()).unwrap_or_default();
                    let own = all.iter().filter(|(column, _)| column == name);
                    let queries: Vec<String> = own.map(|(_, change)| change_column(table, column, change)).collect();
                    self.waiting.extend(queries.into_iter().map(|query| (carried_out(&query), query)));
                }
                ["part", table, column] if self.others().is_some_and(|others| others.cascades) => {
                    return Err(depends(table, column));
                }
                ["own", sql] => steps.push(Step::Own((*sql).to_owned())),
                ["column", name] => {
                    if let Some(deferral) = self.deferral() {
                        steps.extend(column_steps(deferral, &mark, name));
                    }
                }
                ["type", schema, name] => {
                    let (old, new) = (format!("{}.{}", quoted_name(schema), quoted_name(name)), quoted_name(name));
                    let change = format!("ALTER TYPE {old} SET SCHEMA {place}");
                    let undo = format!("ALTER TYPE {place}.{new} SET SCHEMA {}", quoted_name(schema));
                    let type_name = RelationName { schema: Some((*schema).to_owned()), name: (*name).to_owned() };
                    steps.push(Step::Forget(type_name.clone()));
                    if let Some(kept) = cx.shard.options.enums.kept.definition(&type_name) {
                        let gone = TypeChange::Gone { schema: kept.schema.clone(), name: kept.name.clone() };
                        let request = SequenceRequest::Types(vec![gone]);
                        steps.push(Step::Sequence {
                            request,
                            undo: SequenceRequest::Types(vec![TypeChange::Put(kept)]),
                        });
                    }
                    steps.push(move_to(&place, &[], vec![change], vec![undo]));
                    steps.push(hide_place(&place, &[], Vec::new()));
                }
                ["sequence", schema, name, rest @ ..] => {
                    relations.push(((*schema).to_owned(), (*name).to_owned()));
                    steps.extend(sequence_steps(&mark, schema, name, rest.first().copied())?);
                }
                ["schema", name] => {
                    let old = quoted_name(name);
                    let rename = |from: &str, to: &str| vec![format!("ALTER SCHEMA {from} RENAME TO {to}")];
                    steps.push(Step::Mirror {
                        change: MirrorChange::own(rename(&old, &place), &[]),
                        undo: MirrorChange::own(rename(&place, &old), &[]),
                    });
                    // Another of that name may have been made since.
                    let in_iris = format!(
                        "SELECT {} WHERE pg_catalog.to_regnamespace({}) IS NULL",
                        quoted_text(&format!("DROP SCHEMA IF EXISTS {old}")),
                        quoted_text(&old)
                    );
                    steps.push(hide_place(&place, &[], vec![Undo::new(UndoHow::Query(in_iris), None)]));
                }
                ["identity", name] => {
                    let message = format!(
                        "the identity column {name} takes values of a sequence: it cannot be dropped in a \
                         transaction, whose ROLLBACK would have to bring it back"
                    );
                    return Err(PgError::unsupported(message).hint("Drop it outside of a transaction."));
                }
                _ => {}
            }
        }
        if let Some(deferral) = self.deferral() {
            let schema = self.understood.translation.mirror.iter().flat_map(|statement| &statement.relations);
            relations.extend(schema.filter(|(_, name)| *name == deferral.table).cloned());
        }
        let pid = cx.client.identity.pid;
        cx.client.definitions.hold(cx.shard.options.changes.begin(relations, pid));
        steps.reverse();
        self.todo = steps;
        Ok(())
    }

    fn next(&mut self, cx: &mut Cx<'_>) -> Result<Aside> {
        while let Some(step) = self.todo.pop() {
            let form = RowForm::Client(Formats::text());
            match step {
                Step::Statement { sql, undo, vacates } => {
                    // Should it end with its connection, nothing is undone that is not there.
                    cx.client.definitions.push(Undo::new(UndoHow::Statement(undo), None));
                    let own = OwnStatement::new(sql, Vec::new(), Vec::new(), form);
                    let make = self.make;
                    let (nested, progress) = cx.settling(|cx| Nested::start(own, make, cx))?;
                    if let Some(want) = self.ran(progress, Box::new(nested), vacates, cx) {
                        return Ok(Aside::Wait(want));
                    }
                }
                Step::Own(sql) => {
                    let own = OwnStatement::new(sql, Vec::new(), Vec::new(), form);
                    let (nested, progress) = Nested::start(own, self.make, cx)?;
                    if let NestedProgress::Wait(want) = progress {
                        self.stage = Stage::Own(Box::new(nested));
                        return Ok(Aside::Wait(want));
                    }
                }
                Step::Mirror { change, undo } => {
                    cx.client.definitions.push(Undo::new(UndoHow::Mirror(undo), None));
                    self.stage = Stage::Mirror;
                    return Ok(Aside::Wait(Want::Mirror(change)));
                }
                Step::Sequence { request, undo } => {
                    cx.client.definitions.push(Undo::new(UndoHow::Sequence(undo), None));
                    self.stage = Stage::Sequence(request.clone());
                    return Ok(Aside::Wait(Want::Sequence(request)));
                }
                Step::Forget(name) => {
                    if let Some(declared) = cx.shard.options.enums.get(&name) {
                        cx.shard.options.enums.apply(&EnumChange::Drop(vec![name]));
                        let undo = UndoHow::Enums(EnumChange::Create(declared));
                        cx.client.definitions.push(Undo::new(undo, None));
                    }
                }
                Step::Gone { relation, column } => cx.client.definitions.gone(&relation, column.as_deref()),
                Step::Hide { sql, at_commit } => {
                    let definitions = &mut cx.client.definitions;
                    definitions.sees(sql);
                    definitions.at_commit(at_commit);
                    // What is noted goes with what comes behind it.
                    definitions.push(Undo::new(UndoHow::Nothing, None));
                    cx.shard.schema_changed();
                }
            }
        }
        Ok(Aside::Done)
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
            Stage::Run(nested, _) | Stage::Own(nested) => nested.take_result(),
            Stage::Next | Stage::Try | Stage::Look(_) | Stage::Mirror | Stage::Sequence(_) => None,
        }
    }
}

/// A column gets a name that no client sees.
fn column_steps(deferral: &Deferral, mark: &str, name: &str) -> [Step; 3] {
    let aside = cut(&format!("{mark}_{name}"));
    let (table, old, new) = (&deferral.relation, quoted_name(name), quoted_name(&aside));
    let rename = |from: &str, to: &str| format!("ALTER TABLE {table} RENAME COLUMN {from} TO {to}");
    let at_commit = vec![Undo::new(UndoHow::Query(drop_column(&aside)), None)];
    [
        Step::Statement { sql: rename(&old, &new), undo: rename(&new, &old), vacates: None },
        Step::Hide { sql: carried_out(&drop_column(&aside)), at_commit },
        Step::Gone { relation: table.clone(), column: Some(name.to_owned()) },
    ]
}

/// `owner`: the column that it belongs to.
///
/// # Errors
/// 0A000 for one that a default draws from.
fn sequence_steps(mark: &str, schema: &str, name: &str, owner: Option<&str>) -> Result<Vec<Step>> {
    let place = quoted_name(mark);
    let (from, to) = (
        SequenceName { schema: schema.to_owned(), name: name.to_owned() },
        SequenceName { schema: mark.to_owned(), name: name.to_owned() },
    );
    let (old, new) = (from.quoted(), to.quoted());
    let relations = [(schema.to_owned(), name.to_owned())];
    let request = SequenceRequest::Rename { from: from.clone(), to: to.clone() };
    let undo = SequenceRequest::Rename { from: to.clone(), to: from };
    let kept = Step::Sequence { request, undo };
    let at_commit = vec![Undo::new(UndoHow::Sequence(SequenceRequest::Drop { name: to }), None)];
    match owner {
        Some("default") => Err(PgError::unsupported("IRIS cannot take a default away together with a sequence")
            .hint("Drop the default or the column first.")),
        // It goes with its column, and stays in its schema until then.
        Some("identity") => {
            let renamed =
                |from: &str, to: &str| vec![format!("ALTER SEQUENCE {}.{from} RENAME TO {to}", quoted_name(schema))];
            let (own, place) = (quoted_name(name), quoted_name(mark));
            Ok(vec![
                kept,
                Step::Mirror {
                    change: MirrorChange::own(renamed(&own, &place), &relations),
                    undo: MirrorChange::own(renamed(&place, &own), &relations),
                },
            ])
        }
        owner => {
            let mut change = vec![format!("ALTER SEQUENCE {old} SET SCHEMA {place}")];
            let mut undo = vec![format!("ALTER SEQUENCE {new} SET SCHEMA {}", quoted_name(schema))];
            if let Some(owner) = owner {
                change.insert(0, format!("ALTER SEQUENCE {old} OWNED BY NONE"));
                undo.push(format!("ALTER SEQUENCE {old} OWNED BY {owner}"));
            }
            Ok(vec![kept, move_to(&place, &relations, change, undo), hide_place(&place, &relations, at_commit)])
        }
    }
}

/// The mirror's part of what goes to a schema of its own, and what takes it back.
fn move_to(place: &str, relations: &[(String, String)], change: Vec<String>, undo: Vec<String>) -> Step {
    let change = std::iter::once(format!("CREATE SCHEMA IF NOT EXISTS {place}")).chain(change).collect();
    let undo = undo.into_iter().chain([format!("DROP SCHEMA IF EXISTS {place}")]).collect();
    Step::Mirror { change: MirrorChange::own(change, relations), undo: MirrorChange::own(undo, relations) }
}

/// The session does not see the schema, which goes behind COMMIT, and this first.
fn hide_place(place: &str, relations: &[(String, String)], mut at_commit: Vec<Undo>) -> Step {
    let sql = format!("DROP SCHEMA IF EXISTS {place} CASCADE");
    at_commit.push(Undo::new(UndoHow::Mirror(MirrorChange::own(vec![sql.clone()], relations)), None));
    Step::Hide { sql, at_commit }
}

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
