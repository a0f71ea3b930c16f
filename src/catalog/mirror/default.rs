//! COLUMN_DEFAULT: IRIS shows the ObjectScript expression a property begins with, or SQL words.

use crate::sql::{drawing_clause, drawn_by_default};
use crate::types::{Oid, PgType, quoted_text};

pub(super) const RANDOM_UUID: &str = "gen_random_uuid()";

/// What kind of default IRIS has, for comparing it with the words of a description.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::catalog) enum IrisDefault {
    None,
    Text(String),
    Number(String),
    /// Computed: PostgreSQL's words for it, where there are any.
    Computed(Option<&'static str>),
}

impl IrisDefault {
    pub(crate) fn read(text: Option<&str>) -> Self {
        let Some(text) = text.map(str::trim).filter(|text| !text.is_empty()) else { return Self::None };
        for quote in ['"', '\''] {
            if let Some(inner) = text.strip_prefix(quote).and_then(|text| text.strip_suffix(quote))
                && inner.split(&format!("{quote}{quote}")).all(|part| !part.contains(quote))
            {
                return Self::Text(inner.replace(&format!("{quote}{quote}"), &quote.to_string()));
            }
        }
        let word = text.to_ascii_uppercase().replace(' ', "");
        if word.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c))
            && let Ok(number) = text.parse::<f64>()
            && number.is_finite()
        {
            return Self::Number(text.trim_start_matches('+').to_owned());
        }
        match word.as_str() {
            "NULL" => Self::None,
            "$C(0)" | "$CHAR(0)" => Self::Text(String::new()),
            "+$HOROLOG" | "+$H" | "CURRENT_DATE" => Self::Computed(Some("CURRENT_DATE")),
            "$USERNAME" | "CURRENT_USER" | "USER" => Self::Computed(Some("CURRENT_USER")),
            "SESSION_USER" => Self::Computed(Some("SESSION_USER")),
            "$SYSTEM.UTIL.CREATEGUID()" => Self::Computed(Some(RANDOM_UUID)),
            _ if word.ends_with("CREATEGUID(),\"L\")") && word.starts_with("$ZC") => Self::Computed(Some(RANDOM_UUID)),
            _ if word.starts_with("$PIECE($HOROLOG") || word.starts_with("CURRENT_TIME(") || word == "CURRENT_TIME" => {
                Self::Computed(Some("LOCALTIME"))
            }
            _ if word.starts_with("$ZDATETIME($ZTIMESTAMP") || word.starts_with("GETUTCDATE") => {
                Self::Computed(Some("(now() AT TIME ZONE 'UTC')"))
            }
            _ if word.starts_with("$ZDATETIME(")
                || word.starts_with("CURRENT_TIMESTAMP")
                || word.starts_with("GETDATE")
                || word.starts_with("NOW(") =>
            {
                Self::Computed(Some("CURRENT_TIMESTAMP"))
            }
            _ => Self::Computed(None),
        }
    }

    /// The sequence that ALTER TABLE through the gateway has given the column.
    pub(crate) fn draws(&self) -> Option<&str> {
        match self {
            Self::Text(text) => drawn_by_default(text),
            _ => None,
        }
    }

    /// A constant that reads as a value of the type; `None` for every other default, and for the numbers that IRIS has
    /// for days and seconds.
    pub(crate) fn constant(&self, pg_type: PgType) -> Option<String> {
        match self {
            Self::Number(_) if matches!(pg_type.oid, Oid::DATE | Oid::TIME | Oid::TIMESTAMP | Oid::TIMESTAMPTZ) => None,
            Self::Text(text) if drawn_by_default(text).is_some() => None,
            Self::Number(text) | Self::Text(text) => Some(text.clone()),
            Self::None | Self::Computed(_) => None,
        }
    }

    /// DEFAULT's expression for a column of this type; `None` where PostgreSQL would not take it.
    pub(crate) fn pg_text(&self, pg_type: PgType) -> Option<String> {
        let is_number = matches!(
            pg_type.oid,
            Oid::INT2 | Oid::INT4 | Oid::INT8 | Oid::FLOAT4 | Oid::FLOAT8 | Oid::NUMERIC | Oid::OID
        );
        let is_moment = matches!(pg_type.oid, Oid::DATE | Oid::TIME | Oid::TIMESTAMP | Oid::TIMESTAMPTZ);
        match self {
            Self::None | Self::Computed(None) => None,
            Self::Number(number) if pg_type.oid == Oid::BOOL => match number.as_str() {
                "1" => Some("true".to_owned()),
                "0" => Some("false".to_owned()),
                _ => None,
            },
            Self::Number(number) if is_number => Some(number.clone()),
            // IRIS's own day and second numbers.
            Self::Number(_) if is_moment || pg_type.oid == Oid::BYTEA => None,
            Self::Number(number) => Some(quoted_text(number)),
            Self::Text(text) if let Some(sequence) = drawn_by_default(text) => {
                drawing_clause(sequence).strip_prefix("DEFAULT ").map(str::to_owned)
            }
            Self::Text(text) if is_number => {
                text.trim().parse::<f64>().ok().filter(|number| number.is_finite()).map(|_| text.trim().to_owned())
            }
            Self::Text(text) if pg_type.oid == Oid::BOOL => match text.as_str() {
                "1" => Some("true".to_owned()),
                "0" => Some("false".to_owned()),
                _ => None,
            },
            Self::Text(text) => Some(quoted_text(text)),
            Self::Computed(Some(words)) => Some((*words).to_owned()),
        }
    }

    /// Whether PostgreSQL may still refuse the expression for such a column: only text takes every constant.
    pub(crate) fn is_risky(&self, pg_type: PgType) -> bool {
        match self {
            Self::None => false,
            Self::Number(_) => !matches!(pg_type.oid, Oid::FLOAT8 | Oid::BOOL | Oid::INT4 | Oid::INT8),
            Self::Text(_) => !matches!(pg_type.oid, Oid::TEXT | Oid::VARCHAR | Oid::BPCHAR),
            Self::Computed(_) => true,
        }
    }

    pub(crate) fn is_computed(&self) -> bool {
        matches!(self, Self::Computed(_))
    }
}
