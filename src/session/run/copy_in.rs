//! COPY .. FROM STDIN: rows in bounded batches, one transaction around all of them.

mod by_query;
mod column;
mod place;
mod source;

use std::borrow::Cow;
use std::rc::Rc;
use std::sync::Arc;

use self::by_query::ByQuery;
use self::column::{Adjustments, Column, columns};
use self::place::{Place, at_line, column_name, copy, shown, table_name};
use self::source::{Source, null_marker};
use super::nested::{MakeCarrying, Nested, NestedProgress};
use super::outcome::{CommandTag, Outcome};
use super::violation::{Attempt, violated};
use crate::bridge::{Culprit, last_part};
use crate::copy::{CopyError, Row, RowFormat};
use crate::iris::{IrisError, Reply, Request};
use crate::session::client::Client;
use crate::session::contract::step::{Event, Want};
use crate::session::understand::context::{Cx, ShardContext, Understood};
use crate::session::understand::rules::{refused, unexpected};
use crate::sql::{CopyFormat, CopyHeader, CopyVerbosity};
use crate::types::{Oid, Style, decode};
use crate::wire::{Format, FrontendMessage, PgError, SendBuf, Severity, SqlState};

/// A batch of so many rows is sent when the client's message is used up: one exchange with IRIS each.
const BATCH_ROWS: usize = 1_000;
/// Rows and bytes of a batch at the most, in the middle of a message too: they bound its memory.
const BATCH_ROWS_MAX: usize = 10_000;
const BATCH_BYTES_MAX: usize = 512 * 1024;

/// A COPY under way.
#[derive(Debug)]
pub(crate) struct CopyIn {
    understood: Rc<Understood>,
    source: Source,
    columns: Vec<Column>,
    adjustments: Option<Box<Adjustments>>,
    batch: Vec<u8>,
    batch_rows_count: usize,
    /// The batch on its way, to explain errors by.
    sent: Vec<u8>,
    /// Lines of the batch's rows, where they do not follow one another; and of those on their way.
    lines: Option<Box<BatchLines>>,
    /// What the full batch left of a message, and how much of it was taken since.
    rest: Vec<u8>,
    rest_taken: usize,
    /// Rows IRIS has taken.
    rows_count: u64,
    /// Rows that ON_ERROR has left out.
    ignored_count: u64,
    /// The first line must be the columns' names, and has not been read.
    header_pending: bool,
    header_lines_count: u64,
    /// A batch is on its way; else the client's data are.
    is_sending: bool,
    /// CopyDone came: the last batch is on its way.
    done: bool,
    by_query: Option<Box<ByQuery>>,
}

#[derive(Debug, Default)]
struct BatchLines {
    filling: Vec<u64>,
    sent: Vec<u64>,
}

impl CopyIn {
    /// # Errors
    /// XX000 when the statement is no COPY, or was not prepared.
    pub(crate) fn new(
        make: MakeCarrying,
        understood: Rc<Understood>,
        context: &ShardContext,
    ) -> Result<Self, Box<PgError>> {
        let internal = || PgError::error(SqlState::INTERNAL_ERROR, "COPY without a prepared INSERT");
        let copy = copy(&understood).ok_or_else(internal)?;
        let metadata = understood.extra.metadata(0).ok_or_else(internal)?;
        let columns = columns(copy, &understood, &metadata)?;
        let is_consecutive = matches!(copy.options.format, CopyFormat::Rows(RowFormat::Text(_)) | CopyFormat::Binary);
        let header = copy.options.header;
        Ok(Self {
            source: Source::new(copy, context),
            columns,
            adjustments: Adjustments::of(copy)?,
            batch: Vec::new(),
            batch_rows_count: 0,
            sent: Vec::new(),
            lines: (!is_consecutive || copy.options.ignores.is_some()).then(Box::default),
            rest: Vec::new(),
            rest_taken: 0,
            rows_count: 0,
            ignored_count: 0,
            header_pending: header == CopyHeader::Matching,
            header_lines_count: u64::from(header == CopyHeader::Ignored),
            is_sending: false,
            done: false,
            by_query: copy.by_query.clone().map(|insert| Box::new(ByQuery::new(make, insert))),
            understood,
        })
    }

    pub(crate) fn start(&self, out: &mut SendBuf) -> Outcome {
        let columns = u16::try_from(self.columns.len()).unwrap_or(u16::MAX);
        let is_binary = matches!(self.source, Source::Binary(_));
        out.put_copy_in_response(if is_binary { Format::Binary } else { Format::Text }, columns);
        Outcome::Wait(Want::Frame)
    }

    /// # Errors
    /// Those of the data, and IRIS's refusal of a row.
    pub(crate) fn resume(&mut self, event: Event<'_>, cx: &mut Cx<'_>) -> Result<Outcome, Box<PgError>> {
        match event {
            Event::Frame(message) if !self.is_sending => self.on_message(&message, cx),
            event if self.by_query.as_ref().is_some_and(|by_query| by_query.nested.is_some()) => {
                let nested = self.by_query.as_mut().and_then(|by_query| by_query.nested.take());
                let Some(mut nested) = nested else { return Err(cx.shard.unwaited()) };
                let progress = nested.resume(event, cx);
                self.on_progress(nested, progress, cx)
            }
            Event::Iris(reply) if self.is_sending => {
                self.is_sending = false;
                self.on_reply(reply, cx)
            }
            _ => Err(cx.shard.unwaited()),
        }
    }

    /// A batch of rows that PostgreSQL looks at.
    fn on_progress(
        &mut self,
        nested: Box<Nested>,
        progress: Result<NestedProgress, Box<PgError>>,
        cx: &mut Cx<'_>,
    ) -> Result<Outcome, Box<PgError>> {
        match progress {
            Ok(NestedProgress::Wait(want)) => {
                if let Some(by_query) = &mut self.by_query {
                    by_query.nested = Some(nested);
                }
                Ok(Outcome::Wait(want))
            }
            Ok(NestedProgress::Done(count)) => {
                self.is_sending = false;
                self.rows_count = self.rows_count.saturating_add(count);
                self.store_group(cx)
            }
            Err(error) => {
                if let Some(by_query) = &mut self.by_query {
                    by_query.nested = Some(nested);
                }
                Err(error)
            }
        }
    }

    /// The result left open on the lease when this is given up.
    pub(crate) fn take_result(&mut self) -> Option<Request> {
        self.by_query.as_mut()?.take_result()
    }

    /// Rows have come that IRIS has not been sent.
    pub(crate) fn has_unsent(&self) -> bool {
        self.batch_rows_count > 0 || self.source.has_begun()
    }

    /// The error of a message that has no place in the client's data. What follows it cannot be told from more data.
    pub(crate) fn out_of_place(&self, tag: u8) -> Box<PgError> {
        let message = format!("unexpected message type 0x{tag:02X} during COPY from stdin");
        let error = PgError::error(SqlState::PROTOCOL_VIOLATION, message);
        at_line(error, &self.understood, self.next_line(), Place::Line)
    }

    /// The line that the client's data have come to, where each row has one.
    fn next_line(&self) -> u64 {
        let batch = u64::try_from(self.batch_rows_count).unwrap_or(u64::MAX);
        let taken = self.rows_count.saturating_add(batch).saturating_add(self.ignored_count);
        taken.saturating_add(self.header_lines_count).saturating_add(1)
    }

    /// A message of the client.
    ///
    /// # Errors
    /// 22P04 and 22xxx for bad data, 57014 for CopyFail.
    fn on_message(&mut self, message: &FrontendMessage<'_>, cx: &mut Cx<'_>) -> Result<Outcome, Box<PgError>> {
        match message {
            FrontendMessage::CopyData(data) => {
                let encoding = copy(&self.understood).map(|copy| copy.options.encoding).unwrap_or_default();
                if let Cow::Owned(data) = encoding.to_utf8(data) {
                    self.rest = data;
                    self.rest_taken = 0;
                    return self.go_on(cx);
                }
                let mut input = *data;
                let outcome = self.fill(&mut input, cx);
                self.rest.extend_from_slice(input);
                outcome
            }
            FrontendMessage::CopyDone => {
                self.done = true;
                self.fill(&mut &[][..], cx)
            }
            FrontendMessage::CopyFail(reason) => {
                let error = PgError::error(SqlState::QUERY_CANCELED, format!("COPY from stdin failed: {reason}"));
                Err(at_line(error, &self.understood, self.next_line(), Place::Line))
            }
            // Ignored so that a client may pipeline them behind its data (protocol-flow chapter, "COPY Operations").
            FrontendMessage::Flush | FrontendMessage::Sync => Ok(Outcome::Wait(Want::Frame)),
            _ => Err(cx.shard.unwaited()),
        }
    }

    /// # Errors
    /// IRIS's refusal of a row.
    fn on_reply(&mut self, reply: Reply<'_>, cx: &mut Cx<'_>) -> Result<Outcome, Box<PgError>> {
        match reply {
            Reply::Updated { counts, .. } => {
                let rows = u64::try_from(counts.len()).unwrap_or(u64::MAX);
                self.rows_count = self.rows_count.saturating_add(rows);
                self.go_on(cx)
            }
            Reply::Failed { error, counts } => Err(self.violated(&error, &counts, cx.shard, cx.client)),
            reply => Err(unexpected(&reply)),
        }
    }

    /// IRIS has refused a row of the batch; each in front of it counts as one.
    fn violated(&self, error: &IrisError, counts: &[i64], context: &ShardContext, client: &Client) -> Box<PgError> {
        let Some(copy) = copy(&self.understood) else { return refused(error, context) };
        let metadata = self.understood.extra.metadata(0);
        let (metadata, style) = (metadata.as_deref(), client.settings.style());
        let taken_count = counts.iter().take_while(|count| **count > 0).count();
        let sent: &[u8] = if counts.is_empty() { &[] } else { &self.sent };
        let attempt = Attempt { plan: &copy.insert, metadata, values: sent, set: Some(taken_count), style };
        let explained = violated(error, &attempt, context);
        if counts.is_empty() || matches!(error.sqlcode, 121 | 122) {
            // Foreign keys are checked behind the last row.
            return explained;
        }
        let line = u64::try_from(taken_count).unwrap_or(u64::MAX).saturating_add(self.rows_count).saturating_add(1);
        let line = line.saturating_add(self.header_lines_count);
        let line = self.lines.as_ref().and_then(|lines| lines.sent.get(taken_count)).copied().unwrap_or(line);
        // What did not fit its column PostgreSQL knows by the column already.
        let culprit = Culprit::of(error);
        let misfit = culprit.field.filter(|_| matches!(error.sqlcode, 104 | 105)).map(last_part);
        let index = copy
            .insert
            .writes
            .as_ref()
            .zip(misfit)
            .and_then(|(writes, name)| writes.columns.iter().position(|column| column.eq_ignore_ascii_case(name)));
        let value = culprit.value.map(str::as_bytes);
        let place = index.map_or(Place::Line, |index| Place::Column(index, value));
        at_line(explained, &self.understood, line, place)
    }

    /// Goes on with what the batch before left of the client's message.
    fn go_on(&mut self, cx: &mut Cx<'_>) -> Result<Outcome, Box<PgError>> {
        let rest = std::mem::take(&mut self.rest);
        let mut input = rest.get(self.rest_taken..).unwrap_or_default();
        let outcome = self.fill(&mut input, cx);
        if !input.is_empty() {
            self.rest_taken = rest.len().saturating_sub(input.len());
            self.rest = rest;
        } else {
            self.rest_taken = 0;
        }
        outcome
    }

    /// Moves rows to the batch until the batch is full or `input` used up.
    fn fill(&mut self, input: &mut &[u8], cx: &mut Cx<'_>) -> Result<Outcome, Box<PgError>> {
        while self.batch_rows_count < BATCH_ROWS_MAX && self.batch.len() < BATCH_BYTES_MAX {
            let row = match self.source.next_row(input) {
                Ok(None) if !self.done => break,
                Ok(None) => self.source.finish(),
                row => row,
            };
            let row = match row {
                Ok(Some(row)) => row,
                Ok(None) => break,
                Err(error) => return Err(self.bad_line(&error)),
            };
            if std::mem::take(&mut self.header_pending) {
                let checked = check_header(&row, &self.understood);
                let text = row.line();
                checked.map_err(|error| at_line(error, &self.understood, 1, Place::Text(text)))?;
                self.header_lines_count = 1;
                continue;
            }
            let style = cx.client.settings.style();
            let start = self.batch.len();
            let adjustments = self.adjustments.as_deref();
            match put_row(&row, &self.columns, adjustments, &self.understood, style, &mut self.batch) {
                Ok(()) => {}
                Err(Misfit { error, column }) => {
                    self.batch.truncate(start);
                    let field = |index| row.get(index).flatten();
                    let field = column.and_then(|index| match adjustments {
                        Some(adjustments) => adjustments.field(index, field(index)),
                        None => field(index),
                    });
                    let text = row.line();
                    let place = column.map_or(Place::Text(text), |index| Place::Column(index, field));
                    let is_lines = matches!(&copy(&self.understood), Some(copy) if matches!(copy.options.format, CopyFormat::Rows(_)));
                    let is_encoding = is_lines && error.code == SqlState::CHARACTER_NOT_IN_REPERTOIRE;
                    let (error, place) = if is_encoding { of_encoding(error, text) } else { (error, place) };
                    let line = row.number();
                    ignore(&self.understood, &mut self.ignored_count, line, error, place, cx)?;
                    continue;
                }
            }
            if let Some(by_query) = &mut self.by_query {
                put_texts(&row, &self.columns, adjustments, by_query)?;
            }
            if let Some(lines) = &mut self.lines {
                lines.filling.push(row.number());
            }
            self.batch_rows_count = self.batch_rows_count.saturating_add(1);
        }
        let is_full = self.batch_rows_count >= BATCH_ROWS || self.batch.len() >= BATCH_BYTES_MAX;
        if is_full || self.done && self.batch_rows_count > 0 {
            return self.submit(cx);
        }
        if self.done {
            self.tell_of_ignored(cx);
            return Ok(Outcome::Complete(CommandTag::counted("COPY", self.rows_count)));
        }
        Ok(Outcome::Wait(Want::Frame))
    }

    /// What is wrong with a line before it is a row.
    fn bad_line(&self, error: &CopyError) -> Box<PgError> {
        let place = match error {
            CopyError::UnterminatedQuote { .. } => Place::Text(self.source.unfinished()),
            CopyError::BinaryField { column_index, .. } => Place::Column(*column_index, None),
            CopyError::BinaryHeader { .. } => return error.to_pg(&[]),
            _ => Place::Line,
        };
        at_line(error.to_pg(&[]), &self.understood, error.line(), place)
    }

    fn tell_of_ignored(&self, cx: &mut Cx<'_>) {
        let ignores = copy(&self.understood).and_then(|copy| copy.options.ignores);
        let is_told = ignores.is_some_and(|ignores| ignores.verbosity >= CopyVerbosity::Default);
        if is_told && self.ignored_count > 0 {
            let count = self.ignored_count;
            let rows = if count == 1 { "row was" } else { "rows were" };
            let message = format!("{count} {rows} skipped due to data type incompatibility");
            cx.client.notice(&notice(message), cx.out);
        }
    }

    /// The next rows of a batch that queries store.
    fn store_group(&mut self, cx: &mut Cx<'_>) -> Result<Outcome, Box<PgError>> {
        let Some(by_query) = &mut self.by_query else { return self.go_on(cx) };
        let Some(statement) = by_query.next_statement() else { return self.go_on(cx) };
        self.is_sending = true;
        let (nested, progress) = Nested::start(statement, by_query.make, cx)?;
        self.on_progress(Box::new(nested), Ok(progress), cx)
    }

    fn submit(&mut self, cx: &mut Cx<'_>) -> Result<Outcome, Box<PgError>> {
        if let Some(lines) = &mut self.lines {
            std::mem::swap(&mut lines.filling, &mut lines.sent);
            lines.filling.clear();
        }
        if self.by_query.is_some() {
            self.batch_rows_count = 0;
            self.batch.clear();
            return self.store_group(cx);
        }
        let client = &mut *cx.client;
        let Some(copy) = copy(&self.understood) else {
            return Err(PgError::error(SqlState::INTERNAL_ERROR, "COPY lost its statement"));
        };
        client.transaction.mark_iris_open();
        let sets = std::mem::take(&mut self.batch_rows_count);
        self.is_sending = true;
        self.sent.clone_from(&self.batch);
        // The next batch is about as large.
        let next = Vec::with_capacity(self.batch.len());
        Ok(Outcome::Wait(Want::Submit(Request::Execute {
            statement: Rc::clone(&copy.insert.statement),
            values: std::mem::replace(&mut self.batch, next),
            values_per_set: self.columns.len(),
            sets,
            rows_max: 0,
            in_transaction: true,
        })))
    }
}

/// Why a row cannot be stored.
struct Misfit {
    error: Box<PgError>,
    /// Where it is about one column's value.
    column: Option<usize>,
}

/// A row's values behind those of the batch.
fn put_row(
    row: &Row<'_>,
    columns: &[Column],
    adjustments: Option<&Adjustments>,
    understood: &Understood,
    style: &Arc<Style>,
    batch: &mut Vec<u8>,
) -> Result<(), Misfit> {
    let whole = |error: Box<PgError>| Misfit { error, column: None };
    if row.len() > columns.len() {
        return Err(whole(PgError::error(SqlState::BAD_COPY_FORMAT, "extra data after last expected column")));
    }
    for (index, column) in columns.iter().enumerate() {
        let Some(mut field) = row.get(index) else {
            let name = copy(understood).map(|copy| column_name(copy, index)).unwrap_or_default();
            let message = format!("missing data for column \"{name}\"");
            return Err(whole(PgError::error(SqlState::BAD_COPY_FORMAT, message)));
        };
        if let Some(adjustments) = adjustments {
            field = adjustments.field(index, field);
        }
        if field.is_none() && row.is_default(index) {
            no_default(understood, index).map_or(Ok(()), |error| Err(whole(error)))?;
        }
        column.put(field, style, batch).map_err(|error| Misfit { error, column: Some(index) })?;
    }
    Ok(())
}

/// The error of a default's marker for a column that has none.
fn no_default(understood: &Understood, index: usize) -> Option<Box<PgError>> {
    let copy = copy(understood)?;
    let (name, has_default) = copy.columns.get(index)?;
    let detail = format!("Column \"{name}\" has no default value.");
    let message = "unexpected default marker in COPY data";
    (!has_default).then(|| PgError::error(SqlState::BAD_COPY_FORMAT, message).detail(detail))
}

/// A row's texts, for a query that stores them.
fn put_texts(
    row: &Row<'_>,
    columns: &[Column],
    adjustments: Option<&Adjustments>,
    by_query: &mut ByQuery,
) -> Result<(), Box<PgError>> {
    let mut text = std::mem::take(&mut by_query.text);
    let elements = by_query.row((0..columns.len()).map(|index| row.is_default(index)));
    for (index, (column, elements)) in columns.iter().zip(elements).enumerate() {
        let mut field = row.get(index).flatten();
        if let Some(adjustments) = adjustments {
            field = adjustments.field(index, field);
        }
        match field {
            Some(bytes) if column.print(bytes, &mut text)? => elements.push_text(Some(&text)),
            field => elements.push_text(field),
        }
    }
    by_query.text = text;
    Ok(())
}

/// ON_ERROR: the row is left out.
///
/// # Errors
/// `error` where it is not to be ignored, and when there are too many.
fn ignore(
    understood: &Understood,
    ignored_count: &mut u64,
    line: u64,
    error: Box<PgError>,
    place: Place<'_>,
    cx: &mut Cx<'_>,
) -> Result<(), Box<PgError>> {
    let found = copy(understood).and_then(|copy| copy.options.ignores.map(|ignores| (copy, ignores)));
    let (Some((copy, ignores)), Place::Column(index, value), true) = (found, place, is_of_type(&error)) else {
        return Err(at_line(error, understood, line, place));
    };
    *ignored_count = ignored_count.saturating_add(1);
    if ignores.verbosity == CopyVerbosity::Verbose {
        let value = value.map_or_else(|| "null input".to_owned(), |value| format!("\"{}\"", shown(value)));
        let column = column_name(copy, index);
        let message =
            format!("skipping row due to data type incompatibility at line {line} for column \"{column}\": {value}");
        let mut notice = notice(message);
        notice.context = Some(format!("COPY {}", table_name(copy)));
        cx.client.notice(&notice, cx.out);
    }
    match ignores.limit {
        Some(limit) if *ignored_count > limit => {
            let message = format!("skipped more than REJECT_LIMIT ({limit}) rows due to data type incompatibility");
            Err(at_line(PgError::error(SqlState::INVALID_TEXT, message), understood, line, place))
        }
        _ => Ok(()),
    }
}

/// HEADER MATCH: the first line says what the columns are.
fn check_header(row: &Row<'_>, understood: &Understood) -> Result<(), Box<PgError>> {
    let Some(copy) = copy(understood) else { return Ok(()) };
    let bad = |message: String| Err(PgError::error(SqlState::BAD_COPY_FORMAT, message));
    if row.len() != copy.columns.len() {
        let (got, expected) = (row.len(), copy.columns.len());
        return bad(format!("wrong number of fields in header line: got {got}, expected {expected}"));
    }
    for (number, (name, (column, _))) in (1..).zip(row.iter().zip(&copy.columns)) {
        let place = format!("column name mismatch in header line field {number}");
        match name {
            Some(name) if *name == *column.as_bytes() => {}
            Some(name) => {
                let name = String::from_utf8_lossy(name);
                return bad(format!("{place}: got \"{name}\", expected \"{column}\""));
            }
            None => {
                let null = String::from_utf8_lossy(null_marker(copy));
                return bad(format!("{place}: got null value (\"{null}\"), expected \"{column}\""));
            }
        }
    }
    Ok(())
}

/// Whether the input of a type is what refuses a value, so that ON_ERROR may leave the row out.
fn is_of_type(error: &PgError) -> bool {
    error.code.as_str().starts_with("22")
        && error.code != SqlState::CHARACTER_NOT_IN_REPERTOIRE
        && !error.is_beyond_iris
}

/// What is wrong with a line that is no UTF-8: PostgreSQL finds that before it reads the values.
fn of_encoding(error: Box<PgError>, line: &[u8]) -> (Box<PgError>, Place<'_>) {
    match decode(Oid::TEXT, Format::Text, &[line, b"\n"].concat()) {
        Err(error) => (error, Place::Line),
        // An escape.
        Ok(_) => (error, Place::Text(line)),
    }
}

fn notice(message: String) -> Box<PgError> {
    PgError::new(Severity::Notice, SqlState::SUCCESSFUL_COMPLETION, message)
}
