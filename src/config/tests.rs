//! Precedence, messages, and the documentation that is made from the table.

use std::collections::HashMap;

use super::keys::Key;
use super::*;
use crate::auth::{ITERATIONS_DEFAULT, hash_password};

const CORES: usize = 8;

#[derive(Default)]
struct Case {
    files: HashMap<PathBuf, String>,
    sources: Sources,
}

impl Case {
    fn file(mut self, text: &str) -> Self {
        self.files.insert("gw.toml".into(), text.to_owned());
        self.sources.file = Some("gw.toml".into());
        self
    }

    fn env(mut self, name: &str, text: &str) -> Self {
        self.sources.environment.push((name.to_owned(), text.to_owned()));
        self
    }

    fn flag(mut self, key: &'static str, text: &str) -> Self {
        self.sources.flags.push((key, text.to_owned()));
        self
    }

    fn load(&self) -> Result<Loaded, ConfigError> {
        Loaded::load(&self.sources, CORES, |path| self.files.get(path).cloned().ok_or(io::ErrorKind::NotFound.into()))
    }

    fn config(&self) -> Config {
        self.load().unwrap().config
    }

    fn error(&self) -> String {
        let message = self.load().unwrap_err().to_string();
        assert!(!message.contains('\n'), "one line: {message}");
        message
    }
}

#[test]
fn without_anything_the_defaults_stand() {
    let loaded = Case::default().load().unwrap();
    assert_eq!(loaded.config, Config::default());
    assert!(loaded.origins.is_empty() && loaded.warnings.is_empty());
    assert_eq!(loaded.config.listen.to_string(), "127.0.0.1:5432");
    assert_eq!(loaded.config.cores, None);
}

#[test]
fn a_program_without_embedded_parts_says_what_to_set_instead() {
    let slim = |case: Case| Case {
        sources: Sources { built: Built { standin: false, catalog: false }, ..case.sources },
        ..case
    };
    let iris = |case: Case| slim(case.flag("iris", "iris://u:secret@h/APP"));
    assert_eq!(
        slim(Case::default()).error(),
        "iris is not set, and no embedded engine is built into this program (feature standin): \
         set iris = iris://user:password@host:1972/NAMESPACE (--iris)"
    );
    assert_eq!(
        slim(Case::default().flag("data", "d")).error(),
        "--data: data = \"d\" is the embedded engine's, which is not built into this program (feature standin): remove it"
    );
    assert_eq!(
        iris(Case::default()).error(),
        "default: catalog = \"embedded\" needs the embedded PostgreSQL, which is not built into this program (feature \
         catalog-embedded): set catalog = native to run the PostgreSQL of this machine, \
         catalog_url = postgres://user:password@host:5432/database to ask another, or catalog = off"
    );
    assert!(iris(Case::default().flag("catalog", "off")).load().is_ok());
    assert!(iris(Case::default().flag("catalog", "native")).load().is_ok());
    assert!(iris(Case::default().flag("catalog_url", "postgres://u@h/d")).load().is_ok());
    let standin = Case {
        sources: Sources { built: Built { standin: true, catalog: false }, ..Sources::default() },
        ..Case::default()
    };
    assert!(standin.error().contains("catalog = \"embedded\" needs"));
}

#[test]
fn the_later_source_wins() {
    let file = Case::default().file("iris_connections = 1\nlogin_timeout_ms = 1\npool_wait_timeout_ms = 1\n");
    assert_eq!(file.config().iris_connections, 1);
    let environment = file.env("IRIS_PGWIRE_LOGIN_TIMEOUT_MS", "2").env("IRIS_PGWIRE_POOL_WAIT_TIMEOUT_MS", "2");
    let all = environment.flag("pool_wait_timeout_ms", "3").load().unwrap();
    let config = &all.config;
    assert_eq!((config.iris_connections, config.login_timeout_ms, config.pool_wait_timeout_ms), (1, 2, 3));
    assert_eq!(config.iris_connect_timeout_ms, 5_000);
    let origins: Vec<_> = all.origins.iter().map(|(key, origin)| format!("{key} {origin}")).collect();
    assert_eq!(
        origins,
        [
            "iris_connections gw.toml:1",
            "login_timeout_ms IRIS_PGWIRE_LOGIN_TIMEOUT_MS",
            "pool_wait_timeout_ms --pool-wait-timeout-ms",
        ]
    );
}

/// Every key from every source, with a value other than its default.
#[test]
fn every_key_is_reachable_from_every_source() {
    let values = [
        ("listen", "[::1]:6432"),
        ("iris", "iris://u:***@h:1972/USER"),
        ("data", "/var/lib/x"),
        ("iris_connections", "9"),
        ("cores", "2"),
        ("auth", "scram"),
        ("users", "/etc/users"),
        ("client_connections_max", "7"),
        ("statement_bytes_max", "70000"),
        ("prepared_bytes_max", "70000"),
        ("login_timeout_ms", "7"),
        ("idle_in_transaction_timeout_ms", "7"),
        ("client_write_timeout_ms", "7"),
        ("client_tcp_timeout_ms", "7"),
        ("iris_connect_timeout_ms", "7"),
        ("iris_idle_timeout_ms", "7"),
        ("pool_wait_timeout_ms", "7"),
        ("shutdown_timeout_ms", "7"),
        ("catalog", "off"),
        ("catalog_url", "postgres://u:***@h:5432/d"),
        ("catalog_cache_dir", "/var/cache/x"),
        ("catalog_bin_dir", "/opt/pg/bin"),
        ("catalog_os_user", "pg"),
        ("catalog_statement_timeout_ms", "7"),
        ("catalog_memory_bytes_max", "1000000000"),
        ("catalog_reply_bytes_max", "2000000"),
        ("catalog_refresh_interval_ms", "7"),
        ("catalog_schemas", "public,sales"),
        ("catalog_side_table", "pgwire.comments"),
        ("sequence_table", "pgwire.counters"),
        ("sequence_namespace", "%SYS"),
        ("ddl_in_transaction", "immediate"),
        ("finish", "off"),
        ("finish_rows_max", "7"),
        ("finish_bytes_max", "2000000"),
        ("finish_statements_max", "7"),
        ("finish_workers_max", "7"),
        ("finish_worker_idle_timeout_ms", "700"),
        ("log_level", "debug"),
    ];
    assert_eq!(values.map(|(key, _)| key), KEYS.iter().map(|key| key.name).collect::<Vec<_>>()[..]);
    for (key, (name, text)) in KEYS.iter().zip(values) {
        let companion = |case: Case| if name == "auth" { case.flag("users", "u") } else { case };
        let cases = [
            companion(Case::default().file(&format!("{name} = \"{text}\""))),
            companion(Case::default().env(&key.variable(), text)),
            companion(Case::default().flag(key.name, text)),
        ];
        for case in cases {
            let config = case.config();
            assert_eq!(config.value(name), text);
            assert_ne!(config.value(name), Config::default().value(name));
        }
    }
}

#[test]
fn numbers_in_the_file_need_no_quotes() {
    let case = Case::default().file("client_connections_max = 1_000 # comment\ncores = '4'");
    assert_eq!((case.config().client_connections_max, case.config().cores), (1000, Some(4)));
}

#[test]
fn the_environment_names_the_file_and_the_flag_wins() {
    let mut case = Case::default().env("IRIS_PGWIRE_CONFIG", "other.toml");
    case.files.insert("other.toml".into(), "cores = 1".into());
    assert_eq!(case.config().cores, Some(1));
    assert_eq!(case.file("cores = 2").config().cores, Some(2));
}

#[test]
fn bad_values_say_where_what_and_what_to_do() {
    let c = Case::default;
    let cases = [
        (
            c().file("\n\nlogin_timeout_ms = 0"),
            "gw.toml:3: login_timeout_ms = \"0\": expected a whole number from 1 to 3600000",
        ),
        (
            c().file("listen = \"localhost\""),
            "gw.toml:1: listen = \"localhost\": expected a numeric address and a port, such as 127.0.0.1:5432 or [::1]:5432",
        ),
        (c().file("cores = 1\ncores = 2"), "gw.toml:2: duplicate key"),
        (c().file("cores = "), "gw.toml:1: "),
        (c().file("cores = [1]"), "gw.toml:1: cores: expected a string or a decimal number"),
        (c().file("cores = 0x10"), "gw.toml:1: cores: expected a string or a decimal number"),
        (c().file("auth = true"), "gw.toml:1: auth: expected a string or a decimal number"),
        (c().file("cores = 1\nlissten = \"x\""), "gw.toml:2: unknown key lissten; did you mean listen?"),
        (c().file("[pool]\nsize = 1"), "gw.toml:2: unknown key pool_size; `iris-pgwire check-config` lists all keys"),
        (c().env("IRIS_PGWIRE_AUTH", "md5"), "IRIS_PGWIRE_AUTH: auth = \"md5\": expected trust or scram"),
        (c().flag("cores", "0"), "--cores: cores = \"0\": expected a whole number from 1 to 1024"),
        (
            c().flag("iris_connections", "no"),
            "--iris-connections: iris_connections = \"no\": expected a whole number from 1 to 10000",
        ),
        (
            c().flag("auth", "scram"),
            "--auth: auth = \"scram\" needs a user file: set users, with lines from `iris-pgwire hash-password --user NAME`",
        ),
        (
            c().flag("catalog", "native").file("catalog_url = \"postgres://u:secret@h/d\""),
            "--catalog: catalog = \"native\" runs a PostgreSQL of this machine, but catalog_url names another: remove one of them",
        ),
        (
            c().flag("iris", "iris://u:p@h").file("data = \"d\""),
            "gw.toml:1: data = \"d\" is the embedded engine's, but iris names a server: remove one of them",
        ),
        (
            c().flag("iris", "iris://u:secret"),
            "--iris: iris: user and password are missing; expected iris://user:password@host:1972/NAMESPACE (percent-encode special characters)",
        ),
    ];
    for (case, expected) in cases {
        let message = case.error();
        assert!(message.starts_with(expected), "{message}\nexpected {expected}");
    }
    let mut missing = Case::default();
    missing.sources.file = Some("none.toml".into());
    assert_eq!(missing.error(), "cannot read the configuration file none.toml (entity not found): check --config");
}

#[test]
fn foreign_and_empty_variables_are_skipped() {
    let case = Case::default()
        .env("PATH", "/bin")
        .env("IRIS_PGWIRE_IRIS", "")
        .env("IRIS_PGWIRE_SERVICE_HOST", "10.0.0.1")
        .env("IRIS_PGWIRE_PORT", "tcp://10.0.0.1:5432");
    assert_eq!(case.config(), Config::default());
    assert!(case.load().unwrap().warnings.is_empty());
    let typo = Case::default().env("IRIS_PGWIRE_LISTN", "x").load().unwrap();
    assert_eq!(typo.warnings, ["IRIS_PGWIRE_LISTN is not known; did you mean IRIS_PGWIRE_LISTEN?"]);
}

#[test]
fn trust_beyond_loopback_is_warned_about() {
    let warnings = |case: Case| case.load().unwrap().warnings;
    assert_eq!(warnings(Case::default().flag("listen", "127.0.0.2:1")).len(), 0);
    assert_eq!(warnings(Case::default().flag("listen", "[::1]:1")).len(), 0);
    assert_eq!(warnings(Case::default().flag("cores", "8")).len(), 0);
    assert_eq!(
        warnings(Case::default().flag("cores", "9")),
        ["cores is 9, but this machine has 8: several shards share a core; lower it or leave it out"]
    );
    let [open] = &warnings(Case::default().flag("listen", "0.0.0.0:5432"))[..] else { unreachable!() };
    assert!(open.starts_with("auth is trust on 0.0.0.0:5432"), "{open}");
    let scram = Case::default().flag("listen", "0.0.0.0:5432").flag("auth", "scram").flag("users", "u");
    assert_eq!(warnings(scram).len(), 0);
    assert_eq!(
        warnings(Case::default().flag("users", "u")),
        ["users is not used while auth is trust; set auth = \"scram\""]
    );
    let native = |case: Case| case.flag("catalog_bin_dir", "/x");
    assert_eq!(warnings(native(Case::default())), ["catalog_bin_dir is not used unless catalog is native"]);
    assert_eq!(warnings(native(Case::default().flag("catalog", "native"))).len(), 0);
}

/// What `check-config` prints, read as a file, gives the same configuration; passwords stay hidden.
#[test]
fn the_printed_configuration_reads_back() {
    let case = Case::default()
        .file("listen = \"[::]:5432\"\nusers = 'C:\\users \"x\".txt'\nauth = \"scram\"")
        .flag("iris", "iris://u:secret@h/APP");
    let loaded = case.load().unwrap();
    let mut out = Vec::new();
    loaded.write(&mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    assert!(text.contains("iris = \"iris://u:***@h:1972/APP\" # --iris\n"), "{text}");
    assert!(text.contains("# data is not set\n"), "{text}");
    assert!(!text.contains("secret"));
    let mut again = Case::default().file(&text).config();
    assert_eq!(again.iris.as_ref().unwrap().password, "***");
    again.iris = loaded.config.iris.clone();
    assert_eq!(again, loaded.config);
}

#[test]
fn the_user_file_is_read_with_its_lines() {
    let config = Case::default().flag("auth", "scram").flag("users", "u.txt").config();
    let read = |text: &'static str| move |_: &Path| Ok(text.to_owned());
    let error = |text| config.auth_method(read(text)).unwrap_err().to_string();
    assert!(error("\nbob:plain").starts_with("u.txt:2: expected user:SCRAM-SHA-256$"));
    assert_eq!(error("# none"), "u.txt: no user in the file; add lines from `iris-pgwire hash-password --user NAME`");
    let missing = config.auth_method(|_| Err(io::ErrorKind::NotFound.into())).unwrap_err().to_string();
    assert_eq!(missing, "cannot read the user file u.txt (entity not found): check users");
    let line = format!("bob:{}", hash_password("x", b"salt", ITERATIONS_DEFAULT));
    let method = config.auth_method(|_| Ok(line.clone())).unwrap();
    assert!(matches!(method, AuthMethod::Scram { users, .. } if users.len() == 1));
    assert!(matches!(Config::default().auth_method(|_| unreachable!()), Ok(AuthMethod::Trust)));
}

#[test]
fn edit_distances() {
    for (a, b, distance) in
        [("", "", 0), ("abc", "abc", 0), ("abc", "", 3), ("listn", "listen", 1), ("kitten", "sitting", 3)]
    {
        assert_eq!((edit_distance(a, b), edit_distance(b, a)), (distance, distance), "{a} {b}");
    }
}

fn markdown() -> String {
    let mut text = "# Configuration\n\n\
        Order: defaults, then the file (`--config FILE` or `IRIS_PGWIRE_CONFIG`), then environment variables, then flags;\n\
        the later wins. The file is TOML with these keys at its top level; unknown keys are errors. An empty environment\n\
        variable counts as not set. `iris-pgwire check-config` prints the outcome, and where each value came from.\n\n\
        This page is made from the table in `src/config/keys.rs`; a test compares them\n\
        (`BLESS=1 cargo test --lib config::` writes it anew).\n\n\
        | key | default | flag | environment |\n|---|---|---|---|\n"
        .to_owned();
    let default = |key: &Key| match Config::default().value(key.name) {
        text if text.is_empty() => "not set".to_owned(),
        text => format!("`{text}`"),
    };
    for key in KEYS {
        let (name, flag, variable) = (key.name, key.flag(), key.variable());
        text += &format!(
            "| [`{name}`](#{name}) | {} | `--{flag} {}` | `{variable}` |\n",
            default(key),
            key.value_name.replace('|', "\\|")
        );
    }
    for key in KEYS {
        text += &format!("\n## `{}`\n", key.name);
        for line in key.doc.lines() {
            text += &format!("{}\n", line.trim());
        }
        text += &format!("\nDefault: {}.\n", default(key));
    }
    text
}

#[test]
fn the_documentation_is_the_table() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/CONFIG.md");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, markdown()).unwrap();
    }
    let on_disk = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(on_disk == markdown(), "docs/CONFIG.md is stale: BLESS=1 cargo test --lib config::");
}

#[test]
fn tables_and_lists_are_flattened() {
    let config =
        Case::default().file("[catalog]\nurl = \"postgres://u:p@h/d\"\nschemas = [\"public\", \"sales\"]\n").config();
    assert_eq!(config.value("catalog_url"), "postgres://u:***@h:5432/d");
    assert_eq!(config.catalog_schemas.unwrap().0, ["public", "sales"]);
}
