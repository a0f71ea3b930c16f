//! Definitions that are the mirror's alone.

use std::rc::Rc;

use crate::catalog::MirrorChange;
use crate::sql::EnumChange;
use crate::wire::PgError;

use super::outcome::Outcome;
use crate::session::contract::step::{Event, Want};
use crate::session::understand::context::Cx;

/// COMMENT ON and the like: what the mirror refuses is refused.
#[derive(Debug)]
pub(in crate::session) struct MirrorOnly {
    pub(super) change: Option<MirrorChange>,
    pub(super) enum_change: Option<EnumChange>,
    pub(super) tag: Rc<str>,
}

impl MirrorOnly {
    pub(super) fn start(&mut self) -> Outcome {
        match self.change.take() {
            Some(change) => Outcome::Wait(Want::Mirror(change)),
            None => Outcome::Complete((&self.tag).into()),
        }
    }

    pub(super) fn resume(&self, event: Event<'_>, cx: &Cx<'_>) -> Result<Outcome, Box<PgError>> {
        let Event::Mirrored(done) = event else { return Err(cx.shard.unwaited()) };
        done?;
        if let Some(change) = &self.enum_change {
            cx.shard.options.enums.apply(change);
        }
        cx.shard.schema_changed();
        Ok(Outcome::Complete((&self.tag).into()))
    }
}
