//! COPY .. TO STDOUT: the rows of a statement of its own, written as COPY's data as they come.

use std::rc::Rc;

use super::nested::{MakeCarrying, Nested, NestedProgress, OwnStatement, RowForm};
use super::outcome::{CommandTag, Outcome};
use crate::copy::{BINARY_HEADER, BINARY_TRAILER, RowEncoder};
use crate::iris::Request;
use crate::session::contract::step::{Event, Want};
use crate::session::understand::context::{Cx, Understood};
use crate::session::understand::rows::Formats;
use crate::sql::{Action, ColumnChoice, CopyFormat, CopyHeader, CopyOptions, CopyToStdout};
use crate::types::Encoding;
use crate::wire::{Format, Messages, PgError, Reader, SendBuf, SqlState};

type Result<T> = std::result::Result<T, Box<PgError>>;

/// A COPY under way.
#[derive(Debug)]
pub(crate) struct CopyOut {
    make: MakeCarrying,
    understood: Rc<Understood>,
    nested: Option<Box<Nested>>,
    /// What the statement writes: a description, and rows.
    spool: SendBuf,
    /// Once the columns are known.
    writer: Option<Writer>,
    rows_count: u64,
}

/// How rows are written; chosen once.
#[derive(Debug)]
struct Writer {
    kind: Kind,
    encoding: Encoding,
    /// A row on its way.
    line: Vec<u8>,
}

#[derive(Debug)]
enum Kind {
    Rows(RowEncoder),
    /// The header goes in front of the first row, in one message with it.
    Binary {
        has_begun: bool,
    },
}

impl CopyOut {
    pub(crate) fn new(make: MakeCarrying, understood: Rc<Understood>) -> Self {
        Self { make, understood, nested: None, spool: SendBuf::new(), writer: None, rows_count: 0 }
    }

    /// # Errors
    /// The statement's own.
    pub(crate) fn start(&mut self, cx: &mut Cx<'_>) -> Result<Outcome> {
        let Some(copy) = copy(&self.understood) else { return Err(cx.shard.unwaited()) };
        let format = if matches!(copy.options.format, CopyFormat::Binary) { Format::Binary } else { Format::Text };
        let form = RowForm::Described(Formats::all(format));
        let own = OwnStatement {
            offset: copy.offset.map(i64::from),
            ..OwnStatement::new(copy.sql.clone(), Vec::new(), Vec::new(), form)
        };
        let (nested, progress) = Nested::start(own, self.make, &mut cx.spooled(&mut self.spool))?;
        self.nested = Some(Box::new(nested));
        self.go_on(Ok(progress), cx)
    }

    /// # Errors
    /// As [`start`](Self::start).
    pub(crate) fn resume(&mut self, event: Event<'_>, cx: &mut Cx<'_>) -> Result<Outcome> {
        let Some(nested) = &mut self.nested else { return Err(cx.shard.unwaited()) };
        let progress = nested.resume(event, &mut cx.spooled(&mut self.spool));
        self.go_on(progress, cx)
    }

    /// The result left open on the lease when this is given up.
    pub(crate) fn take_result(&mut self) -> Option<Request> {
        self.nested.as_mut()?.take_result()
    }

    fn go_on(&mut self, mut progress: Result<NestedProgress>, cx: &mut Cx<'_>) -> Result<Outcome> {
        loop {
            self.absorb(cx.out)?;
            match progress? {
                NestedProgress::Wait(Want::Flush) if cx.out.is_empty() => {
                    let Some(nested) = &mut self.nested else { return Err(cx.shard.unwaited()) };
                    progress = nested.resume(Event::Flushed, &mut cx.spooled(&mut self.spool));
                }
                NestedProgress::Wait(want) => return Ok(Outcome::Wait(want)),
                NestedProgress::Done(_) => {
                    self.nested = None;
                    let Some(writer) = &mut self.writer else {
                        return Err(PgError::error(SqlState::INTERNAL_ERROR, "COPY of a statement without columns"));
                    };
                    writer.finish(cx.out)?;
                    return Ok(Outcome::Complete(CommandTag::counted("COPY", self.rows_count)));
                }
            }
        }
    }

    /// Takes what the statement has written.
    fn absorb(&mut self, out: &mut SendBuf) -> Result<()> {
        if self.spool.is_empty() {
            return Ok(());
        }
        for (frame, message) in Messages::new(self.spool.as_slice()) {
            match (frame.tag, &mut self.writer) {
                (b'D', Some(writer)) => {
                    writer.row(frame.body, out)?;
                    self.rows_count = self.rows_count.saturating_add(1);
                }
                (b'T', None) => {
                    let Some(copy) = copy(&self.understood) else { continue };
                    let names = names(frame.body)?;
                    self.writer = Some(Writer::begin(&copy.options, &names, copy.offset.is_none(), out)?);
                }
                (b'D' | b'T', _) => {
                    return Err(PgError::error(SqlState::INTERNAL_ERROR, "rows of COPY without their description"));
                }
                _ => out.put_messages(message),
            }
        }
        self.spool.clear();
        Ok(())
    }
}

fn copy(understood: &Understood) -> Option<&CopyToStdout> {
    match &understood.translation.action {
        Action::CopyToStdout(copy) => Some(copy),
        _ => None,
    }
}

/// The names of a RowDescription.
fn names(body: &[u8]) -> Result<Vec<&[u8]>> {
    let mut reader = Reader::new(body);
    let mut read = || {
        let count = reader.u16("RowDescription.columns")?;
        let mut names = Vec::with_capacity(usize::from(count));
        for _ in 0..count {
            names.push(reader.cstr_bytes("RowDescription.name")?);
            // Table, column, type with length and modifier, format.
            reader.bytes(18, "RowDescription.column")?;
        }
        Ok(names)
    };
    read().map_err(|error: crate::wire::WireError| error.to_pg())
}

impl Writer {
    /// Writes what stands in front of the rows. `of_table`: its columns, not those of a query.
    ///
    /// # Errors
    /// 42703 and 42P10 for FORCE_QUOTE of a column that is not among them.
    fn begin(options: &CopyOptions, names: &[&[u8]], of_table: bool, out: &mut SendBuf) -> Result<Self> {
        let columns = u16::try_from(names.len()).unwrap_or(u16::MAX);
        let mut writer = Self { kind: Kind::Binary { has_begun: false }, encoding: options.encoding, line: Vec::new() };
        let CopyFormat::Rows(format) = &options.format else {
            out.put_copy_out_response(Format::Binary, columns);
            return Ok(writer);
        };
        let mut encoder = RowEncoder::new(format.clone(), names.len());
        let quoted = match &options.force_quote {
            ColumnChoice::None => Vec::new(),
            ColumnChoice::All => vec![true; names.len()],
            ColumnChoice::Listed(listed) => {
                let mut quoted = vec![false; names.len()];
                for name in listed {
                    let column = names.iter().zip(&mut quoted).find(|(known, _)| **known == name.as_bytes());
                    let Some((_, quoted)) = column else { return Err(not_copied(name, of_table)) };
                    *quoted = true;
                }
                quoted
            }
        };
        encoder.quote(quoted);
        out.put_copy_out_response(Format::Text, columns);
        if options.header != CopyHeader::None {
            let in_encoding: Vec<_> =
                names.iter().map(|name| options.encoding.of_utf8(name)).collect::<Result<Vec<_>>>()?;
            encoder.header(in_encoding.iter().map(AsRef::as_ref), &mut writer.line);
            put(&mut writer.line, out)?;
        }
        writer.kind = Kind::Rows(encoder);
        Ok(writer)
    }

    /// `row`: the body of a DataRow.
    ///
    /// # Errors
    /// 22P05 for what the encoding has not, 54000 for a row that is too long.
    fn row(&mut self, row: &[u8], out: &mut SendBuf) -> Result<()> {
        match &mut self.kind {
            // The same but for the message's name.
            Kind::Binary { has_begun } => {
                if std::mem::replace(has_begun, true) {
                    return Ok(out.put_copy_data(row)?);
                }
                self.line.extend_from_slice(BINARY_HEADER);
                self.line.extend_from_slice(row);
            }
            Kind::Rows(encoder) => {
                let mut reader = Reader::new(row);
                let mut read = || {
                    for _ in 0..reader.u16("DataRow.columns")? {
                        match reader.nullable("DataRow.value")? {
                            None => encoder.field(None, &mut self.line),
                            Some(value) => {
                                encoder.field(Some(&self.encoding.of_utf8(value)?), &mut self.line);
                            }
                        }
                    }
                    Ok(())
                };
                read().map_err(|error: RowError| error.0)?;
                encoder.end_row(&mut self.line);
            }
        }
        put(&mut self.line, out)
    }

    /// What stands behind the last row.
    fn finish(&mut self, out: &mut SendBuf) -> Result<()> {
        if let Kind::Binary { has_begun } = self.kind {
            if !has_begun {
                self.line.extend_from_slice(BINARY_HEADER);
            }
            self.line.extend_from_slice(&BINARY_TRAILER);
            put(&mut self.line, out)?;
        }
        out.put_copy_done();
        Ok(())
    }
}

/// What is wrong with a row.
struct RowError(Box<PgError>);

impl From<crate::wire::WireError> for RowError {
    fn from(error: crate::wire::WireError) -> Self {
        Self(error.to_pg())
    }
}

impl From<Box<PgError>> for RowError {
    fn from(error: Box<PgError>) -> Self {
        Self(error)
    }
}

fn put(line: &mut Vec<u8>, out: &mut SendBuf) -> Result<()> {
    out.put_copy_data(line)?;
    line.clear();
    Ok(())
}

fn not_copied(name: &str, of_table: bool) -> Box<PgError> {
    if of_table {
        let message = format!("FORCE_QUOTE column \"{name}\" not referenced by COPY");
        return PgError::error(SqlState(*b"42P10"), message);
    }
    PgError::error(SqlState::UNDEFINED_COLUMN, format!("column \"{name}\" does not exist"))
}
