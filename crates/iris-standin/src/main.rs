//! The program `iris-standin`.

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use iris_standin::program::{Options, run};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// A stand-in for InterSystems IRIS: its superserver protocol and its SQL, over SQLite.
#[derive(Parser)]
#[command(name = "iris-standin", version)]
struct Arguments {
    #[command(flatten)]
    options: Options,
}

fn main() -> ExitCode {
    match serve(&Arguments::parse().options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            // Nobody is left to tell when this fails.
            let _ = writeln!(std::io::stderr(), "iris-standin: {message}");
            ExitCode::FAILURE
        }
    }
}

fn serve(options: &Options) -> Result<(), String> {
    // Before anybody can connect: a signal that comes early is kept.
    let mut signals = Signals::new([SIGTERM, SIGINT]).map_err(|error| format!("cannot catch signals: {error}"))?;
    let title = concat!("iris-standin ", env!("CARGO_PKG_VERSION"));
    run(options, title, &mut std::io::stdout(), || {
        signals.forever().next();
    })
}
