//! The options of COPY, in brackets and in the older syntax, and what of them goes together (`ProcessCopyOptions` of
//! `copy.c`).

use squawk_syntax::{SyntaxElement, SyntaxKind, SyntaxNode};

use crate::copy::{CsvFormat, RowFormat, TextFormat};
use crate::sql::plan::{ColumnChoice, CopyFormat, CopyHeader, CopyOptions, CopyVerbosity, IgnoredErrors};
use crate::sql::syntax::names;
use crate::sql::syntax::nodes;
use crate::sql::translate::context::Result;
use crate::sql::translate::context::cx::Cx;
use crate::types::Encoding;
use crate::wire::{PgError, SqlState};

/// An option as it is written.
struct Written {
    name: String,
    value: Value,
    /// Of its name.
    at: usize,
}

enum Value {
    None,
    Text(String),
    Number(String),
    Star,
    List(Vec<String>),
}

fn syntax(message: String) -> Box<PgError> {
    PgError::error(SqlState::SYNTAX_ERROR, message)
}

fn invalid(message: impl Into<String>) -> Box<PgError> {
    PgError::error(SqlState::INVALID_PARAMETER_VALUE, message)
}

impl Written {
    fn at(&self, error: Box<PgError>) -> Box<PgError> {
        error.position(nodes::offset(self.at))
    }

    /// `defGetString`.
    fn text(&self) -> Result<&str> {
        match &self.value {
            Value::Text(text) | Value::Number(text) => Ok(text),
            Value::Star => Ok("*"),
            Value::List(_) | Value::None => Err(syntax(format!("{} requires a parameter", self.name))),
        }
    }

    /// `defGetBoolean`.
    fn boolean(&self) -> Option<bool> {
        match &self.value {
            Value::None => Some(true),
            Value::Number(number) => match number.as_str() {
                "0" => Some(false),
                "1" => Some(true),
                _ => None,
            },
            Value::Text(text) => match text.to_ascii_lowercase().as_str() {
                "true" | "on" => Some(true),
                "false" | "off" => Some(false),
                _ => None,
            },
            Value::Star | Value::List(_) => None,
        }
    }

    fn columns(&self) -> Result<ColumnChoice> {
        match &self.value {
            Value::Star => Ok(ColumnChoice::All),
            Value::List(names) => Ok(ColumnChoice::Listed(names.clone())),
            Value::None | Value::Text(_) | Value::Number(_) => {
                Err(self.at(invalid(format!("argument to option \"{}\" must be a list of column names", self.name))))
            }
        }
    }
}

/// What the options say, before it is known whether it goes together.
#[derive(Default)]
struct Said {
    format: Option<Format>,
    freeze: Option<bool>,
    delimiter: Option<String>,
    null: Option<String>,
    default: Option<String>,
    header: Option<CopyHeader>,
    quote: Option<String>,
    escape: Option<String>,
    force_quote: Option<ColumnChoice>,
    force_not_null: Option<ColumnChoice>,
    force_null: Option<ColumnChoice>,
    encoding: Option<Encoding>,
    ignores: Option<bool>,
    verbosity: Option<CopyVerbosity>,
    reject_limit: Option<u64>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    Text,
    Csv,
    Binary,
}

/// # Errors
/// PostgreSQL's, 42601, 22023 and 0A000.
pub(super) fn options(cx: &Cx<'_>, stmt: &SyntaxNode, is_from: bool) -> Result<CopyOptions> {
    let mut said = Said::default();
    for option in written(cx, stmt) {
        said.take(&option, is_from)?;
    }
    said.check(is_from)
}

fn written(cx: &Cx<'_>, stmt: &SyntaxNode) -> Vec<Written> {
    let mut options = Vec::new();
    let table = nodes::child(stmt, SyntaxKind::COPY_TABLE);
    if let Some(binary) = table.and_then(|table| nodes::token(&table, SyntaxKind::BINARY_KW)) {
        let at = binary.text_range().start().into();
        options.push(Written { name: "format".to_owned(), value: Value::Text("binary".to_owned()), at });
    }
    for list in nodes::children(stmt, SyntaxKind::COPY_OPTION_LIST) {
        for option in nodes::children(&list, SyntaxKind::COPY_OPTION) {
            let key = nodes::child(&option, SyntaxKind::COPY_OPTION_KEY);
            let name = key.and_then(|key| names::first(&key)).map(|key| names::folded(&key)).unwrap_or_default();
            let value = nodes::child(&option, SyntaxKind::COPY_OPTION_VALUE);
            let value = value.map_or(Value::None, |value| value_of(cx, &value));
            options.push(Written { name, value, at: option.text_range().start().into() });
        }
    }
    for option in nodes::children(stmt, SyntaxKind::COPY_LEGACY_OPTION) {
        let at = option.text_range().start().into();
        let keyword = option.first_token().map(|token| token.text().to_ascii_lowercase()).unwrap_or_default();
        let constant = || option.children().find_map(|node| cx.constant(&node)).map(|(_, text)| text.to_owned());
        let (name, value) = match keyword.as_str() {
            "csv" | "binary" | "json" => ("format".to_owned(), Value::Text(keyword)),
            "force" => {
                let kind = option.children().next();
                let name = match kind.as_ref().map(SyntaxNode::kind) {
                    Some(SyntaxKind::FORCE_NOT_NULL) => "force_not_null",
                    Some(SyntaxKind::FORCE_NULL) => "force_null",
                    _ => "force_quote",
                };
                let columns: Vec<String> = option
                    .children()
                    .filter(|node| Some(node) != kind.as_ref())
                    .filter_map(|node| names::first(&node))
                    .map(|name| names::folded(&name))
                    .collect();
                let is_star = nodes::has_token(&option, SyntaxKind::STAR);
                (name.to_owned(), if is_star { Value::Star } else { Value::List(columns) })
            }
            "header" | "freeze" => (keyword, Value::None),
            _ => (keyword, constant().map_or(Value::None, Value::Text)),
        };
        options.push(Written { name, value, at });
    }
    options
}

fn value_of(cx: &Cx<'_>, node: &SyntaxNode) -> Value {
    if let Some(list) = nodes::child(node, SyntaxKind::COPY_OPTION_ARG_LIST) {
        let arguments = nodes::children(&list, SyntaxKind::COPY_OPTION_ARG);
        return Value::List(arguments.filter_map(|argument| word(cx, &argument)).collect());
    }
    if nodes::has_token(node, SyntaxKind::STAR) {
        return Value::Star;
    }
    let literal = nodes::child(node, SyntaxKind::LITERAL).and_then(|literal| literal.first_token());
    let is_number = literal.is_some_and(|token| token.text().starts_with(|c: char| c.is_ascii_digit() || c == '-'));
    match word(cx, node) {
        Some(text) if is_number => Value::Number(text),
        Some(text) => Value::Text(text),
        None => Value::None,
    }
}

/// A constant, or a word.
fn word(cx: &Cx<'_>, node: &SyntaxNode) -> Option<String> {
    if let Some((_, text)) = nodes::child(node, SyntaxKind::LITERAL).and_then(|literal| cx.constant(&literal)) {
        return Some(text.to_owned());
    }
    let mut tokens = node.descendants_with_tokens().filter_map(SyntaxElement::into_token);
    tokens.find(|token| !token.kind().is_trivia()).map(|token| names::folded(token.text()))
}

impl Said {
    fn take(&mut self, option: &Written, is_from: bool) -> Result<()> {
        let redundant = || Err(option.at(syntax("conflicting or redundant options".to_owned())));
        let only_from = |name: &str| invalid(format!("COPY {name} cannot be used with COPY TO"));
        match option.name.as_str() {
            "format" if self.format.is_some() => return redundant(),
            "format" => {
                self.format = Some(match option.text()? {
                    "text" => Format::Text,
                    "csv" => Format::Csv,
                    "binary" => Format::Binary,
                    other => return Err(option.at(invalid(format!("COPY format \"{other}\" not recognized")))),
                });
            }
            "freeze" if self.freeze.is_some() => return redundant(),
            "freeze" => {
                let freeze = option.boolean();
                self.freeze = Some(freeze.ok_or_else(|| syntax("freeze requires a Boolean value".to_owned()))?);
            }
            "delimiter" => set_text(&mut self.delimiter, option)?,
            "null" => set_text(&mut self.null, option)?,
            "default" => set_text(&mut self.default, option)?,
            "quote" => set_text(&mut self.quote, option)?,
            "escape" => set_text(&mut self.escape, option)?,
            "header" if self.header.is_some() => return redundant(),
            "header" => self.header = Some(header(option, is_from)?),
            "force_quote" if self.force_quote.is_some() => return redundant(),
            "force_quote" => self.force_quote = Some(option.columns()?),
            "force_not_null" if self.force_not_null.is_some() => return redundant(),
            "force_not_null" => self.force_not_null = Some(option.columns()?),
            "force_null" if self.force_null.is_some() => return redundant(),
            "force_null" => self.force_null = Some(option.columns()?),
            "encoding" if self.encoding.is_some() => return redundant(),
            "encoding" => {
                let unknown = || option.at(invalid("argument to option \"encoding\" must be a valid encoding name"));
                self.encoding = Some(Encoding::named(option.text()?)?.ok_or_else(unknown)?);
            }
            "on_error" if self.ignores.is_some() => return redundant(),
            "on_error" if !is_from => return Err(option.at(only_from("ON_ERROR"))),
            "on_error" => {
                self.ignores = Some(match option.text()?.to_ascii_lowercase().as_str() {
                    "stop" => false,
                    "ignore" => true,
                    _ => {
                        let message = format!("COPY ON_ERROR \"{}\" not recognized", option.text()?);
                        return Err(option.at(invalid(message)));
                    }
                });
            }
            "log_verbosity" if self.verbosity.is_some() => return redundant(),
            "log_verbosity" => {
                self.verbosity = Some(match option.text()?.to_ascii_lowercase().as_str() {
                    "silent" => CopyVerbosity::Silent,
                    "default" => CopyVerbosity::Default,
                    "verbose" => CopyVerbosity::Verbose,
                    _ => {
                        let message = format!("COPY LOG_VERBOSITY \"{}\" not recognized", option.text()?);
                        return Err(option.at(invalid(message)));
                    }
                });
            }
            "reject_limit" if self.reject_limit.is_some() => return redundant(),
            "reject_limit" => self.reject_limit = Some(reject_limit(option)?),
            // Of older clients: which columns are read is left to their list.
            "convert_selectively" => {}
            other => return Err(option.at(syntax(format!("option \"{other}\" not recognized")))),
        }
        Ok(())
    }

    /// # Errors
    /// What does not go together.
    fn check(self, is_from: bool) -> Result<CopyOptions> {
        let format = self.format.unwrap_or(Format::Text);
        let (is_csv, is_binary) = (format == Format::Csv, format == Format::Binary);
        for (given, name) in [(&self.delimiter, "DELIMITER"), (&self.null, "NULL"), (&self.default, "DEFAULT")] {
            if is_binary && given.is_some() {
                return Err(syntax(format!("cannot specify {name} in BINARY mode")));
            }
        }
        let delimiter = self.delimiter.as_deref().unwrap_or(if is_csv { "," } else { "\t" });
        let null = self.null.as_deref().unwrap_or(if is_csv { "" } else { "\\N" });
        let breaks = |text: &str| text.contains(['\r', '\n']);
        let &[delimiter] = delimiter.as_bytes() else {
            return Err(PgError::unsupported("COPY delimiter must be a single one-byte character"));
        };
        if matches!(delimiter, b'\r' | b'\n') {
            return Err(invalid("COPY delimiter cannot be newline or carriage return"));
        }
        if breaks(null) {
            return Err(invalid("COPY null representation cannot use newline or carriage return"));
        }
        if self.default.as_deref().is_some_and(breaks) {
            return Err(invalid("COPY default representation cannot use newline or carriage return"));
        }
        // These begin or belong to escapes.
        if !is_csv && matches!(delimiter, b'\\' | b'.' | b'a'..=b'z' | b'0'..=b'9') {
            return Err(invalid(format!("COPY delimiter cannot be \"{}\"", char::from(delimiter))));
        }
        let header = self.header.unwrap_or(CopyHeader::None);
        if is_binary && header != CopyHeader::None {
            return Err(PgError::unsupported("cannot specify HEADER in BINARY mode"));
        }
        let quote = self.quote(is_csv, delimiter)?;
        let escape = self.escape(is_csv, quote)?;
        self.check_forced(is_csv, is_from)?;
        let has = |text: &str, byte: u8| text.as_bytes().contains(&byte);
        if has(null, delimiter) {
            return Err(invalid("COPY delimiter character must not appear in the NULL specification"));
        }
        if is_csv && has(null, quote) {
            return Err(invalid("CSV quote character must not appear in the NULL specification"));
        }
        if self.freeze == Some(true) && !is_from {
            return Err(invalid("COPY FREEZE cannot be used with COPY TO"));
        }
        if let Some(default) = &self.default {
            if !is_from {
                return Err(PgError::unsupported("COPY DEFAULT cannot be used with COPY TO"));
            }
            if has(default, delimiter) {
                let message = "COPY delimiter character must not appear in the DEFAULT specification";
                return Err(PgError::unsupported(message));
            }
            if is_csv && has(default, quote) {
                let message = "CSV quote character must not appear in the DEFAULT specification";
                return Err(PgError::unsupported(message));
            }
            if default == null {
                let message = "NULL specification and DEFAULT specification cannot be the same";
                return Err(PgError::unsupported(message));
            }
        }
        let ignores = self.ignores == Some(true);
        if is_binary && ignores {
            return Err(syntax("only ON_ERROR STOP is allowed in BINARY mode".to_owned()));
        }
        if self.reject_limit.is_some() && !ignores {
            return Err(invalid("COPY REJECT_LIMIT requires ON_ERROR to be set to IGNORE"));
        }
        let null = null.as_bytes().to_vec();
        let is_skipped = header == CopyHeader::Ignored;
        let default = self.default.map(String::into_bytes);
        let rows = |format: RowFormat| CopyFormat::Rows(format);
        let verbosity = self.verbosity.unwrap_or(CopyVerbosity::Default);
        Ok(CopyOptions {
            format: match format {
                Format::Text => rows(RowFormat::Text(TextFormat { delimiter, null, header: is_skipped, default })),
                Format::Csv => {
                    let csv = CsvFormat { delimiter, quote, escape, null, header: is_skipped, default };
                    rows(RowFormat::Csv(csv))
                }
                Format::Binary => CopyFormat::Binary,
            },
            header,
            force_quote: self.force_quote.unwrap_or(ColumnChoice::None),
            force_not_null: self.force_not_null.unwrap_or(ColumnChoice::None),
            force_null: self.force_null.unwrap_or(ColumnChoice::None),
            ignores: ignores.then_some(IgnoredErrors { limit: self.reject_limit, verbosity }),
            encoding: self.encoding.unwrap_or_default(),
        })
    }

    fn quote(&self, is_csv: bool, delimiter: u8) -> Result<u8> {
        if !is_csv {
            return match self.quote {
                Some(_) => Err(requires_csv("QUOTE")),
                None => Ok(b'"'),
            };
        }
        let &[quote] = self.quote.as_deref().unwrap_or("\"").as_bytes() else {
            return Err(PgError::unsupported("COPY quote must be a single one-byte character"));
        };
        if quote == delimiter {
            return Err(invalid("COPY delimiter and quote must be different"));
        }
        Ok(quote)
    }

    fn escape(&self, is_csv: bool, quote: u8) -> Result<u8> {
        match self.escape.as_deref().map(str::as_bytes) {
            Some(_) if !is_csv => Err(requires_csv("ESCAPE")),
            None => Ok(quote),
            Some(&[escape]) => Ok(escape),
            Some(_) => Err(PgError::unsupported("COPY escape must be a single one-byte character")),
        }
    }

    fn check_forced(&self, is_csv: bool, is_from: bool) -> Result<()> {
        if self.force_quote.is_some() && !is_csv {
            return Err(requires_csv("FORCE_QUOTE"));
        }
        if self.force_quote.is_some() && is_from {
            return Err(PgError::unsupported("COPY FORCE_QUOTE cannot be used with COPY FROM"));
        }
        for (given, name) in [(&self.force_not_null, "FORCE_NOT_NULL"), (&self.force_null, "FORCE_NULL")] {
            if given.is_some() && !is_csv {
                return Err(requires_csv(name));
            }
            if given.is_some() && !is_from {
                return Err(invalid(format!("COPY {name} cannot be used with COPY TO")));
            }
        }
        Ok(())
    }
}

fn requires_csv(name: &str) -> Box<PgError> {
    PgError::unsupported(format!("COPY {name} requires CSV mode"))
}

fn set_text(slot: &mut Option<String>, option: &Written) -> Result<()> {
    if slot.is_some() {
        return Err(option.at(syntax("conflicting or redundant options".to_owned())));
    }
    *slot = Some(option.text()?.to_owned());
    Ok(())
}

/// `defGetCopyHeaderChoice`.
fn header(option: &Written, is_from: bool) -> Result<CopyHeader> {
    match (option.boolean(), &option.value) {
        (Some(true), _) => Ok(CopyHeader::Ignored),
        (Some(false), _) => Ok(CopyHeader::None),
        (None, Value::Text(text)) if text.eq_ignore_ascii_case("match") => match is_from {
            true => Ok(CopyHeader::Matching),
            false => Err(PgError::unsupported(format!("cannot use \"{text}\" with HEADER in COPY TO"))),
        },
        (None, _) => Err(syntax("header requires a Boolean value or \"match\"".to_owned())),
    }
}

/// `defGetCopyRejectLimitOption`.
fn reject_limit(option: &Written) -> Result<u64> {
    let numeric = || syntax("reject_limit requires a numeric value".to_owned());
    let number: i64 = match &option.value {
        Value::Text(text) => text.trim().parse().map_err(|_| {
            let message = format!("invalid input syntax for type bigint: \"{text}\"");
            PgError::error(SqlState::INVALID_TEXT, message)
        })?,
        Value::Number(text) => text.parse().map_err(|_| numeric())?,
        Value::None | Value::Star | Value::List(_) => return Err(numeric()),
    };
    match u64::try_from(number) {
        Ok(limit @ 1..) => Ok(limit),
        _ => Err(invalid(format!("REJECT_LIMIT ({number}) must be greater than zero"))),
    }
}
