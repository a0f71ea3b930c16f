//! Connections to IRIS go to whichever shard needs them.

use super::*;

/// A client on the shard. The kernel spreads clients; this one connects until it is where it should be.
fn client_on(gateway: &Gateway, shard: i32) -> Client {
    loop {
        let client = gateway.client();
        if client.pid >> 21 == shard {
            return client;
        }
    }
}

#[test]
fn one_shard_may_have_all_connections() {
    let gateway = Gateway::start(|options| {
        options.cores = Some(2);
        options.iris_connections = 2;
    });
    for shard in [0, 1, 0] {
        let mut holders = [client_on(&gateway, shard), client_on(&gateway, shard)];
        let started = Instant::now();
        for holder in &mut holders {
            holder.query("BEGIN");
            assert_eq!(tags(&holder.query(ONE)), "CZ");
        }
        assert!(started.elapsed() < stretched(Duration::from_secs(3)), "{:?}", started.elapsed());
        // A third waits until one of them comes back, wherever it is.
        let mut other = client_on(&gateway, 1 - shard);
        other.send_query(ONE);
        std::thread::sleep(Duration::from_millis(50));
        let [mut one, two] = holders;
        assert_eq!(status(&one.query("COMMIT")), 'I');
        assert_eq!(tags(&other.until_ready()), "CZ");
        drop(two);
    }
    // One more for the probe at the start, which is gone before.
    assert!(gateway.iris.open_max() <= 2, "{}", gateway.iris.open_max());
    gateway.stop();
}

/// Eight shards, two connections: who waits is served in the order of asking, on whatever shard.
#[test]
fn the_queue_is_one_over_all_shards() {
    let gateway = Gateway::start(|options| {
        options.cores = Some(8);
        options.iris_connections = 2;
    });
    let mut holders = [client_on(&gateway, 0), client_on(&gateway, 5)];
    for holder in &mut holders {
        holder.query("BEGIN");
        assert_eq!(tags(&holder.query(ONE)), "CZ");
    }
    let mut waiters: Vec<Client> = (0..8).rev().map(|shard| client_on(&gateway, shard)).collect();
    let waits = || gateway.server.counters().iter().map(|counters| counters.pool_waits.value()).sum::<u64>();
    for (number, waiter) in waiters.iter_mut().enumerate() {
        let (before, asked) = (waits(), Instant::now());
        waiter.send_query(&format!("UPDATE waiter {number}"));
        // Each has its place before the next one asks.
        while waits() == before {
            assert!(asked.elapsed() < stretched(Duration::from_secs(10)));
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    // The second connection stays where it is: the first serves all, one after the other.
    let [mut one, _two] = holders;
    assert_eq!(status(&one.query("COMMIT")), 'I');
    for waiter in &mut waiters {
        assert_eq!(tags(&waiter.until_ready()), "CZ");
    }
    let served: Vec<String> =
        gateway.iris.diary().into_iter().map(|(_, entry)| entry).filter(|entry| entry.contains("waiter")).collect();
    let wanted: Vec<String> = (0..8).map(|number| format!("UPDATE waiter {number}")).collect();
    assert_eq!(served, wanted);
    assert_eq!(gateway.iris.open_max(), 2);
    gateway.stop();
}

#[test]
fn many_clients_on_many_shards_share_two_connections() {
    let gateway = Gateway::start(|options| {
        options.cores = Some(8);
        options.iris_connections = 2;
    });
    let address = gateway.address();
    let threads: Vec<_> = (0..32)
        .map(|_| {
            std::thread::spawn(move || {
                let mut client = Client::connect(address);
                for _ in 0..20 {
                    client.query("BEGIN");
                    assert_eq!(tags(&client.query("INSERT")), "CZ");
                    assert_eq!(status(&client.query("COMMIT")), 'I');
                    assert_eq!(tags(&client.query(ONE)), "CZ");
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    assert_eq!(gateway.iris.open_max(), 2);
    let diary = gateway.iris.diary();
    // Lent on, not opened anew. One more for the probe at the start.
    assert!(diary.iter().filter(|(_, entry)| entry == "gone").count() <= 1);
    assert_eq!(diary.iter().filter(|(_, entry)| entry == "TC").count(), 640);
    gateway.stop();
}

#[test]
fn idle_connections_are_closed_at_iris() {
    let gateway = Gateway::start(|options| options.iris_idle_timeout = Duration::from_millis(500));
    let mut client = gateway.client();
    assert_eq!(tags(&client.query(ONE)), "CZ");
    assert!(gateway.iris.has_open(1));
    assert!(gateway.iris.has_open(0));
    assert_eq!(tags(&client.query(ONE)), "CZ");
    // A transaction is not idle, however long its client thinks.
    client.query("BEGIN");
    assert_eq!(tags(&client.query(ONE)), "CZ");
    std::thread::sleep(Duration::from_millis(1200));
    assert!(gateway.iris.has_open(1));
    assert_eq!(status(&client.query("COMMIT")), 'I');
    gateway.stop();
}

/// Cancels use one connection beside the slots, one after the other, also when all slots are in use.
#[test]
fn cancels_use_one_connection_more() {
    let gateway = Gateway::start(|options| options.iris_connections = 4);
    let mut clients: Vec<Client> = (0..4).map(|_| gateway.client()).collect();
    for client in &mut clients {
        client.send_query(SLEEP);
    }
    assert!(gateway.iris.has_open(4));
    std::thread::sleep(Duration::from_millis(100));
    for client in &clients {
        cancel(gateway.address(), client.pid, &client.key);
    }
    for client in &mut clients {
        assert_eq!(sqlstate(&client.until_ready()), "57014");
    }
    // The one before may have gone without having been noticed yet.
    assert!(gateway.iris.open_max() <= 6, "{}", gateway.iris.open_max());
    gateway.stop();
}
