//! How a process of the embedded PostgreSQL is started.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The program, and what all of its processes are told.
#[derive(Debug, Clone)]
pub(super) struct Program {
    pub(super) program: PathBuf,
    pub(super) cache_dir: Option<PathBuf>,
}

impl Program {
    /// `own`: the process's own folder. `reopen`: the database that is in its data already.
    pub(super) fn command(&self, own: &Path, data: &Path, reopen: Option<&str>) -> io::Result<Command> {
        let mut command = Command::new(&self.program);
        command.arg("catalog-server").arg("--folder").arg(own).arg("--data").arg(data);
        if let Some(database) = reopen {
            command.arg("--reopen").arg(database);
        }
        command.env("TMPDIR", own);
        if let Some(cache_dir) = &self.cache_dir {
            // Where the embedded PostgreSQL looks for the user's cache folder; relative ones do not count there.
            command.env("XDG_CACHE_HOME", std::path::absolute(cache_dir)?);
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Ok(command)
    }
}
