//! COPY .. FROM STDIN: rows in bounded batches, one transaction around all of them.

use std::rc::Rc;
use std::sync::Arc;

use crate::bridge::{CellEncoder, Culprit, default_pg_type, last_part};
use crate::iris::{IrisError, IrisType, ParameterDescription, Reply, Request, StatementMetadata};
use crate::sql::{Action, Bind, CopyFormat, CopyFromStdin, CopyHeader};
use crate::types::{Datum, Fitting, Oid, PgType, Style, TextDecoder, assign, assigns_as_is, fit};
use crate::wire::{Format, FrontendMessage, PgError, SendBuf, SqlState};

use super::arrays::Elements;
use super::nested::{MakeCarrying, Nested, NestedProgress, OwnStatement, RowForm};
use super::outcome::{CommandTag, Outcome};
use super::violation::{Attempt, violated};
use crate::copy::{RowDecoder, RowFormat, TextFormat};
use crate::session::client::Client;
use crate::session::contract::step::{Event, Want};
use crate::session::understand::context::{Cx, ShardContext, Understood};
use crate::session::understand::rules::{refused, unexpected};

/// A batch of so many rows is sent when the client's message is used up: one exchange with IRIS each.
const BATCH_ROWS: usize = 1_000;
/// Rows and bytes of a batch at the most, in the middle of a message too: they bound its memory.
const BATCH_ROWS_MAX: usize = 10_000;
const BATCH_BYTES_MAX: usize = 512 * 1024;

/// A COPY under way.
#[derive(Debug)]
pub(crate) struct CopyIn {
    understood: Rc<Understood>,
    decoder: RowDecoder,
    columns: Vec<Column>,
    batch: Vec<u8>,
    batch_rows_count: usize,
    /// The batch on its way, to explain errors by.
    sent: Vec<u8>,
    /// What the full batch left of a message, and how much of it was taken since.
    rest: Vec<u8>,
    rest_taken: usize,
    /// Rows IRIS has taken.
    rows_count: u64,
    /// Rows read, for the CONTEXT of errors.
    line_count: u64,
    /// The first line must be the columns' names, and has not been read.
    header_pending: bool,
    header_lines_count: u64,
    /// A batch is on its way; else the client's data are.
    is_sending: bool,
    /// CopyDone came: the last batch is on its way.
    done: bool,
    /// Of a table with rules that IRIS does not know of: PostgreSQL looks at the rows of a batch.
    ruled: Option<Ruled>,
}

/// How rows come to a table with rules.
#[derive(Debug)]
struct Ruled {
    make: MakeCarrying,
    /// What stores a batch.
    sql: String,
    /// The batch, a text for each column.
    columns: Vec<Elements>,
    nested: Option<Box<Nested>>,
}

/// How the values of a column come to IRIS; chosen once.
#[derive(Debug)]
struct Column {
    decoder: TextDecoder,
    /// The type of its text.
    pg_type: PgType,
    is_assigned: bool,
    fitted: Option<(PgType, Fitting)>,
    /// By what IRIS declares for it.
    encoder: CellEncoder,
}

impl Column {
    fn put(&self, field: Option<&[u8]>, style: &Arc<Style>, batch: &mut Vec<u8>) -> Result<(), Box<PgError>> {
        let Some(bytes) = field else { return self.encoder.put(batch, &Datum::Null) };
        let mut datum = self.decoder.decode(bytes, style)?;
        if self.is_assigned {
            datum = assign(datum, self.pg_type.oid, self.pg_type, style)?;
        }
        if let Some((to, fitting)) = self.fitted {
            datum = fit(datum, to, fitting)?;
        }
        self.encoder.put(batch, &datum)
    }
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
        let Action::CopyFromStdin(copy) = &understood.translation.action else { return Err(internal()) };
        let metadata = understood.extra.metadata(0).ok_or_else(internal)?;
        let columns = columns(copy, &understood, &metadata);
        let decoder = decoder(copy, context);
        let CopyFormat::Text { header, .. } = copy.format;
        let ruled = copy.ruled.clone().map(|sql| Ruled { make, sql, columns: Vec::new(), nested: None });
        Ok(Self {
            understood,
            decoder,
            columns,
            batch: Vec::new(),
            batch_rows_count: 0,
            sent: Vec::new(),
            rest: Vec::new(),
            rest_taken: 0,
            rows_count: 0,
            line_count: 0,
            header_pending: header == CopyHeader::Matching,
            header_lines_count: u64::from(header == CopyHeader::Ignored),
            is_sending: false,
            done: false,
            ruled,
        })
    }

    pub(crate) fn start(&self, out: &mut SendBuf) -> Outcome {
        let columns = u16::try_from(self.columns.len()).unwrap_or(u16::MAX);
        out.put_copy_in_response(Format::Text, columns);
        Outcome::Wait(Want::Frame)
    }

    /// # Errors
    /// Those of the data, and IRIS's refusal of a row.
    pub(crate) fn resume(&mut self, event: Event<'_>, cx: &mut Cx<'_>) -> Result<Outcome, Box<PgError>> {
        match event {
            Event::Frame(message) if !self.is_sending => self.on_message(&message, cx),
            event if self.ruled.as_ref().is_some_and(|ruled| ruled.nested.is_some()) => {
                let nested = self.ruled.as_mut().and_then(|ruled| ruled.nested.take());
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
                if let Some(ruled) = &mut self.ruled {
                    ruled.nested = Some(nested);
                }
                Ok(Outcome::Wait(want))
            }
            Ok(NestedProgress::Done(count)) => {
                self.is_sending = false;
                self.rows_count = self.rows_count.saturating_add(count);
                self.go_on(cx)
            }
            Err(error) => {
                if let Some(ruled) = &mut self.ruled {
                    ruled.nested = Some(nested);
                }
                Err(error)
            }
        }
    }

    /// The result left open on the lease when this is given up.
    pub(crate) fn take_result(&mut self) -> Option<Request> {
        self.ruled.as_mut()?.nested.as_mut()?.take_result()
    }

    /// Rows have come that IRIS has not been sent.
    pub(crate) fn has_unsent(&self) -> bool {
        self.batch_rows_count > 0 || self.decoder.has_begun()
    }

    /// A message of the client.
    ///
    /// # Errors
    /// 22P04 and 22xxx for bad data, 57014 for CopyFail, 08P01 for a message that has no place here.
    fn on_message(&mut self, message: &FrontendMessage<'_>, cx: &mut Cx<'_>) -> Result<Outcome, Box<PgError>> {
        match message {
            FrontendMessage::CopyData(data) => {
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
                Err(PgError::error(SqlState::QUERY_CANCELED, format!("COPY from stdin failed: {reason}")))
            }
            // Ignored so that a client may pipeline them behind its data (protocol-flow chapter, "COPY Operations").
            FrontendMessage::Flush | FrontendMessage::Sync => Ok(Outcome::Wait(Want::Frame)),
            _ => Err(PgError::error(SqlState::PROTOCOL_VIOLATION, "unexpected message type during COPY from stdin")),
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
        let Action::CopyFromStdin(copy) = &self.understood.translation.action else { return refused(error, context) };
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
        at_line(explained, &self.understood, line, index.map(|index| (index, value)))
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
        let style = cx.client.settings.style();
        while self.batch_rows_count < BATCH_ROWS_MAX && self.batch.len() < BATCH_BYTES_MAX {
            let row = match self.decoder.next_row(input)? {
                Some(row) => row,
                None if !self.done => break,
                None => match self.decoder.finish()? {
                    Some(row) => row,
                    None => break,
                },
            };
            self.line_count = self.line_count.saturating_add(1);
            if std::mem::take(&mut self.header_pending) {
                let names: Vec<Option<&[u8]>> = (0..row.len()).filter_map(|index| row.get(index)).collect();
                check_header(&names, &self.understood)
                    .map_err(|error| at_line(error, &self.understood, self.line_count, None))?;
                self.header_lines_count = 1;
                continue;
            }
            if row.len() > self.columns.len() {
                let error = PgError::error(SqlState::BAD_COPY_FORMAT, "extra data after last expected column");
                return Err(at_line(error, &self.understood, self.line_count, None));
            }
            for (index, column) in self.columns.iter().enumerate() {
                let Some(field) = row.get(index) else {
                    let message = format!("missing data for column \"{}\"", column_name(&self.understood, index));
                    let error = PgError::error(SqlState::BAD_COPY_FORMAT, message);
                    return Err(at_line(error, &self.understood, self.line_count, None));
                };
                column
                    .put(field, style, &mut self.batch)
                    .map_err(|error| at_line(error, &self.understood, self.line_count, Some((index, field))))?;
            }
            if let Some(ruled) = &mut self.ruled {
                ruled.columns.resize_with(self.columns.len(), Elements::default);
                for (index, column) in ruled.columns.iter_mut().enumerate() {
                    column.push_text(row.get(index).flatten());
                }
            }
            self.batch_rows_count = self.batch_rows_count.saturating_add(1);
        }
        let is_full = self.batch_rows_count >= BATCH_ROWS || self.batch.len() >= BATCH_BYTES_MAX;
        if is_full || self.done && self.batch_rows_count > 0 {
            return self.submit(cx);
        }
        if self.done {
            return Ok(Outcome::Complete(CommandTag::counted("COPY", self.rows_count)));
        }
        Ok(Outcome::Wait(Want::Frame))
    }

    fn submit(&mut self, cx: &mut Cx<'_>) -> Result<Outcome, Box<PgError>> {
        if let Some(ruled) = &mut self.ruled {
            let rows_count = std::mem::take(&mut self.batch_rows_count);
            self.batch.clear();
            self.is_sending = true;
            let columns = std::mem::take(&mut ruled.columns);
            let types = vec![Oid::TEXT_ARRAY; columns.len()];
            let array = |column: Elements| (Format::Binary, Some(column.into_array(Oid::TEXT, rows_count).concat()));
            let values = columns.into_iter().map(array).collect();
            let own = OwnStatement::new(ruled.sql.clone(), types, values, RowForm::Carried);
            let (nested, progress) = Nested::start(own, ruled.make, cx)?;
            return self.on_progress(Box::new(nested), Ok(progress), cx);
        }
        let client = &mut *cx.client;
        let Action::CopyFromStdin(copy) = &self.understood.translation.action else {
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

fn decoder(copy: &CopyFromStdin, context: &ShardContext) -> RowDecoder {
    let row_bytes_max = usize::try_from(context.options.limits.frame_bytes_max).unwrap_or(usize::MAX);
    match &copy.format {
        CopyFormat::Text { delimiter, null, header } => {
            let header = *header == CopyHeader::Ignored;
            let format = TextFormat { delimiter: *delimiter, null: null.clone(), header };
            RowDecoder::new(RowFormat::Text(format), None, row_bytes_max)
        }
    }
}

/// What the translation knows of a column counts before what IRIS declares: timestamptz is TIMESTAMP there.
fn columns(copy: &CopyFromStdin, understood: &Understood, metadata: &StatementMetadata) -> Vec<Column> {
    let untyped = ParameterDescription { iris_type: IrisType::VARCHAR, precision: 0, scale: 0, nullable: 1 };
    (0..copy.columns_count)
        .map(|index| {
            let declared = metadata.parameters.get(index).copied().unwrap_or(untyped);
            let known = understood.translation.parameter_types.get(index).copied();
            let oid = known
                .filter(|oid| *oid != Oid::UNSPECIFIED)
                .unwrap_or_else(|| default_pg_type(declared.iris_type, declared.precision, declared.scale).oid);
            let pg_type = match copy.insert.binds.get(index) {
                Some(Bind::Assigned { to, .. }) => *to,
                _ => PgType::new(oid),
            };
            Column {
                decoder: TextDecoder::select(pg_type.oid),
                pg_type,
                is_assigned: !assigns_as_is(pg_type.oid, pg_type),
                fitted: match copy.insert.binds.get(index) {
                    Some(Bind::Fitted { to, fitting, .. }) => Some((*to, *fitting)),
                    _ => None,
                },
                encoder: CellEncoder::select(declared),
            }
        })
        .collect()
}

/// HEADER MATCH: the first line says what the columns are.
fn check_header(names: &[Option<&[u8]>], understood: &Understood) -> Result<(), Box<PgError>> {
    let Action::CopyFromStdin(copy) = &understood.translation.action else { return Ok(()) };
    let columns = copy.insert.writes.as_ref().map(|writes| writes.columns.as_slice()).unwrap_or_default();
    let bad = |message: String| Err(PgError::error(SqlState::BAD_COPY_FORMAT, message));
    if names.len() != columns.len() {
        let (got, expected) = (names.len(), columns.len());
        return bad(format!("wrong number of fields in header line: got {got}, expected {expected}"));
    }
    for (number, (name, column)) in (1..).zip(names.iter().zip(columns)) {
        let place = format!("column name mismatch in header line field {number}");
        match name {
            Some(name) if *name == column.as_bytes() => {}
            Some(name) => {
                let name = String::from_utf8_lossy(name);
                return bad(format!("{place}: got \"{name}\", expected \"{column}\""));
            }
            None => return bad(format!("{place}: got null value (\"\\N\"), expected \"{column}\"")),
        }
    }
    Ok(())
}

fn column_name(understood: &Understood, index: usize) -> String {
    let Action::CopyFromStdin(copy) = &understood.translation.action else { return String::new() };
    copy.insert.writes.as_ref().and_then(|writes| writes.columns.get(index)).cloned().unwrap_or_default()
}

/// Bytes of a value in the CONTEXT of an error (`MAX_COPY_DATA_DISPLAY` of `copyfromparse.c`).
const SHOWN_BYTES_MAX: usize = 100;

/// Where in the data an error is: line, and column with its value where it is one column's.
fn at_line(
    mut error: Box<PgError>,
    understood: &Understood,
    line: u64,
    field: Option<(usize, Option<&[u8]>)>,
) -> Box<PgError> {
    let Action::CopyFromStdin(copy) = &understood.translation.action else { return error };
    let table = copy.insert.writes.as_ref().map_or("", |writes| writes.table.name.as_str());
    let place = format!("COPY {table}, line {line}");
    error.context = Some(match field {
        None => place,
        Some((index, value)) => {
            let column = column_name(understood, index);
            let shown = match value.map(String::from_utf8_lossy) {
                None => "null input".to_owned(),
                Some(value) if value.len() <= SHOWN_BYTES_MAX => format!("\"{value}\""),
                Some(value) => {
                    let end = (0..=SHOWN_BYTES_MAX).rev().find(|end| value.is_char_boundary(*end)).unwrap_or(0);
                    format!("\"{}...\"", value.get(..end).unwrap_or_default())
                }
            };
            format!("{place}, column {column}: {shown}")
        }
    });
    error
}
