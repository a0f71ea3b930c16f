//! What a time zone other than UTC changes. IRIS has no time zones: its clock and every moment in it are read as UTC.
//! The session's wall clock is bound as a value; what would need a conversion for each row is refused.

use super::atoms::session;
use crate::sql::plan::SessionValue;
use crate::sql::translate::cx::{Cx, Result};
use crate::sql::translate::frag::{Frag, Ty};
use crate::types::{Oid, PgType};
use crate::wire::PgError;

impl Cx<'_> {
    /// CURRENT_DATE, LOCALTIME or LOCALTIMESTAMP of the session's time zone.
    pub(super) fn local_time(&self, oid: Oid) -> Frag {
        let name = super::casts::iris_cast_type(PgType::new(oid)).unwrap_or_default();
        let value = session(SessionValue::LocalTime(oid), Oid::TEXT);
        Frag::cat(&[&"CAST(", &value, &" AS ", &name, &")"], Ty::of(oid)).sure()
    }

    /// Refuses a value of one of `types` where the time zone would decide.
    pub(super) fn check_zone(&self, frag: &Frag, types: &[Oid], what: &str) -> Result<()> {
        if self.template.is_zoned && frag.ty.oid().is_some_and(|oid| types.contains(&oid)) {
            return Err(depends(what));
        }
        Ok(())
    }

    /// Casts between moments with and without a time zone; `None`: the zone does not matter.
    pub(super) fn zoned_cast(&self, frag: &Frag, to: PgType) -> Result<Option<Frag>> {
        let Some(from) = frag.ty.oid().filter(|_| self.template.is_zoned && !frag.ty.is_open()) else {
            return Ok(None);
        };
        let is_text = matches!(to.oid, Oid::TEXT | Oid::VARCHAR | Oid::BPCHAR | Oid::NAME);
        match (from, to.oid) {
            (Oid::TIMESTAMPTZ, Oid::DATE | Oid::TIME | Oid::TIMESTAMP) if frag.text == "CURRENT_TIMESTAMP(6)" => {
                Ok(Some(self.local_time(to.oid)))
            }
            (Oid::TIMESTAMPTZ, Oid::DATE | Oid::TIME | Oid::TIMESTAMP) => {
                Err(depends("a cast of a timestamp with time zone to one without"))
            }
            (Oid::DATE | Oid::TIMESTAMP, Oid::TIMESTAMPTZ) => {
                Err(depends("a cast of a timestamp without time zone to one with"))
            }
            (Oid::TIMESTAMPTZ, _) if is_text => Err(depends("a cast of a timestamp with time zone to text")),
            _ => Ok(None),
        }
    }
}

pub(super) fn depends(what: &str) -> Box<PgError> {
    PgError::unsupported(format!("{what} depends on the time zone, and IRIS computes in UTC only"))
        .hint("SET TIME ZONE 'UTC' first, or convert in the client.")
}
