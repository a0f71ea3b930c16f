//! A statement of IRIS's inside of another one.

use super::script::Run;
use crate::session::understand::context::Cx;

pub(super) fn carry(run: &mut Run, carries: bool, cx: &Cx<'_>) {
    if carries {
        run.print_standard();
    }
    // A portal may have a result of the same statement open: IRIS tells results apart by the key.
    if cx.client.open_results.any() {
        run.separate(cx.shard.next_statement_key());
    }
}
