//! Messages of the server (protocol chapter, "Message Formats"): one `put_*` per message.
//!
//! A message begins with a poison length that no peer accepts; only its completion writes the real one.

use super::{Format, PgError, ProtocolVersion, SendBuf, TransactionStatus};

/// Stands where a length will be: above every limit, so an unfinished message can never be taken for a whole one.
const POISON: [u8; 4] = [0xFF; 4];

/// A message that its 31-bit length (or a row its 16-bit column count) cannot describe. It was taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("message exceeds what the protocol can carry")]
pub struct MessageTooLarge;

/// One column of RowDescription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FieldDescription<'a> {
    pub name: &'a str,
    /// 0 when the column is not one of a table.
    pub table_oid: u32,
    /// 0 when the column is not one of a table.
    pub attribute_number: i16,
    pub type_oid: u32,
    /// `pg_type.typlen`: negative for types of variable length.
    pub type_len: i16,
    /// -1 when there is none.
    pub typmod: i32,
    pub format: Format,
}

impl SendBuf {
    // Single bytes before the first message.

    /// The answer to SSLRequest or GSSENCRequest: no encryption.
    pub fn put_encryption_refused(&mut self) {
        self.bytes.push(b'N');
    }

    /// The answer to SSLRequest: go on with a TLS handshake.
    pub fn put_ssl_accepted(&mut self) {
        self.bytes.push(b'S');
    }

    // Authentication and session start.

    pub fn put_authentication_ok(&mut self) {
        self.fixed(b'R', &0_u32.to_be_bytes());
    }

    pub fn put_authentication_sasl(&mut self, mechanisms: &[&str]) {
        self.message(b'R', |m| {
            m.u32(10);
            for mechanism in mechanisms {
                m.cstr(mechanism);
            }
            m.u8(0);
        });
    }

    pub fn put_authentication_sasl_continue(&mut self, data: &[u8]) {
        self.message(b'R', |m| {
            m.u32(11);
            m.bytes(data);
        });
    }

    pub fn put_authentication_sasl_final(&mut self, data: &[u8]) {
        self.message(b'R', |m| {
            m.u32(12);
            m.bytes(data);
        });
    }

    /// `key`: 4 bytes in protocol 3.0, up to 256 in 3.2.
    pub fn put_backend_key_data(&mut self, pid: i32, key: &[u8]) {
        self.message(b'K', |m| {
            m.i32(pid);
            m.bytes(key);
        });
    }

    pub fn put_parameter_status(&mut self, name: &str, value: &str) {
        self.message(b'S', |m| {
            m.cstr(name);
            m.cstr(value);
        });
    }

    /// `newest`: the version that will be spoken; `options`: `_pq_.` options of the client that are not known.
    pub fn put_negotiate_protocol_version<'o>(
        &mut self,
        newest: ProtocolVersion,
        options: impl Iterator<Item = &'o str>,
    ) {
        self.message(b'v', |m| {
            m.u32(newest.0);
            let count_at = m.len();
            m.u32(0);
            let mut count = 0_u32;
            for option in options {
                m.cstr(option);
                count = count.saturating_add(1);
            }
            m.patch(count_at, &count.to_be_bytes());
        });
    }

    pub fn put_ready_for_query(&mut self, status: TransactionStatus) {
        self.fixed(b'Z', &[status.byte()]);
    }

    // Results.

    pub fn put_row_description<'f>(&mut self, fields: impl ExactSizeIterator<Item = FieldDescription<'f>>) {
        self.message(b'T', |m| {
            m.count(fields.len());
            for field in fields {
                m.cstr(field.name);
                m.u32(field.table_oid);
                m.i16(field.attribute_number);
                m.u32(field.type_oid);
                m.i16(field.type_len);
                m.i32(field.typmod);
                m.u16(field.format.code());
            }
        });
    }

    /// Begins a DataRow. Nothing of it remains unless [`RowWriter::finish`] is called.
    pub fn begin_data_row(&mut self) -> RowWriter<'_> {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(&[b'D', 0xFF, 0xFF, 0xFF, 0xFF, 0, 0]);
        RowWriter { bytes: &mut self.bytes, start, cells: 0, finished: false }
    }

    /// `tag` with its counts: `INSERT 0 1`, `SELECT 5`, `BEGIN`.
    pub fn put_command_complete(&mut self, tag: &str) {
        self.message(b'C', |m| m.cstr(tag));
    }

    /// `tag`, one of our own words, with a count behind it: `SELECT 5`.
    pub fn put_command_complete_counted(&mut self, tag: &str, count: u64) {
        self.message(b'C', |m| {
            m.bytes(tag.as_bytes());
            m.u8(b' ');
            m.bytes(itoa::Buffer::new().format(count).as_bytes());
            m.u8(0);
        });
    }

    pub fn put_empty_query_response(&mut self) {
        self.fixed(b'I', &[]);
    }

    pub fn put_error_response(&mut self, error: &PgError) {
        self.message(b'E', |m| m.error_fields(error));
    }

    pub fn put_notice_response(&mut self, notice: &PgError) {
        self.message(b'N', |m| m.error_fields(notice));
    }

    // Extended query.

    pub fn put_parse_complete(&mut self) {
        self.fixed(b'1', &[]);
    }

    pub fn put_bind_complete(&mut self) {
        self.fixed(b'2', &[]);
    }

    pub fn put_close_complete(&mut self) {
        self.fixed(b'3', &[]);
    }

    pub fn put_no_data(&mut self) {
        self.fixed(b'n', &[]);
    }

    pub fn put_parameter_description(&mut self, type_oids: impl ExactSizeIterator<Item = u32>) {
        self.message(b't', |m| {
            m.count(type_oids.len());
            for oid in type_oids {
                m.u32(oid);
            }
        });
    }

    pub fn put_portal_suspended(&mut self) {
        self.fixed(b's', &[]);
    }

    // COPY.

    /// `format` is the whole copy's; every one of `columns` columns has the same.
    pub fn put_copy_in_response(&mut self, format: Format, columns: u16) {
        self.copy_response(b'G', format, columns);
    }

    pub fn put_copy_out_response(&mut self, format: Format, columns: u16) {
        self.copy_response(b'H', format, columns);
    }

    /// Streaming replication.
    pub fn put_copy_both_response(&mut self, format: Format, columns: u16) {
        self.copy_response(b'W', format, columns);
    }

    /// CopyData.
    ///
    /// # Errors
    /// [`MessageTooLarge`]: nothing was written.
    pub fn put_copy_data(&mut self, data: &[u8]) -> Result<(), MessageTooLarge> {
        self.try_message(b'd', |m| m.bytes(data))
    }

    pub fn put_copy_done(&mut self) {
        self.fixed(b'c', &[]);
    }

    // Asynchronous.

    pub fn put_notification_response(&mut self, pid: i32, channel: &str, payload: &str) {
        self.message(b'A', |m| {
            m.i32(pid);
            m.cstr(channel);
            m.cstr(payload);
        });
    }

    fn copy_response(&mut self, tag: u8, format: Format, columns: u16) {
        self.message(tag, |m| {
            m.u8(u8::from(format == Format::Binary));
            m.u16(columns);
            for _ in 0..columns {
                m.u16(format.code());
            }
        });
    }

    /// A message whose body is known and short.
    fn fixed(&mut self, tag: u8, body: &[u8]) {
        self.message(tag, |m| m.bytes(body));
    }

    /// A message made of the gateway's own words, which cannot come near 2 GiB. If one did, it would be left out.
    fn message(&mut self, tag: u8, write: impl FnOnce(&mut Body<'_>)) {
        let _ = self.try_message(tag, write);
    }

    fn try_message(&mut self, tag: u8, write: impl FnOnce(&mut Body<'_>)) -> Result<(), MessageTooLarge> {
        let start = self.bytes.len();
        self.bytes.push(tag);
        self.bytes.extend_from_slice(&POISON);
        write(&mut Body { bytes: &mut self.bytes });
        finish(&mut self.bytes, start)
    }
}

/// Writes the length of the message that began at `start`, or takes the message back.
fn finish(bytes: &mut Vec<u8>, start: usize) -> Result<(), MessageTooLarge> {
    let length = bytes.len().saturating_sub(start).saturating_sub(1);
    match i32::try_from(length) {
        Ok(length) => {
            patch(bytes, start.saturating_add(1), &length.to_be_bytes());
            Ok(())
        }
        Err(_) => {
            bytes.truncate(start);
            Err(MessageTooLarge)
        }
    }
}

fn patch(bytes: &mut [u8], at: usize, value: &[u8]) {
    let place = at.checked_add(value.len()).and_then(|end| bytes.get_mut(at..end));
    if let Some(place) = place {
        place.copy_from_slice(value);
    }
}

/// The body of a message being written.
struct Body<'b> {
    bytes: &'b mut Vec<u8>,
}

impl Body<'_> {
    fn len(&self) -> usize {
        self.bytes.len()
    }

    fn patch(&mut self, at: usize, value: &[u8]) {
        patch(self.bytes, at, value);
    }

    fn u8(&mut self, value: u8) {
        self.bytes.push(value);
    }

    fn u16(&mut self, value: u16) {
        self.bytes(&value.to_be_bytes());
    }

    fn i16(&mut self, value: i16) {
        self.bytes(&value.to_be_bytes());
    }

    fn u32(&mut self, value: u32) {
        self.bytes(&value.to_be_bytes());
    }

    fn i32(&mut self, value: i32) {
        self.bytes(&value.to_be_bytes());
    }

    fn bytes(&mut self, value: &[u8]) {
        self.bytes.extend_from_slice(value);
    }

    /// Callers bound their lists far below (`Limits`, IRIS's own column limit).
    fn count(&mut self, count: usize) {
        self.u16(u16::try_from(count).unwrap_or(u16::MAX));
    }

    /// A terminated string. NULs inside would end it early and turn its tail into other fields: they are left out.
    fn cstr(&mut self, text: &str) {
        self.text(text);
        self.u8(0);
    }

    /// A string that another one follows.
    fn text(&mut self, text: &str) {
        // Names and tags are short: a plain loop is quicker than a search.
        if text.bytes().all(|byte| byte != 0) {
            return self.bytes(text.as_bytes());
        }
        for part in text.as_bytes().split(|byte| *byte == 0) {
            self.bytes(part);
        }
    }

    /// Clients of protocol 3.0 and later may count on `V`, older drivers read `S`: both are always sent.
    fn error_fields(&mut self, error: &PgError) {
        let severity = error.severity.as_str();
        self.field(b'S', severity);
        self.field(b'V', severity);
        self.field(b'C', error.code.as_str());
        self.field(b'M', &error.message);
        if let Some(detail) = &error.detail {
            self.field(b'D', detail);
        }
        if let Some(hint) = &error.hint {
            self.field(b'H', hint);
        }
        if let Some(position) = error.position {
            self.field(b'P', &position.to_string());
        }
        if let Some(context) = &error.context {
            self.field(b'W', context);
        }
        if let Some(fields) = &error.fields {
            let named = [
                (b's', &fields.schema),
                (b't', &fields.table),
                (b'c', &fields.column),
                (b'd', &fields.data_type),
                (b'n', &fields.constraint),
                (b'R', &fields.routine),
            ];
            for (code, text) in named {
                if let Some(text) = text {
                    self.field(code, text);
                }
            }
        }
        self.u8(0);
    }

    fn field(&mut self, code: u8, text: &str) {
        self.u8(code);
        self.cstr(text);
    }
}

/// A DataRow being written. Dropped unfinished, it leaves nothing behind.
#[derive(Debug)]
#[must_use = "a row that is not finished is taken back"]
pub struct RowWriter<'b> {
    bytes: &'b mut Vec<u8>,
    /// Where the row's tag stands.
    start: usize,
    cells: u32,
    finished: bool,
}

impl RowWriter<'_> {
    /// The next column is NULL.
    pub fn null(&mut self) {
        self.bytes.extend_from_slice(&(-1_i32).to_be_bytes());
        self.cells = self.cells.saturating_add(1);
    }

    /// The next column has these bytes.
    ///
    /// # Errors
    /// The row would become longer than a message can be.
    pub fn value(&mut self, value: &[u8]) -> Result<(), MessageTooLarge> {
        self.cell(|bytes| {
            bytes.extend_from_slice(value);
            Ok(())
        })
    }

    /// The next column has the bytes `write` appends; its length is filled in afterwards. An error of `write`
    /// takes the column back.
    ///
    /// # Errors
    /// What `write` returned, or that the row would become longer than a message can be.
    pub fn cell<E: From<MessageTooLarge>>(
        &mut self,
        write: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
    ) -> Result<(), E> {
        let length_at = self.bytes.len();
        self.bytes.extend_from_slice(&POISON);
        let value_at = self.bytes.len();
        let result = write(self.bytes).and_then(|()| {
            let length = self.bytes.len().checked_sub(value_at).and_then(|length| i32::try_from(length).ok());
            let length = length.ok_or(MessageTooLarge)?;
            patch(self.bytes, length_at, &length.to_be_bytes());
            Ok(())
        });
        match result {
            Ok(()) => self.cells = self.cells.saturating_add(1),
            Err(_) => self.bytes.truncate(length_at),
        }
        result
    }

    /// Bytes of the row so far.
    pub fn len(&self) -> usize {
        self.bytes.len().saturating_sub(self.start)
    }

    /// No column was written yet.
    pub fn is_empty(&self) -> bool {
        self.cells == 0
    }

    /// Completes the row: count and length are written now.
    ///
    /// # Errors
    /// The row is longer than a message can be; nothing of it is left.
    pub fn finish(mut self) -> Result<(), MessageTooLarge> {
        let cells = u16::try_from(self.cells).map_err(|_| MessageTooLarge)?;
        patch(self.bytes, self.start.saturating_add(5), &cells.to_be_bytes());
        finish(self.bytes, self.start)?;
        self.finished = true;
        Ok(())
    }
}

impl Drop for RowWriter<'_> {
    fn drop(&mut self) {
        if !self.finished {
            self.bytes.truncate(self.start);
        }
    }
}

impl From<MessageTooLarge> for Box<PgError> {
    fn from(error: MessageTooLarge) -> Self {
        PgError::error(super::SqlState::PROGRAM_LIMIT_EXCEEDED, error.to_string())
    }
}
