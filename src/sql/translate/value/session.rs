//! Values that the session has, bound when the statement runs.

use crate::iris::ParameterKind;
use crate::sql::plan::{Bind, SessionValue};
use crate::sql::translate::context::frag::{Frag, Ty};
use crate::types::{Oid, PgType};

pub(crate) fn now() -> Frag {
    // Without a precision IRIS gives whole seconds.
    Frag::atom("CURRENT_TIMESTAMP(6)", Ty::of(Oid::TIMESTAMPTZ)).sure()
}

pub(crate) fn session(value: SessionValue, oid: Oid) -> Frag {
    let kind = if Ty::of(oid).is_integer() { ParameterKind::IntegerLiteral } else { ParameterKind::StringLiteral };
    Frag::mark(Bind::Session(value), kind, Ty::Known(PgType::new(oid)))
}
