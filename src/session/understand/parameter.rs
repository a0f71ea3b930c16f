//! A parameter as the client gives it.

use crate::types::Oid;
use crate::wire::Format;

/// One parameter as Bind (or SQL-level EXECUTE) gives it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Parameter<'a> {
    pub oid: Oid,
    pub format: Format,
    /// `None` = NULL.
    pub bytes: Option<&'a [u8]>,
}
