//! What the protocol asks of the engine behind it.

use std::{ops::ControlFlow, sync::Arc};

use crate::engine::{SqlError, Value};
use iris_protocol::{ParameterKind, StatementMetadata};

/// Who connects, after the user and the namespace were found good.
#[derive(Debug, Clone, Copy)]
pub struct Login<'a> {
    /// As the server spells it.
    pub namespace: &'a str,
    /// As the server spells it.
    pub user: &'a str,
    /// `$JOB` of this connection.
    pub job: u32,
}

/// The database: opens one [`Backend`] per connection.
pub trait Engine: Send + Sync + 'static {
    /// A connection's view.
    type Backend: Backend;

    /// A namespace that CREATE DATABASE made, as the engine spells it.
    fn made_namespace(&self, _name: &str) -> Option<String> {
        None
    }

    /// # Errors
    /// The connection is refused with this code and text.
    fn connect(&self, login: Login<'_>) -> Result<Self::Backend, SqlError>;
}

/// A statement the engine has understood.
pub trait PreparedStatement: Clone {
    /// What the prepare reply says.
    fn metadata(&self) -> &StatementMetadata;

    /// Whether it gives rows. The client has its own verdict (first word SELECT, WITH, EXPLAIN) and reads the reply by
    /// it, so the two must agree (facts, section 6.1).
    fn is_query(&self) -> bool;
}

/// One connection's view of the database, used by one thread at a time.
///
/// Dropping it rolls back what is open.
pub trait Backend: Send {
    /// What `prepare` gives.
    type Statement: PreparedStatement;

    /// # Errors
    /// IRIS would refuse the text.
    fn prepare(&mut self, text: &str, kinds: &[ParameterKind]) -> Result<Self::Statement, SqlError>;

    /// False when a changed schema may have changed the statement's metadata: it is prepared again before it runs.
    fn is_current(&mut self, _statement: &Self::Statement) -> bool {
        true
    }

    /// Pushes the rows of a query as they come. `row` breaks to stop: limit reached or result closed, which is no error.
    ///
    /// `timeout_s`: 0 = none; passed it fails with SQLCODE 450. `rows_max`: 0 = all.
    ///
    /// # Errors
    /// The query failed; rows pushed so far were good.
    fn query(
        &mut self,
        statement: &Self::Statement,
        values: &[Value],
        timeout_s: u32,
        rows_max: u64,
        row: &mut dyn FnMut(&[Value]) -> ControlFlow<()>,
    ) -> Result<(), SqlError>;

    /// Runs anything but a query once per set; gives one row count per set.
    ///
    /// # Errors
    /// With the counts of the sets that ran before the failing one.
    fn update(&mut self, statement: &Self::Statement, sets: &[Vec<Value>]) -> Result<Vec<i64>, (SqlError, Vec<i64>)>;

    /// The version of the wire protocol that the client announced.
    fn set_client_protocol(&mut self, _version: u16) {}

    /// On commits open work, as AN does.
    ///
    /// # Errors
    /// The open work could not be committed.
    fn set_autocommit(&mut self, on: bool) -> Result<(), SqlError>;

    /// # Errors
    /// The work could not be committed; it is rolled back or still open, as the engine says.
    fn commit(&mut self) -> Result<(), SqlError>;

    /// # Errors
    /// The engine lost the transaction.
    fn rollback(&mut self) -> Result<(), SqlError>;

    /// `LAST_IDENTITY()` of this connection.
    fn last_identity(&self) -> Option<i64>;

    /// `level`: 1 read uncommitted, 2 read committed, as java.sql numbers them (facts, section 4). Gives the level now in
    /// force.
    fn set_isolation(&mut self, level: u8) -> u8;

    /// The level in force, numbered as in `set_isolation`.
    fn isolation(&self) -> u8;

    /// A handle other threads use to stop the statement running here.
    fn interrupt(&self) -> Arc<dyn Interrupt>;
}

/// Stops the running statement of one [`Backend`].
pub trait Interrupt: Send + Sync {
    /// The statement running now fails with SQLCODE 456. Without one nothing happens, not even to the next: false.
    fn interrupt(&self) -> bool;
}
