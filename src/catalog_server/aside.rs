//! What keeps the start over existing data short.
//!
//! After a crash PostgreSQL looks through the folder of a database for what unlogged tables have left there. From within
//! WebAssembly a folder is read in pieces, and each piece makes the host read all of it: time that grows with the square
//! of the files, of which a table has five. So files that recovery has no use for are put aside while PostgreSQL starts:
//! those of tables and indexes that have not changed since the last checkpoint. Recovery repeats what has happened since,
//! and the tables of the mirror have no rows: they are made, altered and dropped, and not touched otherwise.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Files of relations that are not the system's own have numbers from here on (`FirstNormalObjectId`).
const FIRST_NORMAL_OBJECT_ID: u32 = 16_384;

/// Fewer files are not worth it.
const FILES_MIN: usize = 256;

/// Folders of databases that are put aside, each with a stand-in in its place.
#[derive(Debug)]
pub struct Aside {
    databases: PathBuf,
    aside: PathBuf,
    /// Modified when the last checkpoint was; exists until recovery is done.
    checkpoint: PathBuf,
}

impl Aside {
    fn of(cluster: &Path, aside: PathBuf) -> Self {
        Self { databases: cluster.join("base"), checkpoint: aside.with_extension("checkpoint"), aside }
    }

    /// Puts aside what is in the way. `cluster`: PostgreSQL's data folder; `aside`: a folder beside it, which may hold
    /// what a process has left there that died while it started.
    ///
    /// # Errors
    /// The data are not as a process leaves them, and must not be used.
    pub fn put(cluster: &Path, aside: PathBuf) -> io::Result<Self> {
        let this = Self::of(cluster, aside);
        this.bring_back()?;
        fs::create_dir_all(&this.aside)?;
        let checkpoint = this.checkpoint(cluster)?;
        for database in fs::read_dir(&this.databases)? {
            let database = database?;
            if database.file_type()?.is_dir() {
                this.put_database(&database.path(), &this.aside.join(database.file_name()), checkpoint)?;
            }
        }
        Ok(this)
    }

    /// When the last checkpoint was. The control file is what a checkpoint writes last; but recovery writes it, too, and
    /// may have been cut off.
    fn checkpoint(&self, cluster: &Path) -> io::Result<SystemTime> {
        if let Ok(known) = fs::metadata(&self.checkpoint) {
            return known.modified();
        }
        let time = fs::metadata(cluster.join("global").join("pg_control"))?.modified()?;
        let new = self.checkpoint.with_extension("new");
        File::create(&new)?.set_modified(time)?;
        fs::rename(new, &self.checkpoint)?;
        Ok(time)
    }

    fn put_database(&self, folder: &Path, aside: &Path, checkpoint: SystemTime) -> io::Result<()> {
        let mut kept = Vec::new();
        let mut count = 0_usize;
        for file in fs::read_dir(folder)? {
            let file = file?;
            let is_old = || Ok::<_, io::Error>(file.metadata()?.modified()? < checkpoint);
            if is_of_a_user(&file.file_name().to_string_lossy()) && is_old()? {
                count = count.saturating_add(1);
            } else {
                kept.push(file.file_name());
            }
        }
        if count < FILES_MIN {
            return Ok(());
        }
        // The many stay in their folder, and the folder moves.
        fs::rename(folder, aside)?;
        fs::create_dir(folder)?;
        kept.iter().try_for_each(|name| fs::rename(aside.join(name), folder.join(name)))
    }

    /// Puts everything back, when PostgreSQL has started.
    ///
    /// # Errors
    /// Recovery has made a file anew that was put aside, or a folder cannot be read or written.
    pub fn end(self) -> io::Result<()> {
        self.bring_back()?;
        fs::remove_file(&self.checkpoint)
    }

    fn bring_back(&self) -> io::Result<()> {
        let folders = match fs::read_dir(&self.aside) {
            Ok(folders) => folders,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        for aside in folders {
            let aside = aside?;
            let place = self.databases.join(aside.file_name());
            if place.exists() {
                for file in fs::read_dir(&place)? {
                    let file = file?;
                    let target = aside.path().join(file.file_name());
                    if target.exists() {
                        return Err(io::Error::other(format!("{} is there twice", file.path().display())));
                    }
                    fs::rename(file.path(), target)?;
                }
                fs::remove_dir(&place)?;
            }
            fs::rename(aside.path(), place)?;
        }
        Ok(())
    }
}

/// `16385`, `16385_fsm`, `16385.1`.
pub fn is_of_a_user(name: &str) -> bool {
    let digits = name.split(['_', '.']).next().unwrap_or_default();
    digits.parse::<u32>().is_ok_and(|number| number >= FIRST_NORMAL_OBJECT_ID)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    struct Cluster(PathBuf);

    impl Cluster {
        /// A cluster with a hundred catalogs, a thousand tables from before its checkpoint, and one from after it.
        fn new(name: &str) -> Self {
            let root = std::env::temp_dir().join(format!("aside-{name}-{}", std::process::id()));
            let cluster = Self(root);
            fs::create_dir_all(cluster.database()).unwrap();
            fs::create_dir_all(cluster.path().join("global")).unwrap();
            let now = SystemTime::now();
            let file = |name: &str, age_s: u64| {
                let file = File::create(cluster.path().join(name)).unwrap();
                file.set_modified(now - Duration::from_secs(age_s)).unwrap();
            };
            file("global/pg_control", 10);
            for number in 1200..1300 {
                file(&format!("base/1/{number}"), 20);
            }
            for number in 20_000..21_000 {
                file(&format!("base/1/{number}"), 20);
            }
            file("base/1/22000", 5);
            cluster
        }

        fn path(&self) -> PathBuf {
            self.0.join("cluster")
        }

        fn aside(&self) -> PathBuf {
            self.0.join("aside")
        }

        fn database(&self) -> PathBuf {
            self.path().join("base/1")
        }

        fn files_count(&self) -> usize {
            fs::read_dir(self.database()).unwrap().count()
        }
    }

    impl Drop for Cluster {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).unwrap();
        }
    }

    #[test]
    fn only_what_recovery_needs_stays() {
        let cluster = Cluster::new("stays");
        let aside = Aside::put(&cluster.path(), cluster.aside()).unwrap();
        assert_eq!(cluster.files_count(), 101);
        assert!(cluster.database().join("22000").exists());
        // What PostgreSQL makes while it starts is kept, too.
        fs::write(cluster.database().join("23000"), "").unwrap();
        aside.end().unwrap();
        assert_eq!(cluster.files_count(), 1102);
    }

    #[test]
    fn a_start_that_was_cut_off_is_undone() {
        let cluster = Cluster::new("cut");
        drop(Aside::put(&cluster.path(), cluster.aside()).unwrap());
        // Recovery, too, writes the control file; what came after the checkpoint still is what has to stay.
        fs::write(cluster.path().join("global/pg_control"), "").unwrap();
        Aside::put(&cluster.path(), cluster.aside()).unwrap();
        assert_eq!(cluster.files_count(), 101);
        // Between moving the folder and making the one in its place.
        fs::remove_dir_all(cluster.database()).unwrap();
        Aside::of(&cluster.path(), cluster.aside()).bring_back().unwrap();
        assert_eq!(cluster.files_count(), 1000);
    }

    #[test]
    fn a_file_that_is_there_twice_is_not_taken() {
        let cluster = Cluster::new("twice");
        let aside = Aside::put(&cluster.path(), cluster.aside()).unwrap();
        fs::write(cluster.database().join("20500"), "made by recovery").unwrap();
        assert!(aside.end().is_err());
    }

    #[test]
    fn small_databases_stay_where_they_are() {
        let cluster = Cluster::new("small");
        for number in 20_300..21_000 {
            fs::remove_file(cluster.database().join(number.to_string())).unwrap();
        }
        for number in 20_200..20_300 {
            fs::remove_file(cluster.database().join(number.to_string())).unwrap();
        }
        Aside::put(&cluster.path(), cluster.aside()).unwrap();
        assert_eq!(cluster.files_count(), 301);
    }

    #[test]
    fn numbers_tell_whose_a_file_is() {
        for name in ["16384", "16385_fsm", "20000.1"] {
            assert!(is_of_a_user(name), "{name}");
        }
        for name in ["1259", "1259_vm", "PG_VERSION", "pg_filenode.map", ".wh.16385", "t3_16385"] {
            assert!(!is_of_a_user(name), "{name}");
        }
    }
}
