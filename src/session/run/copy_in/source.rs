//! Rows as they come out of the client's data.

use crate::copy::{BinaryDecoder, CopyError, Row, RowDecoder, RowFormat};
use crate::session::understand::context::ShardContext;
use crate::sql::{CopyFormat, CopyFromStdin};

#[derive(Debug)]
pub(super) enum Source {
    Lines(RowDecoder),
    Binary(Box<BinaryDecoder>),
}

impl Source {
    pub(super) fn new(copy: &CopyFromStdin, context: &ShardContext) -> Self {
        let row_bytes_max = usize::try_from(context.options.limits.frame_bytes_max).unwrap_or(usize::MAX);
        match &copy.options.format {
            CopyFormat::Rows(format) => Self::Lines(RowDecoder::new(format.clone(), None, row_bytes_max)),
            CopyFormat::Binary => Self::Binary(Box::new(BinaryDecoder::new(copy.columns.len(), row_bytes_max))),
        }
    }

    /// # Errors
    /// [`CopyError`].
    #[inline]
    pub(super) fn next_row<'r, 'i: 'r>(&'r mut self, input: &mut &'i [u8]) -> Result<Option<Row<'r>>, CopyError> {
        match self {
            Self::Lines(decoder) => decoder.next_row(input),
            Self::Binary(decoder) => decoder.next_row(input),
        }
    }

    /// The row that nothing ended.
    ///
    /// # Errors
    /// [`CopyError`].
    pub(super) fn finish(&mut self) -> Result<Option<Row<'_>>, CopyError> {
        match self {
            Self::Lines(decoder) => decoder.finish(),
            Self::Binary(decoder) => decoder.finish().map(|()| None),
        }
    }

    pub(super) fn has_begun(&self) -> bool {
        match self {
            Self::Lines(decoder) => decoder.has_begun(),
            Self::Binary(decoder) => decoder.has_begun(),
        }
    }

    /// What is left of a row that the data ended in.
    pub(super) fn unfinished(&self) -> &[u8] {
        match self {
            Self::Lines(decoder) => decoder.unfinished(),
            Self::Binary(_) => &[],
        }
    }
}

/// What stands for NULL in the data.
pub(super) fn null_marker(copy: &CopyFromStdin) -> &[u8] {
    match &copy.options.format {
        CopyFormat::Rows(format) => RowFormat::null(format),
        CopyFormat::Binary => &[],
    }
}
