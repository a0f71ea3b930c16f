//! Which PostgreSQL clients are told that this is.

use std::sync::{Arc, PoisonError, RwLock};

/// `server_version`: that of the PostgreSQL that answers about catalogs, whose tables and columns clients expect by it, and
/// the gateway's own behind it.
#[derive(Debug)]
pub struct ServerVersion {
    told: RwLock<Arc<str>>,
    gateway: String,
}

impl ServerVersion {
    /// `number`: `17.5`, until it is known better. `gateway`: what stands behind it.
    pub fn new(number: &str, gateway: &str) -> Self {
        Self { told: RwLock::new(told(number, gateway)), gateway: gateway.to_owned() }
    }

    /// As it is told from now on. `number`: `18.4`.
    pub fn set(&self, number: &str) {
        *self.told.write().unwrap_or_else(PoisonError::into_inner) = told(number, &self.gateway);
    }

    /// The same by PostgreSQL's `server_version_num`.
    pub(crate) fn set_by_number(&self, version: u32) {
        self.set(&format!("{}.{}", version / 10_000, version % 10_000));
    }

    /// `17.5 (IRIS PGWire 1.0)`.
    pub(crate) fn told(&self) -> Arc<str> {
        Arc::clone(&self.told.read().unwrap_or_else(PoisonError::into_inner))
    }
}

fn told(number: &str, gateway: &str) -> Arc<str> {
    match gateway {
        "" => number.into(),
        gateway => format!("{number} ({gateway})").into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_follows_the_catalogs() {
        let version = ServerVersion::new("17.5", "IRIS PGWire 1.0");
        assert_eq!(&*version.told(), "17.5 (IRIS PGWire 1.0)");
        version.set_by_number(180_004);
        assert_eq!(&*version.told(), "18.4 (IRIS PGWire 1.0)");
        version.set_by_number(140_000);
        assert_eq!(&*version.told(), "14.0 (IRIS PGWire 1.0)");
        version.set("17.5");
        assert_eq!(&*version.told(), "17.5 (IRIS PGWire 1.0)");
        assert_eq!(&*ServerVersion::new("16.0", "").told(), "16.0");
    }
}
