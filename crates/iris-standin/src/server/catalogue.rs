//! java.sql.DatabaseMetaData: 25 requests without SQL (facts, section 18.11).
//!
//! The columns are those of `java.sql.DatabaseMetaData`, the rows come from INFORMATION_SCHEMA. Views are read whole and
//! filtered here: patterns arrive with their backslashes, and a client's catalogue is small.

mod arguments;
mod layout;
mod rows;

use std::ops::ControlFlow;

use self::arguments::{Arguments, Record};
use self::layout::layout;
use super::{
    Backend, Engine, PreparedStatement,
    errors::malformed,
    results::RowEncoder,
    session::{Fault, Session},
    transport::{Body, Head},
};
use crate::engine::SqlError;
use iris_protocol::{ItemReader, Opcode, STATUS_END, STATUS_OK, list::put_int, put_columns};

pub(super) fn handles(opcode: Opcode) -> bool {
    layout(opcode).is_some()
}

fn read_arguments(body: &[u8]) -> Result<Arguments, Fault> {
    let mut reader = ItemReader::new(body);
    if reader.int("sets")? != 1 {
        return Err(malformed("a catalogue request has one set of arguments").into());
    }
    let count = reader.count("argument count")?;
    Ok(Arguments((0..count).map(|_| reader.text("argument")).collect::<Result<_, _>>()?))
}

impl<E: Engine> Session<'_, E> {
    /// Two messages: what the columns are, then one page with all rows.
    pub(super) fn catalogue(&mut self, head: Head, opcode: Opcode, body: &[u8]) -> Result<(), Fault> {
        let arguments = read_arguments(body)?;
        let Some(columns) = layout(opcode) else { return Err(malformed("not a catalogue request").into()) };
        self.results.close(head.statement_id);
        self.streams.begin(head.statement_id);
        let rows = self.job.running(head.statement_id, || {
            rows::rows(opcode, &arguments, &mut |sql: &str| select(&mut self.backend, sql))
        })?;
        let mut description = Body::new();
        // Of no known meaning; any value is taken.
        put_int(description.out(), 0);
        put_columns(description.out(), &columns);
        let encoder = RowEncoder::new(&columns);
        let mut page = Body::new();
        for row in &rows {
            encoder.put(page.out(), row, &mut self.streams)?;
        }
        self.link.queue(head, STATUS_OK, &mut description)?;
        Ok(self.link.send(head, STATUS_END, &mut page)?)
    }
}

/// All rows of a query on INFORMATION_SCHEMA.
fn select<B: Backend>(backend: &mut B, sql: &str) -> Result<Vec<Record>, SqlError> {
    let statement = backend.prepare(sql, &[])?;
    if !statement.is_query() {
        return Err(SqlError::execute(400, "The catalogue query gives no rows"));
    }
    let mut rows = Vec::new();
    backend.query(&statement, &[], 0, 0, &mut |row| {
        rows.push(Record(row.to_vec()));
        ControlFlow::Continue(())
    })?;
    Ok(rows)
}
