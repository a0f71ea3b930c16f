//! Every bound a peer can push on, with its reason.

/// Bounds on what a client may ask this process to hold. All sizes in bytes.
#[derive(Debug, Clone)]
pub struct Limits {
    /// PostgreSQL's own cap on a startup packet (`MAX_STARTUP_PACKET_LENGTH`); a larger one is an attack.
    pub startup_bytes_max: u32,
    /// Before authentication a frame needs to hold no more than a SCRAM message.
    pub unauthenticated_frame_bytes_max: u32,
    /// The longest statement, parameter set or CopyData message. PostgreSQL allows 1 GiB; memory is
    /// allocated as bytes arrive, never by the announced length alone.
    pub frame_bytes_max: u32,
    /// Messages that carry only names (Describe, Execute, Close, CopyFail, Sync...): PostgreSQL's
    /// `PQ_SMALL_MESSAGE_LIMIT`.
    pub small_frame_bytes_max: u32,
    /// The longest single statement, values included. A query string may hold many.
    pub statement_bytes_max: usize,
    /// The longest statement without its values, which is what has to be parsed: a core does nothing else meanwhile.
    pub template_bytes_max: usize,
    /// Texts of all named prepared statements of one client.
    pub prepared_bytes_max: usize,
    /// Values of all named portals of one client, and statements that live on in them alone.
    pub portals_bytes_max: usize,
    /// Names and values of what one client has SET. Every savepoint may keep as much.
    pub settings_bytes_max: usize,
    /// Named prepared statements of one client.
    pub statements_max: usize,
    /// Open portals of one client.
    pub portals_max: usize,
    /// Rows kept by all cursors of one client that are declared SCROLL or WITH HOLD: PostgreSQL puts them into
    /// temporary files, the gateway has none.
    pub cursors_bytes_max: usize,
    /// Rows a cursor keeps that does not say whether it scrolls: PostgreSQL often lets such a cursor go back, few
    /// clients do, and thousands of them may be reading at once.
    pub cursor_history_bytes_max: usize,
    /// Rows of IRIS that one query may need for PostgreSQL to finish it.
    pub finish_rows_max: usize,
    /// The same in bytes.
    pub finish_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            startup_bytes_max: 10_000,
            unauthenticated_frame_bytes_max: 65_536,
            frame_bytes_max: 256 << 20,
            small_frame_bytes_max: 10_000,
            statement_bytes_max: 64 << 20,
            template_bytes_max: 2 << 20,
            prepared_bytes_max: 64 << 20,
            portals_bytes_max: 64 << 20,
            settings_bytes_max: 256 << 10,
            statements_max: 10_000,
            portals_max: 10_000,
            cursors_bytes_max: 64 << 20,
            cursor_history_bytes_max: 1 << 20,
            finish_rows_max: 1_000_000,
            finish_bytes_max: 64 << 20,
        }
    }
}
