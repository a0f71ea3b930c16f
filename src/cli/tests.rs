//! The command line as users type it.

use super::*;
use crate::auth::UserFile;

#[derive(Debug, Default)]
struct Outcome {
    exit: u8,
    stdout: String,
    stderr: String,
    served: Option<Config>,
    superserver: Option<SuperserverArgs>,
}

fn run_with(args: &[&str], stdin: &str, environment: &[(&str, &str)], result: Result<(), String>) -> Outcome {
    let mut outcome = Outcome::default();
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let mut system = System {
        environment: environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        stdin: &mut stdin.as_bytes(),
        stdin_is_terminal: false,
        stdout: &mut stdout,
        stderr: &mut stderr,
        cores_available: 4,
    };
    let programs = Programs {
        serve: &mut |config| {
            outcome.served = Some(config.clone());
            result.clone()
        },
        superserver: &mut |args| {
            outcome.superserver = Some(args.clone());
            result.clone()
        },
        catalog_server: &mut |_| result.clone(),
        catalog_child: &mut |_| result.clone(),
    };
    let args = std::iter::once("iris-pgwire").chain(args.iter().copied()).map(OsString::from);
    let exit = run(args, &mut system, programs);
    let [stdout, stderr] = [stdout, stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    Outcome { exit, stdout, stderr, ..outcome }
}

fn run_args(args: &[&str]) -> Outcome {
    run_with(args, "", &[], Ok(()))
}

#[test]
fn the_definition_is_sound() {
    command().debug_assert();
}

#[test]
fn serve_is_the_default_subcommand() {
    for args in [&["--listen", "127.0.0.1:6000"][..], &["serve", "--listen=127.0.0.1:6000"]] {
        let outcome = run_args(args);
        assert_eq!((outcome.exit, outcome.stderr.as_str()), (0, ""));
        assert_eq!(outcome.served.unwrap().listen.port(), 6000);
    }
    assert_eq!(run_args(&[]).served, Some(Config::default()));
}

#[test]
fn flags_win_over_the_environment() {
    let environment = [("IRIS_PGWIRE_CORES", "1"), ("IRIS_PGWIRE_LOGIN_TIMEOUT_MS", "5")];
    let outcome = run_with(&["--cores", "2"], "", &environment, Ok(()));
    let config = outcome.served.unwrap();
    assert_eq!((config.cores, config.login_timeout_ms), (Some(2), 5));
}

#[test]
fn mistakes_are_one_line_and_start_nothing() {
    let cases = [
        (&["--cores", "1025"][..], "iris-pgwire: --cores: cores = \"1025\": expected a whole number from 1 to 1024"),
        (&["serve", "--auth", "md5"], "iris-pgwire: --auth: auth = \"md5\": expected trust or scram"),
        (&["check-config", "--listen", "here"], "iris-pgwire: --listen: listen = \"here\": expected a numeric address"),
        (&["--config", "/nonexistent/gw.toml"], "iris-pgwire: cannot read the configuration file /nonexistent/gw.toml"),
        (&["hash-password", "--user", "#x"], "iris-pgwire: \"#x\" cannot be a user name"),
        (&["hash-password", "--user", "x"], "iris-pgwire: the password is empty"),
    ];
    for (args, expected) in cases {
        let outcome = run_args(args);
        assert_eq!(outcome.exit, 2, "{args:?}");
        assert!(outcome.stderr.starts_with(expected), "{args:?}: {}", outcome.stderr);
        assert_eq!(outcome.stderr.lines().count(), 1);
        assert!(outcome.served.is_none() && outcome.stdout.is_empty());
    }
}

#[test]
fn unknown_flags_and_help() {
    let outcome = run_args(&["--lissten", "x"]);
    assert_eq!(outcome.exit, 2);
    assert!(outcome.stderr.contains("--listen"), "{}", outcome.stderr);
    let help = run_args(&["--help"]);
    assert_eq!((help.exit, help.stderr.as_str()), (0, ""));
    for key in KEYS {
        assert!(help.stdout.contains(&format!("--{} <{}>", key.flag(), key.value_name)), "{}", key.name);
    }
    assert!(run_args(&["--version"]).stdout.starts_with("iris-pgwire "));
}

#[test]
fn a_failure_while_running_exits_with_1() {
    let outcome = run_with(&[], "", &[], Err("port 5432 is taken".into()));
    assert_eq!((outcome.exit, outcome.stderr.as_str()), (1, "iris-pgwire: port 5432 is taken\n"));
}

#[test]
fn warnings_do_not_stop() {
    let outcome = run_args(&["--listen", "0.0.0.0:5432"]);
    assert!(outcome.stderr.starts_with("iris-pgwire: warning: auth is trust on 0.0.0.0:5432"), "{}", outcome.stderr);
    assert!(outcome.served.is_some());
}

#[test]
fn check_config_prints_without_passwords() {
    let outcome = run_args(&["check-config", "--iris", "iris://u:secret@h/APP"]);
    assert_eq!((outcome.exit, outcome.stderr.as_str()), (0, ""));
    assert!(outcome.stdout.contains("iris = \"iris://u:***@h:1972/APP\" # --iris"), "{}", outcome.stdout);
    assert!(outcome.stdout.contains("listen = \"127.0.0.1:5432\" # default"));
    assert!(!outcome.stdout.contains("secret"));
    assert!(outcome.served.is_none());
}

#[cfg(feature = "standin")]
#[test]
fn superserver_options() {
    let outcome = run_args(&["superserver"]);
    let args = outcome.superserver.unwrap();
    assert_eq!(
        (args.listen.to_string().as_str(), args.user.as_str(), args.password.as_str()),
        ("127.0.0.1:1972", "_SYSTEM", "SYS")
    );
    assert_eq!(args.data, None);
    let outcome =
        run_args(&["superserver", "--listen", "[::1]:2000", "--data", "d", "--user", "u", "--password", "secret"]);
    let args = outcome.superserver.unwrap();
    assert_eq!((args.listen.port(), args.data.as_deref(), args.user.as_str()), (2000, Some(Path::new("d")), "u"));
    assert!(!format!("{args:?}").contains("secret"));
}

#[test]
fn hash_password_makes_a_user_file_line() {
    for stdin in ["pass word\n", "pass word\r\nmore\n", "pass word"] {
        let outcome = run_with(&["hash-password", "--user", "bob", "--iterations", "2"], stdin, &[], Ok(()));
        assert_eq!((outcome.exit, outcome.stderr.as_str()), (0, ""));
        let line = outcome.stdout.strip_suffix('\n').unwrap();
        assert_eq!(UserFile::parse(line).unwrap().len(), 1);
        // The same password and salt give the same line: the password was read whole and without its line end.
        let salt = line.split(['$', ':']).nth(3).unwrap();
        let salt = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, salt).unwrap();
        assert_eq!(salt.len(), SALT_BYTES_DEFAULT);
        assert_eq!(line, format!("bob:{}", hash_password("pass word", &salt, NonZeroU32::new(2).unwrap())));
    }
    let one = run_with(&["hash-password", "--user", "bob"], "x\n", &[], Ok(())).stdout;
    let two = run_with(&["hash-password", "--user", "bob"], "x\n", &[], Ok(())).stdout;
    assert_ne!(one, two, "the salt is random");
    assert!(one.starts_with("bob:SCRAM-SHA-256$4096:"));
}

#[test]
fn the_connect_command() {
    let config = Config::default();
    let command = |listen: &str| connect_command(&config, listen.parse().unwrap());
    assert_eq!(command("127.0.0.1:5432"), "psql \"postgresql://_SYSTEM@127.0.0.1:5432/USER\"");
    assert_eq!(command("0.0.0.0:1"), "psql \"postgresql://_SYSTEM@127.0.0.1:1/USER\"");
    assert_eq!(command("[::]:1"), "psql \"postgresql://_SYSTEM@[::1]:1/USER\"");
    let outcome = run_args(&["--iris", "iris://a%40b:p@h/%25SYS"]);
    let config = outcome.served.unwrap();
    assert_eq!(connect_command(&config, config.listen), "psql \"postgresql://a%40b@127.0.0.1:5432/%25SYS\"");
}
