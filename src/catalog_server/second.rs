//! The second PostgreSQL of the process: statements that take long run there, so that the first one is free for short
//! questions. It is opened when the first statement asks for it and closed when none has for a while, and it works on a
//! copy of the first one's data. What is asked changes nothing, so the copy is right until the first one commits something;
//! then the next statement gets a new copy.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Sender, sync_channel};
use std::time::Duration;

use super::aside::is_of_a_user;
use super::backend::{CopyOrder, Word};
use super::engine::{Embedded, Engine};
use super::families::Families;
use super::interrupt::{Flags, Interrupts};

/// It holds some 150 MB.
const REST_AFTER: Duration = Duration::from_secs(60);

/// Opened on demand.
pub struct Second {
    /// Where copies are made.
    folder: PathBuf,
    /// The first one's data, and the way to it.
    data: PathBuf,
    first: Sender<Word>,
    /// Commits of the first one so far.
    commits: Arc<AtomicU64>,
    interrupts: Arc<Interrupts>,
    open: Option<Open>,
    copies_count: u64,
}

struct Open {
    engine: Embedded,
    copy: PathBuf,
    /// The commits that are in the copy.
    commits: u64,
}

impl Second {
    pub fn new(
        folder: PathBuf,
        data: PathBuf,
        first: Sender<Word>,
        commits: Arc<AtomicU64>,
        interrupts: Arc<Interrupts>,
    ) -> Self {
        Self { folder, data, first, commits, interrupts, open: None, copies_count: 0 }
    }

    fn open(&mut self) -> Result<Open, String> {
        self.copies_count = self.copies_count.saturating_add(1);
        let copy = self.folder.join(format!("copy-{}", self.copies_count));
        let (done, answer) = sync_channel(1);
        let order = CopyOrder { from: self.data.clone(), to: copy.clone(), done };
        self.first.send(Word::Copy(order)).map_err(|_| "the first one is gone")?;
        let copied = answer.recv().map_err(|_| "the first one is gone")??;
        let mut engine = Embedded::open(&copy, Some(&copied.database))?;
        self.interrupts.set_flags(find_flags(&mut engine));
        tracing::debug!(commits = copied.commits, "a second PostgreSQL for long statements is open");
        Ok(Open { engine, copy, commits: copied.commits })
    }
}

/// How a PostgreSQL is interrupted; without that its process has to be ended instead.
pub fn find_flags(engine: &mut Embedded) -> Option<Flags> {
    let found = Flags::find(engine);
    found
        .inspect_err(|error| tracing::warn!(error, "statements cannot be interrupted: the process is ended instead"))
        .ok()
}

impl Engine for Second {
    fn exchange(&mut self, message: &[u8]) -> Result<Vec<u8>, String> {
        let result = match &mut self.open {
            Some(open) => open.engine.exchange(message),
            None => Err("it is not open".to_owned()),
        };
        if result.is_err() {
            self.rest();
        }
        result
    }

    fn families(&self) -> Option<Families> {
        self.open.as_ref().and_then(|open| open.engine.families())
    }

    fn begin_turn(&mut self) -> Result<(), String> {
        let commits = self.commits.load(Ordering::Acquire);
        if self.open.as_ref().is_some_and(|open| open.commits == commits && !open.engine.is_worn()) {
            return Ok(());
        }
        self.rest();
        self.open = Some(self.open()?);
        Ok(())
    }

    fn rest_after(&self) -> Option<Duration> {
        self.open.as_ref().map(|_| REST_AFTER)
    }

    fn rest(&mut self) {
        self.interrupts.set_flags(None);
        if let Some(open) = self.open.take() {
            drop(open.engine);
            if let Err(error) = fs::remove_dir_all(&open.copy) {
                tracing::warn!(%error, folder = %open.copy.display(), "a copy of the data stays behind");
            }
        }
    }
}

/// Copies the data of a PostgreSQL that is at rest behind a checkpoint: all but the files of users' relations, which
/// have no rows and which no statement here opens. Of thousands of tables they are nearly all that there is.
///
/// # Errors
/// A file cannot be read or written.
pub fn copy_data(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name();
        let text = name.to_string_lossy();
        let kind = entry.file_type()?;
        // The lock is the first one's, and what is put aside are users' files.
        if text == "aside" || text.ends_with(".lock") || is_of_a_user(&text) && kind.is_file() {
            continue;
        }
        if kind.is_dir() {
            copy_data(&entry.path(), &to.join(&name))?;
        } else if kind.is_file() {
            fs::copy(entry.path(), to.join(&name))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_files_are_not_copied() {
        let root = std::env::temp_dir().join(format!("second-{}", std::process::id()));
        let (from, to) = (root.join("from"), root.join("to"));
        // A database may have a large number, too.
        let database = from.join("base").join("16400");
        fs::create_dir_all(&database).unwrap();
        fs::create_dir_all(from.join("aside")).unwrap();
        for file in ["1259", "1259_vm", "PG_VERSION", "20000", "20000_fsm"] {
            fs::write(database.join(file), file).unwrap();
        }
        fs::write(from.join(".pglite-oxide.lock"), "").unwrap();
        copy_data(&from, &to).unwrap();
        let names = |folder: PathBuf| {
            let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
            let mut names: Vec<String> = names.collect();
            names.sort();
            names
        };
        assert_eq!(names(to.clone()), ["base"]);
        assert_eq!(names(to.join("base").join("16400")), ["1259", "1259_vm", "PG_VERSION"]);
        assert_eq!(fs::read_to_string(to.join("base/16400/1259")).unwrap(), "1259");
        fs::remove_dir_all(root).unwrap();
    }
}
