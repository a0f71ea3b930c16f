//! Character sets of COPY's data; all else is UTF-8.

use std::borrow::Cow;

use super::transcode::write_latin1;
use crate::wire::{PgError, SqlState};

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Encoding {
    #[default]
    Utf8,
    Latin1,
}

/// Encodings of PostgreSQL (`pg_enc.c`), as names without what is neither letter nor digit.
#[rustfmt::skip]
const OTHERS: &[&str] = &[
    "abc", "alt", "big5", "euccn", "eucjis2004", "eucjp", "euckr", "euctw", "gb18030", "gbk", "iso88592", "iso88593",
    "iso88594", "iso88595", "iso88596", "iso88597", "iso88598", "iso88599", "iso885910", "iso885913", "iso885914",
    "iso885915", "iso885916", "johab", "koi8", "koi8r", "koi8u", "latin2", "latin3", "latin4", "latin5", "latin6",
    "latin7", "latin8", "latin9", "latin10", "mskanji", "muleinternal", "shiftjis", "shiftjis2004", "sjis", "sqlascii",
    "tcvn", "tcvn5712", "uhc", "vscii", "win", "win866", "win874", "win932", "win936", "win949", "win950", "win1250",
    "win1251", "win1252", "win1253", "win1254", "win1255", "win1256", "win1257", "win1258", "windows866", "windows874",
    "windows932", "windows936", "windows949", "windows950", "windows1250", "windows1251", "windows1252", "windows1253",
    "windows1254", "windows1255", "windows1256", "windows1257", "windows1258",
];

impl Encoding {
    /// By one of PostgreSQL's names; `Ok(None)`: it has none of that name.
    ///
    /// # Errors
    /// 0A000 for one that is not known here.
    pub(crate) fn named(name: &str) -> Result<Option<Self>, Box<PgError>> {
        let plain: String = name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
        match plain.as_str() {
            "utf8" | "unicode" => Ok(Some(Self::Utf8)),
            "latin1" | "iso88591" => Ok(Some(Self::Latin1)),
            other if OTHERS.contains(&other) => {
                Err(PgError::unsupported(format!("COPY in encoding {name} is not supported"))
                    .hint("Convert the data to UTF8, or to LATIN1."))
            }
            _ => Ok(None),
        }
    }

    /// Bytes of this encoding as UTF-8.
    pub(crate) fn to_utf8<'a>(self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        if self == Self::Utf8 || bytes.is_ascii() {
            return Cow::Borrowed(bytes);
        }
        let mut out = Vec::with_capacity(bytes.len().saturating_mul(2));
        write_latin1(bytes, &mut out);
        Cow::Owned(out)
    }

    /// UTF-8 in this encoding.
    ///
    /// # Errors
    /// 22P05 for a character that it has not.
    pub(crate) fn of_utf8<'a>(self, text: &'a [u8]) -> Result<Cow<'a, [u8]>, Box<PgError>> {
        if self == Self::Utf8 || text.is_ascii() {
            return Ok(Cow::Borrowed(text));
        }
        let byte = |c: char| {
            u8::try_from(u32::from(c)).map_err(|_| {
                let shown: Vec<String> = c.to_string().bytes().map(|byte| format!("0x{byte:02x}")).collect();
                let message = format!(
                    "character with byte sequence {} in encoding \"UTF8\" has no equivalent in encoding \"LATIN1\"",
                    shown.join(" ")
                );
                PgError::error(SqlState(*b"22P05"), message)
            })
        };
        String::from_utf8_lossy(text).chars().map(byte).collect::<Result<Vec<u8>, _>>().map(Cow::Owned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latin1_there_and_back() {
        let latin1 = b"caf\xE9 \x80\xFF";
        let utf8 = Encoding::Latin1.to_utf8(latin1);
        assert_eq!(utf8, "caf\u{e9} \u{80}\u{ff}".as_bytes());
        assert_eq!(Encoding::Latin1.of_utf8(&utf8).unwrap().as_ref(), latin1);
        let error = Encoding::Latin1.of_utf8("\u{20AC}".as_bytes()).unwrap_err();
        assert!(error.message.starts_with("character with byte sequence 0xe2 0x82 0xac in"));
    }

    #[test]
    fn names_of_encodings() {
        assert_eq!(Encoding::named("Utf-8").unwrap(), Some(Encoding::Utf8));
        assert_eq!(Encoding::named("ISO_8859_1").unwrap(), Some(Encoding::Latin1));
        assert_eq!(Encoding::named("nothing").unwrap(), None);
        assert!(Encoding::named("WIN1252").is_err());
    }
}
