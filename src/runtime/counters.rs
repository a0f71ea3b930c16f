//! What a shard counts. One writer each; anybody may read.

use std::sync::Arc;

pub(crate) use crate::session::Counter;
use crate::session::{Counts, SessionCounters};

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// Counters of one shard.
        #[derive(Debug, Default)]
        pub(super) struct ShardCounters {
            $($(#[$doc])* pub $name: Counter,)*
            /// What its sessions count.
            pub sessions: Arc<SessionCounters>,
        }

        impl Counts for ShardCounters {
            fn read(&self) -> Vec<(&'static str, u64)> {
                vec![
                    $((stringify!($name), self.$name.value()),)*
                    ("events_unwaited", self.sessions.events_unwaited.value()),
                    ("statements_finished", self.sessions.statements_finished.value()),
                    ("finish_rows", self.sessions.finish_rows.value()),
                    ("statements_written_back", self.sessions.statements_written_back.value()),
                ]
            }
        }
    };
}

counters! {
    clients_accepted,
    clients_open,
    /// Over `client_connections_max`.
    clients_refused,
    /// Sessions that ended in a panic: a defect each.
    sessions_panicked,
    cancel_requests,
    /// Requests sent to IRIS.
    iris_requests,
    iris_connections_open,
    iris_connects_failed,
    /// Requests that had to wait for an IRIS connection.
    pool_waits,
    pool_wait_timeouts,
    /// Questions to the oracle about the types of a statement.
    oracle_describes,
    /// Statements the oracle answered.
    oracle_answers,
    /// Settings the oracle judged.
    oracle_settings,
    /// Questions to the oracle that were not answered.
    oracle_failures,
    /// Microseconds that sessions waited for the oracle, all questions together.
    oracle_wait_us,
}
