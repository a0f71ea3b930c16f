//! In front of a program of PostgreSQL that the gateway starts: becomes the user it has to be, sees to it that the program
//! does not outlive the gateway, and turns into it.

use std::os::unix::process::CommandExt;
use std::process::Command;

use iris_pgwire::parts::cli::CatalogChildArgs;
use nix::sys::prctl::set_pdeathsig;
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::Signal;
use nix::unistd::{Gid, Uid, setgid, setgroups, setuid};

/// Gives the reason when it comes back.
pub fn run(args: &CatalogChildArgs) -> Result<(), String> {
    let [program, rest @ ..] = args.command.as_slice() else { return Err("no program".to_owned()) };
    let shown = program.to_string_lossy();
    // First, as the kernel forgets the signal below when the user changes.
    if let (Some(uid), Some(gid)) = (args.uid, args.gid) {
        let become_user = || {
            setgroups(&[])?;
            setgid(Gid::from_raw(gid))?;
            setuid(Uid::from_raw(uid))
        };
        become_user().map_err(|error| format!("cannot become user {uid} for {shown}: {error}"))?;
    }
    // Private memory alone: a statement that asks for more fails, and what PostgreSQL shares does not count.
    setrlimit(Resource::RLIMIT_DATA, args.memory_bytes_max, args.memory_bytes_max)
        .map_err(|error| format!("cannot bound the memory of {shown}: {error}"))?;
    // PostgreSQL's immediate shutdown, which ends its processes, too. It outlasts becoming another program.
    set_pdeathsig(Signal::SIGQUIT).map_err(|error| format!("cannot tie {shown} to the gateway: {error}"))?;
    if std::os::unix::process::parent_id() != args.parent {
        return Err("the gateway is gone".to_owned());
    }
    let error = Command::new(program).args(rest).exec();
    Err(format!("cannot run {shown} as user {}: {error}", Uid::effective()))
}
