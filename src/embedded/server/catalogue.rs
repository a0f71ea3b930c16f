//! java.sql.DatabaseMetaData: 25 opcodes without SQL (facts, section 18.11).

use super::{
    Engine,
    session::{Fault, Session},
    transport::Head,
};
use crate::{embedded::engine::SqlError, iris::Opcode};

const OPCODES: [&[u8; 2]; 25] = [
    b"SC", b"CA", b"TT", b"TI", b"TA", b"CO", b"CH", b"PK", b"IK", b"EK", b"CR", b"II", b"BR", b"VC", b"PR", b"FN",
    b"PC", b"FC", b"TP", b"CP", b"UT", b"CF", b"SL", b"SY", b"AT",
];

pub(super) fn handles(opcode: Opcode) -> bool {
    OPCODES.iter().any(|code| **code == opcode.0)
}

impl<E: Engine> Session<'_, E> {
    pub(super) fn catalogue(&mut self, _head: Head, opcode: Opcode, _body: &[u8]) -> Result<(), Fault> {
        Err(SqlError::execute(469, format!("Catalogue function {opcode} is not served yet")).into())
    }
}
