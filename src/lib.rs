//! `iris-pgwire`: the PostgreSQL wire protocol in front of InterSystems IRIS.
//!
//! Imports point down the floors only (`docs/ARCHITECTURE.md`, kept by `tests/tidy`):
//! `wire types vector copy auth` < `bridge sql catalog` < `session` < `runtime` < `config cli`. Below all of them is the
//! crate `iris-protocol`, here by the name of `iris`.

#![warn(unreachable_pub)]

mod auth;
mod bridge;
mod catalog;
mod cli;
mod config;
mod copy;
mod runtime;
mod session;
mod sql;
mod types;
mod vector;
mod wire;

pub use iris_protocol as iris;

/// What the program is put together from, and what tests, benches and fuzzing look at. Not for others: it changes with them.
///
/// The rooms themselves are private, so that the compiler finds what nothing uses.
pub mod parts {
    pub mod auth {
        pub use crate::auth::{AuthMethod, ExpectClientFirst, ServerNonce, UserFile, Verifier};
    }
    pub mod bridge {
        pub use crate::bridge::{CellDecoder, link_to_pg, put_value};
    }
    pub mod catalog {
        pub use crate::catalog::{
            Answer, EnumTypes, MirrorBatch, MirrorLoad, MirrorOptions, MirrorSnapshot, MirrorStep, first_error,
            rows_len,
        };
    }
    pub mod cli {
        pub use crate::cli::{
            CatalogChildArgs, CatalogServerArgs, Programs, SuperserverArgs, connect_command, main, start_logging,
        };
    }
    pub mod config {
        pub use crate::config::{
            CatalogKind, Config, ConfigError, DdlKind, FinishKind, IrisServer, Loaded, LogLevel, Sources, TableName,
        };
    }
    pub mod copy {
        pub use crate::copy::{CopyError, CsvFormat, Row, RowDecoder, RowEncoder, RowFormat, TextFormat};
    }
    pub mod runtime {
        pub use crate::runtime::{
            IrisTarget, NativePrograms, ORACLE_COMMITS, ORACLE_COPIES_SOCKET, ORACLE_SOCKET, ORACLE_TURN,
            ORACLE_WORKER_NICE, OracleOptions, OracleServer, OracleSource, SequenceOptions, ServeOptions, Serving,
            StopSignal, serve,
        };
    }
    pub mod session {
        pub use crate::session::{
            DEFAULT_SCHEMA, Event, Identity, Session, SessionCounters, SessionOptions, ShardContext, Step,
        };
    }
    pub mod sql {
        pub use crate::sql::{
            Action, Bind, ColumnFacts, DeclaredType, EnumType, Literal, LiteralKind, MirrorStatement, NoSchema,
            RelationName, Schema, SideTable, TableFacts, TableLookup, Template, TranslateError, TranslateOptions,
            Translated, Translation, TranslationCache, VectorElement, check_syntax, parse_column_note,
            parse_description, split, translate,
        };
    }
    pub mod types {
        pub use crate::types::{Datum, Decimal, Encoder, IsNull, Oid, PgType, decode};
    }
    pub mod vector {
        pub use crate::vector::{Kernels, parse_binary, parse_text, write_binary, write_text};
    }
    pub mod wire {
        pub use crate::wire::{
            Format, Frame, FrontendMessage, Limits, Messages, PgError, Phase, RecvBuf, SaslInitialResponse, SendBuf,
            SqlState, StartupPacket, TransactionStatus, WireError, password,
        };
    }
}
