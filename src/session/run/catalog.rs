//! A statement that the oracle answers: its messages pass on as they came, cut by the row limit of the portal.

use crate::catalog::{
    Answer, BoundValue, Execution, LongValue, OraclePurpose, OracleRequest, Sequence, SequenceRequest, execute,
    rows_len,
};
use crate::sql::CatalogQuery;
use crate::types::Oid;
use crate::wire::{Format, PgError, SendBuf, SqlState};

use super::calls::CallValues;
use super::outcome::{CommandTag, Outcome};
use super::values::SettingValue;
use crate::session::contract::step::{Event, Progress, Want};
use crate::session::understand::context::Cx;
use crate::session::understand::prelude::prelude;
use crate::session::understand::question::Question;
use crate::session::understand::rows::{Field, put_row_description};

/// A statement with its values, as the oracle gets it.
#[derive(Debug, Clone, Default)]
pub(crate) struct CatalogStatement {
    pub sql: String,
    pub parameter_types: Vec<Oid>,
    pub values: Vec<BoundValue>,
    /// Those of the last parameters, until they are sent: rows of IRIS.
    pub long_values: Vec<LongValue>,
    /// Arguments of the sleeps in front of it.
    pub sleeps: CallValues,
    /// What its `set_config` sets for the session, when it has a row.
    pub settings: Vec<SettingValue>,
}

impl CatalogStatement {
    /// Memory held by texts and values, about.
    pub(in crate::session) fn bytes(&self) -> usize {
        let values = self.values.iter().map(|(_, bytes)| bytes.as_ref().map_or(0, Vec::len));
        values.fold(self.sql.len(), usize::saturating_add)
    }
}

/// The oracle reads parameters in the form in which the client wrote them.
pub(crate) fn catalog_statement(sources: &super::values::Sources<'_>) -> CatalogStatement {
    CatalogStatement {
        sql: sources.sql.to_owned(),
        parameter_types: sources.parameters.iter().map(|parameter| parameter.oid).collect(),
        values: sources
            .parameters
            .iter()
            .map(|parameter| (parameter.format, parameter.bytes.map(<[u8]>::to_vec)))
            .collect(),
        long_values: Vec::new(),
        sleeps: CallValues::default(),
        settings: Vec::new(),
    }
}

/// Such a statement under way, or suspended between two Executes of its portal.
#[derive(Debug)]
pub(crate) struct CatalogRun {
    statement: CatalogStatement,
    query: CatalogQuery,
    result_formats: Vec<Format>,
    /// RowDescription goes in front of the rows (simple protocol).
    describe: bool,
    /// What it says, where that is not what the oracle says.
    fields: Option<Vec<Field>>,
    purpose: OraclePurpose,
    rows_max: u64,
    /// A cursor is being opened: its rows are kept for the first FETCH.
    opens_only: bool,
    sent_count: u64,
    state: State,
}

#[derive(Debug)]
enum State {
    Next,
    /// Where sequences stand is asked first.
    Sequences,
    Waiting(Question),
    /// Rows from `at` on have not been sent.
    Rows {
        answer: Box<Answer>,
        at: usize,
        left_count: u64,
    },
    Done,
}

impl CatalogRun {
    pub(crate) fn new(
        statement: CatalogStatement,
        query: CatalogQuery,
        result_formats: Vec<Format>,
        describe: bool,
    ) -> Self {
        Self {
            statement,
            query,
            result_formats,
            describe,
            fields: None,
            purpose: OraclePurpose::Answer,
            rows_max: 0,
            opens_only: false,
            sent_count: 0,
            state: State::Next,
        }
    }

    /// Over rows of IRIS, and with another RowDescription than the oracle's.
    pub(crate) fn finishing(self, fields: Option<Vec<Field>>) -> Self {
        Self { fields, purpose: OraclePurpose::Finish, ..self }
    }

    /// Asks for the rows of a cursor as they are now, and stops in front of the first.
    ///
    /// # Errors
    /// XX000 when it is running already.
    pub(crate) fn open(&mut self, cx: &Cx<'_>) -> Result<Outcome, Box<PgError>> {
        match self.state {
            State::Next => {
                self.opens_only = true;
                Ok(self.begin(cx))
            }
            State::Rows { .. } | State::Done => Ok(Outcome::Suspended),
            State::Waiting(_) | State::Sequences => Err(runs_already()),
        }
    }

    /// Rows sent so far, and whether these were all.
    pub(crate) fn rows_sent(&self) -> (u64, bool) {
        (self.sent_count, matches!(self.state, State::Done))
    }

    /// Whether it is more than a look at a setting, which PostgreSQL answers without a snapshot.
    pub(crate) fn is_query(&self) -> bool {
        !self.statement.sql.starts_with("SHOW ")
    }

    pub(crate) fn reads_session(&self) -> bool {
        self.query.reads_session
    }

    fn begin(&mut self, cx: &Cx<'_>) -> Outcome {
        if self.query.reads_sequences && cx.shard.options.sequences.is_some() {
            self.state = State::Sequences;
            return Outcome::Wait(Want::Sequence(SequenceRequest::All));
        }
        self.ask(cx)
    }

    fn ask(&mut self, cx: &Cx<'_>) -> Outcome {
        let prelude = prelude(cx.client, self.query, cx.shard);
        let execution = Execution {
            values: &self.statement.values,
            long_values: std::mem::take(&mut self.statement.long_values),
            result_formats: &self.result_formats,
        };
        let types = &self.statement.parameter_types;
        let request =
            OracleRequest { purpose: self.purpose, ..execute(&prelude, &self.statement.sql, types, execution) };
        let question = Question::new(request);
        let want = question.ask();
        self.state = State::Waiting(question);
        Outcome::Wait(want)
    }

    /// Starts, or goes on after a suspension, with at most `rows_max` rows (0 = all).
    ///
    /// # Errors
    /// XX000 when it is running already.
    pub(crate) fn start(&mut self, rows_max: u64, cx: &mut Cx<'_>) -> Result<Outcome, Box<PgError>> {
        self.rows_max = rows_max;
        self.opens_only = false;
        match std::mem::replace(&mut self.state, State::Done) {
            State::Next => Ok(self.begin(cx)),
            State::Rows { answer, at, left_count } => Ok(self.put_rows(answer, at, left_count, cx.out)),
            State::Done => Ok(Outcome::Complete(CommandTag::counted("SELECT", 0))),
            State::Waiting(_) | State::Sequences => Err(runs_already()),
        }
    }

    /// # Errors
    /// PostgreSQL's own error of the statement, or why it could not be asked.
    pub(crate) fn resume(&mut self, event: Event<'_>, cx: &mut Cx<'_>) -> Result<Outcome, Box<PgError>> {
        let event = match (&self.state, event) {
            (State::Sequences, Event::Sequence(answer)) => {
                cx.client.sequence_states = Sequence::set_statements(&answer?.all);
                let outcome = self.ask(cx);
                cx.client.sequence_states.clear();
                return Ok(outcome);
            }
            (_, event) => event,
        };
        let State::Waiting(question) = &mut self.state else { return Err(cx.shard.unwaited()) };
        if let Event::Mirrored(Err(error)) = event {
            return Err(error);
        }
        let mut answer = match question.resume(event, cx.shard, cx.client)? {
            Progress::Wait(want) => return Ok(Outcome::Wait(want)),
            Progress::Ready(answer) => answer,
        };
        self.state = State::Done;
        for notice in &answer.notices {
            cx.client.notice(notice, cx.out);
        }
        if let Some(error) = answer.error.take() {
            return Err(error);
        }
        if answer.rows_count > 0 {
            for SettingValue { name, value, local } in &self.statement.settings {
                cx.client.set_config_as_answered(name.as_deref(), value.as_deref(), *local, cx.out)?;
            }
        }
        match &self.fields {
            Some(fields) if self.describe => put_row_description(fields, cx.out),
            None if self.describe && !answer.row_description.is_empty() => {
                cx.out.put_messages(&answer.row_description);
            }
            _ => {}
        }
        let left_count = answer.rows_count;
        Ok(self.put_rows(answer, 0, left_count, cx.out))
    }

    fn put_rows(&mut self, answer: Box<Answer>, at: usize, left_count: u64, out: &mut SendBuf) -> Outcome {
        if self.opens_only {
            self.state = State::Rows { answer, at, left_count };
            return Outcome::Suspended;
        }
        let rest = answer.rows.get(at..).unwrap_or_default();
        let is_cut = self.rows_max > 0 && left_count >= self.rows_max;
        let count = if is_cut { self.rows_max } else { left_count };
        let length = if is_cut { rows_len(rest, count) } else { rest.len() };
        out.put_messages(rest.get(..length).unwrap_or_default());
        self.sent_count = self.sent_count.saturating_add(count);
        if is_cut {
            let (at, left_count) = (at.saturating_add(length), left_count.saturating_sub(count));
            self.state = State::Rows { answer, at, left_count };
            return Outcome::Suspended;
        }
        // The tag of a later part counts that part's rows.
        let tag = match answer.tag.as_deref().unwrap_or("SELECT") {
            tag if tag.starts_with("SELECT") => CommandTag::counted("SELECT", count),
            tag => tag.into(),
        };
        Outcome::Complete(tag)
    }
}

fn runs_already() -> Box<PgError> {
    PgError::error(SqlState::INTERNAL_ERROR, "a running portal was executed again")
}
