//! What a fresh PostgreSQL needs before it can speak for the gateway: the database's name, roles, pgvector, and
//! functions that tell of the gateway instead of the process they run in. Sans IO; every statement is run as superuser.
//!
//! Built-in functions are replaced by functions in SQL of the same signature. The executor calls built-in ones by OID
//! and would never look at the replacement, but the planner does (`inline_function` in `clauses.c`): it puts the body
//! in the place of the call, wherever in the statement that is. For that a body must be one expression and must not be
//! declared STRICT.

use super::oracle::MIRROR_OWNER;

/// Settings that tell PostgreSQL of the gateway and of the client that asks. `SET LOCAL` in front of each question;
/// what is not set reads as NULL, or as PostgreSQL's own where it cannot be NULL.
pub(crate) mod gateway_setting {
    /// What `version()` gives.
    pub(crate) const VERSION: &str = "pgwire.version";
    /// The setting `server_version`.
    pub(crate) const SERVER_VERSION: &str = "pgwire.server_version";
    /// `pg_backend_pid()`.
    pub(crate) const PID: &str = "pgwire.pid";
    /// `inet_client_addr()`, `inet_client_port()`, `inet_server_addr()`, `inet_server_port()`.
    pub(crate) const CLIENT_ADDRESS: &str = "pgwire.client_addr";
    pub(crate) const CLIENT_PORT: &str = "pgwire.client_port";
    pub(crate) const SERVER_ADDRESS: &str = "pgwire.server_addr";
    pub(crate) const SERVER_PORT: &str = "pgwire.server_port";
    /// `pg_postmaster_start_time()` and `pg_conf_load_time()`, a timestamptz.
    pub(crate) const START_TIME: &str = "pgwire.start_time";
    /// Rows of `pg_stat_activity`: a JSON array of objects by the names of its columns. `datid` and `usesysid` are
    /// found by `datname` and `usename`.
    pub(crate) const ACTIVITY: &str = "pgwire.activity";
    /// What the session has open: a JSON object of the arrays `cursors` and `statements`, rows of `pg_cursors` and
    /// `pg_prepared_statements` by the names of their columns, and `channels`, the names it listens to.
    pub(crate) const SESSION: &str = "pgwire.session";
    /// Put in front of the names of the transaction's modes ([`TRANSACTION_MODES`](super::TRANSACTION_MODES)): the
    /// question's own transaction has others.
    pub(crate) const MODE_PREFIX: &str = "pgwire.";
    /// The schemas of the session's temporary tables, in front of all others on the search path: between commas, and how
    /// many; and the path as the client has set it.
    pub(crate) const TEMPORARY: &str = "pgwire.temporary";
    pub(crate) const TEMPORARY_COUNT: &str = "pgwire.temporary_count";
    pub(crate) const SEARCH_PATH: &str = "pgwire.search_path";
    /// Rows of `pgwire_counters`: a JSON array of objects by the names of its columns.
    pub(crate) const COUNTERS: &str = "pgwire.counters";
}

use crate::sql::TEMPORARY_PREFIX;
use crate::types::{quoted_name, quoted_text};
use gateway_setting as setting;

/// The parameters that are the transaction's alone.
pub(crate) const TRANSACTION_MODES: &[&str] =
    &["transaction_deferrable", "transaction_isolation", "transaction_read_only"];

/// Its name begins with `pg_` so that no client can have it and `\du` does not list it.
pub(crate) const GATEWAY_SUPERUSER: &str = "pg_gateway";

/// What a native PostgreSQL knows before it is prepared.
pub(crate) const NEW_SUPERUSER: &str = "postgres";
pub(crate) const NEW_DATABASE: &str = "postgres";

/// Shows a setting by its name, whatever the gateway has made of `current_setting`. Also the mark by which a database
/// is recognised that a gateway has prepared before.
const SHOW: &str = "pg_catalog.pgwire_show";

/// Functions of these names and types are replaced: name, result, setting.
const REPLACED: &[(&str, &str, &str)] = &[
    ("pg_backend_pid", "integer", setting::PID),
    ("inet_client_addr", "inet", setting::CLIENT_ADDRESS),
    ("inet_client_port", "integer", setting::CLIENT_PORT),
    ("inet_server_addr", "inet", setting::SERVER_ADDRESS),
    ("inet_server_port", "integer", setting::SERVER_PORT),
    ("pg_postmaster_start_time", "timestamp with time zone", setting::START_TIME),
    ("pg_conf_load_time", "timestamp with time zone", setting::START_TIME),
];

/// Functions that would tell of the mirror's files and rows where those of IRIS are meant: all bigint. What they tell of
/// IRIS nobody knows, and NULL says so; programs that list relations and their sizes show nothing there.
const UNKNOWN: &[&str] = &[
    "pg_relation_size(regclass)",
    "pg_relation_size(regclass, text)",
    "pg_table_size(regclass)",
    "pg_indexes_size(regclass)",
    "pg_total_relation_size(regclass)",
    "pg_database_size(oid)",
    "pg_database_size(name)",
    "pg_tablespace_size(oid)",
    "pg_tablespace_size(name)",
    "pg_stat_get_live_tuples(oid)",
    "pg_stat_get_dead_tuples(oid)",
];

/// Columns of `pg_stat_activity` from PostgreSQL 14 on, and their types.
const ACTIVITY_COLUMNS: &[(&str, &str)] = &[
    ("datid", "oid"),
    ("datname", "name"),
    ("pid", "integer"),
    ("leader_pid", "integer"),
    ("usesysid", "oid"),
    ("usename", "name"),
    ("application_name", "text"),
    ("client_addr", "inet"),
    ("client_hostname", "text"),
    ("client_port", "integer"),
    ("backend_start", "timestamp with time zone"),
    ("xact_start", "timestamp with time zone"),
    ("query_start", "timestamp with time zone"),
    ("state_change", "timestamp with time zone"),
    ("wait_event_type", "text"),
    ("wait_event", "text"),
    ("state", "text"),
    ("backend_xid", "xid"),
    ("backend_xmin", "xid"),
    ("query_id", "bigint"),
    ("query", "text"),
    ("backend_type", "text"),
];

/// The statements for the embedded PostgreSQL.
pub(crate) fn prepare_embedded(database: &str) -> Vec<String> {
    let mut statements = prepare_own(database);
    statements.push(COPY_TEMPLATE.to_owned());
    statements.push("CHECKPOINT".to_owned());
    statements
}

/// The statements for a native PostgreSQL in a cluster of the gateway's, after [`inspected`] found nothing against it. First
/// comes the extension, so that its types have the numbers that they have in the embedded one.
pub(crate) fn prepare_native(database: &str) -> Vec<String> {
    let mut statements = vec![CREATE_VECTOR.to_owned()];
    statements.extend(prepare_own(database));
    statements
}

const CREATE_VECTOR: &str = "CREATE EXTENSION IF NOT EXISTS vector SCHEMA public";

/// The statements for a PostgreSQL that nobody else uses: its database becomes the gateway's own.
fn prepare_own(database: &str) -> Vec<String> {
    let name = quoted_text(database);
    let mut statements = vec!["SET allow_system_table_mods = on".to_owned()];
    // No other role may ever be superuser, and a client may well be called postgres.
    statements
        .push(format!("UPDATE pg_catalog.pg_authid SET rolname = {} WHERE oid = 10", quoted_text(GATEWAY_SUPERUSER)));
    statements.push(format!("CREATE ROLE {}", quoted_name(MIRROR_OWNER)));
    statements.push(format!(
        "UPDATE pg_catalog.pg_database SET datname = {name}, datistemplate = false, datacl = NULL, datdba = \
         (SELECT oid FROM pg_catalog.pg_authid WHERE rolname = {}) WHERE datname = pg_catalog.current_database()",
        quoted_text(MIRROR_OWNER)
    ));
    statements.push(format!("DELETE FROM pg_catalog.pg_database WHERE datname <> {name}"));
    // "default template for new databases".
    statements.push(
        "DELETE FROM pg_catalog.pg_shdescription WHERE classoid = 'pg_catalog.pg_database'::pg_catalog.regclass"
            .to_owned(),
    );
    statements.extend(prepare_common());
    // It comes with the extension among the system's own objects, which `\dT` and `\df` leave out.
    statements.push("ALTER EXTENSION vector SET SCHEMA public".to_owned());
    statements
}

/// Opens each file of the database. The embedded PostgreSQL copies a file out of a template when it is first opened, and
/// a process that is killed meanwhile would leave half of it. Planning opens the indexes of a table.
const COPY_TEMPLATE: &str = "DO $do$ DECLARE relation pg_catalog.regclass; BEGIN \
     FOR relation IN SELECT oid FROM pg_catalog.pg_class WHERE relkind IN ('r', 't') LOOP \
     EXECUTE pg_catalog.format('SELECT pg_catalog.count(*) FROM %s', relation); END LOOP; END $do$";

/// The statements for a PostgreSQL of its own kind and name, after [`inspected`] found nothing against it. What an
/// earlier gateway left in it is dropped.
pub(crate) fn prepare_external() -> Vec<String> {
    let owner = quoted_name(MIRROR_OWNER);
    let mut statements = vec!["SET allow_system_table_mods = on".to_owned()];
    statements.push(format!(
        "DO $do$ DECLARE name pg_catalog.text; BEGIN \
         IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = {}) THEN CREATE ROLE {owner}; END IF; \
         FOR name IN SELECT nspname FROM pg_catalog.pg_namespace WHERE (nspname !~ '^pg_' \
         OR nspname ~ '^{TEMPORARY_PREFIX}') AND nspname <> 'information_schema' LOOP \
         EXECUTE pg_catalog.format('DROP SCHEMA %I CASCADE', name); END LOOP; \
         CREATE SCHEMA public; \
         ALTER SCHEMA public OWNER TO pg_database_owner; GRANT USAGE ON SCHEMA public TO PUBLIC; \
         COMMENT ON SCHEMA public IS 'standard public schema'; \
         EXECUTE pg_catalog.format('ALTER DATABASE %I OWNER TO {owner}', pg_catalog.current_database()); END $do$",
        quoted_text(MIRROR_OWNER),
    ));
    statements.extend(prepare_common());
    statements
}

fn prepare_common() -> Vec<String> {
    let mut statements = vec![CREATE_VECTOR.to_owned()];
    statements.push(format!(
        "CREATE OR REPLACE FUNCTION {SHOW}(text, boolean) RETURNS text LANGUAGE internal STABLE STRICT PARALLEL SAFE \
         AS 'show_config_by_name_missing_ok'"
    ));
    let show = |name: &str| format!("NULLIF({SHOW}({}, true), '')", quoted_text(name));
    statements.push(replaced(
        "version()",
        "text",
        &format!(
            "COALESCE({}, pg_catalog.concat('PostgreSQL ', {SHOW}('server_version', true)))",
            show(setting::VERSION)
        ),
    ));
    for (name, result, from) in REPLACED {
        statements.push(replaced(&format!("{name}()"), result, &format!("CAST({} AS {result})", show(from))));
    }
    for signature in UNKNOWN {
        statements.push(replaced(signature, "bigint", "CAST(NULL AS bigint)"));
    }
    // The gateway waits itself, in front of the question. They get other numbers, as the executor calls a function of
    // this number whatever its definition; and a function that returns at once, and not NULL.
    statements.push(
        "DELETE FROM pg_catalog.pg_proc WHERE proname IN ('pg_sleep', 'pg_sleep_for', 'pg_sleep_until') \
         AND pronamespace = 'pg_catalog'::pg_catalog.regnamespace"
            .to_owned(),
    );
    for signature in
        ["pg_sleep(double precision)", "pg_sleep_for(interval)", "pg_sleep_until(timestamp with time zone)"]
    {
        statements.push(format!(
            "CREATE FUNCTION pg_catalog.{signature} RETURNS void LANGUAGE internal VOLATILE STRICT PARALLEL SAFE \
             AS 'pg_stat_clear_snapshot'"
        ));
    }
    // The version itself cannot be changed, and the modes are those of the question.
    let modes = TRANSACTION_MODES.iter().map(|mode| format!("'{mode}'")).collect::<Vec<_>>().join(", ");
    let mode = format!("NULLIF({SHOW}(pg_catalog.concat('{}', pg_catalog.lower($1)), true), '')", setting::MODE_PREFIX);
    for (signature, missing_ok) in [("current_setting(text)", "false"), ("current_setting(text, boolean)", "$2")] {
        let body = format!(
            "CASE WHEN pg_catalog.lower($1) = 'server_version' THEN \
             COALESCE({}, {SHOW}($1, true)) WHEN pg_catalog.lower($1) = 'search_path' THEN \
             COALESCE({}, {SHOW}($1, true)) WHEN pg_catalog.lower($1) IN ({modes}) THEN COALESCE({mode}, {SHOW}($1, true)) \
             ELSE {SHOW}($1, {missing_ok}) END",
            show(setting::SERVER_VERSION),
            show(setting::SEARCH_PATH)
        );
        statements.push(replaced(signature, "text", &body));
    }
    statements.extend(temporary_functions(&show(setting::TEMPORARY), &show(setting::TEMPORARY_COUNT)));
    // As whoever dumps a schema has it: pg_dump reads the tables of the catalogs that hide some columns from others.
    // And as whoever watches a server: files and settings are those of the mirror, which are no secret.
    statements.push(format!("GRANT pg_read_all_data, pg_monitor TO {}", quoted_name(MIRROR_OWNER)));
    statements.push(settings_view(&show(setting::SERVER_VERSION)));
    statements.push(activity_view(&show(setting::ACTIVITY)));
    statements.extend(session_objects(&format!("CAST(COALESCE({}, '{{}}') AS json)", show(setting::SESSION))));
    statements.push(counters_view(&show(setting::COUNTERS)));
    statements.push(user_function());
    statements.push(format!("REVOKE ALL ON FUNCTION {MAKE_USER}(text) FROM PUBLIC"));
    statements.push(format!("GRANT EXECUTE ON FUNCTION {MAKE_USER}(text) TO {}", quoted_name(MIRROR_OWNER)));
    // Privileges that an object of the system has from the start are not dumped.
    statements.push(
        "INSERT INTO pg_catalog.pg_init_privs (objoid, classoid, objsubid, privtype, initprivs) \
         SELECT oid, 'pg_catalog.pg_proc'::pg_catalog.regclass, 0, 'i', proacl FROM pg_catalog.pg_proc \
         WHERE proname IN ('pgwire_make_user', 'pgwire_make_temporary', 'pgwire_mark_temporary') AND NOT EXISTS (SELECT FROM pg_catalog.pg_init_privs p \
         WHERE p.objoid = pg_proc.oid)"
            .to_owned(),
    );
    statements.push("RESET allow_system_table_mods".to_owned());
    statements
}

fn replaced(signature: &str, result: &str, body: &str) -> String {
    format!("CREATE OR REPLACE FUNCTION pg_catalog.{signature} RETURNS {result} LANGUAGE sql STABLE RETURN {body}")
}

fn settings_view(server_version: &str) -> String {
    let mode = |name: &&str| {
        let own = quoted_text(&format!("{}{name}", setting::MODE_PREFIX));
        format!("WHEN '{name}' THEN COALESCE(NULLIF({SHOW}({own}, true), ''), setting)")
    };
    let modes = TRANSACTION_MODES.iter().map(mode).collect::<Vec<_>>().join(" ");
    format!(
        "CREATE OR REPLACE VIEW pg_catalog.pg_settings AS SELECT name, CASE name WHEN 'server_version' \
         THEN COALESCE({server_version}, setting) {modes} ELSE setting END AS setting, unit, category, short_desc, extra_desc, \
         context, vartype, source, min_val, max_val, enumvals, boot_val, reset_val, sourcefile, sourceline, \
         pending_restart FROM pg_catalog.pg_show_all_settings()"
    )
}

fn activity_view(activity: &str) -> String {
    let list = |write: fn(&(&str, &str)) -> String| ACTIVITY_COLUMNS.iter().map(write).collect::<Vec<_>>().join(", ");
    let selected = list(|(name, _)| match *name {
        "datid" => "d.oid AS datid".to_owned(),
        "usesysid" => "r.oid AS usesysid".to_owned(),
        // As PostgreSQL: what others run is not for everybody.
        "query" => "CASE WHEN a.usename = CURRENT_USER OR pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE') \
                    THEN a.query ELSE '<insufficient privilege>' END AS query"
            .to_owned(),
        name => format!("a.{name}"),
    });
    let columns = list(|(name, pg_type)| format!("{name} {pg_type}"));
    format!(
        "CREATE OR REPLACE VIEW pg_catalog.pg_stat_activity AS SELECT {selected} \
         FROM pg_catalog.json_to_recordset(CAST(COALESCE({activity}, '[]') AS json)) AS a({columns}) \
         LEFT JOIN pg_catalog.pg_database d ON d.datname = a.datname \
         LEFT JOIN pg_catalog.pg_roles r ON r.rolname = a.usename"
    )
}

/// What the gateway counts, by shard; it has no place among PostgreSQL's own views.
fn counters_view(counters: &str) -> String {
    format!(
        "CREATE OR REPLACE VIEW pg_catalog.pgwire_counters AS SELECT * \
         FROM pg_catalog.json_to_recordset(CAST(COALESCE({counters}, '[]') AS json)) \
         AS c(shard integer, name text, value bigint)"
    )
}

/// `session`: a JSON object, see [`setting::SESSION`].
fn session_objects(session: &str) -> [String; 4] {
    let prepared = |result_types: &str| {
        let columns = format!(
            "name text, statement text, prepare_time timestamp with time zone, parameter_types regtype[], \
             {result_types}from_sql boolean, generic_plans bigint, custom_plans bigint"
        );
        quoted_text(&format!(
            "CREATE OR REPLACE VIEW pg_catalog.pg_prepared_statements AS SELECT * \
             FROM pg_catalog.json_to_recordset({session} -> 'statements') AS s({columns})"
        ))
    };
    [
        format!(
            "CREATE OR REPLACE VIEW pg_catalog.pg_cursors AS SELECT * \
             FROM pg_catalog.json_to_recordset({session} -> 'cursors') AS c(name text, statement text, \
             is_holdable boolean, is_binary boolean, is_scrollable boolean, creation_time timestamp with time zone)"
        ),
        // The column came with PostgreSQL 16.
        format!(
            "DO $do$ BEGIN IF pg_catalog.current_setting('server_version_num')::pg_catalog.int4 >= 160000 THEN \
             EXECUTE {}; ELSE EXECUTE {}; END IF; END $do$",
            prepared("result_types regtype[], "),
            prepared("")
        ),
        // The executor calls what stands in a select list by the number of the function that it has built in: the name
        // gets a function of another number.
        "DELETE FROM pg_catalog.pg_proc WHERE proname = 'pg_listening_channels'".to_owned(),
        format!(
            "CREATE FUNCTION pg_catalog.pg_listening_channels() RETURNS SETOF text LANGUAGE sql STABLE \
             AS {}",
            quoted_text(&format!("SELECT pg_catalog.json_array_elements_text({session} -> 'channels')"))
        ),
    ]
}

/// Makes the schema of a temporary table: names like these are kept for the system.
const MAKE_TEMPORARY: &str = "pg_catalog.pgwire_make_temporary";

/// Says of the relations in these schemas, between commas, that they are temporary: until the end of the transaction that asks,
/// as PostgreSQL lets nobody read such a table that is in no schema of its own making.
pub(crate) const MARK_TEMPORARY: &str = "pg_catalog.pgwire_mark_temporary";

/// What PostgreSQL tells of temporary tables by its own numbers of schemas it tells by their names here, and the schemas in
/// front of the client's search path are none of those that it says has been set.
fn temporary_functions(schemas: &str, count: &str) -> Vec<String> {
    const PATH: &str = "pg_catalog.pgwire_schemas";
    let name = "pg_catalog.concat(CAST($1 AS pg_catalog.regnamespace))";
    let own = format!("pg_catalog.strpos({schemas}, pg_catalog.concat(',', {name}, ',')) > 0");
    let behind = format!("COALESCE(CAST({count} AS pg_catalog.int4), 0) + 1");
    vec![
        format!(
            "CREATE OR REPLACE FUNCTION {PATH}(boolean) RETURNS name[] LANGUAGE internal STABLE STRICT PARALLEL SAFE \
             AS 'current_schemas'"
        ),
        replaced("current_schema()", "name", &format!("({PATH}(false))[{behind}]")),
        replaced(
            "current_schemas(boolean)",
            "name[]",
            &format!("CASE WHEN $1 THEN {PATH}($1) ELSE ({PATH}(false))[{behind} : ] END"),
        ),
        replaced(
            "pg_is_other_temp_schema(oid)",
            "boolean",
            &format!("pg_catalog.starts_with({name}, '{TEMPORARY_PREFIX}') AND NOT COALESCE({own}, false)"),
        ),
        replaced(
            "pg_my_temp_schema()",
            "oid",
            &format!(
                "COALESCE(CAST(pg_catalog.to_regnamespace(pg_catalog.split_part({schemas}, ',', 2)) AS oid), \
                 CAST(0 AS oid))"
            ),
        ),
        format!(
            "CREATE OR REPLACE FUNCTION {MAKE_TEMPORARY}(text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER \
             SET search_path = pg_catalog SET allow_system_table_mods = on AS $f$ BEGIN \
             IF pg_catalog.starts_with($1, '{TEMPORARY_PREFIX}') THEN \
             EXECUTE pg_catalog.format('CREATE SCHEMA IF NOT EXISTS %I AUTHORIZATION {}', $1); END IF; END $f$",
            quoted_name(MIRROR_OWNER)
        ),
        format!(
            "CREATE OR REPLACE FUNCTION {MARK_TEMPORARY}(text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER \
             SET search_path = pg_catalog SET allow_system_table_mods = on AS $f$ BEGIN \
             UPDATE pg_catalog.pg_class SET relpersistence = 't' WHERE relnamespace IN (SELECT oid \
             FROM pg_catalog.pg_namespace WHERE pg_catalog.starts_with(nspname, '{TEMPORARY_PREFIX}') \
             AND nspname = ANY (pg_catalog.string_to_array($1, ','))); END $f$"
        ),
        format!("REVOKE ALL ON FUNCTION {MARK_TEMPORARY}(text) FROM PUBLIC"),
        format!("GRANT EXECUTE ON FUNCTION {MARK_TEMPORARY}(text) TO {}", quoted_name(MIRROR_OWNER)),
        format!("REVOKE ALL ON FUNCTION {MAKE_TEMPORARY}(text) FROM PUBLIC"),
        format!("GRANT EXECUTE ON FUNCTION {MAKE_TEMPORARY}(text) TO {}", quoted_name(MIRROR_OWNER)),
    ]
}

/// Makes the role of a user of the gateway; the owner may call it, and no superuser is needed.
const MAKE_USER: &str = "pg_catalog.pgwire_make_user";

fn user_function() -> String {
    format!(
        "CREATE OR REPLACE FUNCTION {MAKE_USER}(text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER \
         SET search_path = pg_catalog AS $f$ BEGIN \
         IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = $1) THEN \
         EXECUTE pg_catalog.format('CREATE ROLE %I LOGIN IN ROLE {}', $1); END IF; END $f$",
        quoted_name(MIRROR_OWNER)
    )
}

/// Makes the role of a user, who sees and owns what the mirror's owner does and is no superuser.
pub(super) fn make_user(user: &str) -> String {
    format!("SELECT {MAKE_USER}({})", quoted_text(user))
}

/// Asks whether a PostgreSQL is fit; its one row is for [`inspected`].
pub(crate) const INSPECT: &str = "SELECT pg_catalog.current_setting('server_version_num'), \
     (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user), \
     (SELECT pg_catalog.count(*) FROM pg_catalog.pg_available_extensions WHERE name = 'vector'), \
     (SELECT pg_catalog.count(*) FROM pg_catalog.pg_proc WHERE proname = 'pgwire_show'), \
     (SELECT pg_catalog.count(*) FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
     WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema')";

/// PostgreSQL 14 brought the function bodies and the columns of `pg_stat_activity` that are used here.
const SERVER_VERSION_MIN: u32 = 140_000;

/// The version of a PostgreSQL, by the answer to [`INSPECT`].
///
/// # Errors
/// What speaks against it.
pub(crate) fn inspected(row: &[Option<String>]) -> Result<u32, String> {
    let [Some(version), Some(is_superuser), Some(vector), Some(mark), Some(relations)] = row else {
        return Err("it does not tell enough of itself".to_owned());
    };
    let version: u32 = version.parse().map_err(|_| "it does not tell its version".to_owned())?;
    if version < SERVER_VERSION_MIN {
        return Err("it is older than PostgreSQL 14".to_owned());
    }
    if is_superuser != "t" {
        return Err("its user is not a superuser; functions of the system catalog are replaced".to_owned());
    }
    if vector == "0" {
        let major = version / 10_000;
        return Err(format!(
            "it lacks the extension vector (pgvector): install it there (Debian: postgresql-{major}-pgvector)"
        ));
    }
    if mark == "0" && relations != "0" {
        return Err(format!(
            "its database holds {relations} relations of somebody else; give the gateway an empty database of its own"
        ));
    }
    Ok(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(cells: [&str; 5]) -> Vec<Option<String>> {
        cells.iter().map(|cell| Some((*cell).to_owned())).collect()
    }

    #[test]
    fn only_a_postgresql_that_is_ours_is_taken() {
        for (cells, expected) in [
            (["170005", "t", "1", "0", "0"], Ok(170_005)),
            (["180004", "t", "1", "1", "250"], Ok(180_004)),
            (["130000", "t", "1", "0", "0"], Err("older than PostgreSQL 14")),
            (["170005", "f", "1", "0", "0"], Err("not a superuser")),
            (["150004", "t", "0", "0", "0"], Err("lacks the extension vector")),
            (["180004", "t", "0", "0", "0"], Err("(Debian: postgresql-18-pgvector)")),
            (["170005", "t", "1", "0", "3"], Err("holds 3 relations of somebody else")),
            (["x", "t", "1", "0", "0"], Err("does not tell its version")),
        ] {
            let got = inspected(&row(cells));
            match expected {
                Ok(version) => assert_eq!(got, Ok(version), "{cells:?}"),
                Err(part) => assert!(got.as_ref().is_err_and(|reason| reason.contains(part)), "{cells:?}: {got:?}"),
            }
        }
        assert!(inspected(&[]).is_err());
    }

    #[test]
    fn names_cannot_break_out() {
        for prepare in [prepare_embedded, prepare_native] {
            let text = prepare("a'; DROP DATABASE b; --").join("\n");
            assert!(text.contains("'a''; DROP DATABASE b; --'"), "{text}");
        }
        assert_eq!(make_user("o'x"), "SELECT pg_catalog.pgwire_make_user('o''x')");
    }
}
