use std::future::pending;

use futures_lite::future::poll_once;
use glommio::LocalExecutor;
use glommio::timer::Timer;

use super::*;
use crate::iris::IrisStatement;
use crate::runtime::cancel::{Mesh, ShardMessage};
use crate::runtime::fake_iris::FakeIris;

struct Fixture {
    iris: FakeIris,
    pool: Rc<Pool>,
    tick: Rc<Cell<u64>>,
}

impl Fixture {
    fn new(share: usize) -> Self {
        Self::with_wait_limit(share, Duration::from_secs(20))
    }

    fn with_wait_limit(share: usize, wait_limit: Duration) -> Self {
        let iris = FakeIris::start();
        let tick = Rc::new(Cell::new(0));
        let options = PoolOptions { target: iris.target(), shard: 0, wait_limit, idle_ticks_max: Some(8) };
        let slots = Arc::new(Slots::new(share, 1, Mesh::new(1)));
        let pool = Pool::new(options, slots, Arc::default(), Rc::clone(&tick));
        Self { iris, pool, tick }
    }

    async fn acquire(&self) -> Lease {
        self.pool.acquire(pending()).await.unwrap()
    }
}

fn update(text: &str, in_transaction: bool) -> Request {
    let key = text.bytes().map(u64::from).sum();
    Request::Execute {
        statement: Rc::new(IrisStatement { key, text: text.into(), kinds: Vec::new(), is_query: false }),
        values: Vec::new(),
        values_per_set: 0,
        sets: 1,
        rows_max: 0,
        in_transaction,
    }
}

fn run<T>(future: impl Future<Output = T>) -> T {
    LocalExecutor::default().run(future)
}

async fn queue<T>(future: impl Future<Output = T> + 'static) -> glommio::Task<T>
where
    T: 'static,
{
    let task = glommio::spawn_local(future);
    // So that it takes its place in the queue before the next one.
    glommio::executor().yield_now().await;
    task
}

#[test]
fn connections_are_opened_when_needed_and_used_again() {
    run(async {
        let f = Fixture::new(2);
        assert_eq!(f.pool.counts(), (0, 0, 0));
        f.acquire().await.release().await;
        f.acquire().await.release().await;
        assert_eq!(f.pool.counts(), (1, 1, 0));
        let (one, two) = (f.acquire().await, f.acquire().await);
        assert_eq!(f.pool.counts(), (2, 0, 0));
        one.release().await;
        two.release().await;
        assert_eq!(f.pool.counts(), (2, 2, 0));
        assert_eq!(f.iris.open_max(), 2);
        f.pool.close_idle().await;
        assert_eq!(f.pool.counts(), (0, 0, 0));
        assert!(f.iris.has_open(0));
    });
}

#[test]
fn first_come_first_served() {
    run(async {
        let f = Fixture::new(1);
        let lease = f.acquire().await;
        let order = Rc::new(RefCell::new(Vec::new()));
        let mut tasks = Vec::new();
        for name in 0..5 {
            let (pool, order) = (Rc::clone(&f.pool), Rc::clone(&order));
            tasks.push(
                queue(async move {
                    let lease = pool.acquire(pending()).await.unwrap();
                    order.borrow_mut().push(name);
                    lease.release().await;
                })
                .await,
            );
        }
        assert_eq!(f.pool.counts(), (1, 0, 5));
        lease.release().await;
        for task in tasks {
            task.await;
        }
        assert_eq!(*order.borrow(), [0, 1, 2, 3, 4]);
        assert_eq!((f.pool.counts(), f.iris.open_max()), ((1, 1, 0), 1));
    });
}

#[test]
fn waiting_has_an_end() {
    run(async {
        let f = Fixture::with_wait_limit(1, Duration::from_millis(30));
        let lease = f.acquire().await;
        let error = f.pool.acquire(pending()).await.unwrap_err();
        assert_eq!(error.code, SqlState::TOO_MANY_CONNECTIONS);
        assert_eq!(error.message, "no IRIS connection became free within 30 ms");
        // Cancelled at once.
        let canceled = f.pool.acquire(async { PgError::error(SqlState::QUERY_CANCELED, "canceled") }).await;
        assert_eq!(canceled.unwrap_err().code, SqlState::QUERY_CANCELED);
        assert_eq!(f.pool.counts(), (1, 0, 0));
        lease.release().await;
        assert_eq!(f.pool.counts(), (1, 1, 0));
    });
}

#[test]
fn a_dropped_lease_closes_its_connection_and_frees_its_place() {
    run(async {
        let f = Fixture::new(1);
        let mut lease = f.acquire().await;
        assert!(lease.link_mut().unwrap().run(&update("INSERT 1", true)).await.unwrap());
        let pool = Rc::clone(&f.pool);
        let next = queue(async move { pool.acquire(pending()).await.unwrap() }).await;
        drop(lease);
        let next = next.await;
        assert!(f.iris.saw("gone"));
        assert!(!f.iris.diary().iter().any(|(_, entry)| entry == "TR"), "the connection is closed instead");
        assert_eq!(f.pool.counts(), (1, 0, 0));
        next.release().await;
    });
}

#[test]
fn an_open_transaction_is_rolled_back_before_the_next_client() {
    run(async {
        let f = Fixture::new(1);
        let mut lease = f.acquire().await;
        assert!(lease.link_mut().unwrap().run(&update("INSERT 1", true)).await.unwrap());
        lease.release().await;
        let mut lease = f.acquire().await;
        assert!(lease.link_mut().unwrap().run(&update("INSERT 2", false)).await.unwrap());
        lease.release().await;
        let entries: Vec<String> = f.iris.diary().into_iter().map(|(_, entry)| entry).collect();
        assert_eq!(entries, ["AF", "INSERT 1", "TR", "AN", "INSERT 2"]);
    });
}

#[test]
fn a_connection_in_the_middle_of_a_request_is_not_given_back() {
    run(async {
        let f = Fixture::new(1);
        let mut lease = f.acquire().await;
        let link = lease.link_mut().unwrap();
        let pending = link.begin(&update("sleep", false)).unwrap();
        assert!(poll_once(link.finish(pending)).await.is_none());
        lease.release().await;
        assert_eq!(f.pool.counts(), (0, 0, 0));
    });
}

#[test]
fn an_idle_connection_that_died_is_replaced() {
    run(async {
        let f = Fixture::new(2);
        let (one, two) = (f.acquire().await, f.acquire().await);
        one.release().await;
        two.release().await;
        f.iris.drop_connections();
        let mut lease = f.acquire().await;
        assert!(lease.link_mut().unwrap().run(&update("INSERT 1", false)).await.unwrap());
        assert_eq!(f.pool.counts(), (1, 0, 0));
        lease.release().await;
    });
}

#[test]
fn an_unreachable_iris_fails_all_at_once_and_is_tried_again() {
    run(async {
        let f = Fixture::new(1);
        f.iris.refuse_logins(true);
        let error = f.pool.acquire(pending()).await.unwrap_err();
        assert_eq!(error.code, SqlState::CONNECTION_FAILURE);
        assert_eq!(error.detail.as_deref(), Some("IRIS SQLCODE -417: no licence"));
        // During the backoff nobody even tries.
        f.iris.refuse_logins(false);
        assert_eq!(f.pool.acquire(pending()).await.unwrap_err(), error);
        Timer::new(BACKOFF_MIN).await;
        f.acquire().await.release().await;
        assert_eq!(f.pool.counts(), (1, 1, 0));
    });
}

#[test]
fn who_waits_when_the_last_connection_dies_hears_of_it() {
    run(async {
        let f = Fixture::new(1);
        let lease = f.acquire().await;
        let mut tasks = Vec::new();
        for _ in 0..3 {
            let pool = Rc::clone(&f.pool);
            tasks.push(queue(async move { pool.acquire(pending()).await.map(drop) }).await);
        }
        f.iris.refuse_logins(true);
        drop(lease);
        for task in tasks {
            assert_eq!(task.await.unwrap_err().code, SqlState::CONNECTION_FAILURE);
        }
        assert_eq!(f.pool.counts(), (0, 0, 0));
    });
}

/// IRIS has no licence for a second connection: who needs it waits for the first.
#[test]
fn a_connection_less_than_wished_is_no_error() {
    run(async {
        let f = Fixture::new(2);
        let lease = f.acquire().await;
        f.iris.refuse_logins(true);
        let pool = Rc::clone(&f.pool);
        let second = queue(async move { pool.acquire(pending()).await }).await;
        while f.pool.counts().2 == 0 {
            Timer::new(Duration::from_millis(1)).await;
        }
        lease.release().await;
        second.await.unwrap().release().await;
        assert_eq!(f.pool.counts(), (1, 1, 0));
    });
}

#[test]
fn leaving_the_queue_passes_on_what_was_handed_over() {
    run(async {
        let f = Fixture::new(1);
        let lease = f.acquire().await;
        let (pool, other) = (Rc::clone(&f.pool), Rc::clone(&f.pool));
        let leaving = queue(async move { pool.acquire(pending()).await }).await;
        let staying = queue(async move { other.acquire(pending()).await }).await;
        // Handed to the first in the queue, which is cancelled before it runs.
        lease.release().await;
        assert!(leaving.cancel().await.is_none());
        staying.await.unwrap().release().await;
        assert_eq!(f.pool.counts(), (1, 1, 0));
    });
}

#[test]
fn idle_connections_are_given_up_after_a_time() {
    run(async {
        let f = Fixture::new(3);
        let leases = [f.acquire().await, f.acquire().await, f.acquire().await];
        for (tick, lease) in (0..).zip(leases) {
            f.tick.set(tick);
            lease.release().await;
        }
        f.tick.set(7);
        f.pool.on_tick();
        assert_eq!(f.pool.counts(), (3, 3, 0));
        // The one used last is used again, the others grow old.
        f.acquire().await.release().await;
        f.tick.set(9);
        f.pool.on_tick();
        assert!(f.iris.has_open(1));
        Timer::new(Duration::from_millis(1)).await;
        assert_eq!(f.pool.counts(), (1, 1, 0));
        f.tick.set(15);
        f.pool.on_tick();
        assert!(f.iris.has_open(0));
        f.acquire().await.release().await;
    });
}

/// Two shards of one thread, as it were.
#[test]
fn a_connection_goes_to_another_shard_and_on_there() {
    run(async {
        let iris = FakeIris::start();
        let mesh = Mesh::new(2);
        let slots = Arc::new(Slots::new(1, 2, mesh.clone()));
        let pools = [0, 1].map(|shard| {
            let wait_limit = Duration::from_secs(20);
            let options = PoolOptions { target: iris.target(), shard, wait_limit, idle_ticks_max: None };
            Pool::new(options, Arc::clone(&slots), Arc::default(), Rc::default())
        });
        let postman = glommio::spawn_local({
            let pools = pools.clone();
            async move {
                loop {
                    for (shard, pool) in pools.iter().enumerate() {
                        for message in mesh.mailbox(shard).unwrap().drain() {
                            match message {
                                ShardMessage::Recall => pool.recall(),
                                ShardMessage::Lend { ticket, link } => pool.lent(ticket, *link),
                                ShardMessage::Grant { ticket } => pool.granted(ticket),
                                message => panic!("{message:?}"),
                            }
                        }
                    }
                    Timer::new(Duration::from_millis(1)).await;
                }
            }
        });
        for round in 0..3 {
            for pool in &pools {
                let mut lease = pool.acquire(pending()).await.unwrap();
                let link = lease.link_mut().unwrap();
                // What was prepared on the other side is not taken for prepared here, nor its transaction's end.
                assert!(link.run(&update("INSERT 1", true)).await.unwrap(), "{round}");
                assert!(link.run(&Request::Commit).await.unwrap());
                lease.release().await;
            }
        }
        assert_eq!(iris.open_max(), 1);
        assert!(!iris.diary().iter().any(|(_, entry)| entry == "gone"));
        assert_eq!(iris.diary().iter().filter(|(_, entry)| entry == "AF").count(), 1);
        postman.cancel().await;
    });
}
