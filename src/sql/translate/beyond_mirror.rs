//! Functions that the oracle has and must not be asked for: it has no rows, forgets at once what is done in it, and
//! serves all sessions from one process. Found by going through `pg_proc` for what takes the text of a query or reads a
//! relation, and for what is volatile. What only superusers may call PostgreSQL itself refuses, as clients are none.

use crate::wire::{PgError, SqlState};

/// Functions that run a query or read a table, which has no rows here.
const READS_ROWS: &[&str] = &[
    "ts_stat",
    "query_to_xml",
    "query_to_xml_and_xmlschema",
    "cursor_to_xml",
    "table_to_xml",
    "table_to_xml_and_xmlschema",
    "schema_to_xml",
    "schema_to_xml_and_xmlschema",
    "database_to_xml",
    "database_to_xml_and_xmlschema",
    "currtid2",
    "brin_summarize_new_values",
    "brin_summarize_range",
    "brin_desummarize_range",
    "gin_clean_pending_list",
    "pg_get_sequence_data",
];

/// Functions of large objects.
const LARGE_OBJECTS: &[&str] = &[
    "lo_close",
    "lo_creat",
    "lo_create",
    "lo_export",
    "lo_from_bytea",
    "lo_get",
    "lo_import",
    "lo_lseek",
    "lo_lseek64",
    "lo_open",
    "lo_put",
    "lo_tell",
    "lo_tell64",
    "lo_truncate",
    "lo_truncate64",
    "lo_unlink",
    "loread",
    "lowrite",
];

/// Why a function must not be asked of the oracle; `None`: it may. `name` is folded.
pub(crate) fn refusal(name: &str, arguments_count: usize) -> Option<PgError> {
    let (reason, hint) = match name {
        // With three arguments it is arithmetic; with two, the second is a query.
        "ts_rewrite" if arguments_count == 2 => ("it runs a query of its own", "Give it the three values themselves."),
        _ if READS_ROWS.contains(&name) => (
            "it reads rows by itself, and those of IRIS it cannot read",
            "Select the rows, and do the rest on the client.",
        ),
        _ if LARGE_OBJECTS.contains(&name) => ("there are no large objects", "Use a column of type bytea."),
        "pg_cancel_backend" => {
            ("sessions cannot be told by number", "Send a cancel request with the session's own key.")
        }
        "pg_terminate_backend" => ("sessions cannot be told by number", "Close the connection from its client."),
        "pg_export_snapshot" => ("transactions cannot share a snapshot", "Read everything in one transaction."),
        "pg_logical_emit_message" => ("there is no logical decoding", "Use NOTIFY."),
        "setseed" => ("random numbers of a session have no seed", "Compute them on the client."),
        _ => return None,
    };
    Some(*PgError::error(SqlState::FEATURE_NOT_SUPPORTED, format!("{name}() is not supported: {reason}")).hint(hint))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_cannot_be_right_is_refused() {
        for name in ["ts_stat", "table_to_xml", "lo_get", "setseed", "pg_terminate_backend"] {
            assert!(refusal(name, 1).is_some_and(|error| error.message.contains(name)), "{name}");
        }
        assert!(refusal("ts_rewrite", 2).is_some() && refusal("ts_rewrite", 3).is_none());
        for name in ["table_to_xmlschema", "to_tsvector", "pg_get_viewdef", "txid_current", "lower"] {
            assert!(refusal(name, 1).is_none(), "{name}");
        }
    }
}
