//! Configuration: defaults, then the file, then the environment, then flags; the later wins.
//!
//! Every source gives (key, text) pairs; one table (`keys.rs`) knows what keys there are and what text they take.

#![warn(clippy::missing_errors_doc)]

mod keys;
mod values;

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use toml::de::{DeTable, DeValue};

use crate::auth::{AuthMethod, MockSecret, UserFile};

pub use keys::Config;
pub(crate) use keys::KEYS;
pub(crate) use values::AuthKind;
pub use values::{CatalogKind, DdlKind, FinishKind, IrisServer, LogLevel, TableName};

/// Environment variables of the gateway begin with this.
pub(crate) const ENVIRONMENT_PREFIX: &str = "IRIS_PGWIRE_";

/// Names the configuration file, beside `--config`.
const FILE_VARIABLE: &str = "IRIS_PGWIRE_CONFIG";

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    Default,
    /// Line counted from 1.
    File {
        path: PathBuf,
        line: usize,
    },
    Environment(String),
    Flag(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Environment(name) => f.write_str(name),
            Self::Flag(name) => write!(f, "--{name}"),
        }
    }
}

/// What is wrong with the configuration: one line that says where, what, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(String);

impl ConfigError {
    fn value(origin: &Origin, key: &str, text: &str, reason: &str) -> Self {
        // The text of a URL holds a password.
        let shown = if matches!(key, "iris" | "catalog_url") { String::new() } else { format!(" = {text:?}") };
        Self(format!("{origin}: {key}{shown}: {reason}"))
    }
}

/// What the process was started with.
#[derive(Debug, Default)]
pub struct Sources {
    pub file: Option<PathBuf>,
    /// Key and text, as given by flags.
    pub flags: Vec<(&'static str, String)>,
    /// Name and value of environment variables; those of others are skipped.
    pub environment: Vec<(String, String)>,
    pub built: Built,
}

/// What was built into the program (features of the package), and need not be elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Built {
    /// The embedded engine: feature `standin`.
    pub standin: bool,
    /// The embedded PostgreSQL: feature `catalog-embedded`.
    pub catalog: bool,
}

impl Default for Built {
    /// What this program has.
    fn default() -> Self {
        Self { standin: cfg!(feature = "standin"), catalog: cfg!(feature = "catalog-embedded") }
    }
}

/// A configuration that is valid, and where its values came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    pub config: Config,
    /// Keys that are missing have their default.
    pub origins: BTreeMap<&'static str, Origin>,
    /// Allowed, but hardly meant.
    pub warnings: Vec<String>,
}

impl Loaded {
    /// `cores_available`: cores of the machine. `read`: reads a file whole.
    ///
    /// # Errors
    /// What is wrong first, in one line: a source that cannot be read, an unknown key, a value that is no good,
    /// values that do not fit each other or what is built in.
    pub fn load(
        sources: &Sources,
        cores_available: usize,
        read: impl Fn(&Path) -> io::Result<String>,
    ) -> Result<Self, ConfigError> {
        let mut loaded = Self { config: Config::default(), origins: BTreeMap::new(), warnings: Vec::new() };
        if let Some(path) = sources.file.clone().or_else(|| file_from_environment(sources)) {
            let text = read(&path).map_err(|error| {
                let path = path.display();
                ConfigError(format!("cannot read the configuration file {path} ({error}): check --config"))
            })?;
            loaded.apply_file(&path, &text)?;
        }
        for (name, text) in &sources.environment {
            loaded.apply_variable(name, text)?;
        }
        for (key, text) in &sources.flags {
            loaded.apply(key, text, Origin::Flag(key.replace('_', "-")))?;
        }
        loaded.check_built(sources.built)?;
        loaded.check(cores_available)?;
        Ok(loaded)
    }

    fn apply(&mut self, key: &str, text: &str, origin: Origin) -> Result<(), ConfigError> {
        let known = KEYS.iter().find(|known| known.name == key).zip(self.config.set(key, text));
        let Some((known, result)) = known else {
            let hint = match closest(key) {
                Some(name) => format!("did you mean {name}?"),
                None => "`iris-pgwire check-config` lists all keys".to_owned(),
            };
            return Err(ConfigError(format!("{origin}: unknown key {key}; {hint}")));
        };
        result.map_err(|reason| ConfigError::value(&origin, key, text, &reason))?;
        self.origins.insert(known.name, origin);
        Ok(())
    }

    fn apply_file(&mut self, path: &Path, text: &str) -> Result<(), ConfigError> {
        let origin = |offset: usize| Origin::File { path: path.to_owned(), line: line_at(text, offset) };
        let table = DeTable::parse(text).map_err(|error| {
            let place = origin(error.span().map_or(0, |span| span.start));
            ConfigError(format!("{place}: {}", error.message().replace('\n', ", ")))
        })?;
        // In the order of the file, so that the first mistake is reported first.
        let mut entries = Vec::new();
        for (key, value) in table.get_ref() {
            flatten(key.get_ref(), key.span().start, value.get_ref(), &mut entries);
        }
        entries.sort_by_key(|(_, start, _)| *start);
        for (key, start, value) in entries {
            let origin = origin(start);
            let text = match text_of(value) {
                Some(text) => text,
                // Of a known key this is a bad value; of any other the key is the mistake.
                None if KEYS.iter().any(|known| known.name == key) => {
                    return Err(ConfigError(format!("{origin}: {key}: expected a string or a decimal number")));
                }
                None => String::new(),
            };
            self.apply(&key, &text, origin)?;
        }
        Ok(())
    }

    /// An empty variable counts as not set: compose files and charts pass those on.
    fn apply_variable(&mut self, name: &str, text: &str) -> Result<(), ConfigError> {
        let Some(key) = name.strip_prefix(ENVIRONMENT_PREFIX).filter(|_| !text.is_empty() && name != FILE_VARIABLE)
        else {
            return Ok(());
        };
        let key = key.to_lowercase();
        if KEYS.iter().any(|known| known.name == key) {
            return self.apply(&key, text, Origin::Environment(name.to_owned()));
        }
        // Not an error: Kubernetes makes variables like IRIS_PGWIRE_SERVICE_HOST for a service of our name.
        if let Some(close) = closest(&key) {
            let close = close.to_uppercase();
            self.warnings.push(format!("{name} is not known; did you mean {ENVIRONMENT_PREFIX}{close}?"));
        }
        Ok(())
    }

    /// What needs a part that this program lacks.
    fn check_built(&self, built: Built) -> Result<(), ConfigError> {
        let config = &self.config;
        if !built.standin && config.data.is_some() {
            let reason = "is the embedded engine's, which is not built into this program (feature standin): remove it";
            return Err(self.conflict("data", reason));
        }
        if !built.standin && config.iris.is_none() {
            return Err(ConfigError(
                "iris is not set, and no embedded engine is built into this program (feature standin): \
                 set iris = iris://user:password@host:1972/NAMESPACE (--iris)"
                    .to_owned(),
            ));
        }
        if !built.catalog && config.catalog == CatalogKind::Embedded && config.catalog_url.is_none() {
            let reason = "needs the embedded PostgreSQL, which is not built into this program (feature \
                          catalog-embedded): set catalog = native to run the PostgreSQL of this machine, \
                          catalog_url = postgres://user:password@host:5432/database to ask another, or catalog = off";
            return Err(self.conflict("catalog", reason));
        }
        Ok(())
    }

    /// What no key alone can tell.
    fn check(&mut self, cores_available: usize) -> Result<(), ConfigError> {
        let config = &self.config;
        if config.iris.is_some() && config.data.is_some() {
            return Err(self.conflict("data", "is the embedded engine's, but iris names a server: remove one of them"));
        }
        if config.catalog == CatalogKind::Native && config.catalog_url.is_some() {
            let reason = "runs a PostgreSQL of this machine, but catalog_url names another: remove one of them";
            return Err(self.conflict("catalog", reason));
        }
        if config.auth == AuthKind::Scram && config.users.is_none() {
            let reason = "needs a user file: set users, with lines from `iris-pgwire hash-password --user NAME`";
            return Err(self.conflict("auth", reason));
        }
        if let Some(cores) = config.cores
            && usize::try_from(cores).is_ok_and(|cores| cores > cores_available)
        {
            self.warnings.push(format!(
                "cores is {cores}, but this machine has {cores_available}: several shards share a core; lower it or leave it out"
            ));
        }
        if config.auth == AuthKind::Trust && !config.listen.ip().is_loopback() {
            let listen = config.listen;
            self.warnings.push(format!(
                "auth is trust on {listen}: whoever reaches it may log in as anybody; set auth = \"scram\" and users"
            ));
        }
        if config.auth == AuthKind::Trust && config.users.is_some() {
            self.warnings.push("users is not used while auth is trust; set auth = \"scram\"".to_owned());
        }
        if config.catalog == CatalogKind::Off && config.catalog_side_table.is_some() {
            self.warnings.push("catalog_side_table is not used while catalog is off".to_owned());
        }
        let native = [
            ("catalog_bin_dir", config.catalog_bin_dir.is_some()),
            ("catalog_os_user", config.catalog_os_user.is_some()),
        ];
        for (key, _) in native.iter().filter(|(_, is_set)| *is_set && config.catalog != CatalogKind::Native) {
            self.warnings.push(format!("{key} is not used unless catalog is native"));
        }
        Ok(())
    }

    fn conflict(&self, key: &str, reason: &str) -> ConfigError {
        let origin = self.origins.get(key).unwrap_or(&Origin::Default);
        let text = self.config.value(key);
        ConfigError(format!("{origin}: {key} = {text:?} {reason}"))
    }

    /// The configuration as a file that would give it again, with the origin of each value.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write(&self, out: &mut dyn io::Write) -> io::Result<()> {
        for key in KEYS {
            let name = key.name;
            let origin = self.origins.get(name).unwrap_or(&Origin::Default);
            let text = self.config.value(name);
            if text.is_empty() {
                writeln!(out, "# {name} is not set")?;
            } else if text.bytes().all(|byte| byte.is_ascii_digit()) {
                writeln!(out, "{name} = {text} # {origin}")?;
            } else {
                writeln!(out, "{name} = {} # {origin}", toml::Value::String(text))?;
            }
        }
        Ok(())
    }
}

impl Config {
    /// How clients authenticate; reads the user file when there is one to use.
    ///
    /// # Errors
    /// The user file is missing, cannot be read, or holds no user; or the system has no random numbers.
    pub fn auth_method(&self, read: impl Fn(&Path) -> io::Result<String>) -> Result<AuthMethod, ConfigError> {
        let path = match (self.auth, &self.users) {
            (AuthKind::Trust, _) => return Ok(AuthMethod::Trust),
            (AuthKind::Scram, None) => return Err(ConfigError("auth = \"scram\" needs a user file: set users".into())),
            (AuthKind::Scram, Some(path)) => path,
        };
        let shown = path.display();
        let text = read(path)
            .map_err(|error| ConfigError(format!("cannot read the user file {shown} ({error}): check users")))?;
        let users =
            UserFile::parse(&text).map_err(|error| ConfigError(format!("{shown}:{}: {}", error.line, error.reason)))?;
        if users.is_empty() {
            let remedy = "add lines from `iris-pgwire hash-password --user NAME`";
            return Err(ConfigError(format!("{shown}: no user in the file; {remedy}")));
        }
        let mock_secret =
            MockSecret::random().map_err(|error| ConfigError(format!("no random numbers from the system: {error}")))?;
        Ok(AuthMethod::Scram { users: Arc::new(users), mock_secret })
    }
}

/// `url` in the table `catalog` is the key `catalog_url`.
fn flatten<'t>(name: &str, start: usize, value: &'t DeValue<'t>, out: &mut Vec<(String, usize, &'t DeValue<'t>)>) {
    match value {
        DeValue::Table(table) => {
            for (key, value) in table {
                flatten(&format!("{name}_{}", key.get_ref()), key.span().start, value.get_ref(), out);
            }
        }
        value => out.push((name.to_owned(), start, value)),
    }
}

/// A value as the text that flags and the environment would give; a list of strings with commas.
fn text_of(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) if number.radix() == 10 => Some(number.as_str().replace('_', "")),
        DeValue::Array(items) => {
            let texts: Option<Vec<&str>> = items.iter().map(|item| item.get_ref().as_str()).collect();
            texts.filter(|texts| !texts.is_empty()).map(|texts| texts.join(","))
        }
        _ => None,
    }
}

fn file_from_environment(sources: &Sources) -> Option<PathBuf> {
    let variable = sources.environment.iter().find(|(name, value)| name == FILE_VARIABLE && !value.is_empty());
    variable.map(|(_, value)| PathBuf::from(value))
}

/// Line of a byte offset, counted from 1.
fn line_at(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count().saturating_add(1)
}

/// The key a user probably meant: at most two edits away.
fn closest(name: &str) -> Option<&'static str> {
    let near = KEYS.iter().map(|key| (edit_distance(name, key.name), key.name)).min()?;
    (near.0 <= 2).then_some(near.1)
}

/// Levenshtein's distance in bytes.
fn edit_distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, byte_a) in a.bytes().enumerate() {
        // `left` runs one behind: the cell to the left in the new row; `diagonal` is the old row's.
        let mut diagonal = i;
        let mut left = i.saturating_add(1);
        for (cell, byte_b) in row.iter_mut().skip(1).zip(b.bytes()) {
            let replaced = diagonal.saturating_add(usize::from(byte_a != byte_b));
            diagonal = *cell;
            left = replaced.min(left.saturating_add(1)).min(diagonal.saturating_add(1));
            *cell = left;
        }
        if let Some(first) = row.first_mut() {
            *first = i.saturating_add(1);
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests;
