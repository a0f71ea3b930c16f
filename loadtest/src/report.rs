//! What was measured, for people.

use std::io::{self, Write};
use std::time::Duration;

use hdrhistogram::Histogram;

use crate::{Measured, Options};

const PERCENTILES: [f64; 6] = [50.0, 90.0, 95.0, 99.0, 99.9, 99.99];

pub fn write(out: &mut impl Write, options: &Options, measured: &Measured, elapsed: Duration) -> io::Result<()> {
    let count = measured.latency.len();
    writeln!(
        out,
        "{:?} protocol, {} connections, seed {}: {}",
        options.protocol, options.connections, options.seed, options.sql
    )?;
    writeln!(
        out,
        "offered {} requests/s for {} s; answered {count}, {:.0}/s; {} errors",
        options.rate,
        options.seconds,
        count as f64 / elapsed.as_secs_f64().max(1e-9),
        measured.errors_count
    )?;
    if let Some(error) = &measured.first_error {
        writeln!(out, "first error: {error}")?;
    }
    if count == 0 {
        return Ok(());
    }
    writeln!(out, "{:>12} {:>14} {:>18}", "percentile", "latency ms", "generator lag ms")?;
    for percentile in PERCENTILES {
        let lag = milliseconds(&measured.generator_lag, percentile);
        writeln!(out, "{percentile:>12} {:>14.3} {lag:>18.3}", milliseconds(&measured.latency, percentile))?;
    }
    let longest = [&measured.latency, &measured.generator_lag].map(|histogram| histogram.max() as f64 / 1e6);
    writeln!(out, "{:>12} {:>14.3} {:>18.3}", "max", longest[0], longest[1])?;
    writeln!(out, "Latency counts from when a request was due; the generator's lag is in it.")
}

fn milliseconds(histogram: &Histogram<u64>, percentile: f64) -> f64 {
    histogram.value_at_percentile(percentile) as f64 / 1e6
}
