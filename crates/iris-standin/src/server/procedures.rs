//! Procedures. The stand-in has one: the official Python client reads `lastrowid` by it (facts, sections 6.7 and 12).

use super::{
    Backend, Engine,
    session::{Fault, Session},
    transport::Head,
};
use crate::engine::SqlError;
use iris_protocol::{
    IrisType, ItemReader,
    list::{put_int, put_null},
};

const ROW_ID_PROCEDURE: &str = "%SYSTEM.SQL_GetROWID";
/// The first parameter is the return value; there is no result set.
const FLAG_RETURNS_VALUE: i64 = 2;

impl<E: Engine> Session<'_, E> {
    pub(super) fn prepare_procedure(&mut self, head: Head, body: &[u8]) -> Result<(), Fault> {
        check_name(&ItemReader::new(body).text("procedure")?)?;
        self.results.close(head.statement_id);
        self.insert_procedure(head.statement_id)?;
        self.reply(head, put_description)
    }

    /// SU and SQ: the output values (here the return value), then the row count. SQ would be two messages, but the
    /// description said that there is no result set.
    pub(super) fn run_procedure(&mut self, head: Head, _body: &[u8]) -> Result<(), Fault> {
        if !self.is_row_id_procedure(head.statement_id) {
            let text = format!("Statement {} is no procedure", head.statement_id);
            return Err(SqlError::execute(464, text).into());
        }
        let (id, count) = (self.backend.last_identity(), self.last_count);
        self.reply(head, |out| put_outcome(out, id, count))
    }

    /// DS: `str name`, and so on; SP's and SU's replies in one message.
    pub(super) fn direct_procedure(&mut self, head: Head, body: &[u8]) -> Result<(), Fault> {
        check_name(&ItemReader::new(body).text("procedure")?)?;
        let (id, count) = (self.backend.last_identity(), self.last_count);
        self.reply(head, |out| {
            put_description(out);
            put_outcome(out, id, count);
        })
    }
}

fn check_name(name: &str) -> Result<(), SqlError> {
    if name.trim().eq_ignore_ascii_case(ROW_ID_PROCEDURE) {
        return Ok(());
    }
    Err(SqlError::prepare(428, format!("Procedure '{name}' not found")))
}

fn put_description(out: &mut Vec<u8>) {
    put_int(out, FLAG_RETURNS_VALUE);
    put_int(out, 1);
    for field in [i64::from(IrisType::BIGINT.0), 19, 0, 1, 1, 0] {
        put_int(out, field);
    }
}

/// The count becomes `cursor.rowcount`, which reading `lastrowid` should not change: it is that of the last update.
fn put_outcome(out: &mut Vec<u8>, id: Option<i64>, count: i64) {
    match id {
        Some(id) => put_int(out, id),
        None => put_null(out),
    }
    put_int(out, count);
}
