use std::path::{Path, PathBuf};
use std::sync::mpsc::channel;

use futures_lite::future::{block_on, poll_once};

use super::super::OracleServer;
use super::*;

fn generation(number: u64, folder: &Path) -> Generation {
    Generation { number, address: Address::Socket(folder.join("socket")), is_reopened: false, pid: None }
}

fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("crew-{name}-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(ORACLE_COMMITS), "").unwrap();
    folder
}

#[test]
fn workers_are_started_on_need_and_lent_in_order() {
    let folder = folder("order");
    let of = generation(1, &folder);
    let (starts, started) = channel();
    let crew = Crew::of_processes(2, starts);
    let ready = |commits| Ready { generation: generation(100, Path::new("/w")), commits };
    block_on(async {
        assert!(!crew.has_idle(&of) && !crew.has_ready(&of) && !crew.has_ready(&of));
        let mut wishes: Vec<_> = (0..3).map(|_| Box::pin(crew.lend(&of))).collect();
        for wish in &mut wishes {
            assert!(poll_once(wish).await.is_none());
        }
        let (one, two) = (started.recv().unwrap(), started.recv().unwrap());
        assert!(started.try_recv().is_err(), "two at most");
        let [first, second, third] = &mut wishes[..] else { panic!() };
        crew.is_ready(two.number, ready(0));
        let loan = poll_once(&mut *first).await.unwrap().unwrap();
        assert!(!crew.has_idle(&of) && crew.has_ready(&of));
        assert_eq!(loan.worker(), Some(two.number));
        assert!(poll_once(&mut *second).await.is_none());
        drop(loan);
        let loan = poll_once(&mut *second).await.unwrap().unwrap();
        // One that dies is told of, and another one takes its place.
        loan.end(Death::Timeout);
        assert_eq!(two.orders.recv(), Ok(Death::Timeout));
        drop(loan);
        assert!(poll_once(&mut *third).await.is_none());
        crew.is_gone(two.number, Death::Timeout);
        assert_eq!(crew.death_of(two.number), Some(Death::Timeout));
        crew.is_ready(one.number, ready(0));
        drop(poll_once(&mut *third).await.unwrap().unwrap());
        assert!(crew.has_idle(&of) && started.try_recv().is_err());
        assert!(!crew.retire(one.number, Duration::from_secs(60)) && crew.retire(one.number, Duration::ZERO));
    });
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_copy_has_what_was_committed_when_somebody_asked() {
    let folder = folder("stale");
    let of = generation(1, &folder);
    let (starts, started) = channel();
    let crew = Crew::of_processes(1, starts);
    let ready = |commits| Ready { generation: generation(100, Path::new("/w")), commits };
    block_on(async {
        let mut early = Box::pin(crew.lend(&of));
        assert!(poll_once(&mut early).await.is_none());
        let start = started.recv().unwrap();
        fs::write(folder.join(ORACLE_COMMITS), "+").unwrap();
        let mut late = Box::pin(crew.lend(&of));
        assert!(poll_once(&mut late).await.is_none());
        // Its copy was made in between: right for the first, and not for the second.
        crew.is_ready(start.number, ready(0));
        drop(poll_once(&mut early).await.unwrap().unwrap());
        assert!(poll_once(&mut late).await.is_none());
        assert_eq!(start.orders.recv(), Ok(Death::Unfit));
        crew.is_gone(start.number, Death::Unfit);
        let next = started.recv().unwrap();
        crew.is_ready(next.number, ready(1));
        drop(poll_once(&mut late).await.unwrap().unwrap());
        assert!(crew.has_idle(&of));
        // Of the next generation nothing is known yet.
        let next = generation(2, Path::new("/nonexistent"));
        let mut other = Box::pin(crew.lend(&next));
        assert!(matches!(poll_once(&mut other).await, Some(Err(NoWorker))));
        fs::write(folder.join(ORACLE_COMMITS), "++").unwrap();
        assert!(!crew.has_idle(&of));
    });
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn who_cannot_have_one_is_told() {
    let folder = folder("none");
    let of = generation(1, &folder);
    let (starts, started) = channel();
    let crew = Crew::of_processes(1, starts);
    block_on(async {
        let mut wish = Box::pin(crew.lend(&of));
        assert!(poll_once(&mut wish).await.is_none());
        crew.failed(started.recv().unwrap().number, true);
        assert!(matches!(wish.await, Err(NoWorker)));
        assert!(matches!(crew.lend(&of).await, Err(NoWorker)));
        crew.stop();
        assert!(matches!(crew.lend(&of).await, Err(NoWorker)));
        assert!(crew.is_empty());
    });
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn connections_are_counted() {
    let server = OracleServer {
        host: "h".to_owned(),
        port: 1,
        user: "u".to_owned(),
        password: String::new(),
        database: "d".to_owned(),
    };
    let address = Address::Server(Arc::new(server));
    let of = Generation { number: 1, address, is_reopened: false, pid: None };
    let crew = Crew::of_connections(1);
    block_on(async {
        let loan = crew.lend(&of).await.unwrap();
        let (mut first, mut second) = (Box::pin(crew.lend(&of)), Box::pin(crew.lend(&of)));
        assert!(poll_once(&mut first).await.is_none() && poll_once(&mut second).await.is_none());
        drop(loan);
        // It was given to one who has gone.
        drop(first);
        drop(second.await.unwrap());
        assert_eq!(crew.lend(&of).await.unwrap().generation(), &of);
    });
}
