//! The databases of one stand-in and the sessions on them.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::catalog::CatalogStore;
use super::gate::WriterGate;
use super::scratch::ScratchFolder;
use super::session::EngineSession;
use super::value::SqlError;
use super::{ddl, functions};

/// Namespaces that exist from the start.
const NAMESPACES: [&str; 2] = ["USER", "%SYS"];
/// Prepared SQLite statements kept by each connection.
const STATEMENT_CACHE: usize = 256;

/// The file by which an engine has its folder for itself.
const LOCK: &str = "lock";

/// How an engine is set up.
#[derive(Debug, Clone, Default)]
pub struct EngineOptions {
    /// Where the databases live, one file a namespace. `None`: a temporary folder, removed when the engine is dropped
    /// (or by the next one, after a kill), and never synced to disk.
    pub data_dir: Option<PathBuf>,
    /// Further namespaces.
    pub namespaces: Vec<String>,
}

/// Why an engine could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum EngineOpenError {
    /// The folder of the data.
    #[error("the data folder {path} cannot be made: {source}")]
    Folder {
        /// Which folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Another engine has the folder.
    #[error("the data folder {path} is in use by another process")]
    InUse {
        /// Which folder.
        path: PathBuf,
    },
    /// A namespace's file.
    #[error("the database of namespace {namespace} cannot be opened: {message}")]
    Database {
        /// Which one.
        namespace: String,
        /// What SQLite said.
        message: String,
    },
}

/// One namespace.
#[derive(Debug)]
pub(super) struct Database {
    pub path: PathBuf,
    pub gate: Arc<WriterGate>,
    pub store: CatalogStore,
    /// Whether commits reach the disk before they return.
    pub durable: bool,
}

/// All databases. Sessions hold it alive.
pub struct Engine {
    folder: PathBuf,
    /// Where the folder is a temporary one.
    scratch: Option<ScratchFolder>,
    /// Of a folder that stays, locked for as long as the engine lives.
    _lock: Option<std::fs::File>,
    databases: Mutex<HashMap<String, Arc<Database>>>,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("folder", &self.folder).finish_non_exhaustive()
    }
}

impl Engine {
    /// # Errors
    /// [`EngineOpenError`]
    pub fn open(options: EngineOptions) -> Result<Arc<Engine>, EngineOpenError> {
        let engine = match options.data_dir {
            Some(folder) => {
                let made = std::fs::create_dir_all(&folder);
                let lock = made.and_then(|()| std::fs::File::create(folder.join(LOCK)));
                let lock = lock.map_err(|source| EngineOpenError::Folder { path: folder.clone(), source })?;
                // What one engine knows of its tables another one would not hear of.
                if lock.try_lock().is_err() {
                    return Err(EngineOpenError::InUse { path: folder });
                }
                Engine { folder, scratch: None, _lock: Some(lock), databases: Mutex::default() }
            }
            None => {
                let scratch = ScratchFolder::create();
                let scratch = scratch.map_err(|(path, source)| EngineOpenError::Folder { path, source })?;
                let folder = scratch.path().to_owned();
                Engine { folder, scratch: Some(scratch), _lock: None, databases: Mutex::default() }
            }
        };
        for namespace in NAMESPACES.iter().map(|name| (*name).to_owned()).chain(options.namespaces) {
            let opened = engine.add_namespace(&namespace);
            opened.map_err(|error| EngineOpenError::Database { namespace, message: error.message })?;
        }
        Ok(Arc::new(engine))
    }

    /// Makes or opens the database of a namespace.
    ///
    /// # Errors
    /// -400 when SQLite refuses.
    pub fn add_namespace(&self, namespace: &str) -> Result<(), SqlError> {
        let key = namespace.to_uppercase();
        let mut databases = self.databases.lock().unwrap_or_else(PoisonError::into_inner);
        if databases.contains_key(&key) {
            return Ok(());
        }
        let file: String = key.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
        let path = self.folder.join(format!("{file}.db"));
        let durable = self.scratch.is_none();
        let conn = open_connection(&path, durable)?;
        functions::register_session(&conn, &Arc::default())
            .map_err(|error| SqlError::execute(400, error.to_string()))?;
        let store = CatalogStore::open(&conn)?;
        let run = |sql: &str| conn.execute_batch(sql).map_err(|error| SqlError::execute(400, error.to_string()));
        run("BEGIN IMMEDIATE")?;
        ddl::prepare_database(&conn, &store)?;
        run("COMMIT")?;
        databases.insert(key, Arc::new(Database { path, gate: Arc::default(), store, durable }));
        Ok(())
    }

    /// The namespace of that name, if it is there and was not from the start.
    pub fn made_namespace(&self, name: &str) -> Option<String> {
        let key = name.to_uppercase();
        let there = self.databases.lock().unwrap_or_else(PoisonError::into_inner).contains_key(&key);
        (there && !NAMESPACES.contains(&key.as_str())).then_some(key)
    }

    /// CREATE DATABASE and DROP DATABASE, whose databases are namespaces. `current`: the namespace of who asks.
    ///
    /// # Errors
    /// -340 not there, -341 there already, -342 a system namespace, -344 the current one.
    pub(super) fn change_namespace(&self, change: &ddl::DatabaseChange, current: &str) -> Result<(), SqlError> {
        let exists = |name: &str| {
            let databases = self.databases.lock().unwrap_or_else(PoisonError::into_inner);
            databases.contains_key(&name.to_uppercase())
        };
        match change {
            ddl::DatabaseChange::Create(name) if exists(name) => {
                Err(SqlError::execute(341, format!("Database '{name}' exists already")))
            }
            ddl::DatabaseChange::Create(name) => self.add_namespace(name),
            ddl::DatabaseChange::Drop { name, if_exists } if !exists(name) => {
                let missing = SqlError::execute(340, format!("Database '{name}' does not exist"));
                if *if_exists { Ok(()) } else { Err(missing) }
            }
            ddl::DatabaseChange::Drop { name, .. } if NAMESPACES.iter().any(|own| own.eq_ignore_ascii_case(name)) => {
                Err(SqlError::execute(342, format!("'{name}' is a system namespace")))
            }
            ddl::DatabaseChange::Drop { name, .. } if name.eq_ignore_ascii_case(current) => {
                Err(SqlError::execute(344, format!("This connection uses '{name}'")))
            }
            ddl::DatabaseChange::Drop { name, .. } => {
                let mut databases = self.databases.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(database) = databases.remove(&name.to_uppercase()) {
                    // Connections that are still there keep the open file; a name that cannot go now is reused.
                    let _ = std::fs::remove_file(&database.path);
                }
                Ok(())
            }
        }
    }

    /// A session of its own, for one IRIS connection.
    ///
    /// # Errors
    /// -417 for an unknown namespace, -400 when SQLite refuses.
    pub fn connect(self: &Arc<Self>, namespace: &str, user: &str, job: u32) -> Result<EngineSession, SqlError> {
        let key = namespace.to_uppercase();
        let database = self.databases.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        let database =
            database.ok_or_else(|| SqlError::execute(417, format!("Namespace '{namespace}' does not exist")))?;
        let conn = open_connection(&database.path, database.durable)?;
        EngineSession::new(Arc::clone(self), database, conn, key, user.to_owned(), job)
    }
}

fn open_connection(path: &Path, durable: bool) -> Result<Connection, SqlError> {
    let failed = |error: rusqlite::Error| SqlError::execute(400, format!("Fatal error occurred: {error}"));
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags).map_err(failed)?;
    conn.set_prepared_statement_cache_capacity(STATEMENT_CACHE);
    // A misspelt name must be an error, never a string.
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false).map_err(failed)?;
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DDL, false).map_err(failed)?;
    let synchronous = if durable { "FULL" } else { "OFF" };
    conn.execute_batch(&format!(
        "PRAGMA busy_timeout=10000; PRAGMA journal_mode=WAL; PRAGMA synchronous={synchronous}; PRAGMA temp_store=MEMORY; \
         PRAGMA foreign_keys=OFF; PRAGMA recursive_triggers=ON; PRAGMA case_sensitive_like=ON;"
    ))
    .map_err(failed)?;
    functions::register(&conn).map_err(failed)?;
    Ok(conn)
}
