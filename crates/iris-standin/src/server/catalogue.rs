//! java.sql.DatabaseMetaData: 25 requests without SQL (facts, section 18.11).
//!
//! The columns are those of `java.sql.DatabaseMetaData`, the rows come from INFORMATION_SCHEMA. Views are read whole and
//! filtered here: patterns arrive with their backslashes, and a client's catalogue is small.

mod layout;
mod rows;

use std::ops::ControlFlow;

use self::layout::layout;
use super::{
    Backend, Engine, PreparedStatement,
    errors::malformed,
    results::RowEncoder,
    session::{Fault, Session},
    transport::{Body, Head},
};
use crate::engine::{SqlError, Value};
use iris_protocol::{ItemReader, Opcode, STATUS_END, STATUS_OK, list::put_int, put_columns};

pub(super) fn handles(opcode: Opcode) -> bool {
    layout(opcode).is_some()
}

/// The strings of a request; one that is missing matches everything.
struct Arguments(Vec<String>);

impl Arguments {
    fn read(body: &[u8]) -> Result<Self, Fault> {
        let mut reader = ItemReader::new(body);
        if reader.int("sets")? != 1 {
            return Err(malformed("a catalogue request has one set of arguments").into());
        }
        let count = reader.count("argument count")?;
        Ok(Self((0..count).map(|_| reader.text("argument")).collect::<Result<_, _>>()?))
    }

    fn get(&self, index: usize) -> &str {
        self.0.get(index).map_or("%", String::as_str)
    }

    /// Patterns: `%` any, `_` one character, `\` makes the next one plain.
    fn like(&self, index: usize, text: &str) -> bool {
        like(self.get(index), text)
    }

    /// Names; `%` stands for a null.
    fn is(&self, index: usize, text: &str) -> bool {
        let asked = self.get(index);
        asked == "%" || same(asked, text)
    }
}

/// Names compare without case.
fn same(a: &str, b: &str) -> bool {
    a.eq_ignore_ascii_case(b) || a.to_uppercase() == b.to_uppercase()
}

fn like(pattern: &str, text: &str) -> bool {
    /// Any run, one character, or this one.
    enum Step {
        Run,
        One,
        Is(char),
    }
    let mut steps = Vec::new();
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        steps.push(match c {
            '%' => Step::Run,
            '_' => Step::One,
            '\\' => Step::Is(chars.next().unwrap_or('\\')),
            c => Step::Is(c),
        });
    }
    let equal = |a: char, b: char| a == b || a.to_uppercase().eq(b.to_uppercase());
    let text: Vec<char> = text.chars().collect();
    let (mut at, mut step) = (0, 0);
    // Where to go on when what follows the last run does not fit: one character further.
    let mut again: Option<(usize, usize)> = None;
    while at < text.len() {
        let fits = match (steps.get(step), text.get(at)) {
            (Some(Step::Run), _) => {
                again = Some((step + 1, at));
                step += 1;
                continue;
            }
            (Some(Step::One), Some(_)) => true,
            (Some(Step::Is(wanted)), Some(&c)) => equal(*wanted, c),
            _ => false,
        };
        if fits {
            (at, step) = (at + 1, step + 1);
        } else if let Some((after, from)) = again {
            (at, step) = (from + 1, after);
            again = Some((after, from + 1));
        } else {
            return false;
        }
    }
    steps.get(step..).unwrap_or_default().iter().all(|step| matches!(step, Step::Run))
}

/// A row of a view: texts, numbers, NULLs.
struct Record(Vec<Value>);

impl Record {
    fn value(&self, index: usize) -> Value {
        self.0.get(index).cloned().unwrap_or(Value::Null)
    }

    fn text(&self, index: usize) -> String {
        match self.0.get(index) {
            Some(Value::Text(text)) => text.clone(),
            Some(Value::Int(number)) => number.to_string(),
            _ => String::new(),
        }
    }

    fn int(&self, index: usize) -> Option<i64> {
        match self.0.get(index) {
            Some(Value::Int(number)) => Some(*number),
            Some(Value::Text(text)) => text.parse().ok(),
            _ => None,
        }
    }

    fn yes(&self, index: usize) -> bool {
        matches!(self.0.get(index), Some(Value::Int(1))) || same(&self.text(index), "YES")
    }
}

impl<E: Engine> Session<'_, E> {
    /// Two messages: what the columns are, then one page with all rows.
    pub(super) fn catalogue(&mut self, head: Head, opcode: Opcode, body: &[u8]) -> Result<(), Fault> {
        let arguments = Arguments::read(body)?;
        let Some(columns) = layout(opcode) else { return Err(malformed("not a catalogue request").into()) };
        self.results.close(head.statement_id);
        self.streams.begin(head.statement_id);
        let rows = self.job.running(head.statement_id, || {
            rows::rows(opcode, &arguments, &mut |sql: &str| select(&mut self.backend, sql))
        })?;
        let mut description = Body::new();
        // Of no known meaning; any value is taken.
        put_int(description.out(), 0);
        put_columns(description.out(), &columns);
        let encoder = RowEncoder::new(&columns);
        let mut page = Body::new();
        for row in &rows {
            encoder.put(page.out(), row, &mut self.streams)?;
        }
        self.link.queue(head, STATUS_OK, &mut description)?;
        Ok(self.link.send(head, STATUS_END, &mut page)?)
    }
}

/// All rows of a query on INFORMATION_SCHEMA.
fn select<B: Backend>(backend: &mut B, sql: &str) -> Result<Vec<Record>, SqlError> {
    let statement = backend.prepare(sql, &[])?;
    if !statement.is_query() {
        return Err(SqlError::execute(400, "The catalogue query gives no rows"));
    }
    let mut rows = Vec::new();
    backend.query(&statement, &[], 0, 0, &mut |row| {
        rows.push(Record(row.to_vec()));
        ControlFlow::Continue(())
    })?;
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (pattern, text) in [
            ("%", ""),
            ("%", "abc"),
            ("jt\\_child", "JT_CHILD"),
            ("jt_p%t", "jt_parent"),
            ("%a%b%", "xaxbx"),
            ("a%b%c", "abbcbc"),
            ("", ""),
            ("\\%", "%"),
            ("\u{e9}_", "\u{c9}x"),
            ("%%_", "a"),
        ] {
            assert!(like(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in
            [("jt\\_child", "jtxchild"), ("a", "ab"), ("ab", "a"), ("_", ""), ("", "a"), ("a%b", "acbc"), ("\\%", "x")]
        {
            assert!(!like(pattern, text), "{pattern} {text}");
        }
        // Exponential matchers do not return from this.
        assert!(!like(&"%a".repeat(40), &"a".repeat(39)));
    }
}
