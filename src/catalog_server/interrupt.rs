//! Interrupting a statement.
//!
//! PostgreSQL looks at two flags wherever it may take long (`CHECK_FOR_INTERRUPTS`), and its signal handler for a cancel
//! request does little else than set them. The embedded one gets no signals. But its memory is part of this process's,
//! so another thread can set the flags while a statement runs, through `/proc/self/mem`. The statement then ends with
//! 57014 as it does anywhere else, and nothing is lost.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::engine::{Engine, query};

/// Where PostgreSQL's variables lie, counted from the start of its data: what the module of pglite-oxide 0.5.1 exports
/// under these names. A newer module has others, which [`Flags::find`] notices.
mod variable {
    pub const WORK_MEM: u64 = 2_385_288;
    pub const MAINTENANCE_WORK_MEM: u64 = 2_385_304;
    /// The next two lie in the same block, on both sides of the flags' neighbours.
    pub const EXIT_ON_ANY_ERROR: u64 = 2_674_883;
    pub const ALLOW_SYSTEM_TABLE_MODS: u64 = 2_674_888;
    pub const INTERRUPT_PENDING: u64 = 2_674_800;
    pub const QUERY_CANCEL_PENDING: u64 = 2_674_804;
}

/// The data begin within this distance from the start of the memory, at a multiple of the step (the module asks for
/// an alignment of 2^12).
const DATA_OFFSET_MAX: u64 = 1 << 20;
const DATA_STEP: usize = 4096;
/// A memory of WebAssembly of 32 bits is followed by what it may grow into and cannot reach.
const RESERVED_BYTES_MIN: u64 = 1 << 32;
/// Settings no installation has, in kB.
const PROBE_WORK_MEM: i32 = 70_001;
const PROBE_MAINTENANCE_WORK_MEM: i32 = 70_003;
/// How often the flags are set anew while the statement goes on: PostgreSQL forgets them while it reads a command.
const REPEAT: Duration = Duration::from_millis(5);
/// A statement that has not ended by then does not look at the flags, or has had no time on a processor.
const PATIENCE: Duration = Duration::from_secs(2);

/// The flags of one running PostgreSQL.
#[derive(Debug)]
pub struct Flags {
    memory: File,
    data: u64,
}

impl Flags {
    /// Looks for PostgreSQL's variables, and makes sure that they are what they seem to be: values that are set must
    /// show up, and go away again.
    ///
    /// # Errors
    /// They are not where they should be, `/proc` is not to be had, or the engine is broken.
    pub fn find(engine: &mut impl Engine) -> Result<Self, String> {
        let memory = own_memory()?;
        let set = format!(
            "SET work_mem = {PROBE_WORK_MEM}; SET maintenance_work_mem = {PROBE_MAINTENANCE_WORK_MEM}; \
             SET exit_on_error = off; SET allow_system_table_mods = on"
        );
        engine.exchange(&query(&set))?;
        let maps = own_maps()?;
        let found = linear_memories(&maps)
            .flat_map(|start| (start..=start.saturating_add(DATA_OFFSET_MAX)).step_by(DATA_STEP))
            .find(|data| Place { memory: &memory, data: *data }.has_probe());
        engine.exchange(&query("RESET work_mem; RESET maintenance_work_mem; SET allow_system_table_mods = off"))?;
        let data = found.ok_or("its variables are not where they should be")?;
        let place = Place { memory: &memory, data };
        if place.has_probe() || !place.is_at_rest() {
            return Err("its variables are not where they seemed to be".to_owned());
        }
        engine.exchange(&query("RESET allow_system_table_mods"))?;
        Ok(Self { memory, data })
    }

    fn put(&self, variable: u64, value: i32) {
        // It has been read from there, so it can be written.
        let _ = self.memory.write_all_at(&value.to_le_bytes(), self.data.saturating_add(variable));
    }

    fn raise(&self) {
        // The second is what PostgreSQL looks at first.
        self.put(variable::QUERY_CANCEL_PENDING, 1);
        self.put(variable::INTERRUPT_PENDING, 1);
    }

    fn clear(&self) {
        self.put(variable::INTERRUPT_PENDING, 0);
        self.put(variable::QUERY_CANCEL_PENDING, 0);
    }
}

/// Where the data of a PostgreSQL may begin.
struct Place<'m> {
    memory: &'m File,
    data: u64,
}

impl Place<'_> {
    fn bytes<const N: usize>(&self, variable: u64) -> Option<[u8; N]> {
        let mut bytes = [0; N];
        self.memory.read_exact_at(&mut bytes, self.data.checked_add(variable)?).ok()?;
        Some(bytes)
    }

    fn has_probe(&self) -> bool {
        self.bytes(variable::WORK_MEM) == Some(PROBE_WORK_MEM.to_le_bytes())
            && self.bytes(variable::MAINTENANCE_WORK_MEM) == Some(PROBE_MAINTENANCE_WORK_MEM.to_le_bytes())
            && self.bytes(variable::ALLOW_SYSTEM_TABLE_MODS) == Some([1])
            && self.bytes(variable::EXIT_ON_ANY_ERROR) == Some([0])
    }

    fn is_at_rest(&self) -> bool {
        self.bytes(variable::ALLOW_SYSTEM_TABLE_MODS) == Some([0])
            && self.bytes(variable::INTERRUPT_PENDING) == Some([0; 4])
            && self.bytes(variable::QUERY_CANCEL_PENDING) == Some([0; 4])
    }
}

/// This process's memory, for reading and writing.
pub fn own_memory() -> Result<File, String> {
    let memory = OpenOptions::new().read(true).write(true).open("/proc/self/mem");
    memory.map_err(|error| format!("/proc/self/mem: {error}"))
}

/// What regions it has, for [`regions`].
pub fn own_maps() -> Result<String, String> {
    fs::read_to_string("/proc/self/maps").map_err(|error| format!("/proc/self/maps: {error}"))
}

/// A region of this process's memory.
#[derive(Debug, Clone, Copy)]
pub struct Region {
    pub start: u64,
    pub end: u64,
    /// It can be read and written.
    pub is_used: bool,
}

/// What `/proc/self/maps` lists.
pub fn regions(maps: &str) -> impl Iterator<Item = Region> {
    maps.lines().filter_map(|line| {
        let mut fields = line.split(' ');
        let (start, end) = fields.next()?.split_once('-')?;
        let address = |text| u64::from_str_radix(text, 16).ok();
        Some(Region { start: address(start)?, end: address(end)?, is_used: fields.next()?.starts_with("rw") })
    })
}

/// The starts of what may be memories of WebAssembly: in use up to a point, and reserved behind it.
pub fn linear_memories(maps: &str) -> impl Iterator<Item = u64> {
    regions(maps).zip(regions(maps).skip(1)).filter_map(|(region, next)| {
        let bytes = next.end.saturating_sub(region.start);
        (region.is_used && !next.is_used && region.end == next.start && bytes >= RESERVED_BYTES_MIN)
            .then_some(region.start)
    })
}

/// Whose turn it is, for those who want it to end.
#[derive(Debug, Default)]
pub struct Interrupts {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// `None`: the PostgreSQL cannot be interrupted, or is not there.
    flags: Option<Flags>,
    /// The connection whose transaction may be interrupted.
    owner: Option<u32>,
    /// Turns so far: a connection that has another one is not to be interrupted for its last.
    turns_count: u64,
    /// PostgreSQL is at work for it.
    is_running: bool,
    is_raised: bool,
}

impl Interrupts {
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Every change is a single assignment: nothing is left half-done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Another PostgreSQL, or none.
    pub fn set_flags(&self, flags: Option<Flags>) {
        self.lock().flags = flags;
    }

    /// A connection has its turn.
    pub fn begin_turn(&self, connection: u32) {
        let mut state = self.lock();
        state.owner = Some(connection);
        state.turns_count = state.turns_count.wrapping_add(1);
    }

    /// PostgreSQL works on a message that may be interrupted. It must be inside of a transaction: if not, what follows
    /// would run outside of one.
    pub fn begin(&self) {
        self.lock().is_running = true;
    }

    /// It is done with a message. `is_over`: with an error, behind which nothing of the transaction is worth
    /// interrupting.
    pub fn end(&self, is_over: bool) {
        let mut state = self.lock();
        state.is_running = false;
        if std::mem::take(&mut state.is_raised)
            && let Some(flags) = &state.flags
        {
            // Too late for this one; the next must not be hit.
            flags.clear();
        }
        if is_over {
            state.owner = None;
            self.changed.notify_all();
        }
    }

    /// The connection's turn is over.
    pub fn end_turn(&self) {
        self.lock().owner = None;
        self.changed.notify_all();
    }

    /// Ends what runs for a connection, if its turn has come; returns when that is done, however long it takes: on a
    /// busy machine it does. The gateway ends a process in which it takes too long. False: the flags are not known.
    pub fn interrupt(&self, connection: u32) -> bool {
        let mut patience_until = Instant::now().checked_add(PATIENCE);
        let mut state = self.lock();
        let turn = state.turns_count;
        while state.owner == Some(connection) && state.turns_count == turn {
            if state.flags.is_none() {
                return false;
            }
            if patience_until.take_if(|until| *until <= Instant::now()).is_some() {
                tracing::warn!("a statement has not ended since it was interrupted 2 s ago");
            }
            if state.is_running
                && let Some(flags) = &state.flags
            {
                flags.raise();
                state.is_raised = true;
            }
            state = match self.changed.wait_timeout(state, REPEAT) {
                Ok((state, _)) => state,
                Err(poisoned) => poisoned.into_inner().0,
            };
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memories_are_told_from_other_regions() {
        let maps = "7f00e0000000-7f00e9b80000 rw-p 00000000 00:00 0 \n\
                    7f00e9b80000-7f0260000000 ---p 00000000 00:00 0 \n\
                    7f0260000000-7f0260021000 rw-p 00000000 00:00 0 \n\
                    7f0260021000-7f0264000000 ---p 00000000 00:00 0 \n\
                    7f0264000000-7f0268000000 r-xp 00000000 fe:00 533 /usr/lib/x\n\
                    ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0 [vsyscall]\n";
        assert_eq!(linear_memories(maps).collect::<Vec<_>>(), [0x7f00_e000_0000]);
        assert_eq!(linear_memories("nonsense\n\n-\nx-y rw").count(), 0);
    }

    #[test]
    fn who_has_no_turn_is_not_interrupted() {
        let interrupts = Interrupts::new();
        assert!(interrupts.interrupt(1));
        interrupts.begin_turn(1);
        interrupts.begin();
        assert!(interrupts.interrupt(2));
        // Nothing to interrupt it with.
        assert!(!interrupts.interrupt(1));
        interrupts.end(true);
        assert!(interrupts.interrupt(1));
        interrupts.begin_turn(2);
        interrupts.begin();
        interrupts.end(false);
        assert!(!interrupts.interrupt(2));
        interrupts.end_turn();
        assert!(interrupts.interrupt(2));
    }

    #[test]
    fn the_next_turn_is_not_interrupted_for_the_last() {
        let interrupts = Interrupts::new();
        // Nothing is where it would write to.
        let nothing = File::open("/dev/null").unwrap();
        interrupts.set_flags(Some(Flags { memory: nothing, data: 0 }));
        interrupts.begin_turn(1);
        interrupts.begin();
        let interrupting = std::thread::spawn({
            let interrupts = Arc::clone(&interrupts);
            move || interrupts.interrupt(1)
        });
        while !interrupts.lock().is_raised {
            std::thread::yield_now();
        }
        // Between two looks of the other thread.
        {
            let mut state = interrupts.lock();
            state.owner = None;
            state.is_raised = false;
        }
        interrupts.begin_turn(1);
        assert!(interrupting.join().unwrap());
        assert_eq!(interrupts.lock().owner, Some(1));
    }
}
