//! The pattern languages of IRIS: LIKE, `%MATCHES` (globs) and `%PATTERN` (ObjectScript pattern codes).

/// `%` any run, `_` one character; the character after `escape` stands for itself. A pattern that ends in its escape
/// character matches nothing.
pub(crate) fn like(text: &str, pattern: &str, escape: Option<char>) -> bool {
    let mut items = Vec::new();
    let mut characters = pattern.chars();
    while let Some(c) = characters.next() {
        items.push(match c {
            c if Some(c) == escape => match characters.next() {
                Some(literal) => Item::One(Class::Literal(literal)),
                None => return false,
            },
            '%' => Item::Run,
            '_' => Item::One(Class::Any),
            c => Item::One(Class::Literal(c)),
        });
    }
    matches_items(text, &items)
}

/// `*` any run, `?` one character, `[a-z]` and `[^a-z]` one of a set, `\` escapes. Always with case.
pub(crate) fn matches(text: &str, pattern: &str, escape: char) -> bool {
    let mut items = Vec::new();
    let mut characters = pattern.chars().peekable();
    while let Some(c) = characters.next() {
        items.push(match c {
            c if c == escape => match characters.next() {
                Some(literal) => Item::One(Class::Literal(literal)),
                None => return false,
            },
            '*' => Item::Run,
            '?' => Item::One(Class::Any),
            '[' => {
                let negated = characters.next_if(|c| matches!(c, '^' | '~')).is_some();
                let mut ranges = Vec::new();
                loop {
                    let Some(low) = characters.next() else { return false };
                    if low == ']' {
                        break;
                    }
                    let high = match characters.next_if_eq(&'-') {
                        Some(_) => match characters.next() {
                            Some(high) => high,
                            None => return false,
                        },
                        None => low,
                    };
                    ranges.push((low, high));
                }
                Item::One(Class::Set { ranges, negated })
            }
            c => Item::One(Class::Literal(c)),
        });
    }
    matches_items(text, &items)
}

enum Item {
    Run,
    One(Class),
}

enum Class {
    Any,
    Literal(char),
    Set { ranges: Vec<(char, char)>, negated: bool },
}

impl Class {
    fn has(&self, c: char) -> bool {
        match self {
            Self::Any => true,
            Self::Literal(literal) => *literal == c,
            Self::Set { ranges, negated } => ranges.iter().any(|(low, high)| (*low..=*high).contains(&c)) != *negated,
        }
    }
}

/// Backtracks to the last run only, which is enough: time is at most text times pattern.
fn matches_items(text: &str, items: &[Item]) -> bool {
    let (mut rest, mut at) = (text, 0usize);
    let mut retry: Option<(&str, usize)> = None;
    loop {
        let item = items.get(at);
        if let Some(Item::Run) = item {
            at = at.saturating_add(1);
            retry = Some((rest, at));
            continue;
        }
        let mut characters = rest.chars();
        match (characters.next(), item) {
            (None, None) => return true,
            (Some(c), Some(Item::One(class))) if class.has(c) => {
                rest = characters.as_str();
                at = at.saturating_add(1);
            }
            _ => {
                let Some((from, after)) = retry else { return false };
                let mut characters = from.chars();
                if characters.next().is_none() {
                    return false;
                }
                rest = characters.as_str();
                at = after;
                retry = Some((rest, after));
            }
        }
    }
}

/// One atom of an ObjectScript pattern with its repeat count.
struct Atom {
    least: usize,
    most: usize,
    kind: AtomKind,
}

enum AtomKind {
    Literal(Vec<char>),
    /// Codes such as `AN`: a character of any of them.
    Codes(Vec<char>),
    Alternatives(Vec<Vec<Atom>>),
}

/// More states than this and the pattern is refused: it would take too long.
const STEPS_MAX: u32 = 200_000;

/// The pattern operator: repeat counts (`3`, `.`, `1.4`, `.3`, `2.`) before codes (A N U L P C E), `"literals"` or
/// `(alternatives,...)`. None: no such pattern (SQLCODE -42 for an open quote, else -400).
pub(crate) fn pattern(text: &str, pattern: &str) -> Option<bool> {
    let mut parser = PatternParser { characters: pattern.chars().collect(), at: 0, depth: 0 };
    let atoms = parser.atoms()?;
    if parser.at != parser.characters.len() {
        return None;
    }
    let text: Vec<char> = text.chars().collect();
    let mut steps = STEPS_MAX;
    let mut ends = ends_of(&text, 0, &atoms, &mut steps)?;
    Some(ends.any_at(text.len()))
}

/// Positions where a match may end.
struct Ends(Vec<bool>);

impl Ends {
    fn none(length: usize) -> Self {
        Self(vec![false; length.saturating_add(1)])
    }

    fn set(&mut self, at: usize) {
        if let Some(entry) = self.0.get_mut(at) {
            *entry = true;
        }
    }

    fn any_at(&mut self, at: usize) -> bool {
        self.0.get(at).copied().unwrap_or(false)
    }
}

fn ends_of(text: &[char], start: usize, atoms: &[Atom], steps: &mut u32) -> Option<Ends> {
    let mut current = Ends::none(text.len());
    current.set(start);
    for atom in atoms {
        let mut reached = Ends::none(text.len());
        let mut frontier = current;
        let most = atom.most.min(text.len().saturating_sub(start).saturating_add(atom.least));
        for count in 0..=most {
            if count >= atom.least {
                frontier.0.iter().enumerate().filter(|(_, on)| **on).for_each(|(at, _)| reached.set(at));
            }
            if count == most || !frontier.0.contains(&true) {
                break;
            }
            let mut next = Ends::none(text.len());
            for (at, _) in frontier.0.iter().enumerate().filter(|(_, on)| **on) {
                *steps = steps.checked_sub(1)?;
                match &atom.kind {
                    AtomKind::Literal(literal) => {
                        if text.get(at..).is_some_and(|rest| rest.starts_with(literal)) {
                            next.set(at.saturating_add(literal.len()));
                        }
                    }
                    AtomKind::Codes(codes) => {
                        if text.get(at).is_some_and(|c| codes.iter().any(|code| has_code(*code, *c))) {
                            next.set(at.saturating_add(1));
                        }
                    }
                    AtomKind::Alternatives(alternatives) => {
                        for alternative in alternatives {
                            let ends = ends_of(text, at, alternative, steps)?;
                            ends.0.iter().enumerate().filter(|(_, on)| **on).for_each(|(end, _)| next.set(end));
                        }
                    }
                }
            }
            frontier = next;
        }
        current = reached;
    }
    Some(current)
}

fn has_code(code: char, c: char) -> bool {
    match code {
        'A' => c.is_alphabetic(),
        'N' => c.is_numeric(),
        'U' => c.is_uppercase(),
        'L' => c.is_lowercase(),
        'P' => c == ' ' || (!c.is_alphanumeric() && !c.is_control()),
        'C' => c.is_control(),
        _ => true,
    }
}

struct PatternParser {
    characters: Vec<char>,
    at: usize,
    depth: u32,
}

impl PatternParser {
    fn peek(&self) -> Option<char> {
        self.characters.get(self.at).copied()
    }

    fn take(&mut self, c: char) -> bool {
        let found = self.peek() == Some(c);
        if found {
            self.at = self.at.saturating_add(1);
        }
        found
    }

    fn number(&mut self) -> Option<usize> {
        let start = self.at;
        while self.peek().is_some_and(|c| c.is_ascii_digit()) {
            self.at = self.at.saturating_add(1);
        }
        let digits: String = self.characters.get(start..self.at)?.iter().collect();
        digits.parse().ok()
    }

    fn atoms(&mut self) -> Option<Vec<Atom>> {
        let mut atoms = Vec::new();
        while self.peek().is_some_and(|c| c.is_ascii_digit() || c == '.') {
            atoms.push(self.atom()?);
        }
        Some(atoms)
    }

    fn atom(&mut self) -> Option<Atom> {
        let least = self.number();
        let (least, most) =
            if self.take('.') { (least.unwrap_or(0), self.number().unwrap_or(usize::MAX)) } else { (least?, least?) };
        if self.take('"') {
            let mut literal = Vec::new();
            loop {
                let c = self.peek()?;
                self.at = self.at.saturating_add(1);
                if c != '"' {
                    literal.push(c);
                } else if self.take('"') {
                    literal.push('"');
                } else {
                    return Some(Atom { least, most, kind: AtomKind::Literal(literal) });
                }
            }
        }
        if self.take('(') {
            self.depth = self.depth.saturating_add(1);
            if self.depth > 20 {
                return None;
            }
            let mut alternatives = vec![self.atoms()?];
            while self.take(',') {
                alternatives.push(self.atoms()?);
            }
            self.depth = self.depth.saturating_sub(1);
            return self.take(')').then_some(Atom { least, most, kind: AtomKind::Alternatives(alternatives) });
        }
        let mut codes = Vec::new();
        while let Some(c) = self.peek().map(|c| c.to_ascii_uppercase()).filter(|c| "ANULPCE".contains(*c)) {
            codes.push(c);
            self.at = self.at.saturating_add(1);
        }
        (!codes.is_empty()).then_some(Atom { least, most, kind: AtomKind::Codes(codes) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn like_backtracks_and_escapes() {
        for (text, like_pattern, expected) in [
            ("", "", true),
            ("", "%", true),
            ("abc", "a%", true),
            ("abc", "%c", true),
            ("abc", "a_c", true),
            ("abc", "a__c", false),
            ("aXbXc", "a%X%c", true),
            ("ababac", "%abac", true),
            ("a%c", "a\\%c", true),
            ("abc", "a\\%c", false),
            ("é", "_", true),
            ("abc", "abc\\", false),
        ] {
            assert_eq!(like(text, like_pattern, Some('\\')), expected, "{text} LIKE {like_pattern}");
        }
        assert!(like("a\\b", "a\\b", None));
        // Quadratic at worst.
        assert!(!like(&"a".repeat(20_000), &format!("{}b", "%a".repeat(50)), None));
    }

    #[test]
    fn globs_have_sets() {
        assert!(matches("Smith", "[A-Z]*", '\\'));
        assert!(!matches("smith", "[A-Z]*", '\\'));
        assert!(matches("smith", "[^A-Z]mit?", '\\'));
        assert!(matches("a*b", "a\\*b", '\\'));
        assert!(!matches("a", "[a", '\\'));
    }

    #[test]
    fn pattern_codes_repeat_and_alternate() {
        for (text, codes, expected) in [
            ("123-45-6789", "3N1\"-\"2N1\"-\"4N", Some(true)),
            ("12-45-6789", "3N1\"-\"2N1\"-\"4N", Some(false)),
            ("Ab", "1U.L", Some(true)),
            ("A1b2", "1.AN", Some(true)),
            ("", ".E", Some(true)),
            ("abcabc", "2(1\"abc\",1N)", Some(true)),
            ("abcabc", "1.3L", Some(false)),
            ("abc", "3X", None),
            ("abc", "1\"abc", None),
        ] {
            assert_eq!(pattern(text, codes), expected, "{text} ? {codes}");
        }
    }
}
