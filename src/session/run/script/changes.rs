//! Definitions of relations that other sessions define at the same time.

use std::time::Duration;

use super::Run;
use crate::session::contract::step::WaitRequest;
use crate::session::understand::context::Cx;

/// How long a definition waits before it looks again whether another session changes the same relation.
pub(super) const PAUSE: WaitRequest = WaitRequest::Sleep(Duration::from_millis(5));
/// Longer than a rollback takes that undoes definitions.
const PAUSES_MAX: u16 = 2000;

impl Run {
    /// Whoever changes a relation that another session has changed waits for the end of the other's transaction, as in PostgreSQL,
    /// and of its undoing: so the mirror hears of both in the order in which IRIS has done it. Not for ever: the first may wait for a
    /// connection to IRIS that this one has.
    pub(super) fn gives_way(&mut self, cx: &Cx<'_>) -> bool {
        if self.understood.is_plain || self.pauses_count >= PAUSES_MAX {
            return false;
        }
        let gives = cx.shard.is_changed_elsewhere(&self.understood.translation.mirror, cx.client.identity.pid);
        self.pauses_count = self.pauses_count.saturating_add(u16::from(gives));
        gives
    }

    /// The schema is about to be changed.
    pub(super) fn begin_change(&mut self, cx: &mut Cx<'_>) {
        let (translation, pid) = (&self.understood.translation, cx.client.identity.pid);
        self.under_way = cx.shard.change_begins(&translation.mirror, pid);
        let undoes = cx.shard.options.undoes_definitions && cx.client.in_transaction();
        let is_undone = undoes && translation.reversal.is_some() && !cx.client.definitions.is_settling();
        if self.under_way.is_some() && is_undone {
            cx.client.definitions.hold(cx.shard.change_is_kept(&translation.mirror, pid));
        }
    }
}
