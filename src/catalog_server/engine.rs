//! PostgreSQL as a function from messages to messages.

use std::path::Path;

use iris_pgwire::parts::wire::Messages;
use pglite_oxide::{ExecProtocolOptions, Pglite, PgliteBuilder, PglitePaths, extensions};

use super::aside::Aside;
use super::families::Families;
use super::stack::{Probe, StackPointer};
use super::stop_words;

/// PostgreSQL as a function from messages to messages.
pub trait Engine {
    /// One frontend message in, what PostgreSQL answers out.
    ///
    /// # Errors
    /// The engine is broken and must not be used any more.
    fn exchange(&mut self, message: &[u8]) -> Result<Vec<u8>, String>;

    /// It is better not used any more once nobody has a turn.
    fn is_worn(&self) -> bool {
        false
    }

    /// How it numbers the families of addresses; `None`: as everybody does.
    fn families(&self) -> Option<Families> {
        None
    }
}

/// Errors after which a PostgreSQL is not used any more that loses a part of its stack by each: the stack has 8 MB, and
/// what a statement may nest is bounded.
const ERRORS_MAX: u32 = 500;

/// A CopyFail message.
const COPY_FAIL: &[u8] = b"f\0\0\0\x2fCOPY from the client is not to be had here\0";

/// PostgreSQL compiled to WebAssembly.
pub struct Embedded {
    database: Pglite,
    server_version: String,
    families: Option<Families>,
    /// `None`: not found.
    stack: Option<StackPointer>,
    /// Errors that have taken a part of the stack for good.
    errors_count: u32,
}

impl Embedded {
    /// PostgreSQL over the data in a folder: new ones, or those of an earlier process and the database to go on with.
    ///
    /// A process that is killed has left to the kernel all that it wrote, so that the next one finds it without an
    /// fsync (the library asks for none). But a commit must have been written, which is what `synchronous_commit` sees
    /// to; and a write that a kill cuts off may end between two pages of the kernel, which `full_page_writes` mends.
    pub fn open(data: &Path, reopen: Option<&str>) -> Result<Self, String> {
        let mut builder = PgliteBuilder::new().path(data).extension(extensions::VECTOR);
        let mut aside = None;
        if let Some(database) = reopen {
            builder = builder.database(database);
            let put = Aside::put(&PglitePaths::with_root(data).pgdata, data.join("aside"));
            aside = Some(put.map_err(|error| format!("files could not be put aside: {error}"))?);
        }
        let database = builder.open().map_err(|error| format!("{error:#}"))?;
        if let Some(aside) = aside {
            aside.end().map_err(|error| format!("files that were put aside could not be put back: {error}"))?;
        }
        let mut embedded =
            Self { database, server_version: String::new(), families: None, stack: None, errors_count: 0 };
        // It starts without a session user in its settings, and so the end of a transaction with another one would
        // not bring the first one back.
        let answer = embedded
            .exchange(&query("SELECT pg_catalog.quote_ident(rolname) FROM pg_catalog.pg_authid WHERE oid = 10"))?;
        let superuser = first_value(&answer).ok_or("it has no superuser")?;
        embedded.exchange(&query(&format!("SET SESSION AUTHORIZATION {superuser}")))?;
        let answer = embedded.exchange(&query("SHOW server_version"))?;
        embedded.server_version = first_value(&answer).ok_or("it does not tell its version")?;
        embedded.families = Some(Families::ask(&mut embedded)?);
        for statement in stop_words::statements() {
            if has_error(&embedded.exchange(&query(&statement))?) {
                tracing::warn!("it cannot be given stop words: text search knows the configuration `simple` only");
                break;
            }
        }
        embedded.stack = embedded.find_stack();
        Ok(embedded)
    }

    fn find_stack(&mut self) -> Option<StackPointer> {
        let found = StackPointer::find(|probe| {
            let answer = self.exchange(&query(match probe {
                Probe::Succeeds => "SELECT 1",
                Probe::Fails => "SELECT (",
            }))?;
            match has_error(&answer) == (probe == Probe::Fails) {
                true => Ok(()),
                false => Err(format!("it does otherwise than expected: {probe:?}")),
            }
        });
        found.inspect_err(|error| tracing::warn!(error, "errors shorten its stack: it is started anew in time")).ok()
    }

    pub fn server_version(&self) -> &str {
        &self.server_version
    }
}

impl Engine for Embedded {
    fn exchange(&mut self, message: &[u8]) -> Result<Vec<u8>, String> {
        // A COPY takes its data from what was sent with it, and nothing is: without an end of them it would not come back.
        // In front of anything else such a message means nothing (protocol-flow, "COPY Operations").
        let ended;
        let message = if matches!(message.first(), Some(b'Q' | b'E')) {
            ended = [message, COPY_FAIL].concat();
            &ended
        } else {
            message
        };
        let result = self.database.exec_protocol_raw(message, ExecProtocolOptions::no_sync());
        match &self.stack {
            Some(stack) => stack.restore(),
            None if result.as_ref().is_ok_and(|answer| has_error(answer)) => {
                self.errors_count = self.errors_count.saturating_add(1);
            }
            None => {}
        }
        result.map_err(|error| format!("{error:#}"))
    }

    fn is_worn(&self) -> bool {
        self.errors_count >= ERRORS_MAX
    }

    fn families(&self) -> Option<Families> {
        self.families
    }
}

/// A Query message.
pub fn query(sql: &str) -> Vec<u8> {
    let mut message = vec![b'Q'];
    let length = u32::try_from(sql.len().saturating_add(5)).unwrap_or(u32::MAX);
    message.extend_from_slice(&length.to_be_bytes());
    message.extend_from_slice(sql.as_bytes());
    message.push(0);
    message
}

/// The transaction status of the last ReadyForQuery.
pub fn last_status(answer: &[u8]) -> Option<u8> {
    Messages::new(answer)
        .map(|(frame, _)| frame)
        .filter(|frame| frame.tag == b'Z')
        .last()
        .and_then(|frame| frame.body.first().copied())
}

/// Whether something went wrong.
pub fn has_error(answer: &[u8]) -> bool {
    Messages::new(answer).any(|(frame, _)| frame.tag == b'E')
}

/// The first column of the first row, as text.
pub fn first_value(answer: &[u8]) -> Option<String> {
    let row = Messages::new(answer).map(|(frame, _)| frame).find(|frame| frame.tag == b'D')?;
    let (length, rest) = row.body.get(2..)?.split_first_chunk::<4>()?;
    let value = rest.get(..usize::try_from(i32::from_be_bytes(*length)).ok()?)?;
    Some(String::from_utf8_lossy(value).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whatever is sent is answered or refused, and what comes behind it is answered.
    #[test]
    fn nothing_that_is_sent_ends_it() {
        let data = std::env::temp_dir().join(format!("engine-any-{}", std::process::id()));
        let mut embedded = Embedded::open(&data, None).unwrap();
        let message = |tag: u8, body: &[u8]| {
            let length = u32::try_from(body.len() + 4).unwrap().to_be_bytes();
            [&[tag][..], &length, body].concat()
        };
        let parsed = |sql: &str| {
            let parse = message(b'P', &[b"\0", sql.as_bytes(), b"\0\0\0"].concat());
            let rest = [message(b'B', &[0; 8]), message(b'E', &[0; 5]), message(b'S', b"")];
            std::iter::once(parse).chain(rest).collect::<Vec<_>>()
        };
        embedded.exchange(&query("CREATE TABLE t (i integer)")).unwrap();
        let mut all = Vec::new();
        for sql in [
            "COPY t FROM STDIN",
            "COPY t TO STDOUT",
            "COPY (SELECT 1) TO STDOUT (FORMAT binary)",
            "SELECT 1; COPY t FROM STDIN; SELECT 2",
            "/* copy */ COPY t FROM stdin WITH (FORMAT csv)",
            "COPY t FROM STDIN; COPY t FROM STDIN",
            "LISTEN a; NOTIFY a, 'b'",
            "UNLISTEN *",
            "SELECT pg_notify('a', 'b')",
            "ROLLBACK",
            "",
        ] {
            all.push((sql, vec![query(sql)]));
            if !sql.contains(';') {
                all.push((sql, parsed(sql)));
            }
        }
        // now() has the number 1299; 0 is none.
        for number in [1299_u32, 0, 7] {
            let call = [&number.to_be_bytes()[..], &[0, 0, 0, 0, 0, 0]].concat();
            all.push(("a call", vec![message(b'F', &call)]));
        }
        for tag in [b'd', b'c', b'f', b'H'] {
            all.push(("a message of COPY", vec![message(tag, b"x\0"), message(b'S', b"")]));
        }
        for (what, messages) in all {
            for message in messages {
                embedded.exchange(&message).unwrap_or_else(|error| panic!("{what}: {error}"));
            }
            let answer = embedded.exchange(&query("SELECT 6 * 7")).unwrap();
            assert_eq!(first_value(&answer).as_deref(), Some("42"), "{what}");
        }
        drop(embedded);
        std::fs::remove_dir_all(data).unwrap();
    }

    /// Each syntax error takes 3 KB of a stack of 8 MB that lies behind PostgreSQL's variables.
    #[test]
    fn errors_do_not_use_up_the_stack() {
        let data = std::env::temp_dir().join(format!("engine-{}", std::process::id()));
        let mut embedded = Embedded::open(&data, None).unwrap();
        assert!(embedded.stack.is_some());
        for _ in 0..3_000 {
            assert!(has_error(&embedded.exchange(&query("SELECT (")).unwrap()));
        }
        let answer = embedded.exchange(&query("SELECT count(*) > 100 FROM pg_catalog.pg_class")).unwrap();
        assert_eq!(first_value(&answer).as_deref(), Some("t"));
        // Without a pointer to put back they are counted.
        embedded.stack = None;
        assert!(!embedded.is_worn());
        for _ in 0..ERRORS_MAX {
            embedded.exchange(&query("SELECT (")).unwrap();
        }
        assert!(embedded.is_worn());
        drop(embedded);
        std::fs::remove_dir_all(data).unwrap();
    }
}
