//! Long values of LONGVARCHAR and LONGVARBINARY parameters. They go ahead of their statement in pieces (SM, SB), and the
//! statement is given the handle of the last reply in their place (protocol facts, section 9.2): that is how values
//! travel that are longer than any string of IRIS.

use std::rc::Rc;

use super::encode::Values;
use super::machine::{Expected, Machine};
use super::{LinkError, SubmitOutcome};
use crate::list::{Item, ItemReader, ListError, RawItem, latin1_to_string, put_int, utf16_to_string};
use crate::{IrisStatement, IrisType, Opcode, StatementMetadata};

/// Values up to this many characters or bytes stay in the statement, as with the official clients.
pub(super) const INLINE_UNITS_MAX: usize = 100_000;
/// Characters (UTF-16 units) or bytes of one piece; the official clients send as many.
const PIECE_UNITS_MAX: usize = 10_000_000;

/// An execution whose values are looked through one after the other.
#[derive(Debug)]
pub(super) struct Upload {
    pub is_query: bool,
    pub values_per_set: usize,
    pub sets: usize,
    pub rows_max: u32,
    /// As the session gave them.
    items: Vec<u8>,
    /// Bytes of `items` already looked at, and how many values that were.
    taken_bytes: usize,
    taken_count: usize,
    /// With handles in the place of long values.
    rewritten: Vec<u8>,
    piece: Option<Piece>,
    pieces_max: usize,
}

/// The value at `taken_bytes`, under way.
#[derive(Debug)]
struct Piece {
    is_binary: bool,
    /// Bytes of its payload already sent.
    sent_bytes: usize,
    /// The handle item of the last reply; empty in front of the first piece.
    handle: Vec<u8>,
}

/// What has to be sent next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// A message with [`Upload::put_piece`] as its body.
    Piece(Opcode),
    /// The statement itself, with [`Upload::values`].
    Statement,
}

impl Upload {
    pub(super) fn new(
        statement: &IrisStatement,
        items: &[u8],
        values_per_set: usize,
        sets: usize,
        rows_max: u32,
    ) -> Self {
        Self {
            is_query: statement.is_query,
            values_per_set,
            sets,
            rows_max,
            items: items.to_vec(),
            taken_bytes: 0,
            taken_count: 0,
            rewritten: Vec::new(),
            piece: None,
            pieces_max: PIECE_UNITS_MAX,
        }
    }

    pub(super) fn values(&self) -> &[u8] {
        &self.rewritten
    }

    fn raw(&self) -> Result<Option<RawItem<'_>>, ListError> {
        ItemReader::new(self.items.get(self.taken_bytes..).unwrap_or_default()).raw()
    }

    /// Goes on to the next value that has to be sent ahead.
    ///
    /// # Errors
    /// The values are malformed.
    pub(super) fn next(&mut self, metadata: &Rc<StatementMetadata>) -> Result<Next, ListError> {
        if let Some(piece) = &self.piece {
            let rest = self.raw()?.is_some_and(|raw| raw.payload().len() > piece.sent_bytes);
            if rest {
                return Ok(Next::Piece(opcode(piece.is_binary)));
            }
            let handle = self.piece.take().map(|piece| piece.handle).unwrap_or_default();
            self.rewritten.extend_from_slice(&handle);
            self.skip()?;
        }
        loop {
            let Some(raw) = self.raw()? else { return Ok(Next::Statement) };
            let place = self.taken_count.checked_rem(self.values_per_set).unwrap_or(0);
            let is_binary = match metadata.parameters.get(place).map(|parameter| parameter.iris_type) {
                Some(IrisType::LONGVARCHAR) => Some(false),
                Some(IrisType::LONGVARBINARY) => Some(true),
                _ => None,
            };
            let units = match raw.decode()? {
                Item::Latin1(bytes) => bytes.len(),
                Item::Utf16(bytes) if is_binary == Some(false) => bytes.len() / 2,
                _ => 0,
            };
            if let Some(is_binary) = is_binary.filter(|_| units > INLINE_UNITS_MAX) {
                self.piece = Some(Piece { is_binary, sent_bytes: 0, handle: Vec::new() });
                return Ok(Next::Piece(opcode(is_binary)));
            }
            let bytes = raw.bytes.len();
            let from = self.taken_bytes;
            self.rewritten.extend_from_slice(self.items.get(from..from.saturating_add(bytes)).unwrap_or_default());
            self.skip()?;
        }
    }

    fn skip(&mut self) -> Result<(), ListError> {
        let bytes = self.raw()?.map_or(0, |raw| raw.bytes.len());
        self.taken_bytes = self.taken_bytes.saturating_add(bytes);
        self.taken_count = self.taken_count.saturating_add(1);
        Ok(())
    }

    /// Handle, number of units, the data as UTF-8 or as bytes.
    ///
    /// # Errors
    /// The text is no UTF-16.
    pub(super) fn put_piece(&mut self, out: &mut Vec<u8>) -> Result<(), ListError> {
        let lone = ListError::Unexpected("stream");
        let Some(piece) = &self.piece else { return Err(lone) };
        if piece.handle.is_empty() {
            put_int(out, 0);
        } else {
            out.extend_from_slice(&piece.handle);
        }
        let Some(raw) = self.raw()? else { return Err(lone) };
        let rest = |bytes: &'_ [u8]| bytes.len().saturating_sub(piece.sent_bytes);
        let (sent, units) = match raw.decode()? {
            Item::Latin1(bytes) => {
                let count = rest(bytes).min(self.pieces_max);
                let data = bytes.get(piece.sent_bytes..).and_then(|rest| rest.get(..count)).unwrap_or_default();
                put_units(out, count);
                if piece.is_binary {
                    out.extend_from_slice(data);
                } else {
                    out.extend_from_slice(latin1_to_string(data).as_bytes());
                }
                (count, count)
            }
            Item::Utf16(bytes) => {
                let rest = bytes.get(piece.sent_bytes..).unwrap_or_default();
                let mut count = rest.len().min(self.pieces_max.saturating_mul(2));
                // The second half of a pair of surrogates goes with its first.
                let is_second = |unit: &[u8]| matches!(unit, [_, 0xdc..=0xdf]);
                if rest.get(count..count.saturating_add(2)).is_some_and(is_second) {
                    count = count.saturating_sub(2);
                }
                let data = rest.get(..count).unwrap_or_default();
                put_units(out, count / 2);
                out.extend_from_slice(utf16_to_string(data).ok_or(lone)?.as_bytes());
                (count, count / 2)
            }
            _ => return Err(lone),
        };
        if units == 0 {
            return Err(ListError::Unexpected("stream"));
        }
        if let Some(piece) = &mut self.piece {
            piece.sent_bytes = piece.sent_bytes.saturating_add(sent);
        }
        Ok(())
    }

    /// The reply to a piece.
    ///
    /// # Errors
    /// It holds no handle.
    pub(super) fn on_handle(&mut self, body: &[u8]) -> Result<(), ListError> {
        let raw = ItemReader::new(body).need_raw("stream handle")?;
        if let Some(piece) = &mut self.piece {
            piece.handle = raw.bytes.to_vec();
        }
        Ok(())
    }
}

impl Machine {
    /// The next piece, or the statement when all are sent.
    pub(super) fn go_on(
        &mut self,
        id: u32,
        mut upload: Box<Upload>,
        metadata: Rc<StatementMetadata>,
        out: &mut Vec<u8>,
    ) -> Result<SubmitOutcome, LinkError> {
        match upload.next(&metadata)? {
            Next::Piece(opcode) => {
                let mut piece = Vec::new();
                upload.put_piece(&mut piece)?;
                self.send(opcode, id, out, |out| out.extend_from_slice(&piece))?;
                self.wait(id, Expected::UploadPiece { upload, metadata })
            }
            Next::Statement => {
                let values = Values {
                    items: upload.values(),
                    per_set: upload.values_per_set,
                    sets: upload.sets,
                    rows_max: upload.rows_max,
                };
                if upload.is_query {
                    self.send(Opcode::EXECUTE_QUERY, id, out, |out| values.put_query(out))?;
                    self.wait(id, Expected::Page(metadata))
                } else {
                    self.send(Opcode::EXECUTE_UPDATE, id, out, |out| values.put_update(out))?;
                    self.wait(id, Expected::Counts(metadata))
                }
            }
        }
    }
}

fn opcode(is_binary: bool) -> Opcode {
    if is_binary { Opcode::STORE_BINARY_STREAM } else { Opcode::STORE_TEXT_STREAM }
}

fn put_units(out: &mut Vec<u8>, count: usize) {
    out.extend_from_slice(&u32::try_from(count).unwrap_or(u32::MAX).to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ParameterDescription, put_bytes, put_string};

    fn metadata(types: &[IrisType]) -> Rc<StatementMetadata> {
        let parameters = types
            .iter()
            .map(|&iris_type| ParameterDescription { iris_type, precision: 0, scale: 0, nullable: 1 })
            .collect();
        Rc::new(StatementMetadata { columns: Vec::new(), parameters, cacheable: true })
    }

    fn insert() -> IrisStatement {
        IrisStatement { key: 1, text: "INSERT".to_owned(), kinds: Vec::new(), is_query: false }
    }

    /// Sends everything; each piece is answered by the handle `h` and its number. Gives the pieces' data and what the
    /// statement is executed with.
    fn run(items: &[u8], types: &[IrisType], pieces_max: usize) -> (Vec<(u32, Vec<u8>)>, Vec<u8>) {
        let metadata = metadata(types);
        let mut upload = Upload::new(&insert(), items, types.len(), 1, 0);
        upload.pieces_max = pieces_max;
        let mut pieces = Vec::new();
        while let Next::Piece(_) = upload.next(&metadata).unwrap() {
            let mut body = Vec::new();
            upload.put_piece(&mut body).unwrap();
            let mut reader = ItemReader::new(&body);
            let handle = reader.text("handle").unwrap();
            assert_eq!(
                handle,
                upload.piece.as_ref().map_or("", |piece| if piece.handle.is_empty() { "0" } else { "h" })
            );
            let (count, data) = reader.rest().split_first_chunk::<4>().unwrap();
            pieces.push((u32::from_le_bytes(*count), data.to_vec()));
            let mut reply = Vec::new();
            put_string(&mut reply, "h");
            upload.on_handle(&reply).unwrap();
        }
        (pieces, upload.values().to_vec())
    }

    #[test]
    fn long_text_goes_ahead_in_pieces_and_leaves_its_handle() {
        let long = "é".repeat(INLINE_UNITS_MAX + 5);
        let wide = format!("{}😀", "☃".repeat(INLINE_UNITS_MAX));
        let mut items = Vec::new();
        put_int(&mut items, 7);
        put_string(&mut items, &long);
        put_string(&mut items, &wide);
        put_string(&mut items, "short");
        let types = [IrisType::INTEGER, IrisType::LONGVARCHAR, IrisType::LONGVARCHAR, IrisType::LONGVARCHAR];
        let (pieces, values) = run(&items, &types, INLINE_UNITS_MAX + 1);
        // The pair of the last character does not fit the first piece and is not cut in two.
        let counts: Vec<u32> = pieces.iter().map(|(count, _)| *count).collect();
        assert_eq!(counts, [100_001, 4, 100_000, 2]);
        let text: Vec<u8> = pieces.iter().flat_map(|(_, data)| data.clone()).collect();
        assert_eq!(String::from_utf8(text).unwrap(), format!("{long}{wide}"));
        let mut expected = Vec::new();
        put_int(&mut expected, 7);
        put_string(&mut expected, "h");
        put_string(&mut expected, "h");
        put_string(&mut expected, "short");
        assert_eq!(values, expected);
    }

    #[test]
    fn only_streams_go_ahead() {
        let mut items = Vec::new();
        put_string(&mut items, &"x".repeat(INLINE_UNITS_MAX + 1));
        put_bytes(&mut items, &vec![0xfe; INLINE_UNITS_MAX + 1]);
        let (pieces, values) = run(&items, &[IrisType::VARCHAR, IrisType::LONGVARBINARY], 1 << 20);
        assert_eq!(pieces, [(100_001, vec![0xfe; INLINE_UNITS_MAX + 1])]);
        let mut reader = ItemReader::new(&values);
        assert_eq!(reader.text("text").unwrap().len(), INLINE_UNITS_MAX + 1);
        assert_eq!(reader.text("handle").unwrap(), "h");
        assert!(reader.is_empty());
    }
}
