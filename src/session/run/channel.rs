//! LISTEN, UNLISTEN and NOTIFY being carried out; what DISCARD ALL does to them.

use std::rc::Rc;

use crate::sql::ChannelCommand;
use crate::wire::{PgError, SqlState};

use super::outcome::Outcome;
use crate::session::client::Client;
use crate::session::contract::effect::{ChannelChange, Effect, Notification};

/// Bytes of a payload, exclusive (`NOTIFY_PAYLOAD_MAX_LENGTH`).
const PAYLOAD_BYTES_MAX: usize = 8_000;
/// Bytes of a channel's name, exclusive (`NAMEDATALEN`).
const CHANNEL_BYTES_MAX: usize = 64;

/// LISTEN, UNLISTEN or NOTIFY under way.
#[derive(Debug)]
pub(crate) struct ChannelOperation {
    command: ChannelCommand,
    tag: Rc<str>,
    is_done: bool,
}

impl ChannelOperation {
    pub(crate) fn new(command: ChannelCommand, tag: Rc<str>) -> Self {
        Self { command, tag, is_done: false }
    }

    /// # Errors
    /// 22023 for a payload that is too long; 55000 when a portal is executed again; 54000 beyond the bounds.
    pub(crate) fn start(&mut self, client: &mut Client) -> Result<Outcome, Box<PgError>> {
        if std::mem::replace(&mut self.is_done, true) {
            let message = "a portal of this statement can be run only once";
            return Err(PgError::error(SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, message));
        }
        client.transaction.begin_implicit();
        let depth = client.transaction.depth();
        match &self.command {
            ChannelCommand::Listen(channel) => client.channels.change(ChannelChange::Listen(channel.clone()), depth)?,
            ChannelCommand::Unlisten(Some(channel)) => {
                client.channels.change(ChannelChange::Unlisten(channel.clone()), depth)?;
            }
            ChannelCommand::Unlisten(None) => client.channels.change(ChannelChange::UnlistenAll, depth)?,
            ChannelCommand::Notify { channel, payload } => notify(channel, payload, client)?,
        }
        Ok(Outcome::Complete((&self.tag).into()))
    }
}

/// NOTIFY and `pg_notify`.
///
/// # Errors
/// 22023 for an empty or too long channel or a too long payload; 54000 beyond the bound of a transaction.
pub(crate) fn notify(channel: &str, payload: &str, client: &mut Client) -> Result<(), Box<PgError>> {
    let refused = |message: &str| Err(PgError::error(SqlState::INVALID_PARAMETER_VALUE, message));
    if channel.is_empty() {
        return refused("channel name cannot be empty");
    }
    if channel.len() >= CHANNEL_BYTES_MAX {
        return refused("channel name too long");
    }
    if payload.len() >= PAYLOAD_BYTES_MAX {
        return refused("payload string too long");
    }
    client.transaction.begin_implicit();
    let notification =
        Notification { pid: client.identity.pid, channel: channel.to_owned(), payload: payload.to_owned() };
    client.channels.notify(notification, client.transaction.depth())
}

/// DISCARD ALL: UNLISTEN * and pg_advisory_unlock_all.
///
/// # Errors
/// None that can happen: nothing is added.
pub(crate) fn discard(client: &mut Client) -> Result<(), Box<PgError>> {
    client.transaction.begin_implicit();
    client.channels.change(ChannelChange::UnlistenAll, client.transaction.depth())?;
    if client.advisory.forget_session_locks() {
        client.effects.push(Effect::ReleaseSessionLocks);
    }
    Ok(())
}
