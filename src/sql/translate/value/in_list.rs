//! Long lists of IN and ANY. IRIS takes some thousand marks in a statement at most, and some report that lists of more
//! than 500 find nothing; a list in one value has no such bounds.

use super::array::is_listed;
use crate::iris::ParameterKind;
use crate::sql::plan::{Bind, ElementSource};
use crate::sql::template::LiteralKind;
use crate::sql::translate::context::Result;
use crate::sql::translate::context::cx::Cx;
use crate::sql::translate::context::frag::{Frag, MARK, Mark, Ty, join, level};
use crate::types::Oid;

/// Items of one IN.
pub(crate) const ITEMS_MAX: usize = 100;

/// Parameters that are sent as marks of their own, in parts of an IN.
const MARKS_MAX: usize = 1000;

/// Between the items; no item may have it.
const SEPARATOR: char = '\u{1}';

impl Cx<'_> {
    /// `operand IN (items)` of items in the operand's type, as a list in one value; `None` where that cannot be.
    pub(crate) fn in_long_list(&self, not: bool, operand: &Frag, items: &[Frag]) -> Result<Option<Frag>> {
        // Beside NULL, what is not found is unknown: where that comes to false, NULL may go.
        let may_drop_null = self.loose.get() && !not;
        let items: Vec<Frag> = items.iter().filter(|item| !(may_drop_null && item.is_null())).cloned().collect();
        let Some(texts) = self.list_texts(operand.ty, &items) else {
            return self.in_parameters(not, operand, &items);
        };
        let (empty, texts): (Vec<String>, Vec<String>) = texts.into_iter().partition(String::is_empty);
        let elements = texts.join(&SEPARATOR.to_string());
        let elements = Frag::mark(Bind::Constant(elements), ParameterKind::StringLiteral, Ty::TEXT);
        let mut tests = vec![
            Frag::cat(&[operand, &" %INLIST $LISTFROMSTRING(", &elements, &", CHAR(1))"], Ty::BOOL)
                .predicate(level::COMPARISON),
        ];
        if !empty.is_empty() {
            tests.push(self.comparison("=", operand.clone(), self.text_constant(""))?);
        }
        let any = join(&tests, " OR ", level::OR).parenthesised();
        Ok(Some(if not { Frag::cat(&[&"NOT ", &any], Ty::BOOL).predicate(level::NOT) } else { any }))
    }

    /// The same of parameters, where they are more than marks that IRIS takes.
    fn in_parameters(&self, not: bool, operand: &Frag, items: &[Frag]) -> Result<Option<Frag>> {
        let parameter = |item: &Frag| match item.marks.as_slice() {
            [Mark { bind: Bind::Parameter(n), .. }] if item.text.chars().eq([MARK]) => Some(*n),
            _ => None,
        };
        let Some(oid) = operand.ty.oid().filter(|oid| items.len() > MARKS_MAX && is_listed(*oid)) else {
            return Ok(None);
        };
        let Some(parameters) = items.iter().map(parameter).collect::<Option<Vec<u16>>>() else { return Ok(None) };
        let source = ElementSource::Parameters(parameters.into());
        self.in_source(not, operand.clone(), source, Some(oid)).map(Some)
    }

    /// The items as the elements of a `$LIST` that IRIS compares with values of the type; `None` where one is no
    /// constant, or the type's values have another text in IRIS.
    fn list_texts(&self, ty: Ty, items: &[Frag]) -> Option<Vec<String>> {
        let oid = ty.oid()?;
        items
            .iter()
            .map(|item| {
                let (sign, rest) = match item.text.strip_prefix('-') {
                    Some(rest) if ty.is_number() => ("-", rest.trim_start()),
                    _ => ("", item.text.as_str()),
                };
                let text = match item.marks.as_slice() {
                    [Mark { bind: Bind::Literal(n) | Bind::TypedLiteral { literal: n, .. }, .. }]
                        if rest.chars().count() == 1 =>
                    {
                        let (kind, text) = self.read_literal(*n)?;
                        let is_text = kind == LiteralKind::String;
                        if is_text && ty.is_integer() { text.trim() } else { text }
                    }
                    [Mark { bind: Bind::Constant(text) | Bind::TypedConstant { text, .. }, .. }]
                        if item.text.chars().count() == 1 =>
                    {
                        text.as_str()
                    }
                    [] => rest,
                    _ => return None,
                };
                let signed = format!("{sign}{text}");
                let text = signed.as_str();
                match oid {
                    _ if ty.is_integer() => text.parse::<i64>().ok().map(|n| n.to_string()),
                    Oid::TEXT | Oid::VARCHAR if !item.marks.is_empty() && !text.contains(SEPARATOR) => {
                        Some(text.to_owned())
                    }
                    Oid::NUMERIC => numeric_text(text),
                    Oid::UUID if !item.marks.is_empty() => uuid_text(text),
                    _ => None,
                }
            })
            .collect()
    }
}

/// A decimal as IRIS keeps it: `-.5`, `10`; `None` for what is written otherwise.
fn numeric_text(text: &str) -> Option<String> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let is_plain = !digits.is_empty() && whole.len() + fraction.len() <= 18;
    if !is_plain || !whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
    Some(match (whole, fraction) {
        ("", "") => "0".to_owned(),
        (whole, "") => format!("{sign}{whole}"),
        (whole, fraction) => format!("{sign}{whole}.{fraction}"),
    })
}

/// A UUID as it is kept; `None` for one that is written otherwise.
fn uuid_text(text: &str) -> Option<String> {
    let is_plain = text.len() == 36
        && text
            .char_indices()
            .all(|(n, c)| if matches!(n, 8 | 13 | 18 | 23) { c == '-' } else { c.is_ascii_hexdigit() });
    is_plain.then(|| text.to_ascii_lowercase())
}
