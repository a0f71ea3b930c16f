//! An open-loop load generator: requests are due at a constant rate whatever the server does, and latency counts from
//! the moment a request was due. A server that stalls is charged for everyone who had to wait, not for one request.

mod connection;
mod report;
mod schedule;

use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use clap::{Parser, ValueEnum};
use hdrhistogram::Histogram;

use connection::{Connection, Template};
use schedule::Schedule;

/// Open-loop load on a PostgreSQL server on this machine.
#[derive(Debug, Clone, Parser)]
#[command(version, about)]
struct Options {
    /// Address of the server
    #[arg(long, default_value = "127.0.0.1:5432")]
    address: SocketAddr,
    #[arg(long, env = "PGUSER", default_value = "_SYSTEM")]
    user: String,
    #[arg(long, env = "PGDATABASE", default_value = "USER")]
    database: String,
    /// Connections; each has a thread
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=1024))]
    connections: u32,
    /// Requests due per second, over all connections
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    rate: u32,
    /// Seconds of load that are measured
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=600))]
    seconds: u32,
    /// Seconds of load before, not measured
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(0..=60))]
    warmup_seconds: u32,
    #[arg(long, value_enum, default_value_t = Protocol::Extended)]
    protocol: Protocol,
    /// The statement; `{}` becomes a number from 1 to --range (in the extended protocol, the parameter $1)
    #[arg(long, default_value = "select {}")]
    sql: String,
    /// The largest number
    #[arg(long, default_value_t = 100_000)]
    range: u32,
    /// Seed of the numbers
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Protocol {
    /// Query
    Simple,
    /// Parse, Bind, Describe, Execute, Sync of an unnamed statement each time
    Extended,
    /// Parse once; then Bind, Execute, Sync
    Prepared,
}

/// What one connection saw, or all of them together. Times in nanoseconds.
struct Measured {
    /// From when the request was due to the end of its answer.
    latency: Histogram<u64>,
    /// From when the request was due to when it was sent, for connections that were free in time: the generator's own
    /// part of the latency (the timer's slack and this machine's scheduler).
    generator_lag: Histogram<u64>,
    errors_count: u64,
    first_error: Option<String>,
}

impl Measured {
    fn new() -> Result<Self, String> {
        // One nanosecond to ten minutes, three significant digits.
        let histogram = || Histogram::new_with_bounds(1, 600_000_000_000, 3).map_err(|error| error.to_string());
        Ok(Self { latency: histogram()?, generator_lag: histogram()?, errors_count: 0, first_error: None })
    }

    fn add(&mut self, other: Self) -> Result<(), String> {
        self.latency.add(other.latency).map_err(|error| error.to_string())?;
        self.generator_lag.add(other.generator_lag).map_err(|error| error.to_string())?;
        self.errors_count += other.errors_count;
        self.first_error = self.first_error.take().or(other.first_error);
        Ok(())
    }

    fn error(&mut self, text: String) {
        self.errors_count += 1;
        self.first_error.get_or_insert(text);
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// One connection: takes the next request that is due, waits for its time, sends it, reads the answer.
fn work(
    mut connection: Connection,
    schedule: &Schedule,
    start: Instant,
    stop: &AtomicBool,
) -> Result<Measured, String> {
    let mut measured = Measured::new()?;
    while !stop.load(Ordering::Relaxed)
        && let Some(request) = schedule.next()
    {
        let due = start + request.due;
        let was_free = Instant::now() < due;
        if let Some(wait) = due.checked_duration_since(Instant::now()) {
            thread::sleep(wait);
        }
        let sent = Instant::now();
        let answer = connection.request(request.number);
        let latency = due.elapsed();
        match answer {
            Ok(None) if request.is_measured => {
                measured.latency.saturating_record(nanoseconds(latency));
                if was_free {
                    measured.generator_lag.saturating_record(nanoseconds(sent.saturating_duration_since(due)));
                }
            }
            Ok(None) => {}
            Ok(Some(error)) => measured.error(error),
            Err(error) => {
                // The rest of the schedule falls to the other connections; the error is counted and shown.
                measured.error(format!("connection lost: {error}"));
                break;
            }
        }
    }
    connection.terminate();
    Ok(measured)
}

fn run(options: &Options) -> Result<(Measured, Duration), String> {
    let template = Template::new(&options.sql, options.protocol);
    let connect = || -> io::Result<Connection> {
        Connection::open(options.address, &options.user, &options.database, template.clone())
    };
    let connections: Vec<_> = (0..options.connections)
        .map(|_| connect().map_err(|error| format!("cannot connect to {}: {error}", options.address)))
        .collect::<Result<_, _>>()?;
    let schedule =
        Schedule::new(options.rate, options.warmup_seconds, options.seconds, options.range.max(1), options.seed);
    let stop = AtomicBool::new(false);
    let ready = Barrier::new(connections.len());
    let start = Instant::now() + Duration::from_millis(100);
    let measured = thread::scope(|scope| {
        let workers: Vec<_> = connections
            .into_iter()
            .map(|connection| {
                scope.spawn(|| {
                    ready.wait();
                    let result = work(connection, &schedule, start, &stop);
                    if result.is_err() {
                        stop.store(true, Ordering::Relaxed);
                    }
                    result
                })
            })
            .collect();
        let mut all = Measured::new()?;
        for worker in workers {
            let part = worker.join().map_err(|_| "a worker failed".to_owned())??;
            all.add(part)?;
        }
        Ok::<_, String>(all)
    })?;
    let measured_for = start.elapsed().saturating_sub(Duration::from_secs(options.warmup_seconds.into()));
    Ok((measured, measured_for))
}

fn main() -> ExitCode {
    let options = Options::parse();
    let outcome = run(&options).and_then(|(measured, elapsed)| {
        report::write(&mut io::stdout().lock(), &options, &measured, elapsed).map_err(|error| error.to_string())?;
        Ok(measured.errors_count)
    });
    match outcome {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("loadtest: {error}");
            ExitCode::FAILURE
        }
    }
}
