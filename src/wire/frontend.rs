//! Messages of the client (protocol chapter, "Message Formats"), borrowed from the frame.
//!
//! Everything a message says of itself is checked when it is parsed: walking parameters afterwards cannot fail.

use super::{Format, Frame, Reader, WireError};

/// One tagged message of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrontendMessage<'a> {
    /// Tag `p`: PasswordMessage, SASLInitialResponse or SASLResponse. Which one, only the state of the authentication
    /// exchange tells: see [`password`] and [`SaslInitialResponse::parse`].
    Authentication(&'a [u8]),
    Bind(Bind<'a>),
    Close {
        target: Target,
        name: &'a str,
    },
    CopyData(&'a [u8]),
    CopyDone,
    /// The client's reason.
    CopyFail(&'a str),
    Describe {
        target: Target,
        name: &'a str,
    },
    Execute {
        portal: &'a str,
        /// 0 = all. Negative limits mean the same, as in PostgreSQL.
        rows_max: u32,
    },
    Flush,
    FunctionCall(FunctionCall<'a>),
    Parse(Parse<'a>),
    Query(&'a str),
    Sync,
    Terminate,
}

/// What Describe and Close name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    Statement,
    Portal,
}

impl<'a> FrontendMessage<'a> {
    /// Reads the body by its tag.
    ///
    /// # Errors
    /// The body is cut short, has bytes left over, or says what the protocol does not allow.
    pub fn parse(frame: Frame<'a>) -> Result<Self, WireError> {
        let body = frame.body;
        match frame.tag {
            b'B' => Reader::all(body, "Bind", Bind::read).map(Self::Bind),
            b'C' => Reader::all(body, "Close", |r| {
                let target = target(r, "Close.kind")?;
                Ok(Self::Close { target, name: r.cstr("Close.name")? })
            }),
            b'D' => Reader::all(body, "Describe", |r| {
                let target = target(r, "Describe.kind")?;
                Ok(Self::Describe { target, name: r.cstr("Describe.name")? })
            }),
            b'E' => Reader::all(body, "Execute", |r| {
                let portal = r.cstr("Execute.portal")?;
                let rows_max = u32::try_from(r.i32("Execute.rows_max")?).unwrap_or(0);
                Ok(Self::Execute { portal, rows_max })
            }),
            b'F' => Reader::all(body, "FunctionCall", FunctionCall::read).map(Self::FunctionCall),
            b'H' => Reader::all(body, "Flush", |_| Ok(Self::Flush)),
            b'P' => Reader::all(body, "Parse", Parse::read).map(Self::Parse),
            b'Q' => Reader::all(body, "Query", |r| r.cstr("Query.sql")).map(Self::Query),
            b'S' => Reader::all(body, "Sync", |_| Ok(Self::Sync)),
            b'X' => Reader::all(body, "Terminate", |_| Ok(Self::Terminate)),
            b'c' => Reader::all(body, "CopyDone", |_| Ok(Self::CopyDone)),
            b'd' => Ok(Self::CopyData(body)),
            b'f' => Reader::all(body, "CopyFail", |r| r.cstr("CopyFail.reason")).map(Self::CopyFail),
            b'p' => Ok(Self::Authentication(body)),
            tag => Err(WireError::UnknownMessage { tag: tag.into() }),
        }
    }
}

fn target(r: &mut Reader<'_>, field: &'static str) -> Result<Target, WireError> {
    match r.u8(field)? {
        b'S' => Ok(Target::Statement),
        b'P' => Ok(Target::Portal),
        kind => Err(WireError::InvalidValue { field, value: kind.into() }),
    }
}

/// Parse: a statement to prepare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parse<'a> {
    /// Empty for the unnamed statement.
    pub name: &'a str,
    pub sql: &'a str,
    type_oids: &'a [[u8; 4]],
}

impl<'a> Parse<'a> {
    fn read(r: &mut Reader<'a>) -> Result<Self, WireError> {
        let name = r.cstr("Parse.name")?;
        let sql = r.cstr("Parse.sql")?;
        let count = r.u16("Parse.oid_count")?;
        Ok(Self { name, sql, type_oids: r.u32s(count, "Parse.oids")? })
    }

    /// The OIDs of `$1`, `$2`... as far as the client declares them; 0 leaves one to the server.
    pub fn type_oids(&self) -> impl ExactSizeIterator<Item = u32> + use<'a> {
        self.type_oids.iter().map(|oid| u32::from_be_bytes(*oid))
    }
}

/// Bind: a portal from a statement and its parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bind<'a> {
    /// Empty for the unnamed portal.
    pub portal: &'a str,
    /// Empty for the unnamed statement.
    pub statement: &'a str,
    /// None, one for all, or as many as there are parameters.
    pub parameter_formats: FormatCodes<'a>,
    pub parameters: Parameters<'a>,
    /// None, one for all, or one per column, which only the statement can tell.
    pub result_formats: FormatCodes<'a>,
}

impl<'a> Bind<'a> {
    fn read(r: &mut Reader<'a>) -> Result<Self, WireError> {
        let portal = r.cstr("Bind.portal")?;
        let statement = r.cstr("Bind.statement")?;
        let parameter_formats = FormatCodes::read(r, "Bind.parameter_formats")?;
        let parameters = Parameters::read(r, "Bind.parameters")?;
        let result_formats = FormatCodes::read(r, "Bind.result_formats")?;
        check_format_count(parameter_formats, parameters)?;
        Ok(Self { portal, statement, parameter_formats, parameters, result_formats })
    }

    /// Every parameter with its format.
    pub fn formatted_parameters(&self) -> impl ExactSizeIterator<Item = (Format, Option<&'a [u8]>)> + use<'a> {
        let formats = self.parameter_formats;
        self.parameters.iter().enumerate().map(move |(index, value)| (formats.format(index), value))
    }
}

/// FunctionCall, the fast path of old clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FunctionCall<'a> {
    pub function_oid: u32,
    pub argument_formats: FormatCodes<'a>,
    pub arguments: Parameters<'a>,
    pub result_format: Format,
}

impl<'a> FunctionCall<'a> {
    fn read(r: &mut Reader<'a>) -> Result<Self, WireError> {
        let function_oid = r.u32("FunctionCall.function_oid")?;
        let argument_formats = FormatCodes::read(r, "FunctionCall.argument_formats")?;
        let arguments = Parameters::read(r, "FunctionCall.arguments")?;
        let result_format = Format::from_code(r.u16("FunctionCall.result_format")?)?;
        check_format_count(argument_formats, arguments)?;
        Ok(Self { function_oid, argument_formats, arguments, result_format })
    }
}

fn check_format_count(formats: FormatCodes<'_>, parameters: Parameters<'_>) -> Result<(), WireError> {
    let (formats, parameters) = (formats.count(), parameters.count);
    if formats > 1 && formats != parameters {
        return Err(WireError::FormatCount { formats, parameters });
    }
    Ok(())
}

/// A list of format codes, each checked to be 0 or 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FormatCodes<'a> {
    codes: &'a [[u8; 2]],
}

impl<'a> FormatCodes<'a> {
    fn read(r: &mut Reader<'a>, field: &'static str) -> Result<Self, WireError> {
        let count = r.u16(field)?;
        let codes = r.u16s(count, field)?;
        for code in codes {
            Format::from_code(u16::from_be_bytes(*code))?;
        }
        Ok(Self { codes })
    }

    pub fn len(&self) -> usize {
        self.codes.len()
    }

    pub fn is_empty(&self) -> bool {
        self.codes.is_empty()
    }

    /// The codes as listed, without the rule for short lists.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Format> + Clone + use<'a> {
        self.codes.iter().map(|code| Self::decode(*code))
    }

    /// The format of the value at `index` (from 0): text when none is listed, the only one when one is.
    pub fn format(&self, index: usize) -> Format {
        match self.codes {
            [] => Format::Text,
            [code] => Self::decode(*code),
            codes => codes.get(index).map_or(Format::Text, |code| Self::decode(*code)),
        }
    }

    /// Read from 16 bits, so it fits them.
    fn count(&self) -> u16 {
        u16::try_from(self.codes.len()).unwrap_or(u16::MAX)
    }

    fn decode(code: [u8; 2]) -> Format {
        match code {
            [0, 1] => Format::Binary,
            _ => Format::Text,
        }
    }
}

/// Parameter values as they stand in the message, each length checked when it was parsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Parameters<'a> {
    count: u16,
    bytes: &'a [u8],
}

impl<'a> Parameters<'a> {
    fn read(r: &mut Reader<'a>, field: &'static str) -> Result<Self, WireError> {
        let count = r.u16(field)?;
        let all = r.peek();
        for _ in 0..count {
            r.nullable(field)?;
        }
        let used = all.len().saturating_sub(r.peek().len());
        Ok(Self { count, bytes: all.get(..used).unwrap_or_default() })
    }

    pub fn len(&self) -> usize {
        usize::from(self.count)
    }

    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Values in order; `None` is NULL.
    pub fn iter(&self) -> ParameterIter<'a> {
        ParameterIter { left: self.len(), rest: self.bytes }
    }
}

/// Walks [`Parameters`].
#[derive(Debug, Clone)]
pub struct ParameterIter<'a> {
    left: usize,
    rest: &'a [u8],
}

impl<'a> Iterator for ParameterIter<'a> {
    type Item = Option<&'a [u8]>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        // The bytes were walked once by `Parameters::read`: a length beyond them does not occur, and would read as NULL.
        let (head, rest) = self.rest.split_first_chunk::<4>()?;
        self.rest = rest;
        let value = usize::try_from(i32::from_be_bytes(*head)).ok().and_then(|length| rest.split_at_checked(length));
        Some(value.map(|(value, rest)| {
            self.rest = rest;
            value
        }))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for ParameterIter<'_> {}

/// SASLInitialResponse: the mechanism a client chose and its first message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SaslInitialResponse<'a> {
    pub mechanism: &'a str,
    /// `None` when the client waits for an empty challenge first.
    pub data: Option<&'a [u8]>,
}

impl<'a> SaslInitialResponse<'a> {
    /// From the body of [`FrontendMessage::Authentication`].
    ///
    /// # Errors
    /// The body is cut short or has bytes left over.
    pub fn parse(body: &'a [u8]) -> Result<Self, WireError> {
        Reader::all(body, "SASLInitialResponse", |r| {
            let mechanism = r.cstr("SASLInitialResponse.mechanism")?;
            Ok(Self { mechanism, data: r.nullable("SASLInitialResponse.data")? })
        })
    }
}

/// PasswordMessage, from the body of [`FrontendMessage::Authentication`]. Any bytes but NUL.
///
/// # Errors
/// No NUL at the end, or bytes behind it.
pub fn password(body: &[u8]) -> Result<&[u8], WireError> {
    Reader::all(body, "PasswordMessage", |r| r.cstr_bytes("PasswordMessage.password"))
}
