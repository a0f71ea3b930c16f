//! What a catalogue request asks for, and the rows that it is held against.

use crate::engine::Value;

/// The strings of a request; one that is missing matches everything.
pub(super) struct Arguments(pub Vec<String>);

impl Arguments {
    pub(super) fn get(&self, index: usize) -> &str {
        self.0.get(index).map_or("%", String::as_str)
    }

    /// Patterns: `%` any, `_` one character, `\` makes the next one plain.
    pub(super) fn like(&self, index: usize, text: &str) -> bool {
        like(self.get(index), text)
    }

    /// Names; `%` stands for a null.
    pub(super) fn is(&self, index: usize, text: &str) -> bool {
        let asked = self.get(index);
        asked == "%" || same(asked, text)
    }
}

/// Names compare without case.
pub(super) fn same(a: &str, b: &str) -> bool {
    a.eq_ignore_ascii_case(b) || a.to_uppercase() == b.to_uppercase()
}

pub(super) fn like(pattern: &str, text: &str) -> bool {
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
pub(super) struct Record(pub Vec<Value>);

impl Record {
    pub(super) fn value(&self, index: usize) -> Value {
        self.0.get(index).cloned().unwrap_or(Value::Null)
    }

    pub(super) fn text(&self, index: usize) -> String {
        match self.0.get(index) {
            Some(Value::Text(text)) => text.clone(),
            Some(Value::Int(number)) => number.to_string(),
            _ => String::new(),
        }
    }

    pub(super) fn int(&self, index: usize) -> Option<i64> {
        match self.0.get(index) {
            Some(Value::Int(number)) => Some(*number),
            Some(Value::Text(text)) => text.parse().ok(),
            _ => None,
        }
    }

    pub(super) fn yes(&self, index: usize) -> bool {
        matches!(self.0.get(index), Some(Value::Int(1))) || same(&self.text(index), "YES")
    }
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
