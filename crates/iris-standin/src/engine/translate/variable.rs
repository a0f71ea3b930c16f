//! `$..` variables and the date and user words without arguments.

use super::super::types::DataType;
use super::super::{SqlError, VERSION_TEXT};
use super::slot::SlotSource;
use super::term::{Coll, Shape, TEXT, Term, text_constant};
use super::translator::Translator;

impl Translator<'_> {
    /// `$..` variables and the date and user words without arguments.
    pub(super) fn variable(&mut self, name: &str, precision: u8) -> Result<Term, SqlError> {
        let (source, data_type) = match name {
            "CURRENT_DATE" => (SlotSource::Today, DataType::Date),
            "CURRENT_TIME" => (SlotSource::TimeOfDay { precision }, DataType::Time { precision }),
            "CURRENT_TIMESTAMP" | "SYSDATE" => (SlotSource::Now { precision }, DataType::Timestamp { precision }),
            "USER" | "CURRENT_USER" | "SESSION_USER" | "SYSTEM_USER" | "$USERNAME" => (SlotSource::User, TEXT),
            "$NAMESPACE" => (SlotSource::Namespace, TEXT),
            "$JOB" => (SlotSource::Job, DataType::Integer),
            "$TLEVEL" => (SlotSource::TransactionLevel, DataType::Integer),
            "$HOROLOG" | "$H" | "$ZTIMESTAMP" | "$ZTS" => {
                let digits = if name.starts_with("$Z") { 6 } else { 0 };
                let (_, mark) = self.add_slot(SlotSource::Now { precision: digits }, DataType::PosixTime);
                return Ok(Term::new(format!("iris_horolog({mark})"), TEXT));
            }
            "$ZVERSION" | "$ZV" => {
                return Ok(Term::new(text_constant(VERSION_TEXT), TEXT));
            }
            _ => return Err(SqlError::prepare(1, format!("Invalid SQL statement: special variable {name}"))),
        };
        let (slot, sql) = self.add_slot(source, data_type);
        let coll = if data_type == TEXT { Coll::Function } else { Coll::None };
        Ok(Term { sql, data_type, shape: Shape::Mark { slot, typed: true }, coll, nullable: false })
    }
}
