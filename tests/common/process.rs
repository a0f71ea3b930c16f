//! What the kernel tells of a process (proc(5)).

use std::fs;

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
