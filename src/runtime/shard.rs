//! One core: a listener of its own, its clients, the IRIS connections it has at present.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_lite::FutureExt;
use futures_lite::future::or;
use glommio::Task;
use glommio::net::{TcpListener, TcpStream};
use glommio::timer::Timer;

use super::ServeOptions;
use super::admission::Admission;
use super::alarm::Alarm;
use super::belongings::Commons;
use super::cancel::{Activity, Mesh, ShardMessage, Target, Targets};
use super::conversation::Conversation;
use super::counters::ShardCounters;
use super::keeper_pool::KeeperPool;
use super::oracle::{Asker, Keeper, Oracle};
use super::pool::{Pool, PoolOptions};
use super::pump::Pump;
use super::sequences::Sequencer;
use super::slots::Slots;
use super::temporary::TemporaryKeeper;
use super::turns::Turns;
use super::wait::{SignalBox, Signals, until, within};
use crate::session::TcpSettings;

/// The shard's coarse clock: idle sessions, requests that run long, connections that wait for a retry.
pub(super) const TICK: Duration = Duration::from_millis(250);
/// Ticks after which a client whose request runs is looked at, and again each time.
const LOOK_TICKS: u64 = 4;
/// The keeper's connection beside those of the clients is closed when it has been idle for so long: it may take a licence
/// that they need, and many misses of one migration are served by it.
const KEEPER_IDLE_MAX: Duration = Duration::from_secs(5);
/// What one read may bring.
const SCRATCH_BYTES: usize = 64 << 10;
/// Pause after a failed accept: out of file descriptors, most likely.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What all shards share, by name: options, the oracle, cancel routing, the schema epoch, the number of clients,
/// the slots of IRIS connections, channels and advisory locks.
#[derive(Debug, Clone)]
pub(super) struct Shared {
    pub(super) options: Arc<ServeOptions>,
    pub(super) oracle: Arc<Oracle>,
    pub(super) mesh: Mesh,
    pub(super) schema_epoch: Arc<AtomicU64>,
    pub(super) clients_count: Arc<AtomicUsize>,
    pub(super) slots: Arc<Slots>,
    pub(super) admission: Arc<Admission>,
    pub(super) commons: Arc<Commons>,
    pub(super) alarm: Alarm,
}

/// One shard, seen from its tasks.
pub(super) struct Shard<C: Conversation> {
    pub(super) options: Arc<ServeOptions>,
    pub(super) context: Rc<C::Context>,
    pub(super) pool: Rc<Pool>,
    /// On the first shard.
    keeper_pool: Option<Rc<KeeperPool>>,
    pub(super) sequencer: Option<Rc<Sequencer>>,
    pub(super) asker: Rc<Asker>,
    pub(super) admission: Arc<Admission>,
    pub(super) mesh: Mesh,
    pub(super) counters: Arc<ShardCounters>,
    /// Where sessions read into; never borrowed across an await.
    pub(super) scratch: RefCell<Box<[u8]>>,
    pub(super) tick: Rc<Cell<u64>>,
    pub(super) turns: Turns,
    pub(super) commons: Arc<Commons>,
    targets: Targets,
    clients_count: Arc<AtomicUsize>,
    /// Set when the process stops.
    stop_at: Cell<Option<Instant>>,
    /// Hears when it does.
    stopping: SignalBox,
}

/// Runs the shard until the process stops. `listening` hears once whether the listener stands.
pub(super) async fn run<C: Conversation>(
    index: usize,
    shared: Shared,
    address: SocketAddr,
    counters: Arc<ShardCounters>,
    listening: impl FnOnce(io::Result<()>),
) {
    let listener = match TcpListener::bind(address) {
        Ok(listener) => listener,
        Err(error) => return listening(Err(error.into())),
    };
    listening(Ok(()));
    let Shared { options, oracle, mesh, schema_epoch, clients_count, slots, admission, commons, alarm } = shared;
    let tick = Rc::new(Cell::new(0));
    let pool_options = PoolOptions {
        target: options.iris.clone(),
        shard: index,
        wait_limit: options.pool_wait_timeout,
        idle_ticks_max: ticks(options.iris_idle_timeout),
    };
    let pool = Pool::new(pool_options.clone(), slots, Arc::clone(&counters), Rc::clone(&tick));
    let idle_ticks_max = ticks(KEEPER_IDLE_MAX).into_iter().chain(pool_options.idle_ticks_max).min();
    let sequencer = options.sequences.as_ref().map(|kept| {
        let pool_options = PoolOptions { idle_ticks_max, ..pool_options.clone() };
        let timeout = options.oracle.iris_answer_timeout;
        Sequencer::new(kept, &pool, pool_options, timeout, Arc::clone(&counters), Rc::clone(&tick))
    });
    // One for the whole process, which shards share.
    let keeper_pool = (index == 0).then(|| {
        let pool_options = PoolOptions { idle_ticks_max, ..pool_options };
        KeeperPool::new(Rc::clone(&pool), pool_options, Arc::clone(&counters), Rc::clone(&tick))
    });
    let keeper = keeper_pool.as_ref().map(|keeper_pool| {
        let keeper = Keeper::new(
            Arc::clone(&oracle),
            Rc::clone(keeper_pool),
            sequencer.clone().zip(options.session.sequences.clone()),
            Arc::clone(&schema_epoch),
            Arc::clone(&options.session.enums),
            Arc::clone(&options.session.changes),
            Arc::clone(&options.session.server_version),
        );
        glommio::spawn_local(keeper.run())
    });
    let asker = Asker::new(Arc::clone(&oracle), Arc::clone(&counters));
    let temporary = keeper_pool.as_ref().filter(|_| options.session.has_oracle).map(|keeper_pool| {
        let temporaries = Arc::clone(&options.session.temporaries);
        let keeper = TemporaryKeeper::new(temporaries, Rc::clone(keeper_pool), Rc::clone(&asker), oracle);
        (keeper.leaver(), glommio::spawn_local(keeper.run()))
    });
    let shard = Rc::new(Shard::<C> {
        context: Rc::new(C::context(&options.session, schema_epoch, Arc::clone(&counters.sessions))),
        options,
        pool,
        keeper_pool,
        asker,
        sequencer,
        admission,
        mesh,
        counters,
        scratch: RefCell::new(vec![0; SCRATCH_BYTES].into_boxed_slice()),
        tick,
        turns: Turns::default(),
        commons,
        targets: Targets::new(index),
        clients_count,
        stop_at: Cell::new(None),
        stopping: SignalBox::default(),
    });
    let ticker = glommio::spawn_local(Rc::clone(&shard).keep_time(index, alarm.clone()));
    let doorkeeper = glommio::spawn_local(Rc::clone(&shard).accept_clients(listener));
    let listener = glommio::spawn_local(Rc::clone(&shard).listen_to_process(index));
    shard.stopping.wait(Signals::STOP).await;
    close_door(doorkeeper, address).await;
    shard.see_clients_off().await;
    if let Some((leaver, temporary)) = temporary {
        temporary.cancel().await;
        leaver.leave().await;
    }
    if let Some(keeper) = keeper {
        keeper.cancel().await;
    }
    alarm.leave(index);
    ticker.cancel().await;
    listener.cancel().await;
    shard.pool.close_idle().await;
    if let Some(keeper_pool) = &shard.keeper_pool {
        keeper_pool.close_idle().await;
    }
    if let Some(sequencer) = &shard.sequencer {
        sequencer.close_idle().await;
    }
    if let Some(mailbox) = shard.mesh.mailbox(index) {
        // A connection on its way to one who has gone since.
        shard.obey(mailbox.drain());
        shard.pool.close_idle().await;
    }
}

/// Whole ticks of a time; `None` for none.
fn ticks(time: Duration) -> Option<u64> {
    let ticks = time.as_millis().div_ceil(TICK.as_millis());
    (ticks > 0).then(|| u64::try_from(ticks).unwrap_or(u64::MAX))
}

/// Ends the accept loop and with it the listener.
///
/// An accept that waits in the ring cannot simply be dropped: until the kernel has cancelled it, it may still take a
/// client, whom nobody would ever close. So a connection of our own lets it complete. It may reach the listener of
/// another shard, which is closing, too: then the next one is ours.
async fn close_door(doorkeeper: Task<()>, address: SocketAddr) {
    const PAUSE: Duration = Duration::from_millis(5);
    let address = match address.ip() {
        ip if !ip.is_unspecified() => address,
        IpAddr::V4(_) => SocketAddr::new(Ipv4Addr::LOCALHOST.into(), address.port()),
        IpAddr::V6(_) => SocketAddr::new(Ipv6Addr::LOCALHOST.into(), address.port()),
    };
    or(doorkeeper, async {
        loop {
            // Whether it is accepted, refused or waits in vain: there is another one in a moment.
            let _ = within(PAUSE, TcpStream::connect(address)).await;
            Timer::new(PAUSE).await;
        }
    })
    .await;
}

impl<C: Conversation> Shard<C> {
    async fn accept_clients(self: Rc<Self>, listener: TcpListener) {
        while self.stop_at.get().is_none() {
            match listener.accept().await {
                Ok(_) if self.stop_at.get().is_some() => return,
                Ok(stream) => self.welcome(stream),
                Err(error) => {
                    tracing::warn!(%error, "a client could not be accepted");
                    Timer::new(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    fn welcome(self: &Rc<Self>, stream: TcpStream) {
        self.counters.clients_accepted.add(1);
        // Replies are gathered before they are sent; waiting for more would only delay them.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a client went before it was served");
            return;
        }
        super::tcp::watch(&stream, TcpSettings::default(), self.options.client_tcp_timeout);
        let mut secret = [0; 32];
        if let Err(error) = getrandom::fill(&mut secret) {
            tracing::error!(%error, "no random numbers for a cancel key");
            return;
        }
        let Some(target) = self.targets.add(secret) else {
            tracing::error!("all process ids of this core are in use");
            return;
        };
        let guest = Guest::new(self, Rc::clone(&target));
        let is_refused = guest.clients_count > self.options.client_connections_max;
        if is_refused {
            self.counters.clients_refused.add(1);
        }
        let mut pump = Pump::new(Rc::clone(self), stream, target, is_refused);
        let shard = Rc::clone(self);
        glommio::spawn_local(async move {
            let pid = guest.target.pid;
            tracing::debug!(pid, client = ?pump.client_address(), "client connected");
            // A panic in a detached task would end the executor, and with it every client of this core.
            if AssertUnwindSafe(pump.run()).catch_unwind().await.is_err() {
                shard.counters.sessions_panicked.add(1);
                tracing::error!(pid, "a session panicked and was closed; this is a defect of the gateway");
            }
            tracing::debug!(pid, "client disconnected");
            drop(pump);
            drop(guest);
        })
        .detach();
    }

    /// What other shards and the process have to say.
    async fn listen_to_process(self: Rc<Self>, index: usize) {
        let Some(mailbox) = self.mesh.mailbox(index) else { return };
        loop {
            self.obey(mailbox.receive().await);
        }
    }

    fn obey(&self, messages: Vec<ShardMessage>) {
        for message in messages {
            match message {
                ShardMessage::Cancel { pid, key } => self.cancel(pid, &key),
                ShardMessage::Wake { pid, signals } => self.targets.wake(pid, signals),
                ShardMessage::Recall => self.pool.recall(),
                ShardMessage::Grant { ticket } => self.pool.granted(ticket),
                ShardMessage::Lend { ticket, link } => self.pool.lent(ticket, *link),
                ShardMessage::Stop { deadline } => {
                    self.stop_at.set(Some(deadline));
                    self.stopping.raise(Signals::STOP);
                }
            }
        }
    }

    fn cancel(&self, pid: i32, key: &[u8]) {
        self.counters.cancel_requests.add(1);
        if !self.targets.cancel(pid, key) {
            tracing::debug!(pid, "a cancel request named no session of ours, or the wrong key");
        }
    }

    /// Sessions end when their transactions do, at the deadline all.
    async fn see_clients_off(&self) {
        self.targets.each(|target| target.signals.raise(Signals::STOP));
        or(self.last_client_gone(), async {
            // A second request to stop may bring the end nearer.
            while self.stop_at.get().is_some_and(|at| at > Instant::now()) {
                or(until(self.stop_at.get()), async {
                    self.stopping.wait(Signals::STOP).await;
                })
                .await;
            }
            self.targets.each(|target| target.signals.raise(Signals::STOP_NOW));
            self.last_client_gone().await;
        })
        .await;
    }

    async fn last_client_gone(&self) {
        const PAUSE: Duration = Duration::from_millis(5);
        while !self.targets.is_empty() {
            Timer::new(PAUSE).await;
        }
    }

    async fn keep_time(self: Rc<Self>, index: usize, alarm: Alarm) {
        alarm.watch(index).await;
        loop {
            Timer::new(TICK).await;
            alarm.tick(index);
            let now = self.tick.get().wrapping_add(1);
            self.tick.set(now);
            self.targets.each(|target| match target.activity.get() {
                Activity::Working => {}
                Activity::WaitingForClient(since) => {
                    // Once: the first full tick.
                    if now.wrapping_sub(since) == 2 {
                        target.signals.raise(Signals::IDLE);
                    }
                }
                Activity::WaitingForIris(since) => {
                    let waited = now.wrapping_sub(since);
                    if waited > 0 && waited.is_multiple_of(LOOK_TICKS) {
                        target.signals.raise(Signals::LOOK_AT_CLIENT);
                    }
                }
            });
            self.pool.on_tick();
            if let Some(keeper_pool) = &self.keeper_pool {
                keeper_pool.on_tick();
            }
            if let Some(sequencer) = &self.sequencer {
                sequencer.on_tick();
            }
        }
    }
}

/// A client's place in the shard's and the process's books, kept for as long as its task lives.
struct Guest<C: Conversation> {
    shard: Rc<Shard<C>>,
    target: Rc<Target>,
    /// Clients of the process, this one included.
    clients_count: usize,
}

impl<C: Conversation> Guest<C> {
    fn new(shard: &Rc<Shard<C>>, target: Rc<Target>) -> Self {
        shard.counters.clients_open.add(1);
        let before = shard.clients_count.fetch_add(1, Ordering::Relaxed);
        Self { shard: Rc::clone(shard), target, clients_count: before.saturating_add(1) }
    }
}

impl<C: Conversation> Drop for Guest<C> {
    fn drop(&mut self) {
        self.shard.targets.remove(self.target.pid);
        self.shard.counters.clients_open.subtract(1);
        self.shard.clients_count.fetch_sub(1, Ordering::Relaxed);
    }
}
