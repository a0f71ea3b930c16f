//! DEFAULT: IRIS takes a constant, NULL, the date and time functions, the user, and an expression in ObjectScript.

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::definition::{at, notice, unsupported};
use super::types::type_node;
use crate::sql::iris_text;
use crate::sql::syntax::names;
use crate::sql::syntax::nodes;
use crate::sql::template::LiteralKind;
use crate::sql::translate::context::Result;
use crate::sql::translate::context::cx::{self, Cx};
use crate::sql::translate::context::frag::Ty;
use crate::sql::translate::context::kept::is_text;
use crate::sql::translate::expr::casts::type_name;
use crate::types::{Datum, Fitting, Oid, PgType, boolean_word, decode_text, fit, quoted_name, write_text};
use crate::wire::{PgError, SqlState};

/// `gen_random_uuid()` in ObjectScript, whose own GUIDs are in capitals.
const RANDOM_UUID: &str = "OBJECTSCRIPT '$ZCONVERT($SYSTEM.Util.CreateGUID(),\"L\")'";

/// Whether rows that are there already would have to get values of their own.
pub(super) fn is_of_the_row(default: &str) -> bool {
    default == RANDOM_UUID
}

/// The value of DEFAULT as IRIS writes it. `column` is for messages, `pg_type` the column's type where it is known.
pub(super) fn default_text(cx: &Cx<'_>, column: &str, pg_type: Option<PgType>, node: &SyntaxNode) -> Result<String> {
    let node = nodes::unwrapped(node);
    let place = Place { cx, column, pg_type, oid: pg_type.map(|pg_type| pg_type.oid), at: at(&node) };
    place.text(&node)
}

struct Place<'a> {
    cx: &'a Cx<'a>,
    column: &'a str,
    pg_type: Option<PgType>,
    oid: Option<Oid>,
    at: usize,
}

impl Place<'_> {
    fn text(&self, node: &SyntaxNode) -> Result<String> {
        let node = nodes::unwrapped(node);
        let word = nodes::plain_text(&node).to_ascii_lowercase();
        match word.as_str() {
            "null" => return Ok("NULL".to_owned()),
            "true" => return Ok(if self.is_text() { "'true'" } else { "1" }.to_owned()),
            "false" => return Ok(if self.is_text() { "'false'" } else { "0" }.to_owned()),
            "current_user" | "session_user" | "user" | "current_role" => {
                notice(
                    self.cx,
                    SqlState::WARNING,
                    format!("column \"{}\": the default is the account of IRIS that the gateway uses", self.column),
                );
                return Ok(if word == "session_user" { "SESSION_USER" } else { "CURRENT_USER" }.to_owned());
            }
            _ => {}
        }
        match node.kind() {
            // The column's type decides what the constant becomes; the cast may say no more than that.
            SyntaxKind::CAST_EXPR => match node.children().find(|child| !is_type(&node, child)) {
                Some(operand) if self.is_own_type(&node) => self.text(&operand),
                _ => Err(self.refuse()),
            },
            SyntaxKind::PREFIX_EXPR => self.signed(&node),
            SyntaxKind::LITERAL => match self.cx.constant(&node) {
                Some((kind, value)) => self.constant(kind, value),
                None => Err(self.refuse()),
            },
            SyntaxKind::ARRAY_EXPR if node.children().next().is_none() => Ok("'{}'".to_owned()),
            _ => self.function(&node),
        }
    }

    /// Whether a cast is to the column's type, or between types of text.
    fn is_own_type(&self, cast: &SyntaxNode) -> bool {
        let Some(own) = self.pg_type else { return true };
        let Some(to) = type_node(cast).and_then(|node| type_name(self.cx, &node).resolve().ok()) else {
            // An enum of the user's, which the column's type is as well.
            return true;
        };
        to == own || to.typmod < 0 && (to.oid == own.oid || Ty::of(to.oid).is_string() && self.is_text())
    }

    fn signed(&self, node: &SyntaxNode) -> Result<String> {
        let sign = node.first_token().map(|token| token.text().to_owned()).unwrap_or_default();
        let operand = node.first_child().map(|operand| nodes::unwrapped(&operand));
        let constant = operand.filter(|operand| operand.kind() == SyntaxKind::LITERAL);
        match (sign.as_str(), constant.and_then(|operand| self.cx.constant(&operand))) {
            ("-", Some((kind, value))) if kind != LiteralKind::String => self.number(&format!("-{value}")),
            ("+", Some((kind, value))) if kind != LiteralKind::String => self.number(value),
            _ => Err(self.refuse()),
        }
    }

    fn constant(&self, kind: LiteralKind, value: &str) -> Result<String> {
        if kind != LiteralKind::String {
            return self.number(value);
        }
        match self.oid {
            Some(Oid::BOOL) => {
                return boolean_word(value.trim())
                    .map(|is_true| u8::from(is_true).to_string())
                    .ok_or_else(|| self.invalid("boolean", value));
            }
            Some(Oid::BYTEA) if value.eq_ignore_ascii_case("\\x") => return Ok("''".to_owned()),
            Some(Oid::BYTEA) if value.contains('\\') => {
                return Err(PgError::unsupported("IRIS has no binary constants for DEFAULT")
                    .position(nodes::offset(self.at))
                    .hint("Leave the default out and send the value with INSERT."));
            }
            Some(oid) if Ty::of(oid).is_number() => {
                let number = value.trim();
                let plain = number.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
                if ["nan", "infinity", "+infinity", "-infinity", "inf", "-inf", "+inf"]
                    .contains(&number.to_ascii_lowercase().as_str())
                {
                    return Err(self.refuse());
                }
                self.check_input(oid, value)?;
                return if plain { self.number(number) } else { Err(self.refuse()) };
            }
            // PostgreSQL's words for a moment ("Special Values" of its manual); IRIS has none.
            Some(Oid::DATE) if value.trim().eq_ignore_ascii_case("epoch") => return Ok("'1970-01-01'".to_owned()),
            Some(Oid::TIMESTAMP | Oid::TIMESTAMPTZ) if value.trim().eq_ignore_ascii_case("epoch") => {
                return Ok("'1970-01-01 00:00:00'".to_owned());
            }
            Some(Oid::DATE | Oid::TIME | Oid::TIMESTAMP | Oid::TIMESTAMPTZ)
                if ["now", "today", "tomorrow", "yesterday", "allballs", "infinity", "+infinity", "-infinity"]
                    .contains(&value.trim().to_ascii_lowercase().as_str()) =>
            {
                return Err(self.refuse());
            }
            Some(oid) if !self.is_text() || oid == Oid::BPCHAR => return self.inline(&self.check_input(oid, value)?),
            _ => {}
        }
        self.inline(value)
    }

    /// The text of a constant as IRIS keeps it.
    ///
    /// # Errors
    /// What the type's input function says; 0A000 for moments that IRIS does not hold, or that depend on the time zone.
    fn check_input(&self, oid: Oid, value: &str) -> Result<String> {
        let kept = self.pg_type.filter(|pg_type| is_text(pg_type.oid));
        let read = decode_text(oid, value).and_then(|datum| match kept {
            Some(pg_type) => fit(datum, pg_type, Fitting::Assignment),
            None => Ok(datum),
        });
        let datum = read.map_err(|error| error.position(nodes::offset(self.at)))?;
        let is_moment = matches!(datum, Datum::Date(_) | Datum::Timestamp(_));
        let text = match &datum {
            Datum::Date(_) | Datum::Time(_) | Datum::Timestamp(_) | Datum::Text(_) | Datum::Owned(_) => {
                let mut out = Vec::new();
                write_text(&datum, &mut out)?;
                String::from_utf8(out).map_err(|_| self.refuse())?
            }
            _ => value.to_owned(),
        };
        let is_beyond =
            is_moment && (text.ends_with("BC") || text.split('-').next().is_none_or(|year| year.len() != 4));
        if is_beyond || oid == Oid::TIMESTAMPTZ && self.cx.template.is_zoned {
            return Err(self.refuse());
        }
        Ok(text)
    }

    fn inline(&self, value: &str) -> Result<String> {
        cx::inline_text(LiteralKind::String, value).ok_or_else(|| {
            PgError::unsupported("IRIS cannot hold a default with control characters").position(nodes::offset(self.at))
        })
    }

    fn number(&self, value: &str) -> Result<String> {
        let Some(pg_type) = self.pg_type else { return Ok(value.to_owned()) };
        if self.is_text() {
            return Ok(iris_text::quoted(value));
        }
        if !Ty::of(pg_type.oid).is_number() && !matches!(pg_type.oid, Oid::OID | Oid::MONEY) {
            let kind = if value.contains(['.', 'e', 'E']) { "numeric" } else { "integer" };
            return Err(self.mismatched(pg_type, kind));
        }
        // IRIS does not round a default.
        let digits = value.split_once('.').map_or(0, |(_, digits)| digits.len());
        let scale = match pg_type.oid {
            Oid::INT2 | Oid::INT4 | Oid::INT8 | Oid::OID => Some(0),
            Oid::NUMERIC => pg_type.numeric_scale(),
            _ => None,
        };
        let is_exact = scale.and_then(|scale| usize::try_from(scale).ok()).is_none_or(|scale| digits <= scale);
        // IRIS reads it as a decimal.
        let is_decimal = |value: f64| value == 0.0 || (1e-100..1e100).contains(&value.abs());
        let is_float = matches!(pg_type.oid, Oid::FLOAT4 | Oid::FLOAT8);
        let is_power = !value.contains(['e', 'E']) || is_float && value.parse().is_ok_and(is_decimal);
        if is_exact && is_power { Ok(value.to_owned()) } else { Err(self.refuse()) }
    }

    fn function(&self, node: &SyntaxNode) -> Result<String> {
        let name = called(node).unwrap_or_default();
        match name.as_str() {
            "gen_random_uuid" | "uuid_generate_v4" | "uuidv4" if !has_arguments(node) => return self.random_uuid(),
            "uuidv7" | "uuid_generate_v1" => {
                return Err(unsupported(node, format!("IRIS cannot compute the default {name}()"))
                    .hint("Leave the default out and send the value with INSERT."));
            }
            _ => {}
        }
        // The rules for expressions know the many spellings of the present moment.
        let text = self.cx.value(node).map(|frag| frag.text).unwrap_or_default();
        let base = text.split('(').next().unwrap_or_default();
        let moment = match base {
            "CURRENT_TIMESTAMP" | "GETDATE" | "GETUTCDATE" => text.as_str(),
            "CURRENT_DATE" | "CURRENT_TIME" => text.as_str(),
            _ => return Err(self.refuse()),
        };
        if moment.split_once('(').is_some_and(|(_, rest)| rest.trim_end_matches(')').parse::<u8>().is_err()) {
            return Err(self.refuse());
        }
        Ok(match (self.oid, base) {
            (Some(Oid::DATE), _) => "CURRENT_DATE".to_owned(),
            (Some(Oid::TIME), "CURRENT_TIMESTAMP") => "CURRENT_TIME(6)".to_owned(),
            (_, "CURRENT_TIME") if !moment.contains('(') => "CURRENT_TIME(6)".to_owned(),
            _ => moment.to_owned(),
        })
    }

    fn random_uuid(&self) -> Result<String> {
        match self.oid {
            None | Some(Oid::UUID) => Ok(RANDOM_UUID.to_owned()),
            Some(_) if self.is_text() => Ok(RANDOM_UUID.to_owned()),
            Some(oid) => Err(self.mismatched(PgType::new(oid), "uuid")),
        }
    }

    fn mismatched(&self, own: PgType, default: &str) -> Box<PgError> {
        let message =
            format!("column \"{}\" is of type {} but default expression is of type {default}", self.column, own.name());
        PgError::error(SqlState::DATATYPE_MISMATCH, message)
            .position(nodes::offset(self.at))
            .hint("You will need to rewrite or cast the expression.")
    }

    fn is_text(&self) -> bool {
        self.oid.is_some_and(|oid| Ty::of(oid).is_string())
    }

    fn invalid(&self, type_name: &str, value: &str) -> Box<PgError> {
        PgError::error(SqlState::INVALID_TEXT, format!("invalid input syntax for type {type_name}: \"{value}\""))
            .position(nodes::offset(self.at))
    }

    fn refuse(&self) -> Box<PgError> {
        PgError::unsupported(format!("the default of column \"{}\" is nothing IRIS can compute", self.column))
            .position(nodes::offset(self.at))
            .hint(
                "IRIS takes a constant, NULL, CURRENT_TIMESTAMP, CURRENT_DATE, CURRENT_TIME, CURRENT_USER or \
                 gen_random_uuid().",
            )
    }
}

/// `nextval('name')`: the sequence, with its schema in front. `None` for every other default.
///
/// # Errors
/// 42P01 where there is none, 0A000 for a name that is no constant.
pub(super) fn drawn(cx: &Cx<'_>, node: &SyntaxNode) -> Option<Result<String>> {
    let node = nodes::unwrapped(node);
    if called(&node).as_deref() != Some("nextval") {
        return None;
    }
    Some(sequence_of(cx, &node))
}

fn sequence_of(cx: &Cx<'_>, node: &SyntaxNode) -> Result<String> {
    let refused = || unsupported(node, "the sequence of a default must be named by a constant");
    let arguments = nodes::arguments(node);
    let [argument] = arguments.as_slice() else { return Err(refused()) };
    let mut argument = nodes::unwrapped(argument);
    while argument.kind() == SyntaxKind::CAST_EXPR {
        let operand = argument.children().find(|child| !is_type(&argument, child)).ok_or_else(refused)?;
        argument = nodes::unwrapped(&operand);
    }
    let Some((LiteralKind::String, text)) = cx.constant(&argument) else { return Err(refused()) };
    let mut parts = names::regclass_parts(text)
        .ok_or_else(|| PgError::error(SqlState(*b"42602"), "invalid name syntax").position(nodes::offset(at(node))))?;
    let missing = || {
        PgError::error(SqlState::UNDEFINED_TABLE, format!("relation \"{text}\" does not exist"))
            .position(nodes::offset(at(&argument)))
    };
    let name = parts.pop().ok_or_else(missing)?;
    let path = cx.options.search_path;
    let schemas: Vec<String> = match parts.pop() {
        Some(schema) if schema.eq_ignore_ascii_case(cx.options.default_schema) => vec!["public".to_owned()],
        Some(schema) => vec![schema],
        None if path.is_empty() => vec!["public".to_owned()],
        None => path.to_vec(),
    };
    let schema = schemas.iter().find(|schema| cx.schema.has_sequence(schema, &name)).ok_or_else(missing)?;
    Ok(format!("{}.{}", quoted_name(schema), quoted_name(&name)))
}

/// The function's name, folded, without a schema that stands for PostgreSQL's own functions and extensions.
fn called(node: &SyntaxNode) -> Option<String> {
    let name = node.first_child().filter(|_| node.kind() == SyntaxKind::CALL_EXPR)?;
    let parts = names::folded_parts(&name);
    match parts.as_slice() {
        [name] => Some(name.clone()),
        [schema, name] if matches!(schema.as_str(), "pg_catalog" | "public" | "extensions") => Some(name.clone()),
        _ => None,
    }
}

fn has_arguments(call: &SyntaxNode) -> bool {
    nodes::child(call, SyntaxKind::ARG_LIST).is_some_and(|list| list.first_child().is_some())
}

fn is_type(cast: &SyntaxNode, child: &SyntaxNode) -> bool {
    type_node(cast).is_some_and(|node| node == *child) || child.kind() == SyntaxKind::COLON_COLON
}
