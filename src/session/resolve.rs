//! From a statement's text to something that can run: template, translation, tables it names, IRIS metadata.
//!
//! A text seen before costs one scan and one look-up. A new one may need exchanges with IRIS: two short queries per
//! unknown table, one prepare per IRIS statement.

use std::rc::Rc;

use crate::catalog::{LoadStep, TableLoad};
use crate::iris::{IrisError, Reply, Request, to_pg};
use crate::sql::{Action, Plan, RelationName, Template, TranslateError, translate};
use crate::types::Oid;
use crate::wire::{PgError, SqlState};

use super::context::{ShardContext, Understood};

/// A statement on its way to being understood.
#[derive(Debug)]
pub struct Resolve {
    sql: String,
    template: Template,
    /// As the client declares them.
    parameter_types: Vec<Oid>,
    stage: Stage,
    /// Tables already asked for: a second request for the same one would loop.
    loads_count: usize,
}

#[derive(Debug)]
enum Stage {
    Translate,
    Tables { load: TableLoad, rest: Vec<RelationName> },
    Prepare { understood: Rc<Understood>, step: usize },
}

#[derive(Debug)]
pub enum Progress {
    Submit(Request),
    Ready(Rc<Understood>),
}

/// A statement names no more tables than this; beyond it something is wrong.
const LOADS_MAX: usize = 256;

/// What the surroundings of a statement decide.
#[derive(Debug, Clone, Copy)]
pub struct Surroundings<'a> {
    pub context: &'a ShardContext,
    pub in_transaction: bool,
}

impl Resolve {
    /// The hot path: scanned, known, prepared before.
    ///
    /// # Errors
    /// The text cannot be scanned (unterminated literal).
    pub fn known(
        sql: &str,
        template: &mut Template,
        context: &ShardContext,
    ) -> Result<Option<Rc<Understood>>, Box<PgError>> {
        template.scan(sql)?;
        let epoch = context.epoch();
        let found = context.translations.borrow_mut().get(template, epoch);
        Ok(found.filter(|understood| next_unprepared(understood, 0).is_none()))
    }

    /// A statement that `known` did not find; `template` holds its scan.
    pub fn new(sql: &str, template: Template) -> Self {
        Self { sql: sql.to_owned(), template, parameter_types: Vec::new(), stage: Stage::Translate, loads_count: 0 }
    }

    /// With the types the client declares for its parameters.
    pub fn with_types(sql: &str, mut template: Template, parameter_types: &[Oid]) -> Self {
        template.declare(parameter_types);
        // `unknown` leaves the type open just as 0 does.
        let open = |oid: &Oid| if *oid == Oid::UNKNOWN { Oid::UNSPECIFIED } else { *oid };
        Self { parameter_types: parameter_types.iter().map(open).collect(), ..Self::new(sql, template) }
    }

    /// The text, and the literals its binds refer to.
    pub fn into_parts(self) -> (String, Template) {
        (self.sql, self.template)
    }

    pub fn into_template(self) -> Template {
        self.template
    }

    /// # Errors
    /// The statement's own error.
    pub fn start(&mut self, s: Surroundings<'_>) -> Result<Progress, Box<PgError>> {
        let epoch = s.context.epoch();
        let found = s.context.translations.borrow_mut().get(&self.template, epoch);
        if let Some(understood) = found {
            return self.prepare(understood, 0, s);
        }
        let translated = {
            let tables = s.context.tables.borrow();
            translate(&self.sql, &self.template, &*tables, &s.context.translate_options(&self.parameter_types))
        };
        match translated {
            Ok(translated) => {
                let understood = s.context.translations.borrow_mut().insert(&self.template, epoch, translated);
                self.prepare(understood, 0, s)
            }
            Err(TranslateError::NeedTables(names)) => self.next_table(names, s),
            Err(TranslateError::Pg(error)) => Err(error),
        }
    }

    fn next_table(&mut self, mut names: Vec<RelationName>, s: Surroundings<'_>) -> Result<Progress, Box<PgError>> {
        let Some(name) = names.pop() else { return self.start(s) };
        self.loads_count = self.loads_count.saturating_add(1);
        if self.loads_count > LOADS_MAX {
            return Err(PgError::error(
                SqlState::PROGRAM_LIMIT_EXCEEDED,
                format!("a statement may name at most {LOADS_MAX} tables"),
            ));
        }
        let load = TableLoad::new(name, &s.context.tables.borrow());
        let request = load.request(&s.context.table_queries, s.in_transaction);
        self.stage = Stage::Tables { load, rest: names };
        Ok(Progress::Submit(request))
    }

    fn prepare(
        &mut self,
        understood: Rc<Understood>,
        from: usize,
        s: Surroundings<'_>,
    ) -> Result<Progress, Box<PgError>> {
        let Some((step, plan)) = next_unprepared(&understood, from) else {
            return Ok(Progress::Ready(understood));
        };
        let request = Request::Prepare { statement: Rc::clone(&plan.statement), in_transaction: s.in_transaction };
        self.stage = Stage::Prepare { understood, step };
        Ok(Progress::Submit(request))
    }

    /// # Errors
    /// The statement's own error, or XX000 when IRIS answers something else than asked.
    pub fn on_reply(&mut self, reply: Reply<'_>, s: Surroundings<'_>) -> Result<Progress, Box<PgError>> {
        match (std::mem::replace(&mut self.stage, Stage::Translate), reply) {
            (_, Reply::Failed { error, .. }) => Err(refused(&error, s.context)),
            (Stage::Tables { mut load, rest }, Reply::Page { metadata, rows, end }) => {
                let step = load
                    .on_page(
                        rows,
                        end,
                        &metadata,
                        &mut s.context.tables.borrow_mut(),
                        &s.context.table_queries,
                        s.in_transaction,
                    )
                    .map_err(super::rows::malformed)?;
                match step {
                    LoadStep::Submit(request) => {
                        self.stage = Stage::Tables { load, rest };
                        Ok(Progress::Submit(request))
                    }
                    LoadStep::Done => self.next_table(rest, s),
                }
            }
            (Stage::Prepare { understood, step }, Reply::Prepared(metadata)) => {
                understood.extra.set_metadata(step, &metadata);
                self.prepare(understood, step.saturating_add(1), s)
            }
            (_, reply) => Err(unexpected(&reply)),
        }
    }
}

/// Statements without values and rows (DDL) need no metadata and are not prepared: IRIS reports their errors when
/// they run, and their objects may not exist before.
fn needs_metadata(plan: &Plan) -> bool {
    plan.statement.is_query || !plan.binds.is_empty()
}

fn next_unprepared(understood: &Understood, from: usize) -> Option<(usize, &Plan)> {
    plans(&understood.translation.action)
        .enumerate()
        .skip(from)
        .find(|(step, plan)| needs_metadata(plan) && understood.extra.metadata(*step).is_none())
}

/// The IRIS statements of an action, in the order of their steps.
pub fn plans(action: &Action) -> impl Iterator<Item = &Plan> {
    let (steps, copy) = match action {
        Action::Script(steps) => (steps.as_slice(), None),
        Action::CopyFromStdin(copy) => (&[][..], Some(&copy.insert)),
        _ => (&[][..], None),
    };
    steps.iter().map(|step| &step.plan).chain(copy)
}

/// IRIS's refusal as PostgreSQL words it. A missing table or column may mean that somebody else changed the schema:
/// what the shard knows is forgotten, so the next attempt asks anew.
pub fn refused(error: &IrisError, context: &ShardContext) -> Box<PgError> {
    if matches!(error.sqlcode, 29 | 30 | 478) {
        context.schema_changed();
    }
    to_pg(error)
}

pub fn unexpected(reply: &Reply<'_>) -> Box<PgError> {
    let kind = match reply {
        Reply::Prepared(_) => "metadata",
        Reply::Page { .. } => "rows",
        Reply::Updated { .. } => "a row count",
        Reply::Stream(_) => "stream data",
        Reply::Done => "a confirmation",
        Reply::Failed { .. } => "an error",
    };
    PgError::error(SqlState::INTERNAL_ERROR, format!("IRIS answered {kind} where something else was expected"))
}
