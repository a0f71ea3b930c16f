//! Which process a lease is of, for gateways that can see each other's processes.

use std::fmt;
use std::fs;

/// A process as no other one is called, now or later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Owner {
    /// Of the machine's running, and of the numbers of its processes: both have to be the same for these to mean anything.
    place: String,
    pid: u32,
    /// When it began, in ticks of the machine's running.
    start: String,
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.place, self.pid, self.start)
    }
}

/// This process.
pub(super) fn own() -> Owner {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let space = fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    let pid = std::process::id();
    let place = format!("{}/{}", boot.trim(), space.display());
    Owner { place, pid, start: start_of(pid).unwrap_or_default() }
}

impl Owner {
    /// As [`Display`](fmt::Display) writes it.
    pub(super) fn read(text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        let (place, pid, start) = (words.next()?, words.next()?.parse().ok()?, words.next()?);
        Some(Self { place: place.to_owned(), pid, start: start.to_owned() })
    }

    /// Whether the process lives; `None` where that cannot be seen from here.
    pub(super) fn lives(&self) -> Option<bool> {
        let own = own();
        // A word is missing where there is no such thing to read.
        let is_known = !self.start.is_empty() && !own.start.is_empty() && !own.place.starts_with('/');
        (is_known && own.place == self.place).then(|| start_of(self.pid).as_deref() == Some(&self.start))
    }
}

/// When a process began (proc(5), `/proc/pid/stat`, field 22).
fn start_of(pid: u32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name of the program stands in parentheses and may hold anything.
    let (_, fields) = stat.rsplit_once(')')?;
    // A zombie has ended, whoever has not asked for its end yet.
    let mut fields = fields.split_ascii_whitespace();
    let is_over = matches!(fields.next(), Some("Z" | "X"));
    fields.nth(18).filter(|_| !is_over).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_known_by_more_than_its_number() {
        let own = own();
        let read = Owner::read(&own.to_string());
        assert_eq!(read.as_ref(), Some(&own));
        assert_eq!(own.lives(), Some(true));
        assert_eq!(Owner { start: "1".to_owned(), ..own.clone() }.lives(), Some(false));
        assert_eq!(Owner { pid: u32::MAX, ..own.clone() }.lives(), Some(false));
        assert_eq!(Owner { place: "elsewhere/pid".to_owned(), ..own }.lives(), None);
        assert_eq!(Owner::read("x"), None);
    }
}
