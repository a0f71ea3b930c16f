//! When requests are due: at a constant rate, handed to whichever connection is free next.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

pub struct Schedule {
    next: AtomicU64,
    rate_per_second: u64,
    warmup_count: u64,
    total_count: u64,
    range: u64,
    seed: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request {
    /// After the start of the load.
    pub due: Duration,
    /// From 1 to the range.
    pub number: u32,
    pub is_measured: bool,
}

impl Schedule {
    pub fn new(rate_per_second: u32, warmup_seconds: u32, seconds: u32, range: u32, seed: u64) -> Self {
        let rate_per_second = u64::from(rate_per_second);
        let warmup_count = rate_per_second * u64::from(warmup_seconds);
        let total_count = warmup_count + rate_per_second * u64::from(seconds);
        Self { next: AtomicU64::new(0), rate_per_second, warmup_count, total_count, range: u64::from(range), seed }
    }

    /// The next request nobody has taken, until the load is over.
    pub fn next(&self) -> Option<Request> {
        let index = self.next.fetch_add(1, Ordering::Relaxed);
        (index < self.total_count).then(|| self.request(index))
    }

    fn request(&self, index: u64) -> Request {
        let nanoseconds = u128::from(index) * 1_000_000_000 / u128::from(self.rate_per_second);
        let number = 1 + mix(self.seed ^ index) % self.range;
        Request {
            due: Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX)),
            number: u32::try_from(number).unwrap_or(u32::MAX),
            is_measured: index >= self.warmup_count,
        }
    }
}

/// The finalizer of SplitMix64: spreads consecutive numbers evenly.
fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_due_at_the_rate_and_end() {
        let schedule = Schedule::new(4, 1, 2, 10, 7);
        let all: Vec<_> = std::iter::from_fn(|| schedule.next()).collect();
        assert_eq!(all.len(), 12);
        let due: Vec<_> = all.iter().map(|request| request.due.as_millis()).collect();
        assert_eq!(due[..5], [0, 250, 500, 750, 1000]);
        assert_eq!(all.iter().filter(|request| request.is_measured).count(), 8);
        assert!(all.iter().all(|request| (1..=10).contains(&request.number)));
        assert_eq!(schedule.next(), None);
    }

    #[test]
    fn numbers_are_spread() {
        let schedule = Schedule::new(10_000, 0, 1, 10, 1);
        let mut counts = [0; 11];
        while let Some(request) = schedule.next() {
            counts[request.number as usize] += 1;
        }
        assert_eq!(counts[0], 0);
        assert!(counts[1..].iter().all(|count| (850..1150).contains(count)), "{counts:?}");
    }
}
