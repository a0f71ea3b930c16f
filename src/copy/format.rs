//! The options of COPY that change bytes.

/// The text format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextFormat {
    pub delimiter: u8,
    /// What stands for NULL, compared before escapes are taken out.
    pub null: Vec<u8>,
    /// The first line is names, skipped or written.
    pub header: bool,
    /// What stands for the column's default, compared as NULL is.
    pub default: Option<Vec<u8>>,
}

impl Default for TextFormat {
    fn default() -> Self {
        Self { delimiter: b'\t', null: b"\\N".to_vec(), header: false, default: None }
    }
}

/// The CSV format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CsvFormat {
    pub delimiter: u8,
    pub quote: u8,
    /// Stands before a quote inside quotes; the quote itself by default.
    pub escape: u8,
    /// What stands for NULL where it is not quoted.
    pub null: Vec<u8>,
    pub header: bool,
    /// What stands for the column's default where it is not quoted.
    pub default: Option<Vec<u8>>,
}

impl Default for CsvFormat {
    fn default() -> Self {
        Self { delimiter: b',', quote: b'"', escape: b'"', null: Vec::new(), header: false, default: None }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RowFormat {
    Text(TextFormat),
    Csv(CsvFormat),
}

impl RowFormat {
    pub(super) fn header(&self) -> bool {
        match self {
            Self::Text(format) => format.header,
            Self::Csv(format) => format.header,
        }
    }

    /// What stands for NULL.
    pub fn null(&self) -> &[u8] {
        match self {
            Self::Text(format) => &format.null,
            Self::Csv(format) => &format.null,
        }
    }
}
