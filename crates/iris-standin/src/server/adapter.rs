//! The SQLite engine behind the protocol.

use std::{ops::ControlFlow, sync::Arc};

use super::{Backend, Engine, Interrupt, Login, PreparedStatement};
use crate::engine::{self, EngineSession, Interrupter, Isolation, SqlError, Value};
use iris_protocol::{ParameterKind, StatementMetadata};

impl Engine for Arc<engine::Engine> {
    type Backend = EngineSession;

    fn made_namespace(&self, name: &str) -> Option<String> {
        engine::Engine::made_namespace(self, name)
    }

    fn connect(&self, login: Login<'_>) -> Result<EngineSession, SqlError> {
        engine::Engine::connect(self, login.namespace, login.user, login.job)
    }
}

impl PreparedStatement for Arc<engine::Prepared> {
    fn metadata(&self) -> &StatementMetadata {
        engine::Prepared::metadata(self)
    }

    fn is_query(&self) -> bool {
        engine::Prepared::is_query(self)
    }
}

impl Interrupt for Interrupter {
    fn interrupt(&self) -> bool {
        Interrupter::interrupt(self)
    }
}

/// The engine translates a statement again by itself when the schema has changed and its metadata have not.
impl Backend for EngineSession {
    type Statement = Arc<engine::Prepared>;

    fn prepare(&mut self, text: &str, kinds: &[ParameterKind]) -> Result<Self::Statement, SqlError> {
        EngineSession::prepare(self, text, kinds)
    }

    fn is_current(&mut self, statement: &Self::Statement) -> bool {
        EngineSession::is_current(self, statement)
    }

    fn query(
        &mut self,
        statement: &Self::Statement,
        values: &[Value],
        timeout_s: u32,
        rows_max: u64,
        row: &mut dyn FnMut(&[Value]) -> ControlFlow<()>,
    ) -> Result<(), SqlError> {
        EngineSession::query(self, statement, values, timeout_s, rows_max, row)
    }

    fn update(&mut self, statement: &Self::Statement, sets: &[Vec<Value>]) -> Result<Vec<i64>, (SqlError, Vec<i64>)> {
        EngineSession::update(self, statement, sets)
    }

    fn set_client_protocol(&mut self, version: u16) {
        EngineSession::set_client_protocol(self, version);
    }

    fn set_autocommit(&mut self, on: bool) -> Result<(), SqlError> {
        EngineSession::set_autocommit(self, on)
    }

    fn commit(&mut self) -> Result<(), SqlError> {
        EngineSession::commit(self)
    }

    fn rollback(&mut self) -> Result<(), SqlError> {
        EngineSession::rollback(self)
    }

    fn last_identity(&self) -> Option<i64> {
        EngineSession::last_identity(self)
    }

    fn set_isolation(&mut self, level: u8) -> u8 {
        match level {
            1 => EngineSession::set_isolation(self, Isolation::ReadUncommitted),
            2 => EngineSession::set_isolation(self, Isolation::ReadCommitted),
            _ => {}
        }
        Backend::isolation(self)
    }

    fn isolation(&self) -> u8 {
        match EngineSession::isolation(self) {
            Isolation::ReadUncommitted => 1,
            // java.sql has no number for it; it is the stricter one.
            Isolation::ReadCommitted | Isolation::ReadVerified => 2,
        }
    }

    fn interrupt(&self) -> Arc<dyn Interrupt> {
        Arc::new(self.interrupter())
    }
}
