//! Copies of the data, for workers: PostgreSQLs in processes of their own that compute what takes long. What is asked of them
//! changes nothing, so a copy is right until the first PostgreSQL commits something, which the gateway sees by a file.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Sender, sync_channel};

use super::aside::is_of_a_user;
use super::backend::{CopyOrder, Word};

/// Counts what has been committed, by the length of a file: whoever was told of a commit finds it counted there.
pub struct Commits {
    /// `None`: nobody looks.
    file: Option<File>,
    count: u64,
}

impl Commits {
    pub fn uncounted() -> Self {
        Self { file: None, count: 0 }
    }

    /// # Errors
    /// The file cannot be made.
    pub fn counted_in(path: &Path) -> io::Result<Self> {
        Ok(Self { file: Some(File::options().append(true).create_new(true).open(path)?), count: 0 })
    }

    pub fn count(&self) -> u64 {
        self.count
    }

    /// One more.
    ///
    /// # Errors
    /// It cannot be counted, and nobody may be told of it.
    pub fn add(&mut self) -> io::Result<()> {
        self.count = self.count.saturating_add(1);
        match &mut self.file {
            Some(file) => file.write_all(b"+"),
            None => Ok(()),
        }
    }
}

/// Makes the copies that are asked for on a socket: the path of a folder, by itself on a line, is answered with the number of
/// commits that the copy holds, or with what went wrong.
pub fn serve(listener: &UnixListener, data: &Path, first: &Sender<Word>) {
    for stream in listener.incoming() {
        if let Err(error) = stream.and_then(|stream| serve_one(&stream, data, first)) {
            tracing::warn!(%error, "a copy could not be asked for");
        }
    }
}

fn serve_one(mut stream: &UnixStream, data: &Path, first: &Sender<Word>) -> io::Result<()> {
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line)?;
    let (done, answer) = sync_channel(1);
    let order = CopyOrder { from: data.to_owned(), to: PathBuf::from(line.trim_end()), done };
    let is_gone = |_| io::Error::other("the PostgreSQL is gone");
    first.send(Word::Copy(order)).map_err(|_| io::Error::other("the PostgreSQL is gone"))?;
    match answer.recv().map_err(is_gone)? {
        Ok(commits) => writeln!(stream, "{commits}"),
        Err(error) => writeln!(stream, "{error}"),
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
        let root = std::env::temp_dir().join(format!("copies-{}", std::process::id()));
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
