//! What the oracle must know of a session before it can answer for it.

use std::fmt::Write as _;

use crate::catalog::{MARK_TEMPORARY, TRANSACTION_MODES, gateway_setting};
use crate::sql::CatalogQuery;
use crate::types::{quoted_name, quoted_text, write_timestamp};

use super::context::ShardContext;
use crate::session::client::Client;

/// Settings that only matter to who reads them.
const READABLE: &[&str] = &[
    "application_name",
    "client_min_messages",
    "default_transaction_isolation",
    "default_transaction_read_only",
    "default_transaction_deferrable",
    "idle_in_transaction_session_timeout",
    "idle_session_timeout",
    "lock_timeout",
    "statement_timeout",
];

/// The start of a unit: a transaction that changes nothing, in which the client is who it is. Custom settings tell the
/// functions that the gateway has replaced what they have to answer.
pub(crate) fn prelude(client: &Client, query: CatalogQuery, context: &ShardContext) -> String {
    prelude_trying(client, query, context, &[])
}

/// The same where these statements have changed the mirror; what PostgreSQL says of them is part of the answer.
pub(crate) fn prelude_trying(client: &Client, query: CatalogQuery, context: &ShardContext, tried: &[String]) -> String {
    let mut prelude = String::from("BEGIN");
    // What is set stays when the transaction is rolled back: it is where the sequence stands.
    if query.reads_sequences && !client.sequence_states.is_empty() {
        let _ = write!(prelude, "; {}", client.sequence_states);
    }
    // What the transaction has dropped is gone, and comes back behind the question.
    let mut seen = client.definitions.seen().peekable();
    if seen.peek().is_some() {
        prelude.push_str("; SET LOCAL client_min_messages = error");
        for statement in seen {
            let _ = write!(prelude, "; {statement}");
        }
        prelude.push_str("; SET LOCAL client_min_messages TO DEFAULT");
    }
    for statement in tried {
        let _ = write!(prelude, "; {statement}");
    }
    let temporary: Vec<&str> = client.temporary.schemas().collect();
    if query.reads_relations && !temporary.is_empty() {
        let _ = write!(prelude, "; SELECT {MARK_TEMPORARY}({})", quoted_text(&temporary.join(",")));
    }
    prelude.push_str(if prelude.len() > "BEGIN".len() { "; SET TRANSACTION READ ONLY" } else { " READ ONLY" });
    prelude.push_str("; SET LOCAL SESSION AUTHORIZATION ");
    prelude.push_str(&quoted_name(&client.user));
    prelude.push(';');
    client.settings.prelude(&mut prelude);
    if !temporary.is_empty() {
        let (path, _) = client.path_with_temporary();
        let path: Vec<String> = path.iter().map(|name| quoted_text(name)).collect();
        // Writing into a String does not fail.
        let _ = write!(prelude, "SET LOCAL search_path = {};", path.join(", "));
    }
    let identity = &client.identity;
    let mut told = Told { prelude: &mut prelude, count: 0 };
    told.put(gateway_setting::VERSION, &context.version());
    told.put(gateway_setting::SERVER_VERSION, &context.options.server_version.told());
    told.put(gateway_setting::PID, &identity.pid.to_string());
    for (address, name, port) in [
        (identity.client_address, gateway_setting::CLIENT_ADDRESS, gateway_setting::CLIENT_PORT),
        (identity.server_address, gateway_setting::SERVER_ADDRESS, gateway_setting::SERVER_PORT),
    ] {
        if let Some(address) = address {
            told.put(name, &address.ip().to_string());
            told.put(port, &address.port().to_string());
        }
    }
    let mut start_time = Vec::new();
    write_timestamp(client.started_us(), true, &mut start_time);
    told.put(gateway_setting::START_TIME, &String::from_utf8_lossy(&start_time));
    if !temporary.is_empty() {
        told.put(gateway_setting::TEMPORARY, &format!(",{},", temporary.join(",")));
        if client.path_with_temporary().1 {
            told.put(gateway_setting::TEMPORARY_COUNT, &temporary.len().to_string());
        }
        told.put(gateway_setting::SEARCH_PATH, &client.settings.show("search_path").unwrap_or_default());
    }
    if query.reads_activity {
        told.put(gateway_setting::ACTIVITY, &context.options.sessions.rows());
    }
    if query.reads_counters {
        told.put(gateway_setting::COUNTERS, &context.options.counts.rows());
    }
    if query.reads_session {
        told.put(gateway_setting::SESSION, &client.open);
    }
    if query.reads_settings {
        for name in READABLE {
            if let Ok(value) = client.settings.show(name) {
                told.put(name, &value);
            }
        }
        for mode in TRANSACTION_MODES {
            if let Ok(value) = client.settings.show(mode) {
                told.put(&format!("{}{mode}", gateway_setting::MODE_PREFIX), &value);
            }
        }
    }
    prelude
}

struct Told<'a> {
    prelude: &'a mut String,
    count: usize,
}

impl Told<'_> {
    fn put(&mut self, name: &str, value: &str) {
        self.prelude.push_str(if self.count == 0 { "SELECT " } else { ", " });
        self.count = self.count.saturating_add(1);
        // Writing into a String does not fail.
        let _ = write!(self.prelude, "pg_catalog.set_config({}, {}, true)", quoted_text(name), quoted_text(value));
    }
}
