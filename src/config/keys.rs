//! The table of configuration keys: the one source of fields, file keys, environment variables, flags and docs.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use super::values::{
    AuthKind, CatalogKind, DdlKind, FinishKind, IrisServer, LogLevel, Names, PostgresServer, TableName, Value, address,
    integer, optional, path, text, whole,
};

/// A configuration key as users see it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Key {
    /// In the file; also the field of [`Config`].
    pub name: &'static str,
    /// What kind of value it takes: `ADDR:PORT`, `MS`...
    pub value_name: &'static str,
    /// Meaning, unit and bounds; one sentence a line.
    pub doc: &'static str,
}

impl Key {
    /// `--like-this`, without the dashes in front.
    pub(crate) fn flag(&self) -> String {
        self.name.replace('_', "-")
    }

    /// `IRIS_PGWIRE_LIKE_THIS`.
    pub(crate) fn variable(&self) -> String {
        format!("{}{}", super::ENVIRONMENT_PREFIX, self.name.to_uppercase())
    }
}

macro_rules! keys {
    ($($(#[doc = $doc:literal])+ $name:ident: $type:ty = $default:expr, $value_name:literal, $parse:expr;)*) => {
        /// The whole configuration of `iris-pgwire serve`.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct Config {
            $($(#[doc = $doc])+ pub $name: $type,)*
        }

        /// Every key, in the order of the documentation.
        pub(crate) const KEYS: &[Key] = &[
            $(Key { name: stringify!($name), value_name: $value_name, doc: concat!($($doc, "\n"),+) },)*
        ];

        impl Default for Config {
            fn default() -> Self {
                Self { $($name: $default,)* }
            }
        }

        impl Config {
            /// Sets one key from text; the reason when the value is no good. `None`: no such key.
            pub(super) fn set(&mut self, key: &str, text: &str) -> Option<Result<(), String>> {
                match key {
                    $(stringify!($name) => Some($parse(text).map(|value| self.$name = value)),)*
                    _ => None,
                }
            }

            /// The value of a key as text that `set` understands, passwords hidden; empty when it is not set.
            pub fn value(&self, key: &str) -> String {
                match key {
                    $(stringify!($name) => self.$name.to_text(),)*
                    _ => String::new(),
                }
            }
        }
    };
}

const HOUR_MS: u64 = 3_600_000;

keys! {
    /// Address and port to listen on for PostgreSQL clients.
    /// `0.0.0.0:5432` listens on all IPv4 interfaces, `[::]:5432` on all.
    listen: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 5432), "ADDR:PORT", address;

    /// The IRIS server behind the gateway, `iris://user:password@host:1972/NAMESPACE`.
    /// Special characters in user and password are percent-encoded (`%40` for `@`).
    /// Without port 1972, without namespace USER.
    /// Not set: the embedded engine.
    iris: Option<IrisServer> = None, "URL", optional(IrisServer::parse);

    /// Folder that keeps the data of the embedded engine.
    /// Not set: a temporary folder that ends with the process.
    data: Option<PathBuf> = None, "DIR", optional(path);

    /// Connections to IRIS, for the whole process (1 to 10000).
    /// Each may take a licence unit; clients wait for a free one. While a statement is being cancelled there is one more.
    /// There is another one when the schema has to be read from IRIS, or comments to be carried to it, and the first core has
    /// none free for that; it is closed after 5 seconds without use. Where IRIS refuses it, one of the clients' is waited for.
    iris_connections: u32 = 8, "N", integer(1_u32..=10_000);

    /// Executor threads, each pinned to a core (1 to 1024). More than there are cores share them.
    /// Not set: one per core of the machine.
    cores: Option<u32> = None, "N", optional(integer(1_u32..=1024));

    /// How clients prove who they are.
    /// `trust`: not at all; only for addresses nobody else can reach.
    /// `scram`: SCRAM-SHA-256 against the file `users`.
    auth: AuthKind = AuthKind::Trust, "trust|scram", AuthKind::parse;

    /// User file for `auth = "scram"`: lines `user:verifier`, made by `iris-pgwire hash-password`.
    users: Option<PathBuf> = None, "FILE", optional(path);

    /// PostgreSQL clients connected at the same time, for the whole process (1 to 1000000).
    /// One more is refused with SQLSTATE 53300.
    client_connections_max: u32 = 10_000, "N", integer(1_u32..=1_000_000);

    /// Longest statement of a client, in bytes, values included (65536 to 268435456).
    /// A longer one is refused with SQLSTATE 54000.
    statement_bytes_max: u64 = 64 << 20, "BYTES", whole(64 << 10, 256 << 20);

    /// Prepared statements that one client may keep, in bytes (65536 to 17179869184).
    /// One more is refused with SQLSTATE 54000.
    prepared_bytes_max: u64 = 64 << 20, "BYTES", whole(64 << 10, 16 << 30);

    /// Time a client has from connecting to being authenticated, in milliseconds (1 to 3600000).
    login_timeout_ms: u64 = 60_000, "MS", whole(1, HOUR_MS);

    /// Time a transaction may be idle, in milliseconds (0 to 86400000; 0 = for ever).
    /// After it the transaction is rolled back and its client disconnected (SQLSTATE 25P03).
    idle_in_transaction_timeout_ms: u64 = 0, "MS", whole(0, 24 * HOUR_MS);

    /// Time a client that holds an IRIS connection may take to accept 64 KiB of its result, in milliseconds
    /// (0 to 3600000; 0 = for ever).
    /// After it the client is disconnected and its transaction rolled back.
    /// Less than `pool_wait_timeout_ms`, so that others wait no longer than that for the connection.
    client_write_timeout_ms: u64 = 20_000, "MS", whole(0, HOUR_MS);

    /// Time after which a client is given up whose machine does not answer any more, or that accepts nothing of what is
    /// sent to it, in milliseconds (0 to 86400000; 0 = as the system has it).
    /// A client's own `tcp_user_timeout` counts instead.
    client_tcp_timeout_ms: u64 = 300_000, "MS", whole(0, 24 * HOUR_MS);

    /// Time to connect and log in to IRIS, in milliseconds (1 to 3600000).
    iris_connect_timeout_ms: u64 = 5_000, "MS", whole(1, HOUR_MS);

    /// Time after which an idle IRIS connection is closed, in milliseconds (0 to 86400000; 0 = never).
    /// It is opened again when needed.
    iris_idle_timeout_ms: u64 = 600_000, "MS", whole(0, 24 * HOUR_MS);

    /// Time a statement waits for a free IRIS connection, in milliseconds (1 to 3600000).
    /// After it the statement fails with SQLSTATE 53300.
    pool_wait_timeout_ms: u64 = 30_000, "MS", whole(1, HOUR_MS);

    /// Time that open transactions have to end after SIGTERM or SIGINT, in milliseconds (0 to 3600000; 0 = none).
    shutdown_timeout_ms: u64 = 10_000, "MS", whole(0, HOUR_MS);

    /// Which PostgreSQL answers questions about catalogs and types.
    /// `embedded`: one that the gateway brings along and runs in a process of its own.
    /// `native`: a PostgreSQL 17 or 18 with pgvector that is installed on this machine; the gateway makes a private cluster
    /// in the temporary folder, and starts and ends it.
    /// `off`: none; such questions are refused.
    catalog: CatalogKind = CatalogKind::Embedded, "embedded|native|off", CatalogKind::parse;

    /// A PostgreSQL (14 or later, with pgvector) to ask instead, `postgres://user:password@host:5432/database`.
    /// Its database is the gateway's alone: empty, or prepared by a gateway before; its user is a superuser.
    /// The connection is not encrypted. A host that is a folder, `postgres://user@%2Fvar%2Frun%2Fpostgresql/database` or
    /// `postgres://user@/database?host=/var/run/postgresql`, is that of a Unix socket.
    catalog_url: Option<PostgresServer> = None, "URL", optional(PostgresServer::parse);

    /// Folder into which the embedded PostgreSQL unpacks itself, about 200 MB.
    /// Not set: the cache folder of the user.
    catalog_cache_dir: Option<PathBuf> = None, "DIR", optional(path);

    /// Folder of the programs `initdb` and `postgres` for `catalog = "native"`.
    /// Not set: the first of PATH, `/usr/lib/postgresql/18/bin`, `/usr/lib/postgresql/17/bin` and `pg_config --bindir` that
    /// has those of PostgreSQL 17 or 18.
    catalog_bin_dir: Option<PathBuf> = None, "DIR", optional(path);

    /// User of the system as whom the PostgreSQL of `catalog = "native"` runs when the gateway is root, which PostgreSQL
    /// refuses to be. Whatever else runs as this user can reach that PostgreSQL.
    /// Not set: `postgres`, or else `nobody`. A gateway that is not root runs it as itself.
    catalog_os_user: Option<String> = None, "NAME", optional(text);

    /// Time a catalog question may run, in milliseconds (1 to 3600000).
    /// After it the statement fails with SQLSTATE 57014.
    catalog_statement_timeout_ms: u64 = 10_000, "MS", whole(1, HOUR_MS);

    /// Memory the embedded or native PostgreSQL may take, in bytes (268435456 to 17179869184).
    /// One that grows past it is started anew. The embedded one holds about 300 MB at rest; each worker may take as much
    /// (`finish_workers_max`). Of a native one a single statement may take half of it, and fails alone when it needs more.
    catalog_memory_bytes_max: u64 = 1 << 30, "BYTES", whole(256 << 20, 16 << 30);

    /// Longest answer to a catalog question, in bytes (1048576 to 1073741823).
    /// A longer one is refused with SQLSTATE 54000.
    catalog_reply_bytes_max: u64 = 256 << 20, "BYTES", whole(1 << 20, (1 << 30) - 1);

    /// How often the schema is read from IRIS again for changes made there, in milliseconds (0 to 86400000; 0 = never).
    /// Changes made through the gateway, and tables that a client misses, do not wait for it.
    catalog_refresh_interval_ms: u64 = 60_000, "MS", whole(0, 24 * HOUR_MS);

    /// Schemas that clients see in catalogs, separated by commas; `public` stands for SQLUser.
    /// Not set: all but those of IRIS itself.
    catalog_schemas: Option<Names> = None, "NAMES", optional(Names::parse);

    /// A table of IRIS that keeps what COMMENT ON says, `schema.table`; `public` stands for SQLUser.
    /// The gateway makes it when it is not there; no catalog shows it. Several gateways may share one.
    /// Not set: nothing is made in IRIS, and comments last until the gateway restarts.
    catalog_side_table: Option<TableName> = None, "SCHEMA.TABLE", optional(TableName::parse);

    /// The table of IRIS that keeps sequences, `schema.table`; `public` stands for SQLUser.
    /// The gateway makes it for the first sequence; no catalog shows it. Gateways in front of the same IRIS share one.
    sequence_table: TableName = TableName::new("pgwire", "sequences"), "SCHEMA.TABLE", TableName::parse;

    /// The namespace of IRIS that this table is in.
    /// Not set: that of `iris`.
    sequence_namespace: Option<String> = None, "NAME", optional(text);

    /// What a rollback means to the definitions of its transaction (CREATE, ALTER, DROP).
    /// `undo`: they are undone, and what could not be undone is refused inside of a transaction with SQLSTATE 0A000.
    /// `immediate`: they stay, and a WARNING says so.
    ddl_in_transaction: DdlKind = DdlKind::Undo, "undo|immediate", DdlKind::parse;

    /// What becomes of a query that IRIS cannot compute as a whole.
    /// `on`: IRIS gives the rows it needs, the PostgreSQL of the catalogs computes it over these.
    /// `off`: it is refused. `always`, for tests: what IRIS could compute as well, wherever a query can be cut.
    finish: FinishKind = FinishKind::On, "on|off|always", FinishKind::parse;

    /// Rows of IRIS that one such query may need, of all its tables together (1 to 100000000).
    /// More are refused with SQLSTATE 54000.
    finish_rows_max: u64 = 1_000_000, "N", whole(1, 100_000_000);

    /// The same in bytes, all of which the gateway holds in memory, and of the rows that a change is computed as (1048576 to
    /// 536870912).
    finish_bytes_max: u64 = 64 << 20, "BYTES", whole(1 << 20, 512 << 20);

    /// Such queries under way at the same time, for the whole process (1 to 10000): together they hold as many times
    /// `finish_bytes_max`. Others wait for their turn, but for those of transactions that have an IRIS connection.
    /// Not set: twice `finish_workers_max`.
    finish_statements_max: Option<u32> = None, "N", optional(integer(1_u32..=10_000));

    /// Workers (1 to 64): PostgreSQLs that compute what may take long, so that catalogs do not wait for it. Of the embedded one
    /// each is a process of about 250 MB that may take `catalog_memory_bytes_max`, started when it is needed; of another one a
    /// connection.
    /// Not set: half as many as the machine has cores, from 2 to 8.
    finish_workers_max: Option<u32> = None, "N", optional(integer(1_u32..=64));

    /// Time after which a worker's process that nobody needs is ended, in milliseconds (100 to 86400000).
    finish_worker_idle_timeout_ms: u64 = 60_000, "MS", whole(100, 24 * HOUR_MS);

    /// What is logged, to standard error: `off`, `error`, `warn`, `info`, `debug` or `trace`.
    /// `debug` and `trace` show statement texts, never parameter values or passwords.
    log_level: LogLevel = LogLevel::Info, "LEVEL", LogLevel::parse;
}
