//! Statements that are legal and have little or nothing to do here, and definitions that the stand-in has no engine for.

use super::super::parse::TokenKind;
use super::super::value::SqlError;
use super::Ddl;
use super::cursor::Cursor;

/// What CREATE and DROP can name in IRIS, and what the stand-in lacks for it.
const NOT_HERE: [(&str, &str); 16] = [
    ("FUNCTION", "routines need an ObjectScript or Python engine"),
    ("PROCEDURE", "routines need an ObjectScript or Python engine"),
    ("METHOD", "routines need an ObjectScript or Python engine"),
    ("QUERY", "routines need an ObjectScript or Python engine"),
    ("AGGREGATE", "user-defined aggregates need routines"),
    ("TRIGGER", "triggers need an ObjectScript or Python engine"),
    ("USER", "there is one user"),
    ("ROLE", "there are no roles"),
    ("DATABASE", "there is one namespace"),
    ("MODEL", "there is no IntegratedML"),
    ("ML", "there is no IntegratedML"),
    ("FOREIGN", "foreign servers and tables are not available"),
    ("SERVER", "foreign servers are not available"),
    ("SEQUENCE", ""),
    ("TYPE", ""),
    ("DOMAIN", ""),
];

impl Ddl<'_> {
    pub(super) fn create_other(&mut self, cursor: &mut Cursor) -> Result<(), SqlError> {
        cursor.take_words(&["OR", "REPLACE"]);
        self.refuse_kind(cursor)
    }

    /// -400 for what IRIS has and the stand-in has not; -1 for what IRIS does not know either.
    pub(super) fn refuse_kind(&self, cursor: &Cursor) -> Result<(), SqlError> {
        match NOT_HERE.iter().find(|(kind, reason)| cursor.is_word(kind) && !reason.is_empty()) {
            Some((kind, reason)) => {
                Err(SqlError::prepare(400, format!("{kind} is not available in the stand-in: {reason}")))
            }
            None => Err(cursor.expected("TABLE, VIEW, INDEX or SCHEMA")),
        }
    }

    /// TUNE, BUILD INDEX, PURGE, FREEZE, GRANT, REVOKE, LOCK and UNLOCK.
    pub(super) fn other(&mut self, cursor: &mut Cursor) -> Result<(), SqlError> {
        if cursor.take_words(&["TUNE", "TABLE"]) {
            let name = cursor.object_name()?;
            percent_options(cursor);
            cursor.end()?;
            return self.known_relation(&name);
        }
        if cursor.take_words(&["BUILD", "INDEX"]) || cursor.take_words(&["CANCEL", "BUILD"]) {
            percent_options(cursor);
            cursor.word("FOR")?;
            if cursor.take_word("SCHEMA") {
                cursor.identifier()?;
                return cursor.end();
            }
            cursor.word("TABLE")?;
            let name = cursor.object_name()?;
            let mut indexes = Vec::new();
            if cursor.take_word("INDEX") {
                indexes.push(cursor.identifier()?);
                while cursor.take_symbol(",") {
                    indexes.push(cursor.identifier()?);
                }
            }
            cursor.end()?;
            let table = self.table(&name)?;
            return match indexes.iter().find(|index| !super::create_table::has_part(&table, index)) {
                Some(index) => Err(SqlError::execute(333, format!("No such index defined: '{index}'"))),
                None => Ok(()),
            };
        }
        if cursor.take_words(&["PURGE", "CACHED", "QUERIES"]) {
            if cursor.take_words(&["BY", "AGE"]) {
                cursor.integer()?;
            } else if cursor.take_words(&["BY", "TABLE"]) || cursor.take_words(&["FOR", "TABLE"]) {
                let name = cursor.object_name()?;
                self.known_relation(&name)?;
            }
            return cursor.end();
        }
        if cursor.take_words(&["FREEZE", "PLANS"]) || cursor.take_words(&["UNFREEZE", "PLANS"]) {
            while !cursor.at_end() {
                cursor.advance();
            }
            return Ok(());
        }
        if cursor.is_word("LOCK") || cursor.is_word("UNLOCK") {
            return self.lock(cursor);
        }
        if cursor.is_word("GRANT") || cursor.is_word("REVOKE") {
            return self.grant(cursor);
        }
        Err(cursor.expected("SQL STATEMENT"))
    }

    /// `LOCK [TABLE] t IN SHARE | EXCLUSIVE MODE [WAIT n]`. Writers are one at a time here, so a lock has nothing to add.
    fn lock(&mut self, cursor: &mut Cursor) -> Result<(), SqlError> {
        let unlock = cursor.is_word("UNLOCK");
        cursor.advance();
        cursor.take_word("TABLE");
        let name = cursor.object_name()?;
        cursor.word("IN")?;
        if !cursor.take_word("SHARE") && !cursor.take_word("EXCLUSIVE") {
            return Err(cursor.expected("SHARE or EXCLUSIVE"));
        }
        cursor.word("MODE")?;
        if unlock {
            cursor.take_word("IMMEDIATE");
        } else if cursor.take_word("WAIT") {
            cursor.integer()?;
        }
        cursor.end()?;
        self.known_relation(&name)
    }

    /// Privileges are read and have no effect: the one user may do everything. What they name must exist.
    fn grant(&mut self, cursor: &mut Cursor) -> Result<(), SqlError> {
        let target = if cursor.is_word("GRANT") { "TO" } else { "FROM" };
        cursor.advance();
        while !cursor.is_word("ON") && !cursor.is_word(target) {
            let plain = cursor.peek().is_some_and(|token| {
                matches!(token.kind, TokenKind::Word | TokenKind::Quoted | TokenKind::Symbol("(" | ")" | "," | "*"))
            });
            if !plain {
                return Err(cursor.expected(target));
            }
            cursor.advance();
        }
        if cursor.take_word("ON") {
            if cursor.take_word("SCHEMA") {
                cursor.identifier()?;
            } else if !cursor.take_symbol("*") {
                for kind in ["TABLE", "VIEW"] {
                    cursor.take_word(kind);
                }
                loop {
                    let name = cursor.object_name()?;
                    self.known_relation(&name)?;
                    if !cursor.take_symbol(",") {
                        break;
                    }
                }
            }
        }
        cursor.word(target)?;
        loop {
            if !cursor.take_symbol("*") && !cursor.take_word("PUBLIC") {
                cursor.identifier()?;
            }
            if !cursor.take_symbol(",") {
                break;
            }
        }
        let _ = cursor.take_words(&["WITH", "GRANT", "OPTION"]) || cursor.take_words(&["WITH", "ADMIN", "OPTION"]);
        let _ = cursor.take_word("CASCADE") || cursor.take_word("RESTRICT");
        cursor.end()
    }
}

/// `%NOJOURN`, `%CLEAR_VALUES`, `%SAMPLE_PERCENT 50` and the like.
fn percent_options(cursor: &mut Cursor) {
    while cursor.peek().is_some_and(|token| token.kind == TokenKind::Word && token.text.starts_with('%')) {
        cursor.advance();
        if cursor.peek().is_some_and(|token| matches!(token.kind, TokenKind::String | TokenKind::Integer)) {
            cursor.advance();
        }
    }
}
