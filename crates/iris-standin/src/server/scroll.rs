//! Scrollable results of JDBC: all rows are gathered, FX reads them by position (facts, section 18.9).

use std::ops::ControlFlow;

use super::{
    Backend, Engine, PreparedStatement,
    results::{QueryLimits, RowEncoder},
    session::{Fault, Session},
    transport::{Body, Head},
};
use crate::engine::{SqlError, Value};
use iris_protocol::{ItemReader, STATUS_END, STATUS_OK, list::put_int};

/// Rows one after the other and where each ends.
#[derive(Default)]
pub(super) struct Scroll {
    rows: Vec<u8>,
    ends: Vec<usize>,
}

impl Scroll {
    pub(super) fn bytes_count(&self) -> usize {
        self.rows.len().saturating_add(self.ends.len().saturating_mul(size_of::<usize>()))
    }

    /// The bytes of rows `first` (from 1) and on: as many as asked and as fit, but one if there is one.
    fn slice(&self, first: usize, wanted: usize, bytes_max: usize) -> (usize, &[u8]) {
        let index = first.saturating_sub(1);
        let end_of = |row: usize| if row == 0 { Some(0) } else { self.ends.get(row - 1).copied() };
        let Some(start) = end_of(index) else { return (0, &[]) };
        let ends = self.ends.get(index..).unwrap_or_default().iter().take(wanted);
        let fitting = ends.enumerate().take_while(|(at, end)| *at == 0 || **end - start <= bytes_max);
        let Some((at, end)) = fitting.last() else { return (0, &[]) };
        (at + 1, self.rows.get(start..*end).unwrap_or_default())
    }
}

impl<E: Engine> Session<'_, E> {
    /// Runs a query and keeps all its rows.
    pub(super) fn gather(
        &mut self,
        head: Head,
        statement: &<E::Backend as Backend>::Statement,
        values: &[Value],
        limits: QueryLimits,
    ) -> Result<(), Fault> {
        let statement_id = head.statement_id;
        self.results.close(statement_id);
        self.streams.begin(statement_id);
        let encoder = RowEncoder::new(&statement.metadata().columns);
        let bytes_max = self.options().kept_bytes_max.saturating_sub(self.results.bytes_count());
        let mut scroll = Scroll::default();
        let mut refusal = None;
        let (backend, streams) = (&mut self.backend, &mut self.streams);
        let ran = self.job.running(statement_id, || {
            backend.query(statement, values, limits.timeout_s, limits.rows_max, &mut |row| {
                let put = encoder.put(&mut scroll.rows, row, streams);
                scroll.ends.push(scroll.rows.len());
                refusal = put.err().or_else(|| {
                    let text = "A scrollable result is larger than a connection may keep";
                    (scroll.bytes_count() > bytes_max).then(|| SqlError::execute(462, text))
                });
                if refusal.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            })
        });
        if let Some(error) = refusal {
            return Err(error.into());
        }
        ran?;
        self.results.put_scroll(statement_id, scroll);
        Ok(())
    }

    /// FX: rows from a position; row 0 means the last one, which tells how many there are.
    pub(super) fn scroll_fetch(&mut self, head: Head, body: &[u8]) -> Result<(), Fault> {
        let mut reader = ItemReader::new(body);
        let first = usize::try_from(reader.int("first row")?).unwrap_or(0);
        let wanted = usize::try_from(reader.int("rows wanted")?).unwrap_or(0);
        let bytes_max = self.options().page_bytes;
        let Some(scroll) = self.results.scroll(head.statement_id) else {
            let text = format!("Statement {} has no scrollable result", head.statement_id);
            return Err(SqlError::execute(102, text).into());
        };
        let total = scroll.ends.len();
        let first = if first == 0 { total } else { first };
        let (count, rows) = if first == 0 { (0, &[][..]) } else { scroll.slice(first, wanted, bytes_max) };
        let mut reply = Body::new();
        put_int(reply.out(), i64::try_from(count).unwrap_or(i64::MAX));
        put_int(reply.out(), i64::try_from(first).unwrap_or(i64::MAX));
        reply.out().extend_from_slice(rows);
        // Past the end another status makes JDBC ask for ever.
        let end = first.saturating_sub(1).saturating_add(count) >= total;
        Ok(self.link.send(head, if end { STATUS_END } else { STATUS_OK }, &mut reply)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices() {
        let scroll = Scroll { rows: b"aabbbc".to_vec(), ends: vec![2, 5, 6] };
        assert_eq!(scroll.slice(1, 10, 100), (3, &b"aabbbc"[..]));
        assert_eq!(scroll.slice(2, 1, 100), (1, &b"bbb"[..]));
        assert_eq!(scroll.slice(2, 9, 1), (1, &b"bbb"[..]), "one row however long");
        assert_eq!(scroll.slice(1, 9, 5), (2, &b"aabbb"[..]));
        assert_eq!(scroll.slice(4, 9, 100), (0, &b""[..]));
        assert_eq!(scroll.slice(9, 9, 100), (0, &b""[..]));
        assert_eq!(scroll.slice(1, 0, 100), (0, &b""[..]));
    }
}
