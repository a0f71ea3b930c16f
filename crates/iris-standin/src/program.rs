//! The stand-in as a program: options of a command line, and a run until somebody says stop.

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use crate::engine::{Engine, EngineOptions};
use crate::server::{Superserver, SuperserverOptions};

/// What is asked of the program.
#[derive(Clone, clap::Args)]
pub struct Options {
    /// Numeric address and port to listen on.
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:1972", value_parser = address)]
    pub listen: SocketAddr,
    /// Folder that keeps the data. Without it: a temporary folder that ends with the process.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// User that may log in.
    #[arg(long, value_name = "NAME", default_value = "_SYSTEM")]
    pub user: String,
    /// Password of the user.
    #[arg(long, default_value = "SYS", env = "IRIS_STANDIN_PASSWORD", hide_env_values = true)]
    pub password: String,
}

// Passwords do not belong in logs.
impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { listen, data, user, password: _ } = self;
        f.debug_struct("Options")
            .field("listen", listen)
            .field("data", data)
            .field("user", user)
            .finish_non_exhaustive()
    }
}

fn address(text: &str) -> Result<SocketAddr, String> {
    // Names are not resolved: which of its addresses was meant would be a guess.
    text.parse().map_err(|_| "expected a numeric address and a port, such as 127.0.0.1:1972 or [::1]:1972".to_owned())
}

/// Serves until `stop` returns. `title`, the program's name and version, begins the one line that is written to `out` when
/// clients can connect.
///
/// # Errors
/// The data cannot be opened, the address cannot be listened on, or the server did not stop cleanly: one line for a
/// person.
pub fn run(options: &Options, title: &str, out: &mut dyn Write, stop: impl FnOnce()) -> Result<(), String> {
    let engine = Engine::open(EngineOptions { data_dir: options.data.clone(), ..EngineOptions::default() })
        .map_err(|error| error.to_string())?;
    let address = options.listen;
    let server = SuperserverOptions {
        address,
        users: std::iter::once((options.user.clone(), options.password.clone())).collect(),
        ..SuperserverOptions::default()
    };
    let server = Superserver::<Arc<Engine>>::bind(server, engine)
        .map_err(|error| format!("cannot listen on {address}: {error}"))?;
    let handle = server.spawn().map_err(|error| format!("the superserver could not start: {error}"))?;
    let (address, user) = (handle.local_addr(), &options.user);
    // Nobody may be reading; it serves all the same.
    let _ = writeln!(out, "{title} listens on {address} (namespaces USER and %SYS, user {user})");
    let _ = out.flush();
    stop();
    handle.shutdown().map_err(|error| error.to_string())
}
