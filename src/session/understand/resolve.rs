//! From a statement's text to something that can run: template, translation, tables it names, IRIS metadata.
//!
//! A text seen before costs one scan and one look-up. A new one may need exchanges with IRIS: two short queries per
//! unknown table, one prepare per IRIS statement.

mod finishing;
mod made;
mod qualified;
mod spelling;

use std::cell::RefCell;
use std::rc::Rc;

use crate::catalog::{
    Answer, Described, Execution, LoadStep, OraclePurpose, OracleRequest, TableLoad, describe, execute,
};
use crate::iris::{IrisError, Reply, Request};
use crate::sql::{
    Action, CallArgument, CatalogQuery, Need, Plan, RelationName, Template, TranslateError, TranslateOptions,
    Translated, Translation, TranslationCache, translate,
};
use crate::types::Oid;
use crate::wire::{PgError, SqlState};

use super::context::{Cx, ShardContext, Understood};
use super::learnt::plans;
use super::prelude::prelude;
use super::question::Question;
use super::rules::{refused, unexpected};
use crate::session::client::Client;
use crate::session::contract::step::{Event, Progress, Want};
use finishing::{IRIS_NAMESAKES, foreign_function, function_name, hidden_table, is_misunderstood};
use qualified::Qualified;
use spelling::{Asked, Spelled};

/// A statement on its way to being understood.
#[derive(Debug)]
pub(crate) struct Resolve {
    sql: String,
    /// The statement as PostgreSQL is asked for it, where it knows a table under another spelling.
    spelled: Spelled,
    /// The statement with the schemas of temporary tables in place of `pg_temp`.
    qualified: Option<Box<Qualified>>,
    /// The tables that translation asked for.
    asked: RefCell<Vec<RelationName>>,
    template: Template,
    /// As the client declares them.
    parameter_types: Vec<Oid>,
    stage: Stage,
    /// Tables already asked for: a second request for the same one would loop.
    loads_count: usize,
    /// The client waits for types: a statement of the oracle's is described, too.
    wants_types: bool,
    /// PostgreSQL's word on a statement whose translation is not shared: one of the oracle's.
    described: Option<Rc<Described>>,
    /// What PostgreSQL had against it, though IRIS may know better (a function of its own).
    doubt: Option<Box<PgError>>,
    /// Why PostgreSQL could not be asked.
    unasked: Option<Box<PgError>>,
    /// Why it is not for IRIS, whose translation there is.
    refusal: Option<Box<PgError>>,
    /// It gives rows to a query that PostgreSQL finishes.
    is_fetch: bool,
    /// It stores rows whose rules have been looked at.
    stores: bool,
    /// What PostgreSQL is asked about in its place, and how many of the parameters that has.
    stands_for: Option<(String, usize)>,
}

#[derive(Debug)]
enum Stage {
    Translate,
    Tables {
        load: Box<TableLoad>,
        rest: Vec<Need>,
    },
    /// PostgreSQL is asked what it makes of the statement.
    Describe {
        question: Question,
        translated: Result<Translated, Box<PgError>>,
    },
    /// PostgreSQL has no function of that name with such arguments; whether it has one of that name at all.
    Doubt {
        question: Question,
        translated: Result<Translated, Box<PgError>>,
        described: Box<Described>,
        doubt: Box<PgError>,
    },
    /// The same, of a statement that the oracle will answer.
    DescribeCatalog {
        question: Question,
        understood: Rc<Understood>,
    },
    Prepare {
        understood: Rc<Understood>,
        step: usize,
    },
}

/// How far the understanding of a statement is.
pub(crate) type Understanding = Progress<Rc<Understood>>;

/// A statement names no more tables than this; beyond it something is wrong.
const LOADS_MAX: usize = 256;

/// What the surroundings of a statement decide.
#[derive(Debug, Clone, Copy)]
struct Surroundings<'a> {
    context: &'a ShardContext,
    in_transaction: bool,
    client: &'a Client,
}

fn surroundings<'a>(cx: &'a Cx<'_>) -> Surroundings<'a> {
    Surroundings { context: cx.shard, in_transaction: cx.client.transaction.wants_transaction(), client: cx.client }
}

impl Resolve {
    /// The hot path: the statement that `template` holds the scan of is known, and was prepared before.
    pub(crate) fn of_template(template: &Template, context: &ShardContext) -> Option<Rc<Understood>> {
        let epoch = context.epoch();
        let found = context.translations.borrow_mut().get(template, epoch);
        found.filter(|understood| next_unprepared(understood, 0).is_none())
    }

    /// The statement that a query string begins with, scanned; see [`Template::scan_first`].
    ///
    /// # Errors
    /// The text cannot be scanned (unterminated literal).
    pub(crate) fn scan_first<'a>(
        sql: &'a str,
        template: &mut Template,
        client: &Client,
    ) -> Result<&'a str, Box<PgError>> {
        template.is_zoned = client.is_zoned();
        template.is_dated = client.is_dated();
        let statement = template.scan_first(sql)?;
        template.scope(&client.search_path);
        template.scope_temporary(client.temporary.state(), client.temporary.makes_all_temporary());
        Ok(statement)
    }

    /// Whether the syntax of the statement that `template` holds the scan of is known to be right: it has been translated.
    pub(crate) fn is_known(template: &Template, context: &ShardContext) -> bool {
        context.translations.borrow_mut().get(template, context.epoch()).is_some()
    }

    /// The template of a statement as this client means it.
    ///
    /// # Errors
    /// The text cannot be scanned (unterminated literal).
    pub(crate) fn scan(sql: &str, template: &mut Template, client: &Client) -> Result<(), Box<PgError>> {
        template.is_zoned = client.is_zoned();
        template.is_dated = client.is_dated();
        template.scan(sql)?;
        template.scope(&client.search_path);
        template.scope_temporary(client.temporary.state(), client.temporary.makes_all_temporary());
        Ok(())
    }

    /// The text, the literals its binds refer to, and what PostgreSQL says of it where that is not kept with the
    /// translation.
    pub(crate) fn into_parts(self) -> (String, Template, Option<Rc<Described>>) {
        let sql = self.qualified.map_or(self.sql, |qualified| qualified.sql);
        (sql, self.template, self.described)
    }

    /// # Errors
    /// The statement's own error.
    pub(crate) fn start(&mut self, cx: &mut Cx<'_>) -> Result<Understanding, Box<PgError>> {
        self.qualified = Qualified::of(&self.sql, cx.client, cx.shard)?.map(Box::new);
        let progress = self.begin(surroundings(cx)).map_err(|error| self.as_typed(error))?;
        Ok(asked(progress, cx))
    }

    /// Goes on with what has come of the [`Want`] that it waits for.
    ///
    /// # Errors
    /// The statement's own error; XX000 when IRIS answers something else than asked, and for an event that it does not
    /// wait for.
    pub(crate) fn resume(&mut self, event: Event<'_>, cx: &mut Cx<'_>) -> Result<Understanding, Box<PgError>> {
        let progress = match event {
            Event::Iris(reply) => self.on_reply(reply, surroundings(cx)),
            event @ (Event::Oracle(_) | Event::Mirrored(_)) => self.on_answer(event, surroundings(cx)),
            _ => return Err(cx.shard.unwaited()),
        };
        let progress = progress.map_err(|error| self.as_typed(error))?;
        Ok(asked(progress, cx))
    }

    fn begin(&mut self, s: Surroundings<'_>) -> Result<Understanding, Box<PgError>> {
        let epoch = s.context.epoch();
        let found = s.context.translations.borrow_mut().get(&self.template, epoch);
        if let Some(understood) = found {
            return self.prepare(understood, 0, s);
        }
        let max = s.context.options.limits.template_bytes_max;
        if self.template.text.len() > max {
            let message = format!("a statement may be at most {max} bytes long without its values");
            return Err(PgError::error(SqlState::PROGRAM_LIMIT_EXCEEDED, message)
                .hint("Send several shorter statements, or use COPY."));
        }
        if let Some(refusal) = self.refusal.clone() {
            return self.describe(Err(refusal), s);
        }
        match self.translate(&self.parameter_types, s) {
            Ok(translated) if wants_description(&translated.translation, s) => self.describe(Ok(translated), s),
            Ok(translated) => {
                let understood = self.keep(translated, s);
                self.prepare(understood, 0, s)
            }
            Err(TranslateError::NeedTables(names)) => self.next_table(names, s),
            // PostgreSQL's word on a faulty statement is better than ours.
            // A failed block hears of wrong words, and of nothing else: there is no time to ask.
            Err(TranslateError::Pg(error))
                if error.code == SqlState::SYNTAX_ERROR && s.client.transaction.is_failed() =>
            {
                Err(error)
            }
            // Of a statement that is no query it only says whether the words are right, and of an EXPLAIN what is wrong
            // with what it explains.
            Err(TranslateError::Pg(error))
                if s.context.options.has_oracle
                    && (may_be_described(&self.template.text)
                        || begins_with(&self.template.text, "EXPLAIN")
                        || error.code == SqlState::SYNTAX_ERROR) =>
            {
                self.describe(Err(error), s)
            }
            Err(TranslateError::Pg(error)) => Err(error),
        }
    }

    fn translate(&self, parameter_types: &[Oid], s: Surroundings<'_>) -> Result<Translated, TranslateError> {
        let tables = s.context.tables.borrow();
        let (sql, template) = self.text();
        let options = s.context.translate_options(parameter_types, s.client);
        let options = TranslateOptions { stores: self.stores, ..options };
        translate(sql, template, &Asked::new(&tables, &self.asked), &options)
    }

    fn question(&self, purpose: OraclePurpose, s: Surroundings<'_>) -> Question {
        let prelude = prelude(s.client, CatalogQuery::default(), s.context);
        let own = (self.text().0, self.parameter_types.len());
        let (sql, count) = self.stands_for.as_ref().map_or(own, |(sql, count)| (sql.as_str(), *count));
        let types = self.parameter_types.get(..count).unwrap_or(&self.parameter_types);
        Question::new(OracleRequest {
            purpose,
            ..describe(&prelude, self.spelled.sql.as_deref().unwrap_or(sql), types)
        })
    }

    fn describe(
        &mut self,
        translated: Result<Translated, Box<PgError>>,
        s: Surroundings<'_>,
    ) -> Result<Understanding, Box<PgError>> {
        // Whether there is an answer at all depends on it, where PostgreSQL has to finish the statement.
        let purpose = match &translated {
            Err(error) if self.may_be_finished(error, s) => OraclePurpose::DescribeOwn,
            _ => OraclePurpose::Describe,
        };
        let question = self.question(purpose, s);
        let want = question.ask();
        self.stage = Stage::Describe { question, translated };
        Ok(Progress::Wait(want))
    }

    /// What PostgreSQL says.
    fn on_answer(&mut self, event: Event<'_>, s: Surroundings<'_>) -> Result<Understanding, Box<PgError>> {
        let mut stage = std::mem::replace(&mut self.stage, Stage::Translate);
        let (Stage::Describe { question, .. }
        | Stage::DescribeCatalog { question, .. }
        | Stage::Doubt { question, .. }) = &mut stage
        else {
            return Err(s.context.unwaited());
        };
        let answer = match question.resume(event, s.context, s.client) {
            Ok(Progress::Wait(want)) => {
                self.stage = stage;
                return Ok(Progress::Wait(want));
            }
            Ok(Progress::Ready(answer)) => Ok(answer),
            Err(error) => Err(error),
        };
        match stage {
            Stage::Describe { translated, .. } => self.described(answer, translated, s),
            Stage::Doubt { translated, described, doubt, .. } => {
                // Of another name it may be one of IRIS's own.
                let is_known = answer.is_ok_and(|answer| answer.single_value().as_deref() != Some("0"));
                if is_known {
                    return Err(doubt);
                }
                self.doubt = Some(doubt);
                self.accept(translated?, *described, s)
            }
            Stage::DescribeCatalog { understood, .. } => {
                let mut answer = answer?;
                if let Some(error) = answer.error.take() {
                    return Err(error);
                }
                self.described = Some(Rc::new(answer.described));
                Ok(Progress::Ready(understood))
            }
            Stage::Translate | Stage::Tables { .. } | Stage::Prepare { .. } => self.begin(s),
        }
    }

    /// The statement as PostgreSQL describes it; when it cannot be asked, IRIS's metadata have to do, this once.
    fn described(
        &mut self,
        answer: Result<Box<Answer>, Box<PgError>>,
        translated: Result<Translated, Box<PgError>>,
        s: Surroundings<'_>,
    ) -> Result<Understanding, Box<PgError>> {
        let mut answer = match answer {
            Ok(answer) => answer,
            Err(error) if error.code == SqlState::QUERY_CANCELED => return Err(error),
            Err(error) => match translated {
                Ok(translated) => {
                    self.unasked = Some(error);
                    let understood = TranslationCache::new(1).insert(&self.template, 0, translated);
                    return self.prepare(understood, 0, s);
                }
                Err(refused) => return Err(if self.may_be_finished(&refused, s) { error } else { refused }),
            },
        };
        if let Some(error) = answer.error.take() {
            let typed = self.qualified.as_ref().map_or(&self.sql, |qualified| &qualified.sql);
            if self.spelled.correct(typed, &error, &s.context.tables.borrow(), &self.asked.borrow()) {
                return self.describe(translated, s);
            }
            // IRIS may have a function of that name, which is of no use where the rest is not for IRIS.
            let is_of_function = error.code == SqlState::UNDEFINED_FUNCTION && error.message.starts_with("function ");
            if !is_of_function || translated.is_err() {
                return Err(error);
            }
            let Some(name) = function_name(&error.message).filter(|name| !IRIS_NAMESAKES.contains(name)) else {
                self.doubt = Some(error);
                return self.accept(translated?, answer.described, s);
            };
            let sql = format!(
                "SELECT pg_catalog.count(*) FROM pg_catalog.pg_proc WHERE proname = {}",
                crate::types::quoted_text(name)
            );
            let prelude = prelude(s.client, CatalogQuery::default(), s.context);
            let question = Question::new(execute(&prelude, &sql, &[], Execution::default()));
            let want = question.ask();
            let described = Box::new(answer.described);
            self.stage = Stage::Doubt { question, translated, described, doubt: error };
            return Ok(Progress::Wait(want));
        }
        match translated {
            Ok(translated)
                if s.context.options.finishes_all && !self.is_fetch && translated.translation.tag == "SELECT" =>
            {
                let needless = PgError::unsupported("a query that is IRIS's");
                match self.cut(needless, answer.described.clone(), s) {
                    Err(_) => self.accept(translated, answer.described, s),
                    cut => cut,
                }
            }
            Ok(translated) => self.accept(translated, answer.described, s),
            Err(error) => self.finish(error, answer.described, s),
        }
    }

    /// A translation with what PostgreSQL says of the statement.
    fn accept(
        &mut self,
        mut translated: Translated,
        mut described: Described,
        s: Surroundings<'_>,
    ) -> Result<Understanding, Box<PgError>> {
        self.spelled.name(described.columns.as_deref_mut().unwrap_or_default());
        let open = |oid: &Oid| *oid == Oid::UNSPECIFIED;
        let count = described.parameter_types.len();
        if count > self.parameter_types.len() || self.parameter_types.iter().any(open) {
            let types = self.types_with(&described);
            if let Ok(better) = self.translate(&types, s) {
                translated = better;
            }
        }
        let understood = self.keep(translated, s);
        if self.doubt.is_none() {
            understood.extra.set_described(Rc::new(described));
        }
        self.prepare(understood, 0, s)
    }

    fn next_table(&mut self, mut names: Vec<Need>, s: Surroundings<'_>) -> Result<Understanding, Box<PgError>> {
        let Some(name) = names.pop() else { return self.begin(s) };
        self.loads_count = self.loads_count.saturating_add(1);
        if self.loads_count > LOADS_MAX {
            return Err(PgError::error(
                SqlState::PROGRAM_LIMIT_EXCEEDED,
                format!("a statement may name at most {LOADS_MAX} tables"),
            ));
        }
        let load = Box::new(TableLoad::new(name, &s.context.tables.borrow()));
        let request = load.request(&s.context.table_queries, s.in_transaction);
        self.stage = Stage::Tables { load, rest: names };
        Ok(Progress::Wait(Want::Submit(request)))
    }

    fn loading(
        &mut self,
        step: LoadStep,
        load: Box<TableLoad>,
        rest: Vec<Need>,
        s: Surroundings<'_>,
    ) -> Result<Understanding, Box<PgError>> {
        match step {
            LoadStep::Submit(request) => {
                self.stage = Stage::Tables { load, rest };
                Ok(Progress::Wait(Want::Submit(request)))
            }
            LoadStep::Done => self.next_table(rest, s),
        }
    }

    fn prepare(
        &mut self,
        understood: Rc<Understood>,
        from: usize,
        s: Surroundings<'_>,
    ) -> Result<Understanding, Box<PgError>> {
        let Some((step, plan)) = next_unprepared(&understood, from) else {
            if self.wants_types && self.described.is_none() && is_for_oracle(&understood.translation.action, s) {
                let question = self.question(OraclePurpose::DescribeOwn, s);
                let want = question.ask();
                self.stage = Stage::DescribeCatalog { question, understood };
                return Ok(Progress::Wait(want));
            }
            return Ok(Progress::Ready(understood));
        };
        let request = Request::Prepare { statement: Rc::clone(&plan.statement), in_transaction: s.in_transaction };
        self.stage = Stage::Prepare { understood, step };
        Ok(Progress::Wait(Want::Submit(request)))
    }

    fn on_reply(&mut self, reply: Reply<'_>, s: Surroundings<'_>) -> Result<Understanding, Box<PgError>> {
        match (std::mem::replace(&mut self.stage, Stage::Translate), reply) {
            // Nothing is wrong with what was asked.
            (_, Reply::Failed { error, .. }) if error.is_interruption() => Err(refused(&error, s.context)),
            (Stage::Tables { mut load, rest }, Reply::Failed { error, .. }) => {
                let step =
                    load.on_refused(&mut s.context.tables.borrow_mut(), &s.context.table_queries, s.in_transaction);
                match step {
                    Some(step) => self.loading(step, load, rest, s),
                    None => Err(self.doubt.take().unwrap_or_else(|| refused(&error, s.context))),
                }
            }
            (stage, Reply::Failed { error, .. }) => {
                let refused = refused(&error, s.context);
                let described = match &stage {
                    Stage::Prepare { understood, .. } => understood.extra.described(),
                    _ => None,
                };
                let explains = matches!(&stage, Stage::Prepare { understood, .. } if &*understood.tag == "EXPLAIN");
                if explains && refused.code == SqlState::UNDEFINED_FUNCTION && s.context.options.has_oracle {
                    return self.describe(Err(foreign_function(&refused)), s);
                }
                if let Some(described) = described {
                    if refused.code == SqlState::UNDEFINED_FUNCTION {
                        return self.finish(foreign_function(&refused), (*described).clone(), s);
                    }
                    if error.sqlcode == IrisError::UNKNOWN_LABEL {
                        return self.finish(hidden_table(), (*described).clone(), s);
                    }
                    // PostgreSQL finds nothing wrong with the statement, which IRIS does not understand.
                    if is_misunderstood(&refused) && self.doubt.is_none() {
                        return self.cut(refused, (*described).clone(), s);
                    }
                }
                // Asked, PostgreSQL might have finished it.
                if let Some(unasked) = self.unasked.take().filter(|_| self.may_be_finished(&refused, s)) {
                    return Err(unasked);
                }
                let Some(doubt) = self.doubt.take() else { return Err(refused) };
                // Whoever asks again is to hear the same.
                s.context.translations.borrow_mut().forget(&self.template);
                Err(doubt)
            }
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
                self.loading(step, load, rest, s)
            }
            (Stage::Prepare { understood, step }, Reply::Prepared(metadata)) => {
                understood.extra.set_metadata(step, &metadata);
                self.prepare(understood, step.saturating_add(1), s)
            }
            (_, reply) => Err(unexpected(&reply)),
        }
    }
}

/// What is asked of IRIS inside of a transaction opens it there.
fn asked(progress: Understanding, cx: &mut Cx<'_>) -> Understanding {
    if let (Progress::Wait(Want::Submit(_)), true) = (&progress, cx.client.transaction.wants_transaction()) {
        cx.client.transaction.mark_iris_open();
    }
    progress
}

/// What PostgreSQL describes: queries and changes of rows. IRIS's own dialect is not for it.
fn wants_description(translation: &Translation, s: Surroundings<'_>) -> bool {
    s.context.options.has_oracle
        && !translation.is_iris_dialect
        && !translation.is_constant
        && matches!(translation.action, Action::Script(_))
        && matches!(translation.tag.as_str(), "SELECT" | "INSERT 0" | "UPDATE" | "DELETE")
}

/// Whether the oracle answers a statement, or evaluates part of it: it tells the types of its parameters.
fn is_for_oracle(action: &Action, s: Surroundings<'_>) -> bool {
    let is_expression = |argument: &CallArgument| matches!(argument, CallArgument::Expression { .. });
    match action {
        Action::Catalog(_) => true,
        Action::Calls(calls) => {
            s.context.options.has_oracle && calls.iter().any(|call| call.arguments.iter().any(is_expression))
        }
        _ => false,
    }
}

/// Whether a statement begins as those do. `text`: that of its template, which has no comments.
fn may_be_described(text: &str) -> bool {
    ["SELECT", "INSERT", "UPDATE", "DELETE", "MERGE", "WITH", "VALUES", "TABLE"]
        .iter()
        .any(|verb| begins_with(text, verb))
}

fn begins_with(text: &str, verb: &str) -> bool {
    let text = text.trim_start_matches(['(', ' ']);
    text.get(..verb.len()).is_some_and(|start| start.eq_ignore_ascii_case(verb))
}

/// DDL needs no metadata and is not prepared: IRIS reports its errors when it runs, and its objects may not exist before.
/// A change of rows is prepared without values, too: what IRIS refuses then PostgreSQL may compute.
fn needs_metadata(plan: &Plan) -> bool {
    plan.statement.is_query || !plan.binds.is_empty() || plan.writes.is_some()
}

fn next_unprepared(understood: &Understood, from: usize) -> Option<(usize, &Plan)> {
    plans(&understood.translation.action)
        .enumerate()
        .skip(from)
        .find(|(step, plan)| needs_metadata(plan) && understood.extra.metadata(*step).is_none())
}
