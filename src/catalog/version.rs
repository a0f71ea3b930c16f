//! Which PostgreSQL clients are told that this is.

use std::sync::{PoisonError, RwLock};

/// `server_version`: that of the PostgreSQL that answers about catalogs, whose tables and columns clients expect by it, and
/// the gateway's own behind it.
#[derive(Debug)]
pub struct ServerVersion {
    number: RwLock<String>,
    gateway: String,
}

impl ServerVersion {
    /// `number`: `17.5`, until it is known better. `gateway`: what stands behind it.
    pub fn new(number: &str, gateway: &str) -> Self {
        Self { number: RwLock::new(number.to_owned()), gateway: gateway.to_owned() }
    }

    /// As it is told from now on. `version`: PostgreSQL's `server_version_num`.
    pub(crate) fn set(&self, version: u32) {
        let number = format!("{}.{}", version / 10_000, version % 10_000);
        *self.number.write().unwrap_or_else(PoisonError::into_inner) = number;
    }

    /// `17.5 (IRIS PGWire 1.0)`.
    pub(crate) fn told(&self) -> String {
        let number = self.number.read().unwrap_or_else(PoisonError::into_inner);
        match self.gateway.as_str() {
            "" => number.clone(),
            gateway => format!("{number} ({gateway})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_follows_the_catalogs() {
        let version = ServerVersion::new("17.5", "IRIS PGWire 1.0");
        assert_eq!(version.told(), "17.5 (IRIS PGWire 1.0)");
        version.set(180_004);
        assert_eq!(version.told(), "18.4 (IRIS PGWire 1.0)");
        version.set(140_000);
        assert_eq!(version.told(), "14.0 (IRIS PGWire 1.0)");
        assert_eq!(ServerVersion::new("16.0", "").told(), "16.0");
    }
}
