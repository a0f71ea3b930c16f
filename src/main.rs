//! The binary: the command line, wired to what it starts.

use std::process::ExitCode;

use iris_pgwire::cli::{self, Programs, SuperserverArgs};
use iris_pgwire::config::Config;

fn main() -> ExitCode {
    cli::main(Programs { serve: &mut serve, superserver: &mut superserver })
}

fn serve(config: &Config) -> Result<(), String> {
    cli::start_logging(config.log_level)?;
    Err(format!("this build has no runtime to listen on {}", config.listen))
}

fn superserver(args: &SuperserverArgs) -> Result<(), String> {
    Err(format!("this build has no embedded engine to listen on {}", args.listen))
}
