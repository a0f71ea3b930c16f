//! What one statement costs in the session alone: frames in, replies of IRIS as they would come, messages out. No socket,
//! no IRIS connection, no runtime.
//!
//! `cargo bench --bench session` counts heap allocations of each case in its steady state, fails where there are more
//! than the case may have, and prints the time. `-- NAME COUNT` runs one case so often inside of [`measured`] and says
//! nothing else: that is what `perf/instructions.sh` runs under callgrind. `-- --list` prints the names.

mod cases;
mod counting;
mod driver;
mod iris;

use std::io::Write as _;
use std::process::ExitCode;
use std::time::Instant;

use cases::{CASES, Case};
use driver::Driver;

#[global_allocator]
static ALLOCATOR: counting::Counting = counting::Counting::new();

/// Runs in front of a measurement: caches are filled, buffers have grown.
const WARM_UP_COUNT: u32 = 64;
/// Runs of a measurement of allocations, and of time.
const ALLOCATIONS_COUNT: u32 = 256;
const TIME_COUNT: u32 = 4_096;

/// The steady state of a case. A frame of its own in a profile, from which callgrind counts.
#[inline(never)]
fn measured(driver: &mut Driver, case: &Case, count: u32) {
    for round in 0..count {
        driver.run(case.round(round));
    }
}

fn warm(case: &Case) -> Driver {
    let mut driver = Driver::new();
    driver.run(case.setup());
    for round in 0..WARM_UP_COUNT {
        driver.run(case.round(round));
    }
    driver.checks = false;
    driver
}

/// Whether the case keeps its bound.
fn report(case: &Case, out: &mut impl std::io::Write) -> std::io::Result<bool> {
    let mut driver = warm(case);
    let before = ALLOCATOR.count();
    measured(&mut driver, case, ALLOCATIONS_COUNT);
    let allocations = ALLOCATOR.count().wrapping_sub(before);
    let started = Instant::now();
    measured(&mut driver, case, TIME_COUNT);
    let ns = started.elapsed().as_nanos() / u128::from(TIME_COUNT);
    let per_round = f64::from(u32::try_from(allocations).unwrap_or(u32::MAX)) / f64::from(ALLOCATIONS_COUNT);
    let is_kept = allocations <= u64::from(case.allocations_max) * u64::from(ALLOCATIONS_COUNT);
    let verdict = if is_kept { String::new() } else { format!("  more than {}", case.allocations_max) };
    writeln!(out, "{:<20}{per_round:>10.2} allocations{ns:>10} ns{verdict}", case.name)?;
    Ok(is_kept)
}

fn main() -> ExitCode {
    // `cargo bench` adds `--bench`.
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let mut out = std::io::stdout().lock();
    let cases = CASES.iter().map(|(name, allocations_max)| Case::new(name, *allocations_max));
    let done = match arguments.as_slice() {
        [list] if list == "--list" => CASES.iter().try_for_each(|(name, _)| writeln!(out, "{name}")).map(|()| true),
        [name, count] => {
            let (Some(case), Ok(count)) = (cases.into_iter().find(|case| case.name == name), count.parse()) else {
                return ExitCode::FAILURE;
            };
            measured(&mut warm(&case), &case, count);
            Ok(true)
        }
        [] => cases.into_iter().try_fold(true, |all_kept, case| Ok(report(&case, &mut out)? && all_kept)),
        _ => return ExitCode::FAILURE,
    };
    if matches!(done, Ok(true)) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
