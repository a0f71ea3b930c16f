//! `DEFAULT OBJECTSCRIPT 'expression'` (manual of CREATE TABLE, "DEFAULT Keywords").

use super::super::catalog::ScriptExpr;
use super::super::value::SqlError;

/// Deeper ones are not worth a stack.
const DEPTH_MAX: usize = 8;

/// Reads the expression.
///
/// # Errors
/// -400 for whatever is not among the few forms the stand-in computes: a constant, `+$HOROLOG`, `$USERNAME`,
/// `$SYSTEM.Util.CreateGUID()` and `$ZCONVERT(expression,"L" or "U")`.
pub(super) fn parse(code: &str) -> Result<ScriptExpr, SqlError> {
    let mut rest = code.trim();
    match expression(&mut rest, 0) {
        Some(parsed) if rest.is_empty() => Ok(parsed),
        _ => {
            let text = format!("The stand-in runs no ObjectScript: it cannot compute the default {code}");
            Err(SqlError::prepare(400, text))
        }
    }
}

fn expression(rest: &mut &str, depth: usize) -> Option<ScriptExpr> {
    if depth > DEPTH_MAX {
        return None;
    }
    if rest.starts_with('"') {
        return string(rest).map(ScriptExpr::Text);
    }
    if take_function(rest, &["+$HOROLOG", "+$H"]) {
        return Some(ScriptExpr::Today);
    }
    if take_function(rest, &["$USERNAME"]) {
        return Some(ScriptExpr::User);
    }
    // Names of classes and methods are told apart by case, those of functions are not.
    if take_function(rest, &["$SYSTEM"]) {
        *rest = rest.strip_prefix(".Util.CreateGUID()")?;
        return Some(ScriptExpr::NewGuid);
    }
    if take_function(rest, &["$ZCONVERT", "$ZCVT"]) {
        *rest = rest.strip_prefix('(')?;
        let operand = Box::new(expression(rest, depth.saturating_add(1))?);
        *rest = rest.strip_prefix(',')?;
        let converted = match string(rest)?.as_str() {
            "L" | "l" => ScriptExpr::Lower(operand),
            "U" | "u" => ScriptExpr::Upper(operand),
            _ => return None,
        };
        *rest = rest.strip_prefix(')')?;
        return Some(converted);
    }
    number(rest).map(ScriptExpr::Number)
}

/// One of these names, in any case, and not the beginning of a longer one.
fn take_function(rest: &mut &str, names: &[&str]) -> bool {
    for name in names {
        let Some((head, tail)) = rest.split_at_checked(name.len()) else { continue };
        if head.eq_ignore_ascii_case(name) && !tail.starts_with(|c: char| c.is_ascii_alphanumeric()) {
            *rest = tail;
            return true;
        }
    }
    false
}

/// `"text"`, a quote in it doubled.
fn string(rest: &mut &str) -> Option<String> {
    let mut text = String::new();
    let mut left = rest.strip_prefix('"')?;
    loop {
        let (part, tail) = left.split_once('"')?;
        text.push_str(part);
        match tail.strip_prefix('"') {
            Some(tail) => {
                text.push('"');
                left = tail;
            }
            None => {
                *rest = tail;
                return Some(text);
            }
        }
    }
}

fn number(rest: &mut &str) -> Option<String> {
    let sign = usize::from(rest.starts_with('-'));
    let digits = rest.get(sign..)?;
    let length = digits.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(digits.len());
    let (number, tail) = rest.split_at_checked(sign.saturating_add(length))?;
    number.parse::<f64>().ok()?;
    *rest = tail;
    Some(number.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forms_that_are_computed() {
        let lower = |operand| ScriptExpr::Lower(Box::new(operand));
        for (code, parsed) in [
            ("+$HOROLOG", ScriptExpr::Today),
            ("+$h", ScriptExpr::Today),
            ("$username", ScriptExpr::User),
            ("$SYSTEM.Util.CreateGUID()", ScriptExpr::NewGuid),
            ("$ZCONVERT($SYSTEM.Util.CreateGUID(),\"L\")", lower(ScriptExpr::NewGuid)),
            ("$zcvt(\"a\"\"B\",\"l\")", lower(ScriptExpr::Text("a\"B".to_owned()))),
            ("-12.5", ScriptExpr::Number("-12.5".to_owned())),
        ] {
            assert_eq!(parse(code).unwrap(), parsed, "{code}");
        }
    }

    #[test]
    fn what_is_not_computed_is_refused() {
        let deep = format!("{}1{}", "$ZCVT(".repeat(20), ",\"L\")".repeat(20));
        for code in [
            "",
            "$INCREMENT(^LogNumber)",
            "$SYSTEM.Util.createguid()",
            "1+2",
            "$ZCVT(1,\"X\")",
            "\"a",
            "$USERNAMES",
            &deep,
        ] {
            assert_eq!(parse(code).unwrap_err().sqlcode, 400, "{code}");
        }
    }
}
