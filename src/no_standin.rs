//! In place of the embedded engine, in a program that is built without it.

use std::convert::Infallible;
use std::path::PathBuf;

use iris_pgwire::parts::cli::SuperserverArgs;
use iris_pgwire::parts::config::IrisServer;

/// Of an engine that is there.
pub const SEQUENCE_NAMESPACE: &str = "PGWIRE";

/// There is none.
pub struct Standin(Infallible);

impl Standin {
    /// The configuration says it better, and earlier.
    pub fn start(_: Option<PathBuf>) -> Result<Self, String> {
        Err("no embedded engine is built into this program (feature standin)".to_owned())
    }

    pub fn target(&self) -> IrisServer {
        match self.0 {}
    }

    pub fn stop(self) -> std::io::Result<()> {
        match self.0 {}
    }
}

/// `iris-pgwire superserver`.
pub fn superserver(_: &SuperserverArgs) -> Result<(), String> {
    Err("the IRIS stand-in is not built into this program (feature standin): use the program iris-standin".to_owned())
}
