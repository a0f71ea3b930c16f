//! CREATE, ALTER and DROP SEQUENCE. The mirror's PostgreSQL reads the statement and says what is wrong with it; what it has
//! made of it is read back and kept where all gateways see it.

use std::rc::Rc;

use crate::catalog::{
    Execution, MirrorChange, Sequence, SequenceAnswer, SequenceName, SequenceRequest, definition_query, execute,
    read_definition,
};
use crate::sql::{CatalogQuery, MirrorStatement, Restart, SequenceCommand};
use crate::wire::{PgError, Severity, SqlState};

use super::outcome::Outcome;
use crate::session::contract::step::{Event, Progress, Want};
use crate::session::understand::context::{Cx, Understood};
use crate::session::understand::prelude::prelude;
use crate::session::understand::question::Question;
use crate::session::understand::rules::mirror_change;

type Result<T> = std::result::Result<T, Box<PgError>>;

/// Such a statement under way.
#[derive(Debug)]
pub(crate) struct SequenceRun {
    command: SequenceCommand,
    understood: Rc<Understood>,
    /// Of the names that it has, those that PostgreSQL knows.
    found: Vec<Found>,
    /// How many names were asked for.
    asked_count: usize,
    stage: Stage,
}

/// A sequence as PostgreSQL knows it.
#[derive(Debug, Clone)]
struct Found {
    sequence: Sequence,
    /// A column's default draws from it.
    is_default: bool,
}

#[derive(Debug)]
enum Stage {
    New,
    /// What there is in front of the change.
    Before(Question),
    /// Where it stands.
    State,
    Mirror,
    /// What the change has made of it.
    After(Question),
    Keep,
    /// What could not be kept is taken back, for this reason.
    Undo(Box<PgError>),
    Done,
}

impl SequenceRun {
    pub(crate) fn new(command: SequenceCommand, understood: Rc<Understood>) -> Self {
        Self { command, understood, found: Vec::new(), asked_count: 0, stage: Stage::New }
    }

    /// # Errors
    /// 25006 in a transaction that only reads.
    pub(crate) fn start(&mut self, cx: &mut Cx<'_>) -> Result<Outcome> {
        cx.client.settings.check_writable(&self.understood.translation.tag)?;
        match &self.stage {
            Stage::New if matches!(self.command, SequenceCommand::Create { .. }) => Ok(self.mirror(cx, Vec::new())),
            Stage::New => Ok(self.ask_next(cx)),
            _ => Ok(self.complete()),
        }
    }

    /// # Errors
    /// PostgreSQL's own of the statement; why it could not be kept.
    pub(crate) fn resume(&mut self, event: Event<'_>, cx: &mut Cx<'_>) -> Result<Outcome> {
        match (&mut self.stage, event) {
            (Stage::Before(question) | Stage::After(question), event @ (Event::Oracle(_) | Event::Mirrored(_))) => {
                let mut answer = match question.resume(event, cx.shard, cx.client)? {
                    Progress::Wait(want) => return Ok(Outcome::Wait(want)),
                    Progress::Ready(answer) => answer,
                };
                if let Some(error) = answer.error.take() {
                    return Err(error);
                }
                let mut row = answer.first_row();
                let is_default = row.pop().flatten().as_deref() == Some("t");
                let found = read_definition(row).map(|sequence| Found { sequence, is_default });
                match self.stage {
                    Stage::Before(_) => self.before(found, cx),
                    _ => self.after(found, cx),
                }
            }
            (Stage::State, Event::Sequence(answer)) => self.stands(answer?, cx),
            (Stage::Mirror, Event::Mirrored(done)) => {
                done?;
                self.mirrored(cx)
            }
            (Stage::Keep, Event::Sequence(answer)) => self.kept(answer, cx),
            (Stage::Undo(_), Event::Mirrored(_)) => match std::mem::replace(&mut self.stage, Stage::Done) {
                Stage::Undo(error) => Err(error),
                _ => Ok(self.complete()),
            },
            _ => Err(cx.shard.unwaited()),
        }
    }

    fn names(&self) -> &[String] {
        match &self.command {
            SequenceCommand::Create { name, .. }
            | SequenceCommand::Alter { name, .. }
            | SequenceCommand::Rename { name, .. } => std::slice::from_ref(name),
            SequenceCommand::Drop { names } => names,
        }
    }

    fn question(cx: &Cx<'_>, name: &str) -> Question {
        let prelude = prelude(cx.client, CatalogQuery::default(), cx.shard);
        Question::new(execute(&prelude, &definition_query(name), &[], Execution::default()))
    }

    /// The next name is looked up; behind the last one the change begins.
    fn ask_next(&mut self, cx: &mut Cx<'_>) -> Outcome {
        let Some(name) = self.names().get(self.asked_count) else { return self.change(cx) };
        let question = Self::question(cx, name);
        self.asked_count = self.asked_count.saturating_add(1);
        let want = question.ask();
        self.stage = Stage::Before(question);
        Outcome::Wait(want)
    }

    fn before(&mut self, found: Option<Found>, cx: &mut Cx<'_>) -> Result<Outcome> {
        let is_cascade = || self.understood.translation.mirror.iter().any(|statement| ends_in_cascade(&statement.sql));
        match (&self.command, found) {
            (SequenceCommand::Rename { .. }, Some(found)) if found.is_default => {
                return Err(PgError::unsupported("a sequence that a column's default draws from keeps its name")
                    .detail("IRIS keeps the default as a text, which has the name in it."));
            }
            (SequenceCommand::Drop { .. }, Some(found)) if found.is_default && is_cascade() => {
                return Err(PgError::unsupported("IRIS cannot take a default away together with a sequence")
                    .hint("Drop the default or the column first."));
            }
            (_, Some(found)) => self.found.push(found),
            (SequenceCommand::Drop { names }, None) if self.says_if_exists() => {
                let name = names.get(self.asked_count.saturating_sub(1)).map(String::as_str).unwrap_or_default();
                let name = name.rsplit('.').next().unwrap_or(name).trim_matches('"').replace("\"\"", "\"");
                let message = format!("sequence \"{name}\" does not exist, skipping");
                let notice = PgError::new(Severity::Notice, SqlState::SUCCESSFUL_COMPLETION, message);
                cx.client.notice(&notice, cx.out);
            }
            // PostgreSQL says so in its own words.
            (_, None) => {}
        }
        Ok(self.ask_next(cx))
    }

    fn says_if_exists(&self) -> bool {
        let mut words = self.understood.translation.mirror.iter().flat_map(|s| s.sql.split_whitespace()).skip(2);
        words.next().is_some_and(|word| word.eq_ignore_ascii_case("if"))
    }

    fn change(&mut self, cx: &mut Cx<'_>) -> Outcome {
        match (&self.command, self.found.first()) {
            (SequenceCommand::Alter { .. }, Some(found)) => {
                let names = vec![found.sequence.name.clone()];
                self.stage = Stage::State;
                Outcome::Wait(Want::Sequence(SequenceRequest::Read { names }))
            }
            _ => self.mirror(cx, Vec::new()),
        }
    }

    /// PostgreSQL judges a change of bounds by where the sequence stands.
    fn stands(&mut self, answer: Box<SequenceAnswer>, cx: &mut Cx<'_>) -> Result<Outcome> {
        let Some(sequence) = answer.sequence else {
            let name = self.found.first().map(|found| found.sequence.name.name.clone()).unwrap_or_default();
            return Err(counted_by_iris(&name));
        };
        let sql = sequence.set_statement();
        let statement = MirrorStatement { sql, otherwise: None, relations: Vec::new() };
        Ok(self.mirror(cx, vec![statement]))
    }

    fn mirror(&mut self, cx: &Cx<'_>, first: Vec<MirrorStatement>) -> Outcome {
        let Some(mut change) = mirror_change(cx.client, &self.understood) else { return self.complete() };
        change.statements.splice(0..0, first);
        self.stage = Stage::Mirror;
        Outcome::Wait(Want::Mirror(change))
    }

    fn mirrored(&mut self, cx: &mut Cx<'_>) -> Result<Outcome> {
        let name = match &self.command {
            SequenceCommand::Create { name, .. } | SequenceCommand::Alter { name, .. } => name,
            SequenceCommand::Rename { to, .. } => to,
            SequenceCommand::Drop { .. } => return Ok(self.drop_next()),
        };
        let question = Self::question(cx, name);
        let want = question.ask();
        self.stage = Stage::After(question);
        Ok(Outcome::Wait(want))
    }

    fn drop_next(&mut self) -> Outcome {
        let Some(found) = self.found.pop() else { return self.complete() };
        self.stage = Stage::Keep;
        let name = found.sequence.name.clone();
        self.asked_count = 0;
        self.found.push(found);
        Outcome::Wait(Want::Sequence(SequenceRequest::Drop { name }))
    }

    fn after(&mut self, found: Option<Found>, cx: &mut Cx<'_>) -> Result<Outcome> {
        let Some(Found { mut sequence, .. }) = found else {
            // IF NOT EXISTS of what is no sequence.
            if let SequenceCommand::Create { name, if_not_exists: true } = &self.command {
                already_exists(name, cx);
                return Ok(self.complete());
            }
            return Err(PgError::error(SqlState::INTERNAL_ERROR, "the catalog service has not made the sequence"));
        };
        let request = match &self.command {
            SequenceCommand::Create { if_not_exists, .. } => {
                SequenceRequest::Create { sequence: Box::new(sequence.clone()), if_absent: *if_not_exists }
            }
            SequenceCommand::Alter { restart, .. } => {
                if let Restart::With(value) = restart {
                    sequence.last_value = *value;
                }
                let restarts = *restart != Restart::Stays;
                SequenceRequest::Change { sequence: Box::new(sequence.clone()), restarts }
            }
            SequenceCommand::Rename { .. } => match self.found.first() {
                Some(from) => SequenceRequest::Rename { from: from.sequence.name.clone(), to: sequence.name.clone() },
                None => return Ok(self.complete()),
            },
            SequenceCommand::Drop { .. } => return Err(cx.shard.unwaited()),
        };
        self.found.push(Found { sequence, is_default: false });
        self.stage = Stage::Keep;
        Ok(Outcome::Wait(Want::Sequence(request)))
    }

    fn kept(&mut self, answer: Result<Box<SequenceAnswer>>, cx: &mut Cx<'_>) -> Result<Outcome> {
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => return self.undo(error),
        };
        cx.shard.schema_changed();
        let names = cx.shard.options.sequences.as_deref();
        let last = self.found.last().map(|found| found.sequence.name.clone());
        if let (Some(names), Some(name)) = (names, last) {
            match &self.command {
                SequenceCommand::Drop { .. } => names.remove(&name),
                SequenceCommand::Rename { .. } => {
                    if let Some(from) = self.found.first() {
                        names.remove(&from.sequence.name);
                    }
                    names.insert(name);
                }
                SequenceCommand::Create { .. } | SequenceCommand::Alter { .. } => names.insert(name),
            }
        }
        match &self.command {
            SequenceCommand::Drop { .. } => {
                self.found.pop();
                return Ok(self.drop_next());
            }
            SequenceCommand::Create { name, .. } if answer.existed => already_exists(name, cx),
            _ => {}
        }
        Ok(self.complete())
    }

    /// What is not kept must not be shown.
    fn undo(&mut self, error: Box<PgError>) -> Result<Outcome> {
        let (SequenceCommand::Create { .. }, Some(found)) = (&self.command, self.found.last()) else {
            return Err(error);
        };
        let change = dropping(&found.sequence.name);
        self.stage = Stage::Undo(error);
        Ok(Outcome::Wait(Want::Mirror(change)))
    }

    fn complete(&mut self) -> Outcome {
        self.stage = Stage::Done;
        Outcome::Complete((&self.understood.tag).into())
    }
}

/// What takes a sequence out of the mirror.
fn dropping(name: &SequenceName) -> MirrorChange {
    let relations = [(name.schema.clone(), name.name.clone())];
    let sql = format!("DROP SEQUENCE IF EXISTS {}", name.quoted());
    MirrorChange::own(vec![sql], &relations)
}

/// A sequence that stands in the catalogs for what IRIS counts by itself.
pub(super) fn counted_by_iris(name: &str) -> Box<PgError> {
    PgError::unsupported(format!("the sequence \"{name}\" is the counter of an identity column of IRIS"))
        .detail("IRIS neither tells nor changes where it stands.")
        .hint("Use INSERT .. RETURNING, or a column with DEFAULT nextval(..).")
}

fn already_exists(name: &str, cx: &mut Cx<'_>) {
    let name = name.rsplit('.').next().unwrap_or(name).trim_matches('"').replace("\"\"", "\"");
    let message = format!("relation \"{name}\" already exists, skipping");
    cx.client.notice(&PgError::new(Severity::Notice, SqlState(*b"42P07"), message), cx.out);
}

fn ends_in_cascade(sql: &str) -> bool {
    sql.rsplit(char::is_whitespace).next().is_some_and(|word| word.eq_ignore_ascii_case("cascade"))
}
