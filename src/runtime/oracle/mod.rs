//! The oracle: a real PostgreSQL, in a process of its own or elsewhere, that is asked about PostgreSQL.
//!
//! [`supervisor`] keeps the process alive, [`state`] is what all shards know of it, [`client`] asks it on behalf of the
//! sessions of one shard, [`keeper`] fills it from IRIS.

mod base;
pub(super) mod client;
mod connection;
mod crew;
mod crew_start;
mod embedded;
mod folder;
mod keeper;
mod lane;
mod login;
mod mirror;
mod mirror_connection;
mod native;
mod places;
mod process;
mod programs;
mod question;
mod side_table;
mod state;
mod supervisor;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::catalog::MirrorOptions;

pub(super) use client::Asker;
pub(super) use keeper::Keeper;
pub use programs::NativePrograms;
pub(super) use state::Oracle;
pub(super) use supervisor::Supervisor;

/// Name of the socket in the folder of an oracle process.
pub const ORACLE_SOCKET: &str = "socket";

/// Name of the socket beside it on which copies of the data are asked for.
pub const ORACLE_COPIES_SOCKET: &str = "copies";

/// Name of the file beside it that has a byte for each commit.
pub const ORACLE_COMMITS: &str = "commits";

/// How much less of a processor a worker gets than others who want it (`nice`): a tenth of what they get.
pub const ORACLE_WORKER_NICE: i32 = 10;

/// Name of a ParameterStatus that the oracle process sends in front of an answer as soon as the question has left its
/// queue. Real PostgreSQL has no queue, and no parameter of this name.
pub const ORACLE_TURN: &str = "pgwire.turn";

/// Which PostgreSQL is asked.
#[derive(Debug, Clone)]
pub enum OracleSource {
    /// None: questions are refused with 0A000.
    Off,
    /// One in a process of its own: `program catalog-server`.
    Embedded {
        program: PathBuf,
        /// Where it unpacks itself; the user's cache folder without it.
        cache_dir: Option<PathBuf>,
    },
    /// One that the gateway runs itself, by programs that are installed here.
    Native(Arc<NativePrograms>),
    /// One that somebody else runs, for the gateway alone.
    External(Arc<OracleServer>),
}

/// A PostgreSQL elsewhere.
#[derive(Clone, PartialEq, Eq)]
pub struct OracleServer {
    /// A name or an address; or the folder of a Unix socket, which begins with a slash.
    pub host: String,
    pub port: u16,
    /// A superuser.
    pub user: String,
    /// Empty = none.
    pub password: String,
    /// What is in it belongs to the gateway.
    pub database: String,
}

impl std::fmt::Debug for OracleServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { host, port, user, password: _, database } = self;
        write!(f, "postgres://{user}@{host}:{port}/{database}")
    }
}

/// PostgreSQL's socket in a folder (`UNIXSOCK_PATH`).
fn socket_path(folder: &Path, port: u16) -> PathBuf {
    folder.join(format!(".s.PGSQL.{port}"))
}

impl OracleServer {
    /// `None`: it is reached by TCP.
    fn socket(&self) -> Option<PathBuf> {
        self.host.starts_with('/').then(|| socket_path(Path::new(&self.host), self.port))
    }
}

/// Everything about the oracle.
#[derive(Debug, Clone)]
pub struct OracleOptions {
    pub source: OracleSource,
    /// How long a question may run, counted from its turn.
    pub statement_timeout: Duration,
    /// A process is ended when it holds more resident memory than this.
    pub memory_bytes_max: u64,
    /// Workers, for what takes long.
    pub workers_max: usize,
    /// One that nobody has needed for so long is ended.
    pub worker_idle_timeout: Duration,
    /// A longer answer is refused with 54000.
    pub reply_bytes_max: usize,
    /// How often the schema is read from IRIS again; zero = only when somebody misses a table.
    pub refresh_interval: Duration,
    /// How long IRIS may take for one answer to the keeper of the mirror: a page of INFORMATION_SCHEMA, or of the table of
    /// comments.
    pub iris_answer_timeout: Duration,
    /// Name of the gateway's one database.
    pub database: String,
    pub mirror: MirrorOptions,
}

impl OracleOptions {
    /// No oracle.
    pub fn off() -> Self {
        Self {
            source: OracleSource::Off,
            statement_timeout: Duration::from_secs(10),
            memory_bytes_max: 1 << 30,
            workers_max: 2,
            worker_idle_timeout: Duration::from_secs(60),
            reply_bytes_max: 256 << 20,
            refresh_interval: Duration::from_secs(60),
            iris_answer_timeout: Duration::from_secs(60),
            database: "USER".to_owned(),
            mirror: MirrorOptions {
                default_schema: "SQLUser".to_owned(),
                schemas: None,
                side_table: None,
                sequence_table: None,
            },
        }
    }
}
