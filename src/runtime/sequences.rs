//! Sequences on behalf of sessions: what is drawn is committed on a connection of its own before anybody is told of it, so
//! that no rollback gives it back.

use std::cell::Cell;
use std::future::pending;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use glommio::sync::Semaphore;

use super::asking::{NO_TABLE_SQLCODE, TABLE_EXISTS_SQLCODE, Trouble, ask};
use super::cancel::Mesh;
use super::counters::ShardCounters;
use super::pool::{Lease, Pool, PoolOptions};
use super::slots::Slots;
use crate::catalog::{
    Followed, Sequence, SequenceAnswer, SequenceName, SequenceRequest, SequenceStatements, TypeChange, TypeStatements,
    UserType, read_kept_types, read_sequences,
};
use crate::iris::Request;
use crate::sql::{OwnedChange, SideTable};
use crate::wire::{PgError, SqlState};

/// Where sequences are kept.
#[derive(Debug, Clone)]
pub struct SequenceOptions {
    pub table: Arc<SideTable>,
    /// The namespace of IRIS that the table is in; `None`: that of the clients' tables.
    pub namespace: Option<String>,
}

/// Of one shard.
#[derive(Debug)]
pub(super) struct Sequencer {
    statements: SequenceStatements,
    types: TypeStatements,
    /// The clients' connections, where these are in the same namespace.
    clients: Option<Rc<Pool>>,
    /// Of one connection, for when none of those is free.
    beside: Rc<Pool>,
    /// One request after the other.
    turn: Semaphore,
    timeout: Duration,
}

impl Sequencer {
    /// `options`: of the connection beside those of `clients`.
    pub(super) fn new(
        kept: &SequenceOptions,
        clients: &Rc<Pool>,
        options: PoolOptions,
        timeout: Duration,
        counters: Arc<ShardCounters>,
        tick: Rc<Cell<u64>>,
    ) -> Rc<Self> {
        let mut options = PoolOptions { shard: 0, ..options };
        let own = options.target.login.namespace.clone();
        let namespace = kept.namespace.clone().unwrap_or_else(|| own.clone());
        let clients = namespace.eq_ignore_ascii_case(&own).then(|| Rc::clone(clients));
        options.target.login.namespace = namespace;
        Rc::new(Self {
            statements: SequenceStatements::new(&kept.table),
            types: TypeStatements::new(&kept.table),
            clients,
            beside: Pool::new(options, Arc::new(Slots::new(1, 1, Mesh::new(1))), counters, tick),
            turn: Semaphore::new(1),
            timeout,
        })
    }

    /// Called every tick: a connection that is idle is closed.
    pub(super) fn on_tick(&self) {
        self.beside.on_tick();
    }

    /// For the end of the shard.
    pub(super) async fn close_idle(&self) {
        self.beside.close_idle().await;
    }

    /// A connection that no client has to give back first; only where IRIS refuses one more, one of theirs is waited for.
    async fn acquire(&self) -> Result<Lease, Box<PgError>> {
        if let Some(clients) = &self.clients
            && let Some(lease) = clients.acquire_free().await
        {
            return Ok(lease);
        }
        match (self.beside.acquire(pending()).await, &self.clients) {
            (Err(_), Some(clients)) if self.beside.is_refused() => clients.acquire(pending()).await,
            (result, _) => result,
        }
    }

    /// # Errors
    /// 2200H, 22003 and 42P07 as PostgreSQL says them; what IRIS has against it.
    pub(super) async fn run(&self, request: &SequenceRequest) -> Result<SequenceAnswer, Box<PgError>> {
        self.in_turn(async |lease| self.carry_out(lease, request).await).await
    }

    /// All there are.
    ///
    /// # Errors
    /// Why the table cannot be read.
    pub(super) async fn all(&self) -> Result<Vec<Sequence>, Box<PgError>> {
        self.in_turn(async |lease| self.kept(lease).await).await
    }

    /// All types of users' making.
    ///
    /// # Errors
    /// Why the table cannot be read.
    pub(super) async fn types(&self) -> Result<Vec<UserType>, Box<PgError>> {
        self.in_turn(async |lease| match ask(lease, self.timeout, &self.types.select()).await {
            Ok(asked) => Ok(read_kept_types(asked.rows)),
            Err(trouble) if trouble.is(NO_TABLE_SQLCODE) => Ok(Vec::new()),
            Err(trouble) => Err(trouble),
        })
        .await
    }

    async fn keep_types(&self, lease: &mut Lease, changes: &[TypeChange]) -> Result<(), Trouble> {
        match ask(lease, self.timeout, &self.types.create()).await {
            Err(trouble) if !trouble.is(TABLE_EXISTS_SQLCODE) => return Err(trouble),
            _ => {}
        }
        let requests: Vec<Request> = changes.iter().flat_map(|change| self.types.change(change)).collect();
        self.change(lease, &requests).await
    }

    async fn kept(&self, lease: &mut Lease) -> Result<Vec<Sequence>, Trouble> {
        match ask(lease, self.timeout, &self.statements.select()).await {
            Ok(asked) => Ok(read_sequences(asked.rows)),
            Err(Trouble::Refused(error)) if error.sqlcode == NO_TABLE_SQLCODE => Ok(Vec::new()),
            Err(trouble) => Err(trouble),
        }
    }

    async fn in_turn<T>(&self, work: impl AsyncFnOnce(&mut Lease) -> Result<T, Trouble>) -> Result<T, Box<PgError>> {
        let turn = self.turn.acquire_permit(1).await;
        let _turn = turn.map_err(|error| {
            PgError::error(SqlState::INTERNAL_ERROR, format!("sequences cannot be waited for: {error}"))
        })?;
        let mut lease = self.acquire().await?;
        let result = work(&mut lease).await;
        // Rolls back what is left half done.
        Lease::release(lease).await;
        result.map_err(|trouble| trouble.to_pg())
    }

    async fn carry_out(&self, lease: &mut Lease, request: &SequenceRequest) -> Result<SequenceAnswer, Trouble> {
        match request {
            SequenceRequest::Draw { names, count } => {
                let Some(mut sequence) = self.locked(lease, names).await? else { return Ok(SequenceAnswer::default()) };
                let mut values = Vec::new();
                let mut refusal = None;
                while values.len() < *count && refusal.is_none() {
                    match sequence.draw() {
                        Ok(value) => values.push(value),
                        Err(error) => refusal = Some(error),
                    }
                }
                // What was drawn before the end is gone, as it is for PostgreSQL.
                self.change(lease, &[self.statements.set(&sequence)]).await?;
                match refusal {
                    Some(error) => Err(error.into()),
                    None => Ok(SequenceAnswer {
                        sequence: Some(sequence),
                        values,
                        existed: true,
                        ..SequenceAnswer::default()
                    }),
                }
            }
            SequenceRequest::Set { names, value, is_called } => {
                let Some(mut sequence) = self.locked(lease, names).await? else { return Ok(SequenceAnswer::default()) };
                sequence.set(*value, *is_called)?;
                self.change(lease, &[self.statements.set(&sequence)]).await?;
                Ok(SequenceAnswer {
                    sequence: Some(sequence),
                    values: vec![*value],
                    existed: true,
                    ..SequenceAnswer::default()
                })
            }
            SequenceRequest::Read { names } => {
                for name in names {
                    if let Some(sequence) = self.read(lease, name, false).await? {
                        return Ok(SequenceAnswer {
                            sequence: Some(sequence),
                            existed: true,
                            ..SequenceAnswer::default()
                        });
                    }
                }
                Ok(SequenceAnswer::default())
            }
            SequenceRequest::All => {
                let all = self.kept(lease).await?;
                Ok(SequenceAnswer { all, ..SequenceAnswer::default() })
            }
            SequenceRequest::Create { sequence, if_absent } => self.create(lease, sequence, *if_absent).await,
            SequenceRequest::Change { sequence, restarts } => {
                let names = std::slice::from_ref(&sequence.name);
                let Some(now) = self.locked(lease, names).await? else { return Ok(SequenceAnswer::default()) };
                let mut changed = Sequence { id: now.id, ..Sequence::clone(sequence) };
                if !*restarts {
                    (changed.last_value, changed.is_called) = (now.last_value, now.is_called);
                }
                let requests = [self.statements.change(&changed), self.statements.set(&changed)];
                self.change(lease, &requests).await?;
                Ok(SequenceAnswer { sequence: Some(changed), existed: true, ..SequenceAnswer::default() })
            }
            SequenceRequest::Rename { from, to } => {
                self.change(lease, &[self.statements.rename(from, to)]).await?;
                Ok(SequenceAnswer::default())
            }
            SequenceRequest::Types(changes) => {
                self.keep_types(lease, changes).await?;
                Ok(SequenceAnswer::default())
            }
            SequenceRequest::Follow(changes) => self.follow(lease, changes).await,
            SequenceRequest::Drop { name } => {
                let existed = self.read(lease, name, false).await?.is_some();
                if existed {
                    self.change(lease, &[self.statements.delete(name)]).await?;
                }
                Ok(SequenceAnswer { existed, ..SequenceAnswer::default() })
            }
        }
    }

    async fn follow(&self, lease: &mut Lease, changes: &[OwnedChange]) -> Result<SequenceAnswer, Trouble> {
        let all = self.kept(lease).await?;
        let mut answer = SequenceAnswer::default();
        let mut requests = Vec::new();
        for sequence in &all {
            for change in changes {
                match sequence.follow(change) {
                    Followed::Stays => {}
                    Followed::Goes => {
                        requests.push(self.statements.delete(&sequence.name));
                        answer.gone.push(sequence.name.clone());
                    }
                    Followed::Restarts => {
                        let restarted = Sequence { last_value: sequence.start, is_called: false, ..sequence.clone() };
                        requests.push(self.statements.set(&restarted));
                    }
                    Followed::Changes(owner) => {
                        let changed = Sequence { owner: Some(owner), ..sequence.clone() };
                        requests.push(self.statements.change(&changed));
                    }
                    Followed::Moves(owner, to) => {
                        let changed = Sequence { owner: Some(owner), ..sequence.clone() };
                        requests.push(self.statements.change(&changed));
                        requests.push(self.statements.rename(&sequence.name, &to));
                        answer.gone.push(sequence.name.clone());
                        answer.came.push(to);
                    }
                }
            }
        }
        for change in changes {
            let OwnedChange::SchemaGone(schema) = change else { continue };
            match ask(lease, self.timeout, &self.types.delete_schema(schema)).await {
                Err(trouble) if !trouble.is(NO_TABLE_SQLCODE) => return Err(trouble),
                Err(_) => {}
                Ok(_) => requests.push(self.types.delete_schema(schema)),
            }
        }
        if !requests.is_empty() {
            self.change(lease, &requests).await?;
        }
        Ok(answer)
    }

    async fn create(&self, lease: &mut Lease, sequence: &Sequence, if_absent: bool) -> Result<SequenceAnswer, Trouble> {
        match ask(lease, self.timeout, &self.statements.create()).await {
            Ok(_) => {}
            Err(Trouble::Refused(error)) if error.sqlcode == TABLE_EXISTS_SQLCODE => {}
            Err(trouble) => return Err(trouble),
        }
        if self.read(lease, &sequence.name, false).await?.is_some() {
            if if_absent {
                return Ok(SequenceAnswer { existed: true, ..SequenceAnswer::default() });
            }
            let message = format!("relation \"{}\" already exists", sequence.name.name);
            return Err(PgError::error(SqlState(*b"42P07"), message).into());
        }
        self.change(lease, &[self.statements.insert(sequence)]).await?;
        Ok(SequenceAnswer { sequence: Some(sequence.clone()), ..SequenceAnswer::default() })
    }

    /// The first of the names that is there, for this transaction alone.
    async fn locked(&self, lease: &mut Lease, names: &[SequenceName]) -> Result<Option<Sequence>, Trouble> {
        for name in names {
            match ask(lease, self.timeout, &self.statements.lock(name)).await {
                Ok(asked) if asked.changed == 0 => {}
                Ok(_) => return self.read(lease, name, true).await,
                Err(Trouble::Refused(error)) if error.sqlcode == NO_TABLE_SQLCODE => return Ok(None),
                Err(trouble) => return Err(trouble),
            }
        }
        Ok(None)
    }

    async fn read(
        &self,
        lease: &mut Lease,
        name: &SequenceName,
        in_transaction: bool,
    ) -> Result<Option<Sequence>, Trouble> {
        match ask(lease, self.timeout, &self.statements.select_one(name, in_transaction)).await {
            Ok(asked) => Ok(read_sequences(asked.rows).pop()),
            Err(Trouble::Refused(error)) if error.sqlcode == NO_TABLE_SQLCODE => Ok(None),
            Err(trouble) => Err(trouble),
        }
    }

    /// All of it, for good.
    async fn change(&self, lease: &mut Lease, requests: &[Request]) -> Result<(), Trouble> {
        for request in requests.iter().chain([&Request::Commit]) {
            ask(lease, self.timeout, request).await?;
        }
        Ok(())
    }
}
