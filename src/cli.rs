//! Words from outside: subcommands, flags, the password prompt. What they start is handed in by `main`.

mod log;

pub use log::start_logging;

use std::ffi::OsString;
use std::io::{self, BufRead, IsTerminal, Write};
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Arg, ArgMatches, Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use nix::sys::termios::{LocalFlags, SetArg, Termios, tcgetattr, tcsetattr};

use crate::auth::{ITERATIONS_DEFAULT, SALT_BYTES_DEFAULT, check_user, hash_password};
use crate::config::{Built, Config, ConfigError, KEYS, Loaded, Sources};

/// PostgreSQL wire protocol gateway for InterSystems IRIS.
#[derive(Debug, Parser)]
#[command(name = "iris-pgwire", version, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: ServeArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the gateway; the same as no subcommand.
    Serve(ServeArgs),
    /// Run the embedded engine alone, for clients of the IRIS superserver protocol; as the program `iris-standin`.
    Superserver(SuperserverArgs),
    /// Make a line for the user file from a password read from the terminal or standard input.
    HashPassword(HashPasswordArgs),
    /// Check the configuration, print it and where each value came from.
    CheckConfig(ServeArgs),
    /// The oracle's process; started by `serve`.
    #[command(hide = true)]
    CatalogServer(CatalogServerArgs),
    /// Becomes a program of a native PostgreSQL; started by `serve`.
    #[command(hide = true)]
    CatalogChild(CatalogChildArgs),
}

/// Flags of the configuration table; the table is the only list of them.
#[derive(Debug, Default)]
struct ServeArgs {
    file: Option<PathBuf>,
    flags: Vec<(&'static str, String)>,
}

const CONFIG_ID: &str = "config";

impl Args for ServeArgs {
    fn augment_args(command: clap::Command) -> clap::Command {
        let config = Arg::new(CONFIG_ID).long("config").value_name("FILE").value_parser(clap::value_parser!(PathBuf));
        let config = config.help("Configuration file (TOML) [env: IRIS_PGWIRE_CONFIG]");
        let defaults = Config::default();
        KEYS.iter().fold(command.arg(config), |command, key| {
            let default = match defaults.value(key.name) {
                text if text.is_empty() => String::new(),
                text => format!(" [default: {text}]"),
            };
            let notes = format!("{default} [env: {}]", key.variable());
            let short = format!("{}{notes}", key.doc.lines().next().unwrap_or_default().trim());
            let long = format!("{}{notes}", key.doc.split_whitespace().collect::<Vec<_>>().join(" "));
            let arg = Arg::new(key.name).long(key.flag()).value_name(key.value_name);
            command.arg(arg.help(short).long_help(long))
        })
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for ServeArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut args = Self::default();
        args.update_from_arg_matches(matches)?;
        Ok(args)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        if let Some(file) = matches.get_one::<PathBuf>(CONFIG_ID) {
            self.file = Some(file.clone());
        }
        for key in KEYS {
            if let Some(text) = matches.get_one::<String>(key.name) {
                self.flags.push((key.name, text.clone()));
            }
        }
        Ok(())
    }
}

/// `iris-pgwire superserver`.
#[cfg(feature = "standin")]
pub use iris_standin::program::Options as SuperserverArgs;

/// `iris-pgwire superserver` of a program without it: whatever is asked is refused.
#[cfg(not(feature = "standin"))]
#[derive(Debug, Clone, Args)]
pub struct SuperserverArgs {
    #[arg(hide = true, trailing_var_arg = true, allow_hyphen_values = true)]
    pub rest: Vec<OsString>,
}

/// The environment variable of the superserver's password.
#[cfg(feature = "standin")]
const SUPERSERVER_PASSWORD: &str = "IRIS_PGWIRE_SUPERSERVER_PASSWORD";

/// `iris-pgwire catalog-server`, which no person starts.
#[derive(Debug, Clone, Args)]
pub struct CatalogServerArgs {
    /// Folder of this process alone, for its socket and its files.
    #[arg(long, value_name = "DIR")]
    pub folder: PathBuf,
    /// Folder of PostgreSQL's data, which outlives the process.
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,
    /// The database to go on with, which an earlier process has left in `data`. Without it the data are made anew.
    #[arg(long, value_name = "DATABASE")]
    pub reopen: Option<String>,
    /// The data are a copy, and nothing is committed: it computes, at a lower priority than others.
    #[arg(long)]
    pub worker: bool,
}

/// `iris-pgwire catalog-child`, which no person starts.
#[derive(Debug, Clone, Args)]
pub struct CatalogChildArgs {
    /// The process to end with.
    #[arg(long, value_name = "PID")]
    pub parent: u32,
    /// Memory of its own that a process may have.
    #[arg(long, value_name = "BYTES")]
    pub memory_bytes_max: u64,
    /// Whom to become.
    #[arg(long, value_name = "UID", requires = "gid")]
    pub uid: Option<u32>,
    #[arg(long, value_name = "GID", requires = "uid")]
    pub gid: Option<u32>,
    /// The program and its arguments.
    #[arg(last = true, required = true)]
    pub command: Vec<OsString>,
}

#[derive(Debug, Args)]
struct HashPasswordArgs {
    /// The user the line is for.
    #[arg(long, value_name = "NAME")]
    user: String,
    /// Rounds of PBKDF2; more make guessing, and each login on the client's side, slower.
    #[arg(long, value_name = "N", default_value_t = ITERATIONS_DEFAULT)]
    iterations: NonZeroU32,
}

/// The process around the command line.
pub(crate) struct System<'s> {
    pub environment: Vec<(String, String)>,
    pub stdin: &'s mut dyn BufRead,
    /// Standard input is a person: prompt, and do not show what is typed.
    pub stdin_is_terminal: bool,
    pub stdout: &'s mut dyn Write,
    pub stderr: &'s mut dyn Write,
    pub cores_available: usize,
}

/// The long-running programs. They return when they are told to stop; the text of an error is one line.
pub struct Programs<'p> {
    pub serve: &'p mut dyn FnMut(&Config) -> Result<(), String>,
    pub superserver: &'p mut dyn FnMut(&SuperserverArgs) -> Result<(), String>,
    pub catalog_server: &'p mut dyn FnMut(&CatalogServerArgs) -> Result<(), String>,
    pub catalog_child: &'p mut dyn FnMut(&CatalogChildArgs) -> Result<(), String>,
}

/// A mistake of the user, as opposed to a failure while running (1). The same number as clap's.
const EXIT_USAGE: u8 = 2;

/// Runs the command line of this process.
pub fn main(programs: Programs<'_>) -> ExitCode {
    let stdin_is_terminal = io::stdin().is_terminal();
    let environment = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    let mut system = System {
        environment,
        stdin: &mut io::stdin().lock(),
        stdin_is_terminal,
        // Not locked: what is started prints from its own threads.
        stdout: &mut io::stdout(),
        stderr: &mut log::LastWords,
        cores_available: std::thread::available_parallelism().map_or(1, usize::from),
    };
    ExitCode::from(run(std::env::args_os(), &mut system, programs))
}

/// `args` begin with the program's name. Gives the exit code: 0 done, 1 failed while running, 2 asked wrongly.
pub(crate) fn run(args: impl Iterator<Item = OsString>, system: &mut System<'_>, programs: Programs<'_>) -> u8 {
    let parsed = command().try_get_matches_from(args).and_then(|matches| Cli::from_arg_matches(&matches));
    let cli = match parsed {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are "errors" that belong on standard output.
            let out = if error.use_stderr() { &mut system.stderr } else { &mut system.stdout };
            let written = write!(out, "{}", error.render());
            return u8::try_from(error.exit_code()).ok().filter(|_| written.is_ok()).unwrap_or(EXIT_USAGE);
        }
    };
    let outcome = match cli.command.unwrap_or(Command::Serve(cli.serve)) {
        Command::Serve(args) => {
            load(args, system).and_then(|loaded| (programs.serve)(&loaded.config).map_err(Failure::running))
        }
        Command::Superserver(args) => (programs.superserver)(&args).map_err(Failure::running),
        Command::CatalogServer(args) => (programs.catalog_server)(&args).map_err(Failure::running),
        Command::CatalogChild(args) => (programs.catalog_child)(&args).map_err(Failure::running),
        Command::HashPassword(args) => hash_password_line(&args, system),
        Command::CheckConfig(args) => check_config(args, system),
    };
    match outcome {
        Ok(()) => 0,
        Err(Failure { exit, message }) => {
            // Nobody is left to tell when this fails.
            let _ = writeln!(system.stderr, "iris-pgwire: {message}");
            exit
        }
    }
}

fn command() -> clap::Command {
    let command = Cli::command();
    #[cfg(feature = "standin")]
    let command = command.mut_subcommand("superserver", |superserver| {
        superserver.mut_arg("password", |password| password.env(SUPERSERVER_PASSWORD))
    });
    command
}

struct Failure {
    exit: u8,
    message: String,
}

impl Failure {
    fn running(message: String) -> Self {
        Self { exit: 1, message }
    }

    fn usage(message: impl Into<String>) -> Self {
        Self { exit: EXIT_USAGE, message: message.into() }
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::usage(error.to_string())
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::running(error.to_string())
    }
}

fn read_file(path: &Path) -> io::Result<String> {
    std::fs::read_to_string(path)
}

fn load(args: ServeArgs, system: &mut System<'_>) -> Result<Loaded, Failure> {
    let environment = std::mem::take(&mut system.environment);
    let sources = Sources { file: args.file, flags: args.flags, environment, built: Built::default() };
    let loaded = Loaded::load(&sources, system.cores_available, read_file)?;
    for warning in &loaded.warnings {
        writeln!(system.stderr, "iris-pgwire: warning: {warning}")?;
    }
    Ok(loaded)
}

fn check_config(args: ServeArgs, system: &mut System<'_>) -> Result<(), Failure> {
    let loaded = load(args, system)?;
    // Also what `serve` would trip over next.
    loaded.config.auth_method(read_file)?;
    loaded.write(system.stdout)?;
    system.stdout.flush()?;
    Ok(())
}

fn hash_password_line(args: &HashPasswordArgs, system: &mut System<'_>) -> Result<(), Failure> {
    check_user(&args.user).map_err(Failure::usage)?;
    let password = read_password(&args.user, system)?;
    let mut salt = [0; SALT_BYTES_DEFAULT];
    getrandom::fill(&mut salt)
        .map_err(|error| Failure::running(format!("no random numbers from the system: {error}")))?;
    writeln!(system.stdout, "{}:{}", args.user, hash_password(&password, &salt, args.iterations))?;
    system.stdout.flush()?;
    Ok(())
}

fn read_password(user: &str, system: &mut System<'_>) -> Result<String, Failure> {
    let password = if system.stdin_is_terminal {
        let echo = EchoOff::begin();
        let password = prompt(&format!("Password for {user}: "), system)?;
        let again = prompt("Again: ", system)?;
        drop(echo);
        if password != again {
            return Err(Failure::usage("the two passwords differ; nothing was made"));
        }
        password
    } else {
        read_line(system)?
    };
    if password.is_empty() {
        return Err(Failure::usage("the password is empty: give it as the first line of standard input"));
    }
    if password.contains('\0') {
        return Err(Failure::usage("the password holds a NUL character, which no client can send"));
    }
    Ok(password)
}

fn prompt(text: &str, system: &mut System<'_>) -> Result<String, Failure> {
    // Standard output is for the line, which may go to a file.
    write!(system.stderr, "{text}")?;
    system.stderr.flush()?;
    let line = read_line(system);
    writeln!(system.stderr)?;
    line
}

/// One line without its end.
fn read_line(system: &mut System<'_>) -> Result<String, Failure> {
    let mut line = String::new();
    match system.stdin.read_line(&mut line) {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            return Err(Failure::usage("the password is not UTF-8 text"));
        }
        Err(error) => return Err(error.into()),
    }
    let line = line.strip_suffix('\n').unwrap_or(&line);
    Ok(line.strip_suffix('\r').unwrap_or(line).to_owned())
}

/// What is typed on the terminal does not show while this lives.
struct EchoOff {
    before: Option<Termios>,
}

impl EchoOff {
    fn begin() -> Self {
        let stdin = io::stdin();
        // A terminal that cannot be told is still a way to type a password.
        let before = tcgetattr(&stdin).ok();
        if let Some(before) = &before {
            let mut quiet = before.clone();
            quiet.local_flags.remove(LocalFlags::ECHO);
            let _ = tcsetattr(&stdin, SetArg::TCSAFLUSH, &quiet);
        }
        Self { before }
    }
}

impl Drop for EchoOff {
    fn drop(&mut self) {
        if let Some(before) = &self.before {
            let _ = tcsetattr(io::stdin(), SetArg::TCSAFLUSH, before);
        }
    }
}

/// The command that connects to a gateway that listens on `listen`, for the line `serve` prints.
pub fn connect_command(config: &Config, listen: SocketAddr) -> String {
    let (user, namespace) = match &config.iris {
        Some(iris) => (iris.user.as_str(), iris.namespace.as_str()),
        None => ("_SYSTEM", "USER"),
    };
    let host = match listen {
        SocketAddr::V4(listen) if listen.ip().is_unspecified() => "127.0.0.1".to_owned(),
        SocketAddr::V6(listen) if listen.ip().is_unspecified() => "[::1]".to_owned(),
        SocketAddr::V4(listen) => listen.ip().to_string(),
        SocketAddr::V6(listen) => format!("[{}]", listen.ip()),
    };
    let [user, namespace] = [user, namespace].map(percent_encode);
    format!("psql \"postgresql://{user}@{host}:{}/{namespace}\"", listen.port())
}

/// All but the unreserved characters of RFC 3986, section 2.3.
fn percent_encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests;
