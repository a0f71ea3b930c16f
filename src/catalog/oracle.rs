//! What is asked of the oracle: the real PostgreSQL that mirrors the IRIS schema without its rows. Sans IO: frontend
//! messages in, backend messages out; `runtime::oracle` carries them.

use std::rc::Rc;

use crate::sql::{MirrorStatement, is_temporary_schema};

/// A question: complete frontend messages that leave nothing behind. Its transaction begins and ends in it, so any
/// connection may carry it, and a question whose connection broke may be asked again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OracleRequest {
    pub purpose: OraclePurpose,
    pub frames: Frames,
    /// ReadyForQuery messages that the answer has; behind the last of them it is complete.
    pub syncs_count: usize,
}

/// Frontend messages back to back, in pieces: a value of many megabytes need not be copied together, and a copy of all is
/// cheap. Where the pieces end means nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frames {
    pieces: Rc<[Vec<u8>]>,
    len: usize,
}

impl Frames {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        self.pieces.iter().map(Vec::as_slice)
    }
}

impl From<Vec<Vec<u8>>> for Frames {
    fn from(pieces: Vec<Vec<u8>>) -> Self {
        let len = pieces.iter().map(Vec::len).fold(0, usize::saturating_add);
        Self { pieces: pieces.into(), len }
    }
}

impl From<Vec<u8>> for Frames {
    fn from(piece: Vec<u8>) -> Self {
        Self::from(vec![piece])
    }
}

/// What a question is for; counted apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OraclePurpose {
    /// Types of a statement that runs on IRIS, whose metadata would do, too.
    Describe,
    /// Types of a statement that the oracle will answer: only it knows them.
    DescribeOwn,
    /// A statement that the oracle answers.
    Answer,
    /// The same over rows of IRIS.
    Finish,
    /// Whether a setting may have a value.
    Setting,
}

/// What DDL that IRIS has carried out changes in the mirror. Kept by the process and repeated when the oracle is
/// restarted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MirrorChange {
    /// Each runs for itself, in this order, as the mirror's owner.
    pub statements: Vec<MirrorStatement>,
    /// `SET search_path` they were written under, as the value of the setting.
    pub search_path: String,
    /// Whatever comes between, it need not be done twice: it is kept once, however often it comes.
    pub is_idempotent: bool,
}

impl MirrorChange {
    /// Statements of the gateway's own, about these relations (IRIS schema and name); what they name has its schema with it.
    pub(crate) fn own(statements: Vec<String>, relations: &[(String, String)]) -> Self {
        let statement = |sql| MirrorStatement { sql, otherwise: None, relations: relations.to_vec() };
        Self {
            statements: statements.into_iter().map(statement).collect(),
            search_path: "public".to_owned(),
            is_idempotent: false,
        }
    }

    /// The IRIS schemas of the relations that it is about.
    pub(crate) fn schemas(&self) -> impl Iterator<Item = &str> {
        let relations = self.statements.iter().flat_map(|statement| &statement.relations);
        relations.map(|(schema, _)| schema.as_str())
    }

    /// Whether it is about temporary tables, of which IRIS's own schema tells the mirror nothing.
    pub(crate) fn is_temporary(&self) -> bool {
        self.schemas().any(is_temporary_schema)
    }
}

/// The role of a user of the gateway: it sees and owns what the mirror's owner does, and is no superuser.
pub(crate) fn user_role(user: &str) -> MirrorChange {
    let sql = super::prepare::make_user(user);
    MirrorChange {
        statements: vec![MirrorStatement { sql, otherwise: None, relations: Vec::new() }],
        search_path: "pg_catalog".to_owned(),
        is_idempotent: true,
    }
}

/// The role that owns everything in the mirror.
pub(super) const MIRROR_OWNER: &str = "iris";
