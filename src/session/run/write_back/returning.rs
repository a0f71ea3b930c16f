//! The rows of RETURNING.

use super::{Result, WriteBackRun};
use crate::session::run::arrays::{Elements, put_elements, put_rows};
use crate::session::run::nested::{OwnStatement, RowForm};
use crate::sql::Returning;
use crate::wire::{Format, Messages, SendBuf};

impl WriteBackRun {
    /// Where the rows go that statements for rows give.
    pub(super) fn given(&mut self) -> &mut SendBuf {
        match self.plan().is_some_and(|plan| plan.returning.is_some()) {
            true => &mut self.stored.spool,
            false => &mut self.returned.spool,
        }
    }

    /// What the query has said of the present row for RETURNING.
    pub(super) fn give(&mut self) -> Result<()> {
        let Some(row) = self.row() else { return Ok(()) };
        let mut writer = self.stored.spool.begin_data_row();
        for cell in row.iter().skip(self.columns.len()) {
            match cell {
                Some(cell) => writer.value(cell)?,
                None => writer.null(),
            }
        }
        writer.finish().map_err(Into::into)
    }

    /// The list of RETURNING over the rows that were stored.
    pub(super) fn returning(&mut self, returning: &Returning) -> Result<OwnStatement> {
        let queried = std::mem::take(&mut self.returned_columns);
        let (list, name, fetched) = match returning {
            Returning::Stored { list, name, columns } => (list.as_str(), name.as_str(), columns),
            Returning::Queried => ("*", "pgw_r", &queried),
        };
        let mut columns: Vec<Elements> = std::iter::repeat_with(Elements::default).take(fetched.len()).collect();
        let stored = std::mem::take(&mut self.stored);
        let mut rows_count: usize = 0;
        for (row, _) in Messages::new(stored.spool.as_slice()).filter(|(message, _)| message.tag == b'D') {
            rows_count = rows_count.saturating_add(1);
            put_elements(row.body, &mut columns)?;
        }
        let mut sql = format!("SELECT {list} FROM ");
        put_rows(fetched, 1, &mut sql);
        sql.push_str(" AS ");
        sql.push_str(name);
        let types = fetched.iter().map(|column| column.array).collect();
        let arrays = columns.into_iter().zip(fetched);
        let values = arrays
            .map(|(elements, column)| (Format::Binary, Some(elements.into_array(column.element, rows_count).concat())));
        Ok(OwnStatement::new(sql, types, values.collect(), RowForm::Client(self.whole.formats.clone())))
    }
}
