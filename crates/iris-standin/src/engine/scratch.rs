//! The folder of data that end with the process. What a process that was killed has left is removed by the next.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Names begin with this, so that what was left behind is recognised.
const PREFIX: &str = "iris-standin-";
const LOCK: &str = "lock";
/// A folder is locked right after it is made; a younger one may be about to be.
const AGE_MIN: Duration = Duration::from_secs(10);

/// Dropped, it is removed with all that is in it.
#[derive(Debug)]
pub(super) struct ScratchFolder {
    path: PathBuf,
    /// Locked for as long as the process lives: the kernel unlocks it however that ends.
    _lock: File,
}

impl ScratchFolder {
    /// Makes one in the system's temporary folder.
    ///
    /// # Errors
    /// The system's, with the path that it is about.
    pub(super) fn create() -> Result<Self, (PathBuf, io::Error)> {
        let parent = std::env::temp_dir();
        sweep(&parent, AGE_MIN);
        let mut random = [0_u8; 8];
        let filled = getrandom::fill(&mut random).map_err(|error| io::Error::other(error.to_string()));
        let path = parent.join(format!("{PREFIX}{:016x}", u64::from_le_bytes(random)));
        let made = filled.and_then(|()| DirBuilder::new().mode(0o700).create(&path)).and_then(|()| {
            let lock = File::create(path.join(LOCK))?;
            lock.lock()?;
            Ok(lock)
        });
        match made {
            Ok(lock) => Ok(Self { path, _lock: lock }),
            Err(error) => Err((path, error)),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for ScratchFolder {
    fn drop(&mut self) {
        // Nothing can be done about a folder that will not go.
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// Removes what belongs to nobody any more. Folders of other users cannot be opened, and stay.
fn sweep(parent: &Path, age_min: Duration) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    for entry in entries.flatten() {
        let age = || entry.metadata().ok()?.modified().ok()?.elapsed().ok();
        if !entry.file_name().to_string_lossy().starts_with(PREFIX) || age().is_none_or(|age| age < age_min) {
            continue;
        }
        let path = entry.path();
        if File::open(path.join(LOCK)).is_ok_and(|lock| lock.try_lock().is_ok()) {
            let _ = fs::remove_dir_all(&path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_process_left_is_swept() {
        let parent = std::env::temp_dir().join(format!("scratch-{}", std::process::id()));
        let (dead, living, other) = (format!("{PREFIX}dead"), format!("{PREFIX}living"), "other".to_owned());
        for name in [&dead, &living, &other] {
            fs::create_dir_all(parent.join(name)).unwrap();
            fs::write(parent.join(name).join(LOCK), "").unwrap();
        }
        let lock = File::open(parent.join(&living).join(LOCK)).unwrap();
        lock.lock().unwrap();
        sweep(&parent, Duration::from_secs(3_600));
        assert!(parent.join(&dead).exists(), "a young one may be about to be locked");
        sweep(&parent, Duration::ZERO);
        assert!(!parent.join(&dead).exists());
        assert!(parent.join(&living).exists() && parent.join(&other).exists());
        fs::remove_dir_all(&parent).unwrap();
    }

    #[test]
    fn a_folder_is_gone_with_its_owner() {
        let folder = ScratchFolder::create().unwrap();
        let path = folder.path().to_owned();
        fs::write(path.join("x"), "y").unwrap();
        drop(folder);
        assert!(!path.exists());
    }
}
