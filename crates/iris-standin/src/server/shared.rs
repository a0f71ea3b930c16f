//! What the threads of a server have in common.

use std::sync::{Arc, atomic::AtomicBool};

use super::{Engine, SuperserverOptions, jobs::Jobs};

/// What every connection's thread sees.
pub(super) struct Shared<E: Engine> {
    pub(super) engine: E,
    pub(super) options: SuperserverOptions,
    pub(super) jobs: Arc<Jobs>,
    pub(super) stopping: AtomicBool,
}
