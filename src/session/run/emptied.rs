//! ON COMMIT DELETE ROWS: rows of the last transaction are deleted in front of the first statement of the next one, which is
//! the first that could see them. Nobody else can.

use std::rc::Rc;

use crate::iris::{IrisStatement, Reply, Request};
use crate::types::quoted_name;
use crate::wire::PgError;

use crate::session::client::Client;
use crate::session::contract::step::{Event, Progress, Want};
use crate::session::understand::context::Cx;
use crate::session::understand::rules::{refused, unexpected};

/// The deleting under way.
#[derive(Debug)]
pub(crate) struct Emptying {
    /// The last one is next.
    statements: Vec<String>,
}

impl Emptying {
    /// `None` where there is nothing to delete.
    pub(crate) fn of(client: &Client) -> Option<Self> {
        let tables = client.temporary.stale();
        let delete = |(schema, name): (String, String)| {
            format!("DELETE %NOTRIGGER %NOCHECK FROM {}.{}", quoted_name(&schema), quoted_name(&name))
        };
        (!tables.is_empty()).then(|| Self { statements: tables.into_iter().map(delete).collect() })
    }

    pub(crate) fn go_on(&mut self, cx: &mut Cx<'_>) -> Progress<()> {
        let Some(text) = self.statements.pop() else {
            cx.client.temporary.emptied(cx.client.transaction.latest_savepoint());
            return Progress::Ready(());
        };
        let in_transaction = cx.client.transaction.wants_transaction();
        if in_transaction {
            cx.client.transaction.mark_iris_open();
        }
        let key = cx.shard.next_statement_key();
        Progress::Wait(Want::Submit(Request::Execute {
            statement: Rc::new(IrisStatement { key, text, kinds: Vec::new(), is_query: false }),
            values: Vec::new(),
            values_per_set: 0,
            sets: 1,
            rows_max: 0,
            in_transaction,
        }))
    }

    /// # Errors
    /// IRIS's refusal.
    pub(crate) fn resume(&mut self, event: Event<'_>, cx: &mut Cx<'_>) -> Result<Progress<()>, Box<PgError>> {
        match event {
            Event::Iris(Reply::Updated { .. }) => Ok(self.go_on(cx)),
            Event::Iris(Reply::Failed { error, .. }) => Err(refused(&error, cx.shard)),
            Event::Iris(reply) => Err(unexpected(&reply)),
            _ => Err(cx.shard.unwaited()),
        }
    }
}
