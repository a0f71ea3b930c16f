//! Rust text with comments, strings and test modules taken out, so that a search finds code.

use std::fs;
use std::path::Path;

pub struct Source {
    /// The text with comments and the contents of strings blanked; lines stand where they stood.
    code: String,
    /// Lines of `#[cfg(test)] mod .. { .. }`.
    test_lines: Vec<bool>,
}

impl Source {
    pub fn read(path: &Path) -> Self {
        let mut source = Self::of(&fs::read_to_string(path).unwrap());
        if is_test_file(path) {
            source.test_lines.fill(true);
        }
        source
    }

    pub fn of(text: &str) -> Self {
        let code = blank_comments_and_strings(text);
        let test_lines = test_module_lines(&code);
        Self { code, test_lines }
    }

    /// The code outside tests; lines stand where they stood.
    pub fn product(&self) -> String {
        let lines = self.code.lines().zip(&self.test_lines);
        lines.flat_map(|(text, is_test)| [if *is_test { "" } else { text }, "\n"]).collect()
    }

    /// Line numbers and code outside tests.
    pub fn product_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.code.lines().zip(&self.test_lines).enumerate();
        lines.filter(|(_, (_, is_test))| !**is_test).map(|(number, (text, _))| (number + 1, text))
    }
}

/// Files that hold only tests: by their names, or declared under `#[cfg(test)]` in the file above.
pub fn is_test_file(path: &Path) -> bool {
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    let above = path.with_file_name("mod.rs");
    let declares = |text: String| {
        let lines: Vec<&str> = text.lines().collect();
        lines.windows(2).any(|pair| pair[0] == "#[cfg(test)]" && pair[1] == format!("mod {name};"))
    };
    name == "tests"
        || name.ends_with("_tests")
        || path.components().any(|part| part.as_os_str() == "tests")
        || fs::read_to_string(above).is_ok_and(declares)
}

fn blank_comments_and_strings(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let end = match byte {
            b'/' if bytes[at..].starts_with(b"//") => {
                bytes[at..].iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |length| at + length)
            }
            b'/' if bytes[at..].starts_with(b"/*") => block_comment_end(bytes, at),
            b'r' | b'b' | b'c'
                if !out.last().is_some_and(|last: &u8| last.is_ascii_alphanumeric() || *last == b'_') =>
            {
                match raw_string_end(bytes, at) {
                    Some(end) => end,
                    None => at,
                }
            }
            b'"' => string_end(bytes, at + 1),
            b'\'' => char_end(bytes, at).unwrap_or(at),
            _ => at,
        };
        if end == at {
            out.push(*byte);
            at += 1;
        } else {
            out.extend(bytes[at..end].iter().map(|byte| if *byte == b'\n' { b'\n' } else { b' ' }));
            at = end;
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn block_comment_end(bytes: &[u8], start: usize) -> usize {
    let (mut depth, mut at) = (0, start);
    while at < bytes.len() {
        if bytes[at..].starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if bytes[at..].starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    at
}

/// The end of the raw string that starts at `start`, if one does: r"..", r#".."#, br#".."#.
fn raw_string_end(bytes: &[u8], start: usize) -> Option<usize> {
    let mut at = start;
    if matches!(bytes.get(at), Some(b'b' | b'c')) {
        at += 1;
    }
    if bytes.get(at) != Some(&b'r') {
        return None;
    }
    at += 1;
    let hashes = bytes[at..].iter().take_while(|byte| **byte == b'#').count();
    at += hashes;
    if bytes.get(at) != Some(&b'"') {
        return None;
    }
    let mut closing = vec![b'"'];
    closing.resize(hashes + 1, b'#');
    let length = bytes[at + 1..].windows(closing.len()).position(|window| window == closing)?;
    Some(at + 1 + length + closing.len())
}

fn string_end(bytes: &[u8], mut at: usize) -> usize {
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// The end of the character literal at `start`; none when it is a lifetime.
fn char_end(bytes: &[u8], start: usize) -> Option<usize> {
    if bytes.get(start + 1) == Some(&b'\\') {
        let length = bytes[start + 3..].iter().position(|byte| *byte == b'\'')?;
        return Some(start + 3 + length + 1);
    }
    let length = bytes[start + 1..].iter().take(5).position(|byte| *byte == b'\'')?;
    // One character of one to four bytes; 'a' in `'a, 'b'` is two lifetimes.
    let text = std::str::from_utf8(&bytes[start + 1..start + 1 + length]).ok()?;
    (text.chars().count() == 1).then_some(start + length + 2)
}

fn test_module_lines(code: &str) -> Vec<bool> {
    let mut out = Vec::new();
    let mut pending = false;
    let mut depth = 0usize;
    for line in code.lines() {
        let opens = line.matches('{').count();
        let closes = line.matches('}').count();
        if depth > 0 {
            depth = (depth + opens).saturating_sub(closes);
            out.push(true);
        } else if line.trim_start().starts_with("#[cfg(test)]") || (pending && line.trim_start().starts_with("#[")) {
            pending = true;
            out.push(true);
        } else if pending {
            pending = false;
            depth = opens.saturating_sub(closes);
            out.push(true);
        } else {
            out.push(false);
        }
    }
    out
}

/// An index or slice expression on the line, unless it is the whole (`[..]`).
pub fn indexing(line: &str) -> Option<&str> {
    for (place, _) in line.match_indices('[') {
        let before = &line[..place];
        let Some(last) = before.chars().last() else { continue };
        if !(last.is_alphanumeric() || last == '_' || last == ')' || last == ']') {
            continue;
        }
        // `&'a [u8]` has a space; `&'a[u8]` and `mut[u8]` would be types.
        let word_start = before.rfind(|c: char| !c.is_alphanumeric() && c != '_').map_or(0, |at| at + 1);
        if before[..word_start].ends_with('\'') || ["mut", "dyn", "in", "return"].contains(&&before[word_start..]) {
            continue;
        }
        if line[place..].starts_with("[..]") {
            continue;
        }
        let end = line[place..].find(']').map_or(line.len(), |length| place + length + 1);
        return Some(&line[word_start.min(place)..end]);
    }
    None
}
