//! The stack of the embedded PostgreSQL, and how it is kept from running over.
//!
//! An error ends PostgreSQL's C functions in the middle: the host sees a trap and lets PostgreSQL clean up after itself,
//! but nobody gives back the part of WebAssembly's stack that those functions had. So each error leaves the stack some
//! hundred bytes to some kilobytes shorter, and the stack lies right behind PostgreSQL's variables: a few thousand errors
//! later it grows into them. Between two messages nothing of it is in use, so that its pointer can be put back where it
//! was. The library does not give it away; it is a word in the host's memory, which is found by what it does.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::interrupt::{Region, linear_memories, own_maps, own_memory, regions};

/// The host keeps the pointer as a number of 32 bits in 16 bytes, aligned to as many.
const GLOBAL_BYTES: usize = 16;
/// The stack is aligned to this, too.
const STACK_ALIGNMENT: u32 = 16;
/// No stack begins below PostgreSQL's variables, which take more than this.
const STACK_TOP_MIN: u32 = 1 << 20;
/// What a syntax error takes of the stack at most.
const LOSS_MAX: u32 = 1 << 16;
/// What the kernel's map of pages counts in, on the machines that there is an embedded PostgreSQL for, and its entries.
const PAGE_BYTES: usize = 4096;
const ENTRY_BYTES: usize = 8;
const PAGES_TOGETHER: usize = 8192;
/// More words than this that look like the pointer are too many to be sure of any.
const CANDIDATES_MAX: usize = 16;

/// The words that are known to be the pointer of a PostgreSQL of this process: another one's is not among them.
static FOUND: Mutex<Vec<u64>> = Mutex::new(Vec::new());

fn found() -> MutexGuard<'static, Vec<u64>> {
    // A push or a removal is all that happens.
    FOUND.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Where the pointer of one PostgreSQL is kept, and what it is at rest.
#[derive(Debug)]
pub struct StackPointer {
    memory: File,
    address: u64,
    at_rest: u32,
}

/// A word that may be the pointer.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    address: u64,
    at_rest: u32,
    /// What an error took.
    loss: u32,
}

impl StackPointer {
    /// Looks for the word that an error makes smaller by some bytes and the same error by as many again, that nothing
    /// else changes, and that, put back, makes the next error begin from there: only the pointer itself does that.
    /// `run` runs a statement that succeeds or one that fails.
    ///
    /// # Errors
    /// There is no such word, `/proc` is not to be had, or PostgreSQL is broken.
    pub fn find(mut run: impl FnMut(Probe) -> Result<(), String>) -> Result<Self, String> {
        let memory = own_memory()?;
        run(Probe::Fails)?;
        run(Probe::Succeeds)?;
        let before = Words::read(&memory)?;
        run(Probe::Fails)?;
        let mut candidates = before.smaller(&memory)?;
        run(Probe::Succeeds)?;
        candidates.retain(|candidate| candidate.value(&memory) == Some(candidate.at_rest - candidate.loss));
        run(Probe::Fails)?;
        candidates.retain(|candidate| {
            let twice = candidate.loss.checked_mul(2).and_then(|twice| candidate.at_rest.checked_sub(twice));
            candidate.value(&memory) == twice
        });
        let [candidate] = candidates.as_slice() else {
            return Err(format!("{} words look like the pointer of its stack", candidates.len()));
        };
        let pointer = Self { memory, address: candidate.address, at_rest: candidate.at_rest };
        pointer.restore();
        run(Probe::Fails)?;
        if candidate.value(&pointer.memory) != candidate.at_rest.checked_sub(candidate.loss) {
            return Err("what looks like the pointer of its stack is not".to_owned());
        }
        pointer.restore();
        found().push(pointer.address);
        Ok(pointer)
    }

    /// Puts it back to where it is at rest. PostgreSQL must be.
    pub fn restore(&self) {
        // It has been read from there, so it can be written.
        let _ = self.memory.write_all_at(&self.at_rest.to_ne_bytes(), self.address);
    }
}

impl Drop for StackPointer {
    fn drop(&mut self) {
        found().retain(|address| *address != self.address);
    }
}

/// What PostgreSQL is asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Probe {
    Succeeds,
    /// With an error, each time in the same place.
    Fails,
}

impl Candidate {
    fn value(&self, memory: &File) -> Option<u32> {
        let mut bytes = [0; 4];
        memory.read_exact_at(&mut bytes, self.address).ok()?;
        Some(u32::from_ne_bytes(bytes))
    }
}

/// Words of the host's memory that may be a pointer.
struct Words(Vec<(u64, u32)>);

impl Words {
    fn read(memory: &File) -> Result<Self, String> {
        let maps = own_maps()?;
        let pages = File::open("/proc/self/pagemap").map_err(|error| format!("/proc/self/pagemap: {error}"))?;
        let linear: Vec<u64> = linear_memories(&maps).collect();
        let mut words = Words(Vec::new());
        for region in regions(&maps).filter(|region| region.is_used && !linear.contains(&region.start)) {
            words.read_region(memory, &pages, region);
        }
        let known = found();
        words.0.retain(|(address, _)| !known.contains(address));
        Ok(words)
    }

    /// Reads what there is of a region: an allocator may have reserved much more.
    fn read_region(&mut self, memory: &File, pages: &File, region: Region) {
        let mut entries = vec![0; PAGES_TOGETHER * ENTRY_BYTES];
        let mut page = [0; PAGE_BYTES];
        for group in (region.start..region.end).step_by(PAGES_TOGETHER * PAGE_BYTES) {
            let count = usize::try_from((region.end - group).div_ceil(PAGE_BYTES as u64)).unwrap_or(PAGES_TOGETHER);
            let Some(entries) = entries.get_mut(..count.min(PAGES_TOGETHER) * ENTRY_BYTES) else { return };
            if pages.read_exact_at(entries, group / PAGE_BYTES as u64 * ENTRY_BYTES as u64).is_err() {
                return;
            }
            // Native order: the flag of a page in memory is the highest bit, that of a page swapped out the one below.
            let flags = entries.chunks_exact(ENTRY_BYTES).filter_map(<[u8]>::first_chunk);
            let is_there = flags.map(|entry: &[u8; ENTRY_BYTES]| u64::from_ne_bytes(*entry) >> 62 != 0);
            for (start, _) in (group..).step_by(PAGE_BYTES).zip(is_there).filter(|(_, is_there)| *is_there) {
                // It may have gone since, or not be for reading.
                if memory.read_exact_at(&mut page, start).is_ok() {
                    self.0.extend(
                        (start..)
                            .step_by(GLOBAL_BYTES)
                            .zip(page.chunks_exact(GLOBAL_BYTES))
                            .filter_map(|(address, bytes)| may_be_pointer(bytes).map(|value| (address, value))),
                    );
                }
            }
        }
    }

    /// Those that an error has made smaller.
    fn smaller(&self, memory: &File) -> Result<Vec<Candidate>, String> {
        let mut candidates = Vec::new();
        for (address, at_rest) in &self.0 {
            let mut candidate = Candidate { address: *address, at_rest: *at_rest, loss: 0 };
            let loss = candidate.value(memory).and_then(|now| at_rest.checked_sub(now));
            let Some(loss) = loss.filter(|loss| (1..=LOSS_MAX).contains(loss)) else { continue };
            candidate.loss = loss;
            candidates.push(candidate);
            if candidates.len() > CANDIDATES_MAX {
                return Err("too many words look like the pointer of its stack".to_owned());
            }
        }
        Ok(candidates)
    }
}

fn may_be_pointer(bytes: &[u8]) -> Option<u32> {
    let (value, rest) = bytes.split_first_chunk::<4>()?;
    let value = u32::from_ne_bytes(*value);
    (value >= STACK_TOP_MIN && value.is_multiple_of(STACK_ALIGNMENT) && rest.iter().all(|byte| *byte == 0))
        .then_some(value)
}
