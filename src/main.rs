//! The binary: the command line, wired to what it starts.

mod catalog_child;
#[cfg(feature = "catalog-embedded")]
mod catalog_server;
#[cfg(feature = "standin")]
mod standin;
#[cfg(not(feature = "standin"))]
#[path = "no_standin.rs"]
mod standin;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use iris_pgwire::iris::ConnectOptions;
use iris_pgwire::parts::catalog::MirrorOptions;
use iris_pgwire::parts::cli::{self, CatalogServerArgs, Programs};
use iris_pgwire::parts::config::{CatalogKind, Config, DdlKind, FinishKind, IrisServer, TableName};
use iris_pgwire::parts::runtime::{
    self, IrisTarget, NativePrograms, OracleOptions, OracleServer, OracleSource, SequenceOptions, ServeOptions, Serving,
};
use iris_pgwire::parts::session::{DEFAULT_SCHEMA, SessionOptions};
use iris_pgwire::parts::sql::SideTable;
use iris_pgwire::parts::wire::Limits;

use standin::Standin;

/// Thousands of small buffers come and go on every core.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A page of INFORMATION_SCHEMA that takes longer is not waited for: the keeper of the mirror has one of the connections
/// meanwhile.
const IRIS_ANSWER_TIMEOUT: Duration = Duration::from_secs(60);

fn main() -> ExitCode {
    cli::main(Programs {
        serve: &mut serve,
        superserver: &mut standin::superserver,
        catalog_server: &mut catalog_server,
        catalog_child: &mut catalog_child::run,
    })
}

#[cfg(feature = "catalog-embedded")]
fn catalog_server(args: &CatalogServerArgs) -> Result<(), String> {
    leave_with_gateway(args)?;
    // The gateway passes on what it wants to see of this.
    let _log = cli::start_logging(iris_pgwire::parts::config::LogLevel::Info)?;
    catalog_server::run(args)
}

#[cfg(not(feature = "catalog-embedded"))]
fn catalog_server(_: &CatalogServerArgs) -> Result<(), String> {
    Err("no PostgreSQL is built into this program (feature catalog-embedded)".to_owned())
}

fn serve(config: &Config) -> Result<(), String> {
    let log = cli::start_logging(config.log_level)?;
    // Before the shards: threads inherit the core their starter is pinned to.
    let (iris, embedded) = match &config.iris {
        Some(server) => (server.clone(), None),
        None => {
            let standin = Standin::start(config.data.clone())?;
            (standin.target(), Some(standin))
        }
    };
    let what = match &config.iris {
        Some(server) => format!("IRIS at {}:{}, namespace {}", server.host, server.port, server.namespace),
        None => match &config.data {
            Some(folder) => format!("the embedded engine, data in {}", folder.display()),
            None => "the embedded engine, data in a temporary folder".to_owned(),
        },
    };
    let options = serve_options(config, &iris)?;
    options.session.counts.add_of_process(log.loss());
    let result = runtime::serve(options, |serving| announce(config, serving, &what));
    if let Some(standin) = embedded
        && let Err(error) = standin.stop()
    {
        tracing::warn!(%error, "the embedded engine did not stop cleanly");
    }
    result.map_err(|error| error.to_string())
}

fn announce(config: &Config, serving: &Serving, what: &str) {
    let text = format!(
        "iris-pgwire {} listens on {} ({} shards), in front of {what}\nconnect with: {}\n",
        env!("CARGO_PKG_VERSION"),
        serving.address,
        serving.shards_count,
        cli::connect_command(config, serving.address),
    );
    // Nobody may be reading; the gateway runs all the same.
    let thread = std::thread::Builder::new().name("announcement".to_owned()).spawn(move || {
        let mut out = std::io::stdout().lock();
        let _ = out.write_all(text.as_bytes());
        let _ = out.flush();
    });
    if let Err(error) = thread {
        tracing::warn!(%error, "no thread to say that the gateway listens");
    }
}

fn serve_options(config: &Config, iris: &IrisServer) -> Result<ServeOptions, String> {
    let side_table = side_table(config);
    let sequence_table = sequence_table(config);
    let auth = config.auth_method(|path| std::fs::read_to_string(path)).map_err(|error| error.to_string())?;
    let oracle = oracle_options(config, &iris.namespace, side_table.clone(), sequence_table.clone())?;
    let session = SessionOptions::new(auth, &iris.namespace);
    if let OracleSource::Native(programs) = &oracle.source {
        session.server_version.set(programs.version());
    }
    let namespace = match (&config.sequence_namespace, &config.iris) {
        (Some(namespace), _) => Some(namespace.clone()),
        // Its only writer would wait for who waits for a value.
        (None, None) => Some(standin::SEQUENCE_NAMESPACE.to_owned()),
        (None, Some(_)) => None,
    };
    Ok(ServeOptions {
        listen: config.listen,
        cores: config.cores.map(|cores| cores as usize),
        iris: IrisTarget {
            host: iris.host.clone(),
            port: iris.port,
            login: ConnectOptions {
                namespace: iris.namespace.clone(),
                user: iris.user.clone(),
                password: iris.password.clone(),
                ..ConnectOptions::default()
            },
            connect_timeout: Duration::from_millis(config.iris_connect_timeout_ms),
        },
        iris_connections: config.iris_connections as usize,
        iris_idle_timeout: Duration::from_millis(config.iris_idle_timeout_ms),
        client_connections_max: config.client_connections_max as usize,
        login_timeout: Duration::from_millis(config.login_timeout_ms),
        idle_in_transaction_timeout: Duration::from_millis(config.idle_in_transaction_timeout_ms),
        client_write_timeout: Duration::from_millis(config.client_write_timeout_ms),
        client_tcp_timeout: Duration::from_millis(config.client_tcp_timeout_ms),
        finish_statements_max: finish_statements_max(config),
        pool_wait_timeout: Duration::from_millis(config.pool_wait_timeout_ms),
        shutdown_timeout: Duration::from_millis(config.shutdown_timeout_ms),
        sequences: sequence_table.clone().map(|table| SequenceOptions { table, namespace }),
        session: SessionOptions {
            limits: Limits {
                statement_bytes_max: bytes(config.statement_bytes_max),
                prepared_bytes_max: bytes(config.prepared_bytes_max),
                finish_rows_max: bytes(config.finish_rows_max),
                finish_bytes_max: bytes(config.finish_bytes_max),
                ..Limits::default()
            },
            has_oracle: config.catalog != CatalogKind::Off,
            undoes_definitions: config.ddl_in_transaction == DdlKind::Undo,
            finishes: config.finish != FinishKind::Off && config.catalog != CatalogKind::Off,
            finishes_all: config.finish == FinishKind::Always && config.catalog != CatalogKind::Off,
            side_table,
            sequences: sequence_table.is_some().then(Arc::default),
            ..session
        },
        oracle,
    })
}

/// Those that compute leave cores to shards and to the catalogs.
fn workers_max(config: &Config) -> usize {
    const WORKERS_MIN: usize = 2;
    const WORKERS_MAX: usize = 8;
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    config.finish_workers_max.map_or_else(|| (cores / 2).clamp(WORKERS_MIN, WORKERS_MAX), |count| count as usize)
}

/// While one is computed, the rows of another may be fetched.
fn finish_statements_max(config: &Config) -> usize {
    config.finish_statements_max.map_or_else(|| workers_max(config).saturating_mul(2), |count| count as usize)
}

fn bytes(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

fn side_table(config: &Config) -> Option<Arc<SideTable>> {
    let TableName { schema, table } =
        config.catalog_side_table.as_ref().filter(|_| config.catalog != CatalogKind::Off)?;
    let schema = if schema.eq_ignore_ascii_case("public") { DEFAULT_SCHEMA } else { schema };
    Some(Arc::new(SideTable::new(schema, table)))
}

fn sequence_table(config: &Config) -> Option<Arc<SideTable>> {
    let TableName { schema, table } = &config.sequence_table;
    let schema = if schema.eq_ignore_ascii_case("public") { DEFAULT_SCHEMA } else { schema };
    (config.catalog != CatalogKind::Off).then(|| Arc::new(SideTable::new(schema, table)))
}

fn oracle_options(
    config: &Config,
    database: &str,
    side_table: Option<Arc<SideTable>>,
    sequence_table: Option<Arc<SideTable>>,
) -> Result<OracleOptions, String> {
    let source = match (config.catalog, &config.catalog_url) {
        (CatalogKind::Off, _) => OracleSource::Off,
        (CatalogKind::Embedded, Some(server)) => OracleSource::External(Arc::new(OracleServer {
            host: server.host.clone(),
            port: server.port,
            user: server.user.clone(),
            password: server.password.clone(),
            database: server.database.clone(),
        })),
        (CatalogKind::Embedded, None) => {
            OracleSource::Embedded { program: own_program()?, cache_dir: config.catalog_cache_dir.clone() }
        }
        (CatalogKind::Native, _) => {
            let user = config.catalog_os_user.as_deref();
            OracleSource::Native(Arc::new(NativePrograms::find(
                own_program()?,
                config.catalog_bin_dir.as_deref(),
                user,
            )?))
        }
    };
    Ok(OracleOptions {
        source,
        statement_timeout: Duration::from_millis(config.catalog_statement_timeout_ms),
        memory_bytes_max: config.catalog_memory_bytes_max,
        workers_max: workers_max(config),
        worker_idle_timeout: Duration::from_millis(config.finish_worker_idle_timeout_ms),
        reply_bytes_max: usize::try_from(config.catalog_reply_bytes_max).unwrap_or(usize::MAX),
        refresh_interval: Duration::from_millis(config.catalog_refresh_interval_ms),
        iris_answer_timeout: IRIS_ANSWER_TIMEOUT,
        database: database.to_owned(),
        mirror: MirrorOptions {
            default_schema: DEFAULT_SCHEMA.to_owned(),
            schemas: config.catalog_schemas.as_ref().map(|names| names.0.clone()),
            side_table,
            sequence_table,
        },
    })
}

fn own_program() -> Result<PathBuf, String> {
    std::env::current_exe().map_err(|error| format!("cannot tell where this program is: {error}"))
}

/// The gateway holds the other end of standard input and never writes to it: its end is the gateway's end, however that
/// came about. Then nobody else removes the files.
#[cfg(feature = "catalog-embedded")]
#[allow(clippy::disallowed_methods, reason = "the main thread may be inside PostgreSQL; nobody waits for it")]
fn leave_with_gateway(args: &CatalogServerArgs) -> Result<(), String> {
    use std::io::Read;
    use std::os::fd::AsFd;

    let folders = [args.folder.clone(), args.data.clone()];
    // Another handle of it: the command line holds the lock of the usual one.
    let stdin = std::io::stdin().as_fd().try_clone_to_owned();
    let mut stdin = stdin.map(std::fs::File::from).map_err(|error| format!("no standard input: {error}"))?;
    std::thread::spawn(move || {
        let _ = stdin.read_to_end(&mut Vec::new());
        for folder in &folders {
            // Whatever runs may still make files.
            for _ in 0..10 {
                match std::fs::remove_dir_all(folder) {
                    Err(error) if error.kind() != std::io::ErrorKind::NotFound => {}
                    _ => break,
                }
            }
        }
        for parent in folders.iter().filter_map(|folder| folder.parent()) {
            // What is left there the next gateway finds by its lock.
            let is_empty = std::fs::read_dir(parent).is_ok_and(|files| files.count() <= 1);
            if is_empty {
                let _ = std::fs::remove_file(parent.join("lock"));
                let _ = std::fs::remove_dir(parent);
            }
        }
        std::process::exit(0);
    });
    Ok(())
}
