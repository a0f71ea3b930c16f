//! What a time zone other than UTC changes. IRIS has no time zones: its clock and every moment in it are read as UTC.
//! The session's wall clock is bound as a value; what would need a conversion for each row is refused.

use super::session::session;
use super::types::iris_cast_type;
use crate::sql::plan::SessionValue;
use crate::sql::translate::context::Result;
use crate::sql::translate::context::cx::Cx;
use crate::sql::translate::context::frag::{Frag, Ty};
use crate::types::{Oid, PgType};
use crate::wire::PgError;

impl Cx<'_> {
    /// CURRENT_DATE, LOCALTIME or LOCALTIMESTAMP of the session's time zone.
    pub(crate) fn local_time(&self, oid: Oid) -> Frag {
        let name = iris_cast_type(PgType::new(oid)).unwrap_or_default();
        let value = session(SessionValue::LocalTime(oid), Oid::TEXT);
        Frag::cat(&[&"CAST(", &value, &" AS ", &name, &")"], Ty::of(oid)).sure()
    }

    /// Refuses a value of one of `types` where the time zone would decide.
    pub(crate) fn check_zone(&self, frag: &Frag, types: &[Oid], what: &str) -> Result<()> {
        if self.template.is_zoned && frag.ty.oid().is_some_and(|oid| types.contains(&oid)) {
            return Err(depends(what));
        }
        Ok(())
    }

    /// A moment with a time zone is compared with one without by the session's wall clock.
    pub(crate) fn check_compared(&self, left: &Frag, right: &Frag) -> Result<()> {
        let is_plain = |frag: &Frag| frag.ty.is(Oid::DATE) || frag.ty.is(Oid::TIMESTAMP);
        let is_zoned = |frag: &Frag| frag.ty.is(Oid::TIMESTAMPTZ);
        if self.template.is_zoned && (is_plain(left) && is_zoned(right) || is_zoned(left) && is_plain(right)) {
            return Err(depends("a comparison of timestamps with and without time zone"));
        }
        Ok(())
    }

    /// Casts between moments with and without a time zone; `None`: the zone does not matter.
    pub(crate) fn zoned_cast(&self, frag: &Frag, to: PgType) -> Result<Option<Frag>> {
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

pub(crate) fn depends(what: &str) -> Box<PgError> {
    PgError::unsupported(format!("{what} depends on the time zone, and IRIS computes in UTC only"))
        .hint("SET TIME ZONE 'UTC' first, or convert in the client.")
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use crate::sql::plan::{Action, Bind, SessionValue};
    use crate::sql::tests::tables;
    use crate::sql::{Template, TranslateError, TranslateOptions, translate};

    /// The IRIS text and the local times bound to it, or the error's code and message.
    fn zoned(sql: &str) -> String {
        let mut template = Template::default();
        template.is_zoned = true;
        template.scan(sql).unwrap();
        let keys = Cell::new(1);
        let options = TranslateOptions::new("SQLUser", &keys);
        match translate(sql, &template, &tables(), &options) {
            Ok(translated) => {
                let Action::Script(steps) = &translated.translation.action else { panic!("{sql}") };
                let plan = &steps[0].plan;
                let local = |bind: &&Bind| matches!(bind, Bind::Session(SessionValue::LocalTime(_)));
                format!("{} {}", plan.binds.iter().filter(local).count(), plan.statement.text)
            }
            Err(TranslateError::Pg(error)) => error.code.to_string(),
            Err(TranslateError::NeedTables(names)) => panic!("{sql}: {names:?}"),
        }
    }

    #[test]
    fn the_sessions_clock_is_bound() {
        for sql in ["current_date", "localtime", "localtimestamp", "now()::date", "current_timestamp::timestamp"] {
            let text = zoned(&format!("select id from known where day = {sql}"));
            assert!(text.starts_with("1 ") && text.contains("CAST(:%qpar(1) AS "), "{sql}: {text}");
        }
        assert!(zoned("select id from known where at < now()").starts_with("0 "));
    }

    #[test]
    fn what_the_zone_decides_is_refused() {
        for sql in [
            "select at::date from known",
            "select at::timestamp from known",
            "select 'at ' || at from known",
            "select id from known where at::text = 'x'",
            "select ts::timestamptz from known",
            "select day::timestamptz from known",
            "select date_trunc('day', at) from known",
            "select date_trunc('day', day) from known",
            "select extract(hour from at) from known",
            "select to_char(at, 'YYYY') from known",
            "select id from known where at > ts",
            "select id from known where at > current_date",
        ] {
            assert_eq!(zoned(sql), "0A000", "{sql}");
        }
        for sql in [
            "select at at time zone 'utc' from known",
            "select at::text from known",
            "select extract(epoch from at) from known",
            "select date_trunc('day', ts) from known",
            "select ts::date from known",
            "select id from known where at > '2024-01-01'",
        ] {
            assert_ne!(zoned(sql), "0A000", "{sql}");
        }
    }
}
