//! Drops the temporary tables and views that nobody has any more: those that sessions of this gateway have given up, and those of
//! gateways that are dead. One task, on the first shard.
//!
//! A gateway with temporary tables has a *lease* in IRIS, a table with one row that it changes every few seconds. Who sees it
//! unchanged for long, or knows the process and that it is gone, takes the row away, then all tables, then that of the
//! lease. No table is made before its gateway's lease, and a lease goes after the last table.

mod owner;

use std::collections::{HashMap, HashSet};
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_lite::future::or;
use glommio::timer::Timer;

use self::owner::{Owner, own};
use super::asking::{Asked, NO_TABLE_SQLCODE, TABLE_EXISTS_SQLCODE, Trouble, ask};
use super::keeper_pool::KeeperPool;
use super::oracle::{Asker, Oracle};
use super::wait::{until, within};
use crate::catalog::{LEASE_TABLE, MirrorChange, Temporaries, TemporaryDuty, parse_temporary_schema};
use crate::iris::{IrisStatement, Request};
use crate::sql::{MirrorStatement, TEMPORARY_PREFIX};
use crate::types::{quoted_name, quoted_text};

/// A lease is changed this often.
const BEAT: Duration = Duration::from_secs(5);
/// What others have left is looked for this often, and so is what a statement made after its session had gone.
const SWEEP: Duration = Duration::from_secs(60);
/// The same where nothing has been found and this gateway has no lease: an idle gateway leaves IRIS alone.
const IDLE_SWEEP: Duration = Duration::from_secs(600);
/// A lease that has not changed for so long is that of a dead gateway. One that IRIS does not reach for this time loses its
/// tables; its sessions could not use them meanwhile.
const DEAD_AFTER: Duration = Duration::from_secs(300);
/// What the end of the gateway waits for.
const LEAVE_LIMIT: Duration = Duration::from_secs(5);
const LOOK_PAUSE: Duration = Duration::from_millis(20);
/// Keys of these statements: far from those a shard counts up from 1, and those of the mirror.
const KEY_FIRST: u64 = 1 << 62;
const KEY_OF_THE_END: u64 = 1 << 61;

/// The task's state.
pub(super) struct TemporaryKeeper {
    temporaries: Arc<Temporaries>,
    pool: Rc<KeeperPool>,
    asker: Rc<Asker>,
    oracle: Arc<Oracle>,
    /// Of one answer of IRIS.
    timeout: Duration,
    last_key: u64,
    is_leased: bool,
    /// The gateway stops, and the mirror with it.
    is_leaving: bool,
    /// The leases of others: what they said, and since when.
    seen: HashMap<String, (Option<i64>, Instant)>,
}

/// A table or a view.
#[derive(Debug, Clone)]
struct Left {
    schema: String,
    name: String,
    is_view: bool,
}

impl TemporaryKeeper {
    pub(super) fn new(
        temporaries: Arc<Temporaries>,
        pool: Rc<KeeperPool>,
        asker: Rc<Asker>,
        oracle: Arc<Oracle>,
    ) -> Self {
        let timeout = oracle.iris_answer_timeout();
        Self {
            temporaries,
            pool,
            asker,
            oracle,
            timeout,
            last_key: KEY_FIRST,
            is_leased: false,
            is_leaving: false,
            seen: HashMap::new(),
        }
    }

    /// Never ends by itself.
    pub(super) async fn run(mut self) {
        let mut swept_at = None;
        loop {
            let is_idle = !self.is_leased && self.seen.is_empty();
            let sweep = if is_idle { IDLE_SWEEP } else { SWEEP };
            let is_due = swept_at.is_none_or(|at: Instant| at.elapsed() >= sweep);
            if is_due {
                swept_at = Some(Instant::now());
                self.attempt_sweep().await;
            }
            let pause = if self.is_leased { BEAT } else { sweep };
            let temporaries = Arc::clone(&self.temporaries);
            let duty = async { Some(poll_fn(|context| temporaries.poll_duty(context.waker())).await) };
            let timer = async {
                until(Instant::now().checked_add(pause)).await;
                None
            };
            match or(duty, timer).await {
                Some(TemporaryDuty::TakeLease) => match self.take_lease().await {
                    Ok(()) => {
                        self.is_leased = true;
                        self.temporaries.leased();
                    }
                    Err(trouble) => self.temporaries.refused(trouble.to_pg()),
                },
                Some(TemporaryDuty::Drop) => self.attempt_sweep().await,
                None if self.is_leased => self.beat_or_leave().await,
                None => {}
            }
        }
    }

    /// The same for the end of the shard, when [`run`](Self::run) is over.
    pub(super) fn leaver(&self) -> Self {
        Self {
            temporaries: Arc::clone(&self.temporaries),
            pool: Rc::clone(&self.pool),
            asker: Rc::clone(&self.asker),
            oracle: Arc::clone(&self.oracle),
            timeout: self.timeout,
            last_key: self.last_key | KEY_OF_THE_END,
            is_leased: false,
            is_leaving: true,
            seen: HashMap::new(),
        }
    }

    /// What is left goes with the gateway, once the sessions of all shards have given up theirs.
    pub(super) async fn leave(mut self) {
        let left = async {
            while !self.temporaries.is_unused() {
                Timer::new(LOOK_PAUSE).await;
            }
            if self.temporaries.give_up_lease() {
                self.attempt_sweep().await;
                self.drop_lease().await;
            }
        };
        if within(LEAVE_LIMIT, left).await.is_none() {
            tracing::warn!("temporary tables are left in IRIS for the next gateway to drop");
        }
    }

    async fn attempt_sweep(&mut self) {
        if let Err(trouble) = self.sweep().await {
            let error = trouble.to_pg();
            tracing::debug!(code = %error.code, error = error.message, "temporary tables could not be looked for");
        }
    }

    /// The lease says that the gateway lives, or goes where there is nothing to say it for.
    async fn beat_or_leave(&mut self) {
        if self.temporaries.is_unused() {
            let is_clear = matches!(self.sweep().await, Ok(true));
            if is_clear && self.temporaries.give_up_lease() {
                self.is_leased = false;
                self.drop_lease().await;
                return;
            }
        }
        let text = format!("UPDATE {} SET beat = beat + 1", lease_of(self.temporaries.gateway()));
        match self.ask(text, false).await {
            Ok(Asked { changed: 1.., .. }) => {}
            Err(trouble) if !trouble.is(NO_TABLE_SQLCODE) => {
                let error = trouble.to_pg();
                tracing::debug!(code = %error.code, error = error.message, "the lease of temporary tables did not change");
            }
            Ok(_) | Err(_) => {
                tracing::warn!("another gateway took this one for dead: its temporary tables are gone");
                self.is_leased = false;
                self.temporaries.lost_lease();
            }
        }
    }

    async fn take_lease(&mut self) -> Result<(), Trouble> {
        let lease = lease_of(self.temporaries.gateway());
        match self.ask(format!("CREATE TABLE {lease} (beat BIGINT, owner VARCHAR(400))"), false).await {
            Err(trouble) if !trouble.is(TABLE_EXISTS_SQLCODE) => return Err(trouble),
            _ => {}
        }
        let present = self.ask(format!("SELECT beat FROM {lease}"), true).await?;
        if present.rows.is_empty() {
            let text = format!("INSERT INTO {lease} (beat, owner) VALUES (0, {})", quoted_text(&own().to_string()));
            self.ask(text, false).await?;
        }
        Ok(())
    }

    async fn drop_lease(&mut self) {
        let text = format!("DROP TABLE {}", lease_of(self.temporaries.gateway()));
        if let Err(trouble) = self.ask(text, false).await {
            tracing::debug!(error = trouble.to_pg().message, "the lease of temporary tables is left behind");
        }
    }

    /// Drops what nobody has. Whether nothing of this gateway's is left.
    async fn sweep(&mut self) -> Result<bool, Trouble> {
        let text = format!(
            "SELECT TABLE_SCHEMA, TABLE_NAME, TABLE_TYPE FROM INFORMATION_SCHEMA.TABLES WHERE TABLE_SCHEMA %STARTSWITH '{TEMPORARY_PREFIX}'"
        );
        let found = self.ask(text, true).await?.rows;
        let mut own = Vec::new();
        let mut others: HashMap<String, Vec<Left>> = HashMap::new();
        for row in found {
            let [Some(schema), Some(name), kind] = row.as_slice() else { continue };
            let Some((gateway, number)) = parse_temporary_schema(schema) else { continue };
            let is_view = kind.as_deref().is_some_and(|kind| kind.to_uppercase().contains("VIEW"));
            let table = Left { schema: schema.clone(), name: name.clone(), is_view };
            if !gateway.eq_ignore_ascii_case(self.temporaries.gateway()) {
                others.entry(gateway.to_ascii_lowercase()).or_default().push(table);
            } else if number.is_some_and(|number| !self.temporaries.is_held(number)) {
                own.push(table);
            }
        }
        let is_clear = self.drop_tables(&own).await;
        self.drop_in_mirror(&own).await;
        self.seen.retain(|gateway, _| others.contains_key(gateway));
        for (gateway, tables) in others {
            if self.is_dead(&gateway, &tables).await? {
                self.bury(&gateway, &tables).await;
            }
        }
        Ok(is_clear)
    }

    /// Whether all of them are gone. Foreign keys among them, and what views read, say in which order they go.
    async fn drop_tables(&mut self, tables: &[Left]) -> bool {
        let (views, mut left): (Vec<&Left>, Vec<&Left>) = tables.iter().partition(|table| table.is_view);
        left.splice(0..0, views);
        loop {
            let before = left.len();
            let mut refused = Vec::new();
            for table in left {
                let Left { schema, name, is_view } = table;
                let what = if *is_view { "VIEW" } else { "TABLE" };
                let text = format!("DROP {what} {}.{} CASCADE", quoted_name(schema), quoted_name(name));
                match self.ask(text, false).await {
                    Ok(_) => {}
                    Err(trouble) if trouble.is(NO_TABLE_SQLCODE) => {}
                    Err(trouble) => {
                        let error = trouble.to_pg();
                        tracing::debug!(schema, name, code = %error.code, error = error.message, "a temporary table stays");
                        refused.push(table);
                    }
                }
            }
            if refused.is_empty() || refused.len() == before {
                return refused.is_empty();
            }
            left = refused;
        }
    }

    async fn drop_in_mirror(&self, tables: &[Left]) {
        if tables.is_empty() || self.is_leaving {
            return;
        }
        let schemas: HashSet<&str> = tables.iter().map(|table| table.schema.as_str()).collect();
        let list: Vec<String> = schemas.iter().map(|schema| quoted_name(schema)).collect();
        let statement = MirrorStatement {
            sql: format!("DROP SCHEMA IF EXISTS {} CASCADE", list.join(", ")),
            otherwise: None,
            relations: tables.iter().map(|table| (table.schema.clone(), table.name.clone())).collect(),
        };
        let change =
            MirrorChange { statements: vec![statement], search_path: "pg_catalog".to_owned(), is_idempotent: false };
        if self.asker.mirror(&change).await.is_ok() {
            self.oracle.forget_temporary(|schema| schemas.contains(schema));
        }
    }

    /// Whether a gateway is known to be dead.
    async fn is_dead(&mut self, gateway: &str, tables: &[Left]) -> Result<bool, Trouble> {
        let has_lease = tables.iter().any(is_lease);
        let rows = if has_lease {
            match self.ask(format!("SELECT beat, owner FROM {}", lease_of(gateway)), true).await {
                Ok(asked) => asked.rows,
                Err(trouble) if trouble.is(NO_TABLE_SQLCODE) => Vec::new(),
                Err(trouble) => return Err(trouble),
            }
        } else {
            Vec::new()
        };
        let cell = |n: usize| rows.first().and_then(|row| row.get(n)).and_then(Option::as_deref);
        let owner = cell(1).and_then(Owner::read);
        if let Some(lives) = owner.and_then(|owner| owner.lives()) {
            return Ok(!lives);
        }
        // Its clock may be another one: what counts is how long it has not changed by this gateway's.
        let beat = cell(0).and_then(|beat| beat.parse().ok());
        let now = Instant::now();
        let (last, since) = self.seen.entry(gateway.to_owned()).or_insert((beat, now));
        if *last != beat {
            (*last, *since) = (beat, now);
        }
        Ok(now.duration_since(*since) >= DEAD_AFTER)
    }

    /// Drops what a dead gateway has left. First its row: were it not dead after all, it would learn of it.
    async fn bury(&mut self, gateway: &str, tables: &[Left]) {
        let lease = lease_of(gateway);
        let claimed = self.ask(format!("DELETE FROM {lease}"), false).await;
        if matches!(&claimed, Err(trouble) if !trouble.is(NO_TABLE_SQLCODE)) {
            return;
        }
        let (of_lease, own): (Vec<_>, Vec<_>) = tables.iter().cloned().partition(is_lease);
        if self.drop_tables(&own).await && self.drop_tables(&of_lease).await {
            tracing::info!(gateway, tables = own.len(), "temporary tables of a gateway that is gone have been dropped");
            self.seen.remove(gateway);
        }
    }

    async fn ask(&mut self, text: String, is_query: bool) -> Result<Asked, Trouble> {
        self.last_key = self.last_key.wrapping_add(1);
        let request = Request::Execute {
            statement: Rc::new(IrisStatement { key: self.last_key, text, kinds: Vec::new(), is_query }),
            values: Vec::new(),
            values_per_set: 0,
            sets: 1,
            rows_max: 0,
            in_transaction: false,
        };
        let mut lease = self.pool.acquire().await?;
        let result = ask(&mut lease, self.timeout, &request).await;
        lease.release().await;
        result
    }
}

fn is_lease(table: &Left) -> bool {
    matches!(parse_temporary_schema(&table.schema), Some((_, None)))
}

fn lease_of(gateway: &str) -> String {
    format!("{}.{LEASE_TABLE}", quoted_name(&format!("{TEMPORARY_PREFIX}{gateway}")))
}
