//! LISTEN, UNLISTEN, NOTIFY (SQL commands chapter): what a client listens to, and what its transaction will have said.
//!
//! All of it takes effect at commit. A session only keeps the books; at commit it leaves an [`Effect`] for the runtime,
//! which knows the other sessions.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use crate::wire::{PgError, SqlState};

use crate::session::contract::effect::{ChannelChange, Effect, Notification};

/// What one transaction may hold back until its commit, by [`Notification::size`]. PostgreSQL has no bound but memory.
const PENDING_BYTES_MAX: usize = 16 << 20;
/// Channels of one client. PostgreSQL has no bound but memory.
const CHANNELS_MAX: usize = 10_000;

/// What a client listens to and what waits for its commit.
#[derive(Debug, Default)]
pub(crate) struct Channels {
    listening: BTreeSet<String>,
    pending: Option<Box<Pending>>,
}

/// Of the transaction that is open. Numbers: how many savepoints were open.
#[derive(Debug, Default)]
struct Pending {
    changes: Vec<(usize, ChannelChange)>,
    notifications: Vec<(usize, Arc<Notification>)>,
    /// The same as in `notifications`: one said twice is sent once.
    known: HashSet<Arc<Notification>>,
    size: usize,
}

impl Channels {
    /// Whether notifications may come. The one question asked for every query.
    pub(crate) fn is_listening(&self) -> bool {
        !self.listening.is_empty()
    }

    pub(crate) fn listening(&self) -> impl Iterator<Item = &str> {
        self.listening.iter().map(String::as_str)
    }

    /// # Errors
    /// 54000 beyond the bound.
    pub(crate) fn change(&mut self, change: ChannelChange, depth: usize) -> Result<(), Box<PgError>> {
        // Pools send UNLISTEN * whenever a connection comes back.
        if self.listening.is_empty() && self.pending.is_none() && !matches!(change, ChannelChange::Listen(_)) {
            return Ok(());
        }
        let pending = self.pending.get_or_insert_default();
        let is_too_many = match change {
            ChannelChange::Listen(_) => pending.changes.len().saturating_add(self.listening.len()) >= CHANNELS_MAX,
            ChannelChange::Unlisten(_) => pending.changes.len() >= CHANNELS_MAX,
            ChannelChange::UnlistenAll => false,
        };
        if is_too_many {
            let message = format!("a client may listen to at most {CHANNELS_MAX} channels");
            return Err(PgError::error(SqlState::PROGRAM_LIMIT_EXCEEDED, message));
        }
        if pending.changes.last().is_none_or(|(_, last)| *last != change) {
            pending.changes.push((depth, change));
        }
        Ok(())
    }

    /// # Errors
    /// 54000 beyond the bound of a transaction.
    pub(crate) fn notify(&mut self, notification: Notification, depth: usize) -> Result<(), Box<PgError>> {
        let pending = self.pending.get_or_insert_default();
        if pending.known.contains(&notification) {
            return Ok(());
        }
        let size = pending.size.saturating_add(notification.size());
        if size > PENDING_BYTES_MAX {
            let message = "too many notifications in one transaction";
            return Err(PgError::error(SqlState::PROGRAM_LIMIT_EXCEEDED, message));
        }
        pending.size = size;
        let notification = Arc::new(notification);
        pending.known.insert(Arc::clone(&notification));
        pending.notifications.push((depth, notification));
        Ok(())
    }

    /// What was done behind the savepoints that are left is undone; with none left, everything.
    pub(crate) fn roll_back_to(&mut self, depth: usize) {
        let Some(pending) = &mut self.pending else { return };
        if depth == 0 {
            self.pending = None;
            return;
        }
        pending.changes.retain(|(at, _)| *at < depth);
        pending.notifications.retain(|(at, notification)| {
            let keeps = *at < depth;
            if !keeps {
                pending.known.remove(notification);
                pending.size = pending.size.saturating_sub(notification.size());
            }
            keeps
        });
    }

    /// Savepoints are released: what was done behind them now belongs to the one before.
    pub(crate) fn release_to(&mut self, depth: usize) {
        let Some(pending) = &mut self.pending else { return };
        pending.changes.iter_mut().for_each(|(at, _)| *at = depth.min(*at));
        pending.notifications.iter_mut().for_each(|(at, _)| *at = depth.min(*at));
    }

    /// The transaction's end.
    pub(crate) fn end(&mut self, committed: bool) -> Option<Effect> {
        let pending = self.pending.take().filter(|_| committed)?;
        let changes: Vec<ChannelChange> = pending.changes.into_iter().map(|(_, change)| change).collect();
        for change in &changes {
            match change {
                ChannelChange::Listen(channel) => {
                    self.listening.insert(channel.clone());
                }
                ChannelChange::Unlisten(channel) => {
                    self.listening.remove(channel);
                }
                ChannelChange::UnlistenAll => self.listening.clear(),
            }
        }
        let notifications: Vec<_> = pending.notifications.into_iter().map(|(_, notification)| notification).collect();
        let is_empty = changes.is_empty() && notifications.is_empty();
        (!is_empty).then_some(Effect::Channels { changes, notifications })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(payload: &str) -> Notification {
        Notification { pid: 1, channel: "c".to_owned(), payload: payload.to_owned() }
    }

    fn payloads(effect: Option<Effect>) -> Vec<String> {
        match effect {
            Some(Effect::Channels { notifications, .. }) => notifications.iter().map(|n| n.payload.clone()).collect(),
            _ => Vec::new(),
        }
    }

    #[test]
    fn nothing_happens_before_commit_and_nothing_after_rollback() {
        let mut channels = Channels::default();
        channels.change(ChannelChange::Listen("c".to_owned()), 0).unwrap();
        channels.notify(said("x"), 0).unwrap();
        assert!(!channels.is_listening());
        assert_eq!(channels.end(false), None);
        assert!(!channels.is_listening());
        assert_eq!(channels.end(true), None);
        channels.change(ChannelChange::Listen("c".to_owned()), 0).unwrap();
        assert_eq!(
            channels.end(true),
            Some(Effect::Channels { changes: vec![ChannelChange::Listen("c".to_owned())], notifications: Vec::new() })
        );
        assert_eq!(channels.listening().collect::<Vec<_>>(), ["c"]);
        channels.change(ChannelChange::UnlistenAll, 0).unwrap();
        assert!(channels.is_listening());
        channels.end(true);
        assert!(!channels.is_listening());
    }

    #[test]
    fn who_listens_to_nothing_needs_no_effect_to_stop() {
        let mut channels = Channels::default();
        channels.change(ChannelChange::UnlistenAll, 0).unwrap();
        assert_eq!(channels.end(true), None);
    }

    #[test]
    fn what_is_said_twice_is_sent_once_and_order_is_kept() {
        let mut channels = Channels::default();
        for payload in ["b", "a", "b", "c", "a"] {
            channels.notify(said(payload), 0).unwrap();
        }
        assert_eq!(payloads(channels.end(true)), ["b", "a", "c"]);
        // In another transaction it is news again.
        channels.notify(said("b"), 0).unwrap();
        assert_eq!(payloads(channels.end(true)), ["b"]);
    }

    #[test]
    fn savepoints_undo_what_is_behind_them() {
        let mut channels = Channels::default();
        channels.notify(said("a"), 0).unwrap();
        channels.notify(said("b"), 1).unwrap();
        channels.notify(said("c"), 2).unwrap();
        // RELEASE of the second savepoint, then one more behind a new second one, then back to it.
        channels.release_to(1);
        channels.notify(said("d"), 2).unwrap();
        channels.roll_back_to(2);
        channels.notify(said("d"), 1).unwrap();
        assert_eq!(payloads(channels.end(true)), ["a", "b", "c", "d"]);
        channels.notify(said("a"), 0).unwrap();
        channels.notify(said("b"), 1).unwrap();
        channels.roll_back_to(1);
        assert_eq!(payloads(channels.end(true)), ["a"]);
    }

    #[test]
    fn a_transaction_cannot_hold_back_without_bound() {
        let mut channels = Channels::default();
        let mut count = 0;
        let error = loop {
            match channels.notify(said(&format!("{count:07999}")), 0) {
                Ok(()) => count += 1,
                Err(error) => break error,
            }
        };
        assert_eq!(error.code, SqlState::PROGRAM_LIMIT_EXCEEDED);
        assert!(count > 2_000, "{count}");
    }
}
