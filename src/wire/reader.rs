//! Reading one message body. Every read is checked; nothing here allocates.

use super::WireError;

/// A cursor over one body. Never sees a byte beyond the frame it was made for.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Runs `read` over the whole of `body` and refuses what it leaves over (`pq_getmsgend` in PostgreSQL).
    ///
    /// # Errors
    /// What `read` returned, or that bytes were left over.
    pub(crate) fn all<T>(
        body: &'a [u8],
        message: &'static str,
        read: impl FnOnce(&mut Self) -> Result<T, WireError>,
    ) -> Result<T, WireError> {
        let mut reader = Self { rest: body };
        let value = read(&mut reader)?;
        match reader.rest.len() {
            0 => Ok(value),
            count => Err(WireError::TrailingData { message, count }),
        }
    }

    pub(crate) const fn new(body: &'a [u8]) -> Self {
        Self { rest: body }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// What is left, not taken.
    pub(crate) fn peek(&self) -> &'a [u8] {
        self.rest
    }

    /// The next `n` bytes. `n` may come from the peer: nothing is allocated for it.
    ///
    /// # Errors
    /// Fewer are left; `field` is named in the error.
    pub(crate) fn bytes(&mut self, n: usize, field: &'static str) -> Result<&'a [u8], WireError> {
        let (taken, rest) = self.rest.split_at_checked(n).ok_or(WireError::MissingData(field))?;
        self.rest = rest;
        Ok(taken)
    }

    /// Everything that is left.
    pub(crate) fn remainder(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }

    /// The next byte.
    ///
    /// # Errors
    /// None is left.
    pub(crate) fn u8(&mut self, field: &'static str) -> Result<u8, WireError> {
        self.array::<1>(field).map(|[byte]| byte)
    }

    /// The next two bytes as a number.
    ///
    /// # Errors
    /// Fewer are left.
    pub(crate) fn u16(&mut self, field: &'static str) -> Result<u16, WireError> {
        self.array(field).map(u16::from_be_bytes)
    }

    /// The next two bytes as a signed number.
    ///
    /// # Errors
    /// Fewer are left.
    pub(crate) fn i16(&mut self, field: &'static str) -> Result<i16, WireError> {
        self.array(field).map(i16::from_be_bytes)
    }

    /// The next four bytes as a number.
    ///
    /// # Errors
    /// Fewer are left.
    pub(crate) fn u32(&mut self, field: &'static str) -> Result<u32, WireError> {
        self.array(field).map(u32::from_be_bytes)
    }

    /// The next four bytes as a signed number.
    ///
    /// # Errors
    /// Fewer are left.
    pub(crate) fn i32(&mut self, field: &'static str) -> Result<i32, WireError> {
        self.array(field).map(i32::from_be_bytes)
    }

    /// `count` 16-bit numbers, borrowed as they stand.
    ///
    /// # Errors
    /// Fewer are left.
    pub(crate) fn u16s(&mut self, count: u16, field: &'static str) -> Result<&'a [[u8; 2]], WireError> {
        self.chunks(usize::from(count), field)
    }

    /// `count` 32-bit numbers, borrowed as they stand.
    ///
    /// # Errors
    /// Fewer are left.
    pub(crate) fn u32s(&mut self, count: u16, field: &'static str) -> Result<&'a [[u8; 4]], WireError> {
        self.chunks(usize::from(count), field)
    }

    /// A NUL-terminated string without its terminator, in whatever encoding the peer used.
    ///
    /// # Errors
    /// No NUL is left.
    pub(crate) fn cstr_bytes(&mut self, field: &'static str) -> Result<&'a [u8], WireError> {
        // Most names are empty.
        let end = if self.rest.first() == Some(&0) { Some(0) } else { memchr::memchr(0, self.rest) };
        let end = end.ok_or(WireError::MissingTerminator(field))?;
        let text = self.bytes(end, field)?;
        self.u8(field)?;
        Ok(text)
    }

    /// A NUL-terminated UTF-8 string without its terminator.
    ///
    /// # Errors
    /// No NUL is left, or the text is no UTF-8.
    pub(crate) fn cstr(&mut self, field: &'static str) -> Result<&'a str, WireError> {
        let text = self.cstr_bytes(field)?;
        if text.is_empty() {
            return Ok("");
        }
        std::str::from_utf8(text).map_err(|_| WireError::InvalidUtf8(field))
    }

    /// A 32-bit length and as many bytes; -1 stands for NULL.
    ///
    /// # Errors
    /// A length below -1, or fewer bytes than it says.
    pub(crate) fn nullable(&mut self, field: &'static str) -> Result<Option<&'a [u8]>, WireError> {
        let length = self.i32(field)?;
        if length == -1 {
            return Ok(None);
        }
        let length = usize::try_from(length).map_err(|_| WireError::InvalidValue { field, value: length.into() })?;
        self.bytes(length, field).map(Some)
    }

    fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], WireError> {
        let (taken, rest) = self.rest.split_first_chunk::<N>().ok_or(WireError::MissingData(field))?;
        self.rest = rest;
        Ok(*taken)
    }

    fn chunks<const N: usize>(&mut self, count: usize, field: &'static str) -> Result<&'a [[u8; N]], WireError> {
        let length = count.checked_mul(N).ok_or(WireError::MissingData(field))?;
        let (chunks, _) = self.bytes(length, field)?.as_chunks::<N>();
        Ok(chunks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<'a, T>(body: &'a [u8], f: impl FnOnce(&mut Reader<'a>) -> Result<T, WireError>) -> Result<T, WireError> {
        Reader::all(body, "Test", f)
    }

    #[test]
    fn numbers_are_big_endian() {
        let body = [1, 0, 2, 0xFF, 0xFE, 0, 0, 1, 0, 0xFF, 0xFF, 0xFF, 0xFF];
        let got = read(&body, |r| Ok((r.u8("a")?, r.u16("b")?, r.i16("c")?, r.u32("d")?, r.i32("e")?)));
        assert_eq!(got, Ok((1, 2, -2, 256, -1)));
    }

    #[test]
    fn missing_bytes_name_the_field() {
        assert_eq!(read(&[1, 2, 3], |r| r.u32("Parse.oid")), Err(WireError::MissingData("Parse.oid")));
        assert_eq!(read(&[], |r| r.u8("x")), Err(WireError::MissingData("x")));
        assert_eq!(read(&[0], |r| r.bytes(usize::MAX, "x")), Err(WireError::MissingData("x")));
    }

    #[test]
    fn trailing_bytes_are_refused() {
        let error = WireError::TrailingData { message: "Test", count: 2 };
        assert_eq!(read(&[1, 2, 3], |r| r.u8("x")), Err(error));
    }

    #[test]
    fn strings_need_terminator_and_utf8() {
        assert_eq!(read(b"ab\0", |r| r.cstr("x")), Ok("ab"));
        assert_eq!(read(b"\0", |r| r.cstr("x")), Ok(""));
        assert_eq!(read(b"ab", |r| r.cstr("x")), Err(WireError::MissingTerminator("x")));
        assert_eq!(read(b"", |r| r.cstr("x")), Err(WireError::MissingTerminator("x")));
        assert_eq!(read(b"\xFF\0", |r| r.cstr("x")), Err(WireError::InvalidUtf8("x")));
        assert_eq!(read(b"\xFF\0", |r| r.cstr_bytes("x")), Ok(&b"\xFF"[..]));
    }

    #[test]
    fn counted_arrays_fail_before_anything_is_held() {
        assert_eq!(read(&[0, 1, 0, 2], |r| r.u16s(2, "x").map(<[_]>::to_vec)), Ok(vec![[0, 1], [0, 2]]));
        assert_eq!(read(&[0, 1], |r| r.u16s(u16::MAX, "x").map(<[_]>::len)), Err(WireError::MissingData("x")));
        assert_eq!(read(&[0, 1], |r| r.u32s(1, "x").map(<[_]>::len)), Err(WireError::MissingData("x")));
    }

    #[test]
    fn nullable_values() {
        assert_eq!(read(&[0xFF, 0xFF, 0xFF, 0xFF], |r| r.nullable("x")), Ok(None));
        assert_eq!(read(&[0, 0, 0, 0], |r| r.nullable("x")), Ok(Some(&b""[..])));
        assert_eq!(read(&[0, 0, 0, 1, 7], |r| r.nullable("x")), Ok(Some(&[7][..])));
        let negative = WireError::InvalidValue { field: "x", value: -2 };
        assert_eq!(read(&[0xFF, 0xFF, 0xFF, 0xFE], |r| r.nullable("x")), Err(negative));
        assert_eq!(read(&[0x7F, 0xFF, 0xFF, 0xFF, 1], |r| r.nullable("x")), Err(WireError::MissingData("x")));
    }
}
