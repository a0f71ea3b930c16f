//! How strings are compared: the collations of IRIS.

use std::cmp::Ordering;

use super::super::decimal;

/// Without the whitespace at the end, which SQLUPPER and SQLSTRING do not count: "spaces, tabs, and so on".
pub(super) fn trimmed(text: &str) -> &str {
    text.trim_end()
}

/// EXACT: canonical numbers by their value, behind them strings by their units of UTF-16 (manual, %EXACT: "canonical numeric
/// values collate in numeric order before string values").
pub(super) fn compare_exact(a: &str, b: &str) -> Ordering {
    match (is_canonical_number(a), is_canonical_number(b)) {
        (true, true) => decimal::compare_text(a, b),
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
        (false, false) => a.encode_utf16().cmp(b.encode_utf16()),
    }
}

/// More digits than these are no number to IRIS, whose subscripts they would not fit as one.
const CANONICAL_DIGITS_MAX: usize = 18;

/// Whether a text is a number as IRIS writes it: no plus sign, no zeros that say nothing, no bare point.
fn is_canonical_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').map_or((digits, None), |(whole, fraction)| (whole, Some(fraction)));
    let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let fits = whole.len() + fraction.map_or(0, str::len) <= CANONICAL_DIGITS_MAX;
    let whole_is_plain = match (whole, fraction) {
        ("", fraction) => fraction.is_some(),
        ("0", fraction) => fraction.is_none() && !text.starts_with('-'),
        (whole, _) => !whole.starts_with('0'),
    };
    let fraction_is_plain = fraction.is_none_or(|fraction| !fraction.is_empty() && !fraction.ends_with('0'));
    fits && whole_is_plain && fraction_is_plain && all_digits(whole) && fraction.is_none_or(all_digits)
}

/// SQLUPPER: case and trailing blanks do not count.
pub(super) fn compare_upper(a: &str, b: &str) -> Ordering {
    let (a, b) = (trimmed(a), trimmed(b));
    if a.is_ascii() && b.is_ascii() {
        // Without allocating: the first difference decides.
        let first = a.bytes().zip(b.bytes()).find(|(x, y)| !x.eq_ignore_ascii_case(y));
        return match first {
            Some((x, y)) => x.to_ascii_uppercase().cmp(&y.to_ascii_uppercase()),
            None => a.len().cmp(&b.len()),
        };
    }
    a.chars().flat_map(char::to_uppercase).cmp(b.chars().flat_map(char::to_uppercase))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the page on %EXACT, and what is nearly a number.
    #[test]
    fn exact_sorts_canonical_numbers_first() {
        let sorted = [
            "-2",
            "-.5",
            "0",
            ".5",
            "1",
            "2",
            "10",
            "22",
            "88",
            "",
            "#",
            "-0",
            "-00",
            "0 Elm St.",
            "0.5",
            "022",
            "1 Elm St.",
            "1.0",
            "1234567890123456789",
            "19 Elm St.",
            "19 elm St.",
            "19Elm St.",
            "2 Elm St.",
            "Elm St.",
            "a",
            "\u{1f600}",
            "\u{e000}",
        ];
        let mut by_collation = sorted;
        by_collation.reverse();
        by_collation.sort_by(|a, b| compare_exact(a, b));
        assert_eq!(by_collation, sorted);
        assert_eq!(sorted.iter().filter(|text| is_canonical_number(text)).count(), 9);
    }

    #[test]
    fn sqlupper_ignores_case_and_trailing_blanks() {
        assert_eq!(compare_upper("abc  ", "ABC"), Ordering::Equal);
        assert_eq!(compare_upper("ab", "ABC"), Ordering::Less);
        assert_eq!(compare_upper("straße", "STRASSE"), Ordering::Equal);
        assert_eq!(compare_upper("b", "A"), Ordering::Greater);
        assert_eq!(compare_upper("", "  "), Ordering::Equal);
        assert_eq!(compare_upper(" a", "a"), Ordering::Less);
        assert_eq!(compare_upper("a\t \n", "A"), Ordering::Equal);
    }
}
