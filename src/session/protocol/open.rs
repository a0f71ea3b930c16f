//! What a session has open, for `pg_cursors`, `pg_prepared_statements` and `pg_listening_channels()`: the oracle answers
//! for them and has none of it. Written only when a statement reads one of them.

use std::fmt::Write as _;
use std::time::SystemTime;

use serde_json::{Value, json};

use crate::types::{Oid, PgType, quoted_name, write_timestamp};
use crate::wire::Format;

use super::portal::{Portal, PortalState};
use super::ready::Ready;
use crate::session::contract::identity::since_2000_us;
use crate::session::run::Operation;
use crate::session::run::cursor::Scroll;
use crate::session::understand::statement::Statement;

impl Ready {
    /// Before an operation starts: what the oracle must be told of the session for it.
    pub(in crate::session) fn tell_of_session(&mut self, operation: &Operation) {
        if operation.reads_session() {
            self.client.open = self.open_objects();
        }
    }

    /// A JSON object; see [`gateway_setting::SESSION`](crate::catalog::gateway_setting::SESSION).
    fn open_objects(&self) -> String {
        let cursors: Vec<Value> = self.portals.iter().map(|(name, portal)| cursor_row(name, portal)).collect();
        let statements: Vec<Value> =
            self.statements.named().map(|(name, statement)| statement_row(name, statement)).collect();
        let channels: Vec<&str> = self.client.channels.listening().collect();
        json!({ "cursors": cursors, "statements": statements, "channels": channels }).to_string()
    }
}

fn cursor_row(name: &str, portal: &Portal) -> Value {
    let (scroll, hold) = match &portal.state {
        PortalState::Cursor(cursor) => cursor.try_borrow().map_or((Scroll::No, false), |cursor| cursor.options()),
        _ => (Scroll::No, false),
    };
    let binary = portal.formats.of(0) == Format::Binary;
    let sql = &portal.statement.sql;
    let statement = if portal.is_declared {
        let binary = if binary { " BINARY" } else { "" };
        let scroll = match scroll {
            Scroll::Yes => " SCROLL",
            Scroll::No => " NO SCROLL",
            Scroll::Recent => "",
        };
        let hold = if hold { " WITH HOLD" } else { "" };
        format!("DECLARE {}{binary}{scroll} CURSOR{hold} FOR {sql}", quoted_name(name))
    } else {
        sql.clone()
    };
    json!({
        "name": name,
        "statement": statement,
        "is_holdable": hold,
        "is_binary": binary,
        "is_scrollable": scroll != Scroll::No,
        "creation_time": timestamp(portal.created_at),
    })
}

fn statement_row(name: &str, statement: &Statement) -> Value {
    let columns = statement.described.clone().or_else(|| statement.understood.extra.described());
    let result_types: Option<Vec<u32>> = columns.and_then(|described| {
        described.columns.as_ref().map(|columns| columns.iter().map(|c| c.pg_type.oid.0).collect())
    });
    let text = if statement.from_sql {
        let mut text = format!("PREPARE {}", quoted_name(name));
        for (index, oid) in statement.client_types.iter().enumerate() {
            text.push_str(if index == 0 { "(" } else { ", " });
            let name = if *oid == Oid::UNSPECIFIED { "unknown".to_owned() } else { PgType::new(*oid).name() };
            text.push_str(&name);
        }
        if !statement.client_types.is_empty() {
            text.push(')');
        }
        // Writing into a String does not fail.
        let _ = write!(text, " AS {}", statement.sql);
        text
    } else {
        statement.sql.clone()
    };
    json!({
        "name": name,
        "statement": text,
        "prepare_time": timestamp(statement.prepared_at),
        "parameter_types": statement.parameter_types.iter().map(|oid| oid.0).collect::<Vec<u32>>(),
        "result_types": result_types,
        "from_sql": statement.from_sql,
        "generic_plans": 0,
        "custom_plans": 0,
    })
}

fn timestamp(time: SystemTime) -> String {
    let mut text = Vec::new();
    write_timestamp(since_2000_us(time), true, &mut text);
    String::from_utf8_lossy(&text).into_owned()
}
