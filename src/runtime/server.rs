//! The process: starts the shards, watches them, stops them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use glommio::{ExecutorJoinHandle, LocalExecutorBuilder, Placement};

use super::admission::Admission;
use super::alarm::{Alarm, Watch};
use super::belongings::Commons;
use super::cancel::{Mesh, SHARDS_MAX};
use super::conversation::Conversation;
use super::counters::ShardCounters;
use super::oracle::Supervisor;
use super::shard::{self, Shared};
use super::slots::Slots;
use super::startup::{ServeError, executor_error, listen_error, probe_address, probe_iris, probe_machine};
use super::{ServeOptions, startup};
use crate::session::{Counts, Session};

/// The smallest glommio takes: its registered memory is for files, which a gateway does not read.
const IO_MEMORY_BYTES: usize = 64 << 10;

/// How long sessions may work before the shard looks what has come in for others.
const TURN: Duration = Duration::from_millis(5);

/// How long an executor may take until it runs its first task, and how often it is tried.
const START_WAIT: Duration = Duration::from_secs(5);
const START_ATTEMPTS_MAX: u32 = 5;

/// Whether the first task of an executor has run.
const PENDING: u8 = 0;
const BEGUN: u8 = 1;
/// Another executor does its work.
const GIVEN_UP: u8 = 2;

/// What a started gateway says of itself.
#[derive(Debug, Clone)]
pub struct Serving {
    /// With the real port.
    pub address: SocketAddr,
    pub shards_count: usize,
    /// As IRIS announces it.
    pub iris_version: String,
}

/// A running gateway.
#[derive(Debug)]
pub(crate) struct Server {
    serving: Serving,
    mesh: Mesh,
    options: Arc<ServeOptions>,
    shards: Vec<Running>,
    /// The index of a shard whose thread has ended.
    ended: Receiver<usize>,
    counters: Vec<Arc<ShardCounters>>,
    /// Ends the oracle's process when the gateway has ended.
    #[cfg_attr(not(test), expect(dead_code, reason = "it is there to be dropped"))]
    supervisor: Supervisor,
    /// Wakes shards until they have ended.
    _alarm: Watch,
}

#[derive(Debug)]
struct Running {
    core: usize,
    handle: ExecutorJoinHandle<()>,
}

/// Stops a gateway, from any thread.
#[derive(Debug, Clone)]
pub(crate) struct Stopper {
    mesh: Mesh,
    options: Arc<ServeOptions>,
}

impl Stopper {
    /// No new clients; open transactions have `shutdown_timeout` to end.
    pub(crate) fn stop(&self) {
        let now = Instant::now();
        self.mesh.stop(now.checked_add(self.options.shutdown_timeout).unwrap_or(now));
    }

    /// Ends everything.
    pub(crate) fn stop_now(&self) {
        self.mesh.stop(Instant::now());
    }
}

/// Says that a shard's thread has ended, whatever the reason.
struct EndNotice {
    shard: usize,
    ended: Sender<usize>,
}

impl Drop for EndNotice {
    fn drop(&mut self) {
        // Nobody listens any more when the process ends.
        let _ = self.ended.send(self.shard);
    }
}

impl Server {
    /// Starts all shards; returns when clients can connect.
    ///
    /// # Errors
    /// What kept it from starting. Nothing is left running then.
    pub(crate) fn start(options: ServeOptions) -> Result<Self, ServeError> {
        Self::start_with::<Session>(options)
    }

    /// `start`, with another kind of session.
    pub(super) fn start_with<C: Conversation>(options: ServeOptions) -> Result<Self, ServeError> {
        probe_machine()?;
        let address = probe_address(options.listen)?;
        let iris_version = probe_iris(&options.iris)?;
        let cores = cores(&options)?;
        let shards_count = cores.len();
        let supervisor = Supervisor::start(options.oracle.clone(), shards_count);
        let mesh = Mesh::new(shards_count);
        let shared = Shared {
            commons: Arc::new(Commons::new(&mesh)),
            admission: Admission::new(options.finish_statements_max),
            slots: Arc::new(Slots::new(options.iris_connections, shards_count, mesh.clone())),
            options: Arc::new(options),
            oracle: Arc::clone(supervisor.oracle()),
            mesh,
            schema_epoch: Arc::new(AtomicU64::new(1)),
            clients_count: Arc::new(AtomicUsize::new(0)),
            alarm: Alarm::new(shards_count),
        };
        let alarm = shared.alarm.start(shard::TICK).map_err(|error| ServeError::ShardEnded(error.to_string()))?;
        let (end_sender, ended) = channel();
        let mut server = Self {
            serving: Serving { address, shards_count, iris_version },
            mesh: shared.mesh.clone(),
            options: Arc::clone(&shared.options),
            shards: Vec::with_capacity(shards_count),
            ended,
            counters: Vec::with_capacity(shards_count),
            supervisor,
            _alarm: alarm,
        };
        for (index, core) in cores.into_iter().enumerate() {
            if let Err(error) = server.start_shard::<C>(index, core, shared.clone(), end_sender.clone()) {
                server.stopper().stop_now();
                // The first error is the one worth reporting.
                let _ = server.join();
                return Err(error);
            }
        }
        Ok(server)
    }

    fn start_shard<C: Conversation>(
        &mut self,
        index: usize,
        core: usize,
        shared: Shared,
        ended: Sender<usize>,
    ) -> Result<(), ServeError> {
        let address = self.serving.address;
        let counters = Arc::new(ShardCounters::default());
        let counts: Arc<dyn Counts> = Arc::<ShardCounters>::clone(&counters);
        shared.options.session.counts.add(counts);
        self.counters.push(Arc::clone(&counters));
        for attempt in 1.. {
            let begun = Arc::new(AtomicU8::new(PENDING));
            let (listening, heard) = channel();
            let (shared, counters, ended) = (shared.clone(), Arc::clone(&counters), ended.clone());
            let first = Arc::clone(&begun);
            let handle = LocalExecutorBuilder::new(Placement::Fixed(core))
                .name("shard")
                .io_memory(IO_MEMORY_BYTES)
                .preempt_timer(TURN)
                .spawn(move || async move {
                    if first.compare_exchange(PENDING, BEGUN, Ordering::AcqRel, Ordering::Acquire).is_err() {
                        return;
                    }
                    let _notice = EndNotice { shard: index, ended };
                    let listening = move |result| {
                        // `start_shard` waits for it.
                        let _ = listening.send(result);
                    };
                    shard::run::<C>(index, shared, address, counters, listening).await;
                })
                .map_err(|error| executor_error(core, &error))?;
            let mut result = heard.recv_timeout(START_WAIT);
            if matches!(result, Err(RecvTimeoutError::Timeout)) {
                // Nothing wakes it that sleeps over its first task (see `alarm`): another one takes its place.
                if attempt < START_ATTEMPTS_MAX
                    && begun.compare_exchange(PENDING, GIVEN_UP, Ordering::AcqRel, Ordering::Acquire).is_ok()
                {
                    tracing::warn!(core, "an executor thread did not begin, and is started again");
                    continue;
                }
                result = heard.recv().map_err(|_| RecvTimeoutError::Disconnected);
            }
            return match result {
                Ok(Ok(())) => {
                    self.shards.push(Running { core, handle });
                    Ok(())
                }
                Ok(Err(error)) => Err(listen_error(address, error)),
                // The executor ended before it ran anything.
                Err(_) => Err(match handle.join() {
                    Ok(()) => ServeError::ShardEnded("it ended while starting".to_owned()),
                    Err(error) => executor_error(core, &error),
                }),
            };
        }
        Err(ServeError::ShardEnded("it did not begin".to_owned()))
    }

    pub(crate) fn serving(&self) -> &Serving {
        &self.serving
    }

    /// Counters by shard.
    #[cfg(test)]
    pub(super) fn counters(&self) -> &[Arc<ShardCounters>] {
        &self.counters
    }

    /// Times the oracle's process ended and was started again.
    #[cfg(test)]
    pub(super) fn oracle_restarts_count(&self) -> u64 {
        self.supervisor.oracle().restarts_count()
    }

    pub(crate) fn stopper(&self) -> Stopper {
        Stopper { mesh: self.mesh.clone(), options: Arc::clone(&self.options) }
    }

    /// Waits until all shards have ended. A shard that ends while the others run stops them, too: half a gateway
    /// would serve half of its clients.
    ///
    /// # Errors
    /// `ShardEnded`.
    pub(crate) fn join(self) -> Result<(), ServeError> {
        let stopper = self.stopper();
        for _ in &self.shards {
            // All senders are gone only when all shards are.
            if self.ended.recv().is_err() {
                break;
            }
            stopper.stop();
        }
        let mut result = Ok(());
        for Running { core, handle } in self.shards {
            if let Err(error) = handle.join() {
                let error = match startup::executor_error(core, &error) {
                    ServeError::ShardEnded(reason) => ServeError::ShardEnded(format!("core {core}: {reason}")),
                    error => error,
                };
                result = Err(error);
            }
        }
        result
    }
}

/// The cores to run on: as many as wanted; where there are fewer, shards share them.
fn cores(options: &ServeOptions) -> Result<Vec<usize>, ServeError> {
    // Respects the affinity mask a container or taskset has set.
    let available: Vec<usize> =
        core_affinity::get_core_ids().unwrap_or_default().into_iter().map(|core| core.id).collect();
    let wanted = options.cores.unwrap_or(available.len().min(SHARDS_MAX));
    if wanted == 0 || available.is_empty() || options.iris_connections == 0 {
        return Err(ServeError::NothingToRunOn);
    }
    if wanted > SHARDS_MAX {
        return Err(ServeError::Core { core: wanted, reason: format!("{SHARDS_MAX} are the most") });
    }
    if wanted > available.len() {
        tracing::warn!("{wanted} shards share {} cores", available.len());
    }
    Ok(available.iter().copied().cycle().take(wanted).collect())
}
