//! What the kernel tells of a process (proc(5)).

use std::fs;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Resident memory in MiB (`status`, VmRSS).
pub fn resident_mib(pid: u32) -> u64 {
    kib(pid, "status", "VmRSS:") / 1024
}

/// Memory that nobody else has, in bytes (`smaps_rollup`, Private_Dirty).
pub fn private_bytes(pid: u32) -> u64 {
    kib(pid, "smaps_rollup", "Private_Dirty:") * 1024
}

fn kib(pid: u32, file: &str, name: &str) -> u64 {
    let lines = fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap();
    let line = lines.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.trim().trim_end_matches(" kB").trim().parse().unwrap()
}

/// Time on the processor in hundredths of a second (`stat`, utime and stime): what others do to the machine does not count.
pub fn processor_ticks(pid: u32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

/// How long something may take that takes `limit` at the most on a machine of our own: as many times as long as a thread
/// has to wait for its time on a processor, at the moment.
pub fn stretched(limit: Duration) -> Duration {
    limit.mul_f64(slowness())
}

/// How many times as long as its time on a processor a thread takes, at the moment: 1 on a machine of our own. Looked at
/// once a second at the most, as looking takes that time from others.
fn slowness() -> f64 {
    const SAMPLE: Duration = Duration::from_millis(50);
    const VALID: Duration = Duration::from_secs(1);
    static LAST: Mutex<Option<(Instant, f64)>> = Mutex::new(None);
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((at, slowness)) = *last
        && at.elapsed() < VALID
    {
        return slowness;
    }
    let started = Instant::now();
    let had_before = thread_time();
    while thread_time() - had_before < SAMPLE {
        std::hint::spin_loop();
    }
    let slowness = (started.elapsed().as_secs_f64() / SAMPLE.as_secs_f64()).max(1.0);
    *last = Some((Instant::now(), slowness));
    slowness
}

/// The time something may take, from now on: [`stretched`] as the machine is when it seems to be over.
pub struct Deadline {
    started: Instant,
    limit: Duration,
}

impl Deadline {
    pub fn after(limit: Duration) -> Self {
        Self { started: Instant::now(), limit }
    }

    pub fn is_over(&self) -> bool {
        self.started.elapsed() > self.limit && self.started.elapsed() > stretched(self.limit)
    }
}

/// Time on the processor of the calling thread (`schedstat`, in nanoseconds).
fn thread_time() -> Duration {
    let schedstat = fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(schedstat.split(' ').next().unwrap().parse().unwrap())
}
