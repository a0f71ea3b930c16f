//! `$LIST` values inside the engine: a BLOB of elements, each a kind and a length before its UTF-8 text.

/// An element; `None` is the empty (omitted) one.
pub(super) type Element = Option<String>;

const NULL: u8 = 0;
const TEXT: u8 = 1;

pub(super) fn encode(elements: impl IntoIterator<Item = Element>) -> Vec<u8> {
    let mut blob = Vec::new();
    for element in elements {
        match element {
            None => blob.push(NULL),
            Some(text) => {
                blob.push(TEXT);
                blob.extend_from_slice(&u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes());
                blob.extend_from_slice(text.as_bytes());
            }
        }
    }
    blob
}

/// `None` when the bytes are no list of this engine.
pub(super) fn decode(blob: &[u8]) -> Option<Vec<Element>> {
    let mut elements = Vec::new();
    let mut rest = blob;
    while let Some((kind, after)) = rest.split_first() {
        match *kind {
            NULL => {
                elements.push(None);
                rest = after;
            }
            TEXT => {
                let (length, after) = after.split_first_chunk::<4>()?;
                let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
                elements.push(Some(String::from_utf8(after.get(..length)?.to_vec()).ok()?));
                rest = after.get(length..)?;
            }
            _ => return None,
        }
    }
    Some(elements)
}

/// As clients see it: comma-separated (facts, 1.1).
pub(super) fn text(blob: &[u8]) -> String {
    let elements = decode(blob).unwrap_or_default();
    elements.into_iter().map(Option::unwrap_or_default).collect::<Vec<_>>().join(",")
}

/// The other way round, as the ODBC conversion of %List reads it.
pub(super) fn from_text(text: &str, delimiter: &str) -> Vec<u8> {
    if text.is_empty() {
        return Vec::new();
    }
    let parts: Vec<&str> = if delimiter.is_empty() { vec![text] } else { text.split(delimiter).collect() };
    encode(parts.into_iter().map(|part| Some(part.to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_round_trip() {
        let elements = vec![Some("a,b".to_owned()), None, Some(String::new()), Some("ü".into())];
        let blob = encode(elements.clone());
        assert_eq!(decode(&blob), Some(elements));
        assert_eq!(text(&blob), "a,b,,,ü");
        assert_eq!(decode(&from_text("x|y", "|")), Some(vec![Some("x".into()), Some("y".into())]));
        assert_eq!(decode(&[]), Some(Vec::new()));
        assert_eq!(decode(&[1, 9, 0, 0, 0, b'a']), None);
    }
}
