//! The programs of a PostgreSQL that is installed on this machine: where they are, whether they are fit, and as whom they run.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nix::unistd::{Uid, User};

/// What is fit.
const MAJORS: [u32; 2] = [18, 17];
/// Where Debian has them.
const USUAL_FOLDERS: [&str; 2] = ["/usr/lib/postgresql/18/bin", "/usr/lib/postgresql/17/bin"];
/// Users that a gateway that is root runs PostgreSQL as when it is not told.
const USUAL_USERS: [&str; 2] = ["postgres", "nobody"];

/// PostgreSQL's programs, and how they are run.
#[derive(Debug, Clone)]
pub struct NativePrograms {
    /// The gateway's own, in front of them (`catalog-child`).
    program: PathBuf,
    folder: PathBuf,
    version: String,
    /// Whom to become; `None`: nobody else.
    user: Option<OsUser>,
}

/// A user of the system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OsUser {
    pub(super) name: String,
    pub(super) uid: u32,
    pub(super) gid: u32,
}

/// What a folder has.
enum Found {
    Nothing,
    /// Another version.
    Other(String),
    Fit(String),
}

impl NativePrograms {
    /// Finds them. `program`: the gateway's own. `folder`, `user`: what the configuration says of where and as whom.
    ///
    /// # Errors
    /// A sentence that says what is missing, and what to install or to set.
    pub fn find(program: PathBuf, folder: Option<&Path>, user: Option<&str>) -> Result<Self, String> {
        let user = os_user(user)?;
        let (folder, version) = match folder {
            Some(folder) => (folder.to_owned(), version_in(folder)?),
            None => first_fit(usual_folders().into_iter())?,
        };
        let folder = std::path::absolute(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        Ok(Self { program, folder, version, user })
    }

    /// PostgreSQL's version as it tells it: `18.4`.
    pub fn version(&self) -> &str {
        &self.version
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn user(&self) -> Option<&OsUser> {
        self.user.as_ref()
    }

    /// A number that grows with versions: `18`.
    pub(super) fn major(&self) -> u32 {
        major(&self.version).unwrap_or_default()
    }

    /// One of the programs as a child that ends with this process, as whoever it has to be.
    pub(super) fn command(&self, name: &str, memory_bytes_max: u64) -> Command {
        let mut command = Command::new(&self.program);
        command.arg("catalog-child").arg("--parent").arg(std::process::id().to_string());
        command.arg("--memory-bytes-max").arg(memory_bytes_max.to_string());
        if let Some(OsUser { uid, gid, .. }) = &self.user {
            command.arg("--uid").arg(uid.to_string()).arg("--gid").arg(gid.to_string());
        }
        command.arg("--").arg(self.folder.join(name));
        // Settings of other PostgreSQLs.
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("PG")) {
            command.env_remove(name);
        }
        command.env("LC_ALL", "C").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        command
    }
}

/// Whom to become.
fn os_user(wanted: Option<&str>) -> Result<Option<OsUser>, String> {
    let find = |name: &str| User::from_name(name).ok().flatten();
    if !Uid::effective().is_root() {
        return match wanted {
            Some(name) if find(name).is_none_or(|user| user.uid != Uid::effective()) => {
                Err(format!("catalog_os_user = {name:?}: only root can become another user; remove it"))
            }
            Some(_) | None => Ok(None),
        };
    }
    let user = match wanted {
        Some(name) => find(name)
            .ok_or_else(|| format!("catalog_os_user = {name:?}: there is no such user; make it, or name another"))?,
        None => USUAL_USERS.iter().find_map(|name| find(name)).ok_or(
            "the gateway runs as root, as whom PostgreSQL refuses to run, and this system has neither a user postgres nor \
             a user nobody: run the gateway as another user, or set catalog_os_user",
        )?,
    };
    if user.uid.is_root() {
        return Err(format!("catalog_os_user = {:?}: PostgreSQL refuses to run as root; name another user", user.name));
    }
    Ok(Some(OsUser { name: user.name, uid: user.uid.as_raw(), gid: user.gid.as_raw() }))
}

fn usual_folders() -> Vec<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path).filter(|folder| folder.is_absolute());
    let mut folders: Vec<PathBuf> = on_path.chain(USUAL_FOLDERS.map(PathBuf::from)).collect();
    if let Ok(told) = output(Command::new("pg_config").arg("--bindir")) {
        folders.push(PathBuf::from(told));
    }
    folders
}

/// The version in a folder that somebody named.
fn version_in(folder: &Path) -> Result<String, String> {
    let shown = folder.display();
    match look(folder) {
        Found::Fit(version) => Ok(version),
        Found::Other(version) => {
            Err(format!("catalog_bin_dir = {shown}: that is PostgreSQL {version}, and 17 or 18 is needed"))
        }
        Found::Nothing => Err(format!(
            "catalog_bin_dir = {shown}: no initdb and postgres that can be run are there; name the folder of the programs of \
             PostgreSQL 17 or 18"
        )),
    }
}

fn first_fit(folders: impl Iterator<Item = PathBuf>) -> Result<(PathBuf, String), String> {
    let mut others = Vec::new();
    for folder in folders {
        match look(&folder) {
            Found::Fit(version) => return Ok((folder, version)),
            Found::Other(version) => others.push(format!("{version} in {}", folder.display())),
            Found::Nothing => {}
        }
    }
    let found = match others.is_empty() {
        true => "none is on PATH, in /usr/lib/postgresql or where pg_config says".to_owned(),
        false => format!("there is only {}", others.join(", ")),
    };
    Err(format!(
        "catalog = \"native\" needs PostgreSQL 17 or 18 with pgvector, and {found}: install it (Debian: postgresql-17 and \
         postgresql-17-pgvector), or set catalog_bin_dir"
    ))
}

fn look(folder: &Path) -> Found {
    if !folder.join("initdb").is_file() {
        return Found::Nothing;
    }
    let Ok(told) = output(Command::new(folder.join("postgres")).arg("--version")) else { return Found::Nothing };
    // `postgres (PostgreSQL) 17.5 (Debian 17.5-1)`.
    let version = told.split_once("(PostgreSQL) ").and_then(|(_, rest)| rest.split(' ').next()).unwrap_or_default();
    match major(version) {
        Some(major) if MAJORS.contains(&major) => Found::Fit(version.to_owned()),
        Some(_) => Found::Other(version.to_owned()),
        None => Found::Nothing,
    }
}

/// The number in front: `19devel` is 19.
fn major(version: &str) -> Option<u32> {
    let digits = version.find(|c: char| !c.is_ascii_digit()).unwrap_or(version.len());
    version.get(..digits)?.parse().ok()
}

/// The one line that a program prints.
fn output(command: &mut Command) -> io::Result<String> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output()?;
    if !output.status.success() {
        return Err(io::Error::other(output.status.to_string()));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// A folder whose `postgres` says that it is of this version.
    fn pretend(parent: &Path, version: &str) -> PathBuf {
        let folder = parent.join(version);
        fs::create_dir_all(&folder).unwrap();
        for name in ["initdb", "postgres"] {
            let path = folder.join(name);
            fs::write(&path, format!("#!/bin/sh\necho 'postgres (PostgreSQL) {version} (a test)'\n")).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        folder
    }

    #[test]
    fn the_first_that_is_fit_is_taken() {
        let parent = std::env::temp_dir().join(format!("programs-{}", std::process::id()));
        let [old, new, newer, later] = ["16.9", "17.5", "18.4", "19devel"].map(|version| pretend(&parent, version));
        let none = parent.join("none");
        assert_eq!(version_in(&new).unwrap(), "17.5");
        assert_eq!(version_in(&newer).unwrap(), "18.4");
        assert!(version_in(&old).unwrap_err().ends_with("that is PostgreSQL 16.9, and 17 or 18 is needed"));
        assert!(version_in(&none).unwrap_err().contains("no initdb and postgres that can be run"));
        let fit = first_fit([&none, &old, &newer, &new].into_iter().cloned());
        assert_eq!(fit.unwrap(), (newer, "18.4".to_owned()));
        let refused = first_fit([&old, &later].into_iter().cloned()).unwrap_err();
        assert!(refused.contains("there is only 16.9 in ") && refused.contains(", 19devel in "), "{refused}");
        let refused = first_fit([none].into_iter()).unwrap_err();
        assert!(refused.contains("none is on PATH") && refused.contains("postgresql-17-pgvector"), "{refused}");
        // One program of the two is none.
        fs::remove_file(new.join("initdb")).unwrap();
        assert!(version_in(&new).is_err());
        fs::remove_dir_all(parent).unwrap();
    }

    #[test]
    fn whom_it_runs_as() {
        let own = User::from_uid(Uid::effective()).unwrap();
        if Uid::effective().is_root() {
            assert!(os_user(Some("no-such-user")).unwrap_err().contains("there is no such user"));
            assert!(os_user(Some("root")).unwrap_err().contains("refuses to run as root"));
            assert!(os_user(None).unwrap().is_some_and(|user| USUAL_USERS.contains(&user.name.as_str())));
        } else {
            assert_eq!(os_user(None), Ok(None));
            assert!(os_user(Some("root")).unwrap_err().contains("only root can become another user"));
            if let Some(own) = own {
                assert_eq!(os_user(Some(&own.name)), Ok(None));
            }
        }
    }
}
