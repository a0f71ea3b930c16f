//! What is left of a page of rows when its statement stops inside of it.

use std::borrow::Cow;

/// So much of a page is turned into rows in one go, some hundred microseconds: other clients wait.
pub(super) const PART_BYTES: usize = 8 << 10;

/// The bytes behind the first `taken`.
#[derive(Debug, Default)]
pub(super) struct PageRest {
    pub(super) bytes: Vec<u8>,
    pub(super) taken: usize,
}

impl PageRest {
    pub(super) fn new(page: Cow<'_, [u8]>, taken: usize) -> Self {
        match page {
            Cow::Borrowed(page) => Self { bytes: page.get(taken..).unwrap_or_default().to_vec(), taken: 0 },
            Cow::Owned(bytes) => Self { bytes, taken },
        }
    }
}
