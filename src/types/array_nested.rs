//! Arrays of more than one dimension, and with bounds of their own: `[0:1]={1,2}`, `{{1,2},{3,4}}`.

use std::borrow::Cow;

use super::array::{Elements, LiteralWriter, malformed};
use crate::wire::{PgError, SqlState};

/// `MAXDIM`.
pub(super) const DIMENSIONS_MAX: usize = 6;

/// An array taken apart: its dimensions, outermost first, and its elements in their order.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Nested<'a> {
    pub dimensions: Vec<Dimension>,
    pub elements: Vec<Option<Cow<'a, str>>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Dimension {
    pub length: usize,
    pub lower_bound: i32,
}

fn too_many() -> Box<PgError> {
    PgError::error(
        SqlState::PROGRAM_LIMIT_EXCEEDED,
        format!("number of array dimensions exceeds the maximum allowed ({DIMENSIONS_MAX})"),
    )
}

/// Takes any literal apart.
///
/// # Errors
/// 22P02, 54000.
pub(super) fn parse(text: &str) -> Result<Nested<'_>, Box<PgError>> {
    let mut rest = text.trim_start_matches(|c: char| c.is_ascii_whitespace());
    let mut bounds = Vec::new();
    while let Some(inside) = rest.strip_prefix('[') {
        if bounds.len() >= DIMENSIONS_MAX {
            return Err(too_many());
        }
        let (bound, after) = bound(inside)
            .ok_or_else(|| malformed(text, "\"[\" must introduce explicitly-specified array dimensions."))?;
        bounds.push(bound);
        rest = after.trim_start_matches(|c: char| c.is_ascii_whitespace());
    }
    if !bounds.is_empty() {
        rest = rest.strip_prefix('=').ok_or_else(|| malformed(text, "Missing \"=\" after array dimensions."))?;
        rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace());
    }
    let Some(inside) = rest.strip_prefix('{') else {
        return Err(malformed(text, "Array contents must start with \"{\"."));
    };
    let mut reader =
        Reader { items: Elements::inside(text, inside), lengths: Vec::new(), leaf: None, elements: Vec::new() };
    reader.list(1)?;
    reader.items.skip_blanks();
    if !reader.items.rest().is_empty() {
        return Err(malformed(text, "Junk after closing right brace."));
    }
    let lengths: Vec<usize> = reader.lengths.iter().map(|length| length.unwrap_or(0)).collect();
    if !bounds.is_empty() {
        let fits = bounds.len() == lengths.len()
            && bounds.iter().zip(&lengths).all(|((lower, upper), length)| {
                i64::try_from(*length).is_ok_and(|length| i64::from(*upper) - i64::from(*lower) + 1 == length)
            });
        if !fits {
            return Err(malformed(text, "Specified array dimensions do not match array contents."));
        }
    }
    if lengths.contains(&0) {
        return Ok(Nested { dimensions: Vec::new(), elements: Vec::new() });
    }
    let lower = |n: usize| bounds.get(n).map_or(1, |(lower, _)| *lower);
    let dimensions =
        lengths.iter().enumerate().map(|(n, length)| Dimension { length: *length, lower_bound: lower(n) }).collect();
    Ok(Nested { dimensions, elements: reader.elements })
}

/// `2:3]` or `3]`, which is from 1.
fn bound(text: &str) -> Option<((i32, i32), &str)> {
    let (inside, rest) = text.split_once(']')?;
    let bound = match inside.split_once(':') {
        Some((lower, upper)) => (lower.trim().parse().ok()?, upper.trim().parse().ok()?),
        None => (1, inside.trim().parse().ok()?),
    };
    Some((bound, rest))
}

struct Reader<'a> {
    items: Elements<'a>,
    /// Of each dimension, once the first list of it is complete.
    lengths: Vec<Option<usize>>,
    /// The dimension whose lists hold elements.
    leaf: Option<usize>,
    elements: Vec<Option<Cow<'a, str>>>,
}

impl Reader<'_> {
    fn uneven(&self) -> Box<PgError> {
        malformed(self.items.text(), "Multidimensional arrays must have sub-arrays with matching dimensions.")
    }

    /// What follows an opening brace, up to the closing one.
    fn list(&mut self, depth: usize) -> Result<(), Box<PgError>> {
        if depth > DIMENSIONS_MAX {
            return Err(too_many());
        }
        if self.lengths.len() < depth {
            self.lengths.push(None);
        }
        let mut count = 0usize;
        self.items.skip_blanks();
        if !self.items.eat('}') {
            loop {
                self.items.skip_blanks();
                if self.items.eat('{') {
                    if self.leaf.is_some_and(|leaf| leaf <= depth) {
                        return Err(self.uneven());
                    }
                    self.list(depth.saturating_add(1))?;
                } else {
                    if *self.leaf.get_or_insert(depth) != depth {
                        return Err(self.uneven());
                    }
                    let element = self.items.element()?;
                    self.elements.push(element);
                }
                count = count.saturating_add(1);
                self.items.skip_blanks();
                if self.items.eat('}') {
                    break;
                }
                if !self.items.eat(',') {
                    return Err(malformed(self.items.text(), "Unexpected array element."));
                }
            }
        }
        let uneven = self.uneven();
        match self.lengths.get_mut(depth.saturating_sub(1)) {
            Some(Some(length)) if *length != count => Err(uneven),
            Some(length) => {
                *length = Some(count);
                Ok(())
            }
            None => Err(uneven),
        }
    }
}

/// The literal of elements in their text form, as `array_out` prints it: bounds only where one is not 1.
pub(super) fn literal(dimensions: &[Dimension], elements: &[Option<Vec<u8>>]) -> String {
    if dimensions.is_empty() {
        return "{}".to_owned();
    }
    let mut text = String::new();
    if dimensions.iter().any(|dimension| dimension.lower_bound != 1) {
        for Dimension { length, lower_bound } in dimensions {
            let upper = i64::from(*lower_bound) + i64::try_from(*length).unwrap_or(i64::MAX) - 1;
            text.push_str(&format!("[{lower_bound}:{upper}]"));
        }
        text.push('=');
    }
    list(dimensions, &mut elements.iter(), &mut text);
    text
}

fn list(dimensions: &[Dimension], elements: &mut std::slice::Iter<'_, Option<Vec<u8>>>, text: &mut String) {
    let Some((dimension, inner)) = dimensions.split_first() else { return };
    if inner.is_empty() {
        let mut writer = LiteralWriter::default();
        for element in elements.by_ref().take(dimension.length) {
            writer.element(element.as_deref());
        }
        text.push_str(&writer.finish());
        return;
    }
    text.push('{');
    for n in 0..dimension.length {
        if n > 0 {
            text.push(',');
        }
        list(inner, elements, text);
    }
    text.push('}');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn again(text: &str) -> Result<String, Box<PgError>> {
        let nested = parse(text)?;
        let elements: Vec<Option<Vec<u8>>> =
            nested.elements.iter().map(|item| item.as_ref().map(|item| item.as_bytes().to_vec())).collect();
        Ok(literal(&nested.dimensions, &elements))
    }

    /// As PostgreSQL 18 prints them.
    #[test]
    fn shapes() {
        let cases = [
            ("{{1,2},{3,4}}", "{{1,2},{3,4}}"),
            ("[0:1]={1,2}", "[0:1]={1,2}"),
            ("[1:2]={1,2}", "{1,2}"),
            ("[2]={1,2}", "{1,2}"),
            (" [ -1 : 0 ][1:1] = { {\"a b\"} , {null} } ", "[-1:0][1:1]={{\"a b\"},{NULL}}"),
            ("{{},{}}", "{}"),
            ("{{{1},{2}},{{3},{4}}}", "{{{1},{2}},{{3},{4}}}"),
        ];
        for (text, expected) in cases {
            assert_eq!(again(text).unwrap(), expected, "{text}");
        }
        for text in [
            "{{1,2},{3}}",
            "{{1},2}",
            "{1,{2}}",
            "[0:2]={1,2}",
            "[1:1]={{1},{2}}",
            "{{1}",
            "{{1}}}",
            "[a]={1}",
            "[0:1]{1,2}",
            "{{1,},{2,3}}",
        ] {
            assert_eq!(again(text).unwrap_err().code, SqlState::INVALID_TEXT, "{text}");
        }
        assert_eq!(again("{{{{{{{1}}}}}}}").unwrap_err().code, SqlState::PROGRAM_LIMIT_EXCEEDED);
    }
}
