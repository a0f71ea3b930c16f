//! The folder of a gateway's oracle: private, locked while the gateway lives, gone afterwards.

use std::fs::{self, DirBuilder, File, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::native::end_all_in;

/// Names begin with this, so that what a killed gateway left behind is recognised.
const PREFIX: &str = "iris-pgwire-oracle-";
const LOCK: &str = "lock";
/// Until it is locked it has another name: the sweep of a gateway that starts just then would take it for left behind.
const UNLOCKED_PREFIX: &str = "iris-pgwire-new-";

/// Times the folder is tried to be removed.
const REMOVALS_MAX: u32 = 100;

/// Longest path of a Unix socket on Linux, without the NUL (`sun_path`).
const SOCKET_PATH_BYTES_MAX: usize = 107;

/// Dropped, it is removed with all that is in it.
#[derive(Debug)]
pub(super) struct PrivateFolder {
    path: PathBuf,
    /// Locked for as long as the process lives: the kernel unlocks it however that ends.
    _lock: File,
}

impl PrivateFolder {
    /// Makes one in the system's temporary folder, and removes those whose gateways have died.
    /// `is_passable`: other users may go through it, to folders of their own in it whose names they know.
    pub(super) fn create(is_passable: bool) -> io::Result<Self> {
        let parent = std::env::temp_dir();
        sweep(&parent);
        let mut random = [0; 8];
        getrandom::fill(&mut random).map_err(|error| io::Error::other(error.to_string()))?;
        let random = u64::from_le_bytes(random);
        let path = parent.join(format!("{PREFIX}{random:016x}"));
        if path.as_os_str().len().saturating_add(32) > SOCKET_PATH_BYTES_MAX {
            let message = format!("{} is too long for a socket: set TMPDIR to a shorter path", path.display());
            return Err(io::Error::other(message));
        }
        let unlocked = parent.join(format!("{UNLOCKED_PREFIX}{random:016x}"));
        DirBuilder::new().mode(0o700).create(&unlocked)?;
        let lock = File::options().write(true).create_new(true).mode(0o600).open(unlocked.join(LOCK))?;
        lock.lock()?;
        if is_passable {
            fs::set_permissions(&unlocked, Permissions::from_mode(0o711))?;
        }
        fs::rename(&unlocked, &path)?;
        Ok(Self { path, _lock: lock })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// A new folder in it.
    pub(super) fn subfolder(&self, name: &str) -> io::Result<PathBuf> {
        let path = self.path.join(name);
        DirBuilder::new().mode(0o700).create(&path)?;
        Ok(path)
    }
}

impl Drop for PrivateFolder {
    fn drop(&mut self) {
        // Files of a process that has ended may be on their way out just now, which disturbs a walk through them.
        let mut result = fs::remove_dir_all(&self.path);
        for _ in 0..REMOVALS_MAX {
            if result.is_ok() || !self.path.exists() {
                return;
            }
            result = fs::remove_dir_all(&self.path);
        }
        if let Err(error) = result {
            tracing::warn!(%error, folder = %self.path.display(), "the oracle's folder could not be removed");
        }
    }
}

/// Removes what belongs to nobody any more. Folders of other users cannot be opened, and stay.
fn sweep(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    for entry in entries.flatten() {
        if !entry.file_name().to_string_lossy().starts_with(PREFIX) {
            continue;
        }
        let path = entry.path();
        let Ok(lock) = File::open(path.join(LOCK)) else { continue };
        match lock.try_lock() {
            Ok(()) => {
                tracing::debug!(folder = %path.display(), "removing what a killed gateway left behind");
                // The kernel has told a PostgreSQL in it to end, which a stopped one does not hear.
                end_all_in(&path);
                let _ = fs::remove_dir_all(&path);
            }
            Err(TryLockError::WouldBlock | TryLockError::Error(_)) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_private_and_leave_nothing() {
        let folder = PrivateFolder::create(false).unwrap();
        assert_eq!(fs::metadata(&folder.path).unwrap().permissions().mode() & 0o777, 0o700);
        let inner = folder.subfolder("1").unwrap();
        fs::write(inner.join("x"), "y").unwrap();
        // A second gateway leaves a living one's alone.
        let passable = PrivateFolder::create(true).unwrap();
        let mode = |path: PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(passable.path.clone()), mode(passable.path.join(LOCK))), (0o711, 0o600));
        assert_eq!(mode(passable.subfolder("1").unwrap()), 0o700);
        drop(passable);
        assert!(inner.join("x").exists());
        let path = folder.path.clone();
        drop(folder);
        assert!(!path.exists());
    }

    #[test]
    fn what_a_killed_gateway_left_is_swept() {
        let parent = std::env::temp_dir().join(format!("sweep-{}", std::process::id()));
        let dead = parent.join(format!("{PREFIX}dead"));
        let other = parent.join("other");
        for path in [&dead, &other] {
            fs::create_dir_all(path).unwrap();
            fs::write(path.join(LOCK), "").unwrap();
        }
        sweep(&parent);
        assert!(!dead.exists());
        assert!(other.exists());
        fs::remove_dir_all(&parent).unwrap();
    }
}
