//! IRIS connections for the keeper of the mirror. Clients may hold all of theirs while they wait for it.

use std::cell::Cell;
use std::future::pending;
use std::rc::Rc;
use std::sync::Arc;

use super::cancel::Mesh;
use super::counters::ShardCounters;
use super::pool::{Lease, Pool, PoolOptions};
use super::slots::Slots;
use crate::wire::PgError;

/// A connection beside those of the clients, for when none of these is free.
#[derive(Debug)]
pub(super) struct KeeperPool {
    clients: Rc<Pool>,
    /// Of one connection.
    beside: Rc<Pool>,
}

impl KeeperPool {
    /// `options`: of the connection beside those of `clients`.
    pub(super) fn new(
        clients: Rc<Pool>,
        options: PoolOptions,
        counters: Arc<ShardCounters>,
        tick: Rc<Cell<u64>>,
    ) -> Rc<Self> {
        // One shard knows of it, and one task uses it.
        let options = PoolOptions { shard: 0, ..options };
        let beside = Pool::new(options, Arc::new(Slots::new(1, 1, Mesh::new(1))), counters, tick);
        Rc::new(Self { clients, beside })
    }

    /// A connection that no client has to give back first. Only where IRIS refuses one more, for want of a licence say,
    /// the keeper waits as clients do.
    ///
    /// # Errors
    /// 08006 when IRIS cannot be reached; what [`Pool::acquire`] gives where one more is refused.
    pub(super) async fn acquire(&self) -> Result<Lease, Box<PgError>> {
        if let Some(lease) = self.clients.acquire_free().await {
            return Ok(lease);
        }
        match self.beside.acquire(pending()).await {
            Err(_) if self.beside.is_refused() => self.clients.acquire(pending()).await,
            result => result,
        }
    }

    /// Called every tick: one that is idle is closed.
    pub(super) fn on_tick(&self) {
        self.beside.on_tick();
    }

    /// For the end of the shard.
    pub(super) async fn close_idle(&self) {
        self.beside.close_idle().await;
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use futures_lite::future::poll_once;
    use glommio::LocalExecutor;
    use glommio::timer::Timer;

    use super::*;
    use crate::runtime::fake_iris::FakeIris;
    use crate::runtime::process::stretched;
    use crate::wire::SqlState;

    const CONNECT_TIMEOUT: Duration = Duration::from_secs(60);

    struct Fixture {
        iris: FakeIris,
        clients: Rc<Pool>,
        keeper: Rc<KeeperPool>,
        counters: Arc<ShardCounters>,
        tick: Rc<Cell<u64>>,
    }

    impl Fixture {
        /// Two connections for clients, who wait half a second for one.
        fn new(connect_timeout: Duration) -> Self {
            let (iris, tick) = (FakeIris::start(), Rc::new(Cell::new(0)));
            let counters = Arc::<ShardCounters>::default();
            let mut target = iris.target();
            target.connect_timeout = connect_timeout;
            let wait_limit = Duration::from_millis(500);
            let options = || PoolOptions { target: target.clone(), shard: 0, wait_limit, idle_ticks_max: Some(8) };
            let slots = Arc::new(Slots::new(2, 1, Mesh::new(1)));
            let clients = Pool::new(options(), slots, Arc::clone(&counters), Rc::clone(&tick));
            let keeper = KeeperPool::new(Rc::clone(&clients), options(), Arc::clone(&counters), Rc::clone(&tick));
            Self { iris, clients, keeper, counters, tick }
        }

        async fn client(&self) -> Lease {
            self.clients.acquire(pending()).await.unwrap()
        }

        fn open(&self) -> u64 {
            self.counters.iris_connections_open.value()
        }
    }

    fn run<T>(future: impl Future<Output = T>) -> T {
        LocalExecutor::default().run(future)
    }

    #[test]
    fn the_keeper_has_one_more_when_all_are_in_use() {
        run(async {
            let f = Fixture::new(CONNECT_TIMEOUT);
            let clients = [f.client().await, f.client().await];
            for _ in 0..3 {
                f.keeper.acquire().await.unwrap().release().await;
            }
            assert_eq!((f.open(), f.iris.open_max()), (3, 3));
            // Nobody but the keeper gets it, and it is closed when nobody uses it.
            assert_eq!(f.clients.acquire(pending()).await.unwrap_err().code, SqlState::TOO_MANY_CONNECTIONS);
            f.tick.set(8);
            f.keeper.on_tick();
            assert!(f.iris.has_open(2));
            let again = f.keeper.acquire().await.unwrap();
            assert_eq!((f.open(), f.iris.open_max()), (3, 3));
            again.release().await;
            f.keeper.close_idle().await;
            assert!(f.iris.has_open(2));
            assert_eq!(f.open(), 2);
            for client in clients {
                client.release().await;
            }
        });
    }

    #[test]
    fn the_keeper_takes_what_nobody_uses() {
        run(async {
            let f = Fixture::new(CONNECT_TIMEOUT);
            // None is open.
            f.keeper.acquire().await.unwrap().release().await;
            // One is idle; one is not open.
            let client = f.client().await;
            f.keeper.acquire().await.unwrap().release().await;
            assert_eq!((f.open(), f.iris.open_max()), (2, 2));
            f.keeper.acquire().await.unwrap().release().await;
            assert_eq!((f.open(), f.iris.open_max()), (2, 2));
            client.release().await;
        });
    }

    #[test]
    fn where_one_more_is_refused_the_keeper_waits_for_a_clients() {
        run(async {
            let f = Fixture::new(CONNECT_TIMEOUT);
            let clients = [f.client().await, f.client().await];
            f.iris.refuse_logins(true);
            let started = Instant::now();
            assert_eq!(f.keeper.acquire().await.unwrap_err().code, SqlState::TOO_MANY_CONNECTIONS);
            assert!(started.elapsed() >= Duration::from_millis(500), "{:?}", started.elapsed());
            let mut waiting = Box::pin(f.keeper.acquire());
            assert!(poll_once(&mut waiting).await.is_none());
            for client in clients {
                client.release().await;
            }
            waiting.await.unwrap().release().await;
            assert_eq!(f.open(), 2);
        });
    }

    #[test]
    fn the_keeper_does_not_wait_for_long_for_an_iris_that_says_nothing_or_no() {
        run(async {
            let connect_timeout = stretched(Duration::from_millis(500));
            let f = Fixture::new(connect_timeout);
            let clients = [f.client().await, f.client().await];
            f.iris.be_silent(true);
            // All are in use; then none is open.
            let error = f.keeper.acquire().await.unwrap_err();
            assert!(error.message.contains("did not answer within"), "{}", error.message);
            drop(clients);
            let error = f.keeper.acquire().await.unwrap_err();
            assert!(error.message.contains("did not answer within"), "{}", error.message);
            f.iris.be_silent(false);
            f.iris.refuse_logins(true);
            // Until then everybody has the last error.
            Timer::new(Duration::from_secs(1)).await;
            let started = Instant::now();
            let error = f.keeper.acquire().await.unwrap_err();
            assert_eq!(error.detail.as_deref(), Some("IRIS SQLCODE -417: no licence"));
            assert!(started.elapsed() < connect_timeout, "{:?}", started.elapsed());
            f.iris.refuse_logins(false);
            Timer::new(Duration::from_secs(1)).await;
            f.keeper.acquire().await.unwrap().release().await;
            assert_eq!(f.open(), 1);
        });
    }
}
