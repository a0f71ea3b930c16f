//! A connection on its way from one thread to another: nothing of its memory goes along.

use super::machine::{Machine, State};
use super::{ConnectOptions, IrisConnection};

/// What is left of an idle connection without its buffers: enough to go on somewhere else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParkedConnection {
    job: i64,
    next_count: u32,
    autocommit: bool,
}

impl IrisConnection {
    /// Makes an idle connection ready to be taken over by another thread, over the same socket. The statements IRIS holds
    /// for it are forgotten: others take their ids.
    pub fn park(self) -> ParkedConnection {
        let Machine { job, next_count, autocommit, .. } = self.machine;
        ParkedConnection { job, next_count, autocommit }
    }

    /// Goes on where another one was parked.
    pub fn resume(options: ConnectOptions, parked: ParkedConnection) -> Self {
        let ParkedConnection { job, next_count, autocommit } = parked;
        let mut connection = Self::new(options);
        let machine = &mut connection.machine;
        machine.state = State::Idle;
        machine.job = job;
        machine.next_count = next_count;
        machine.autocommit = autocommit;
        connection
    }
}
