//! Definitions that are the mirror's alone.

use std::rc::Rc;

use crate::catalog::MirrorChange;
use crate::iris::Request;
use crate::wire::PgError;

use super::nested::MakeCarrying;
use super::outcome::Outcome;
use super::type_run::TypeRun;
use crate::session::client::Client;
use crate::session::contract::step::{Event, Want};
use crate::session::understand::context::{Cx, Understood};
use crate::session::understand::rules::mirror_change;

/// COMMENT ON and the like: what the mirror refuses is refused.
#[derive(Debug)]
pub(in crate::session) struct MirrorOnly {
    change: Option<MirrorChange>,
    understood: Rc<Understood>,
    /// Of a type that is kept in IRIS, too.
    types: Option<TypeRun>,
}

impl MirrorOnly {
    pub(super) fn new(make: MakeCarrying, understood: Rc<Understood>, client: &Client) -> Self {
        let change = mirror_change(client, &understood);
        let command = understood.translation.type_command.clone();
        let types = command.map(|command| TypeRun::new(make, command, Rc::clone(&understood)));
        Self { change, understood, types }
    }

    pub(super) fn start(&mut self, cx: &mut Cx<'_>) -> Result<Outcome, Box<PgError>> {
        if let Some(types) = &mut self.types {
            return types.start(cx);
        }
        Ok(match self.change.take() {
            Some(change) => Outcome::Wait(Want::Mirror(change)),
            None => Outcome::Complete((&self.understood.tag).into()),
        })
    }

    pub(super) fn resume(&mut self, event: Event<'_>, cx: &mut Cx<'_>) -> Result<Outcome, Box<PgError>> {
        if let Some(types) = &mut self.types {
            return types.resume(event, cx);
        }
        let Event::Mirrored(done) = event else { return Err(cx.shard.unwaited()) };
        done?;
        if let Some(change) = &self.understood.translation.enum_change {
            cx.shard.options.enums.apply(change);
        }
        cx.shard.schema_changed();
        Ok(Outcome::Complete((&self.understood.tag).into()))
    }

    /// The result left open on the lease when this is given up.
    pub(super) fn take_result(&mut self) -> Option<Request> {
        self.types.as_mut().and_then(TypeRun::take_result)
    }
}
