//! The embedded engine: the stand-in for IRIS within this process.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use iris_pgwire::parts::cli::SuperserverArgs;
use iris_pgwire::parts::config::IrisServer;
use iris_pgwire::parts::runtime::StopSignal;
use iris_standin::engine::{Engine, EngineOptions};
use iris_standin::program;
use iris_standin::server::{Superserver, SuperserverHandle, SuperserverOptions};

/// Its one user; it listens on loopback only.
const USER: &str = "_SYSTEM";
const PASSWORD: &str = "SYS";

/// Where sequences are kept: each of its databases has one writer at a time, and whoever draws a value may be in the middle
/// of a transaction that writes.
pub const SEQUENCE_NAMESPACE: &str = "PGWIRE";

/// One that runs.
pub struct Standin(SuperserverHandle);

impl Standin {
    /// Its data stay in `data`, or end with the process.
    pub fn start(data: Option<PathBuf>) -> Result<Self, String> {
        let namespaces = vec![SEQUENCE_NAMESPACE.to_owned()];
        let engine = Engine::open(EngineOptions { data_dir: data, namespaces }).map_err(|error| error.to_string())?;
        let options = SuperserverOptions {
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            users: std::iter::once((USER.to_owned(), PASSWORD.to_owned())).collect(),
            ..SuperserverOptions::default()
        };
        let server = Superserver::<Arc<Engine>>::bind(options, engine).and_then(Superserver::spawn);
        server.map(Self).map_err(|error| format!("the embedded engine could not start: {error}"))
    }

    /// How the gateway connects to it.
    pub fn target(&self) -> IrisServer {
        let address = self.0.local_addr();
        IrisServer {
            host: address.ip().to_string(),
            port: address.port(),
            namespace: "USER".to_owned(),
            user: USER.to_owned(),
            password: PASSWORD.to_owned(),
        }
    }

    pub fn stop(self) -> std::io::Result<()> {
        self.0.shutdown()
    }
}

/// `iris-pgwire superserver`.
pub fn superserver(args: &SuperserverArgs) -> Result<(), String> {
    let signal = StopSignal::install().map_err(|error| format!("cannot catch signals: {error}"))?;
    let title = concat!("iris-pgwire superserver ", env!("CARGO_PKG_VERSION"));
    program::run(args, title, &mut std::io::stdout(), || signal.wait())
}
