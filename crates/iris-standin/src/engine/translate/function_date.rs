//! Date and time functions. Arguments are read as timestamps; part names are literals.

use super::super::SqlError;
use super::super::convert::{Class, Purpose};
use super::super::functions::formats;
use super::super::parse::ast::{Expr, Literal};
use super::super::types::DataType;
use super::arguments::wrong_arguments;
use super::term::{Shape, TEXT, Term, text_constant};
use super::translator::Translator;

const STAMP: DataType = DataType::Timestamp { precision: 6 };

/// Canonical name of a date part, or -8.
fn part_name(part: &str) -> Result<&'static str, SqlError> {
    Ok(match part.to_lowercase().as_str() {
        "year" | "yyyy" | "yy" | "sql_tsi_year" => "year",
        "quarter" | "qq" | "q" | "sql_tsi_quarter" => "quarter",
        "month" | "mm" | "m" | "sql_tsi_month" => "month",
        "week" | "wk" | "ww" | "sql_tsi_week" => "week",
        "weekday" | "dw" | "w" => "weekday",
        "day" | "dd" | "d" | "sql_tsi_day" => "day",
        "dayofyear" | "dy" => "dayofyear",
        "hour" | "hh" | "h" | "sql_tsi_hour" => "hour",
        "minute" | "mi" | "n" | "sql_tsi_minute" => "minute",
        "second" | "ss" | "s" | "sql_tsi_second" => "second",
        "millisecond" | "ms" => "millisecond",
        "microsecond" | "mcs" => "microsecond",
        "nanosecond" | "ns" => "nanosecond",
        "sql_tsi_frac_second" => "frac_second",
        _ => return Err(SqlError::prepare(8, format!("Invalid DATEPART code '{part}'"))),
    })
}

impl Translator<'_> {
    /// CURRENT_TIMESTAMP(n) and its kin: the arguments are literals.
    pub(super) fn clock_function(&mut self, upper: &str, arguments: &[Expr]) -> Result<Option<Term>, SqlError> {
        let known = matches!(
            upper,
            "CURRENT_TIMESTAMP"
                | "CURRENT_TIME"
                | "CURRENT_DATE"
                | "NOW"
                | "GETDATE"
                | "GETUTCDATE"
                | "CURDATE"
                | "CURTIME"
                | "SYSDATE"
        );
        if !known {
            return Ok(None);
        }
        let precision = match arguments {
            [] => 0,
            [Expr::Literal(Literal::Integer(digits))] => digits
                .parse::<u8>()
                .ok()
                .filter(|precision| *precision <= 9)
                .ok_or_else(|| SqlError::prepare(1, format!("Invalid precision {digits}")))?,
            // A literal that the driver took out: the most digits.
            [Expr::Mark(mark)] => {
                let term = self.value(&Expr::Mark(*mark))?;
                if let Shape::Mark { slot, .. } = term.shape
                    && !self.is_literal_mark(slot)
                {
                    return Err(SqlError::prepare(1, "The precision must be a literal"));
                }
                // Bound, since every mark must be, and then ignored.
                let stamp = self.variable("CURRENT_TIMESTAMP", 6)?;
                let sql = format!("iris_precision({},{})", stamp.sql, self.integer_of(&term)?);
                return Ok(Some(Term::new(sql, STAMP)));
            }
            _ => return Err(wrong_arguments(upper)),
        };
        if arguments.len() == 1 && matches!(upper, "NOW" | "CURRENT_DATE" | "CURDATE") {
            return Err(wrong_arguments(upper));
        }
        let variable = match upper {
            "CURRENT_DATE" | "CURDATE" => "CURRENT_DATE",
            "CURRENT_TIME" | "CURTIME" => "CURRENT_TIME",
            _ => "CURRENT_TIMESTAMP",
        };
        self.variable(variable, precision).map(Some)
    }

    fn part(&mut self, expr: Option<&Expr>) -> Result<&'static str, SqlError> {
        match expr {
            Some(Expr::Literal(Literal::String(name))) => part_name(name),
            _ => Err(SqlError::prepare(8, "The date part must be a literal")),
        }
    }

    pub(super) fn date_function(
        &mut self,
        upper: &str,
        terms: &[Term],
        exprs: &[Expr],
    ) -> Result<Option<Term>, SqlError> {
        let term = match (upper, terms) {
            ("DATEADD" | "TIMESTAMPADD", [_, count, date]) => {
                let part = self.part(exprs.first())?;
                let (count, stamp) = (self.integer_of(count)?, self.timestamp_of(date)?);
                let sql = format!("iris_dateadd('{part}',{count},{stamp})");
                // A date stays a date while whole days are added.
                let whole_days =
                    matches!(part, "year" | "quarter" | "month" | "week" | "weekday" | "day" | "dayofyear");
                if date.class() == Class::Date && whole_days {
                    let stamp = Term::new(sql, STAMP);
                    Term::new(self.coerce(&stamp, DataType::Date, Purpose::Compare)?, DataType::Date)
                } else {
                    Term::new(sql, STAMP)
                }
            }
            ("DATEDIFF" | "TIMESTAMPDIFF", [_, from, to]) => {
                let part = self.part(exprs.first())?;
                let sql = format!("iris_datediff('{part}',{},{})", self.timestamp_of(from)?, self.timestamp_of(to)?);
                Term::new(sql, DataType::Integer)
            }
            ("DATEPART", [_, date]) => {
                let part = self.part(exprs.first())?;
                self.date_part(part, date)?
            }
            ("DATENAME", [_, date]) => {
                let part = self.part(exprs.first())?;
                Term::new(format!("iris_datename('{part}',{})", self.moment(date)?), TEXT)
            }
            ("DATE_TRUNC", [_, date]) => {
                let part = self.part(exprs.first())?;
                // A timestamp whatever it is of.
                Term::new(format!("iris_datetrunc('{part}',{})", self.timestamp_of(date)?), STAMP)
            }
            (
                "YEAR" | "MONTH" | "DAY" | "DAYOFMONTH" | "QUARTER" | "WEEK" | "DAYOFYEAR" | "DAYOFWEEK" | "HOUR"
                | "MINUTE" | "SECOND",
                [date],
            ) => {
                let part = match upper {
                    "YEAR" => "year",
                    "MONTH" => "month",
                    "QUARTER" => "quarter",
                    "WEEK" => "week",
                    "DAYOFYEAR" => "dayofyear",
                    "DAYOFWEEK" => "weekday",
                    "HOUR" => "hour",
                    "MINUTE" => "minute",
                    "SECOND" => "second",
                    _ => "day",
                };
                self.date_part(part, date)?
            }
            ("DAYNAME", [date]) => Term::new(format!("iris_datename('weekday',{})", self.timestamp_of(date)?), TEXT),
            ("MONTHNAME", [date]) => Term::new(format!("iris_datename('month',{})", self.timestamp_of(date)?), TEXT),
            ("LAST_DAY", [date]) => {
                let stamp = Term::new(format!("iris_last_day({})", self.timestamp_of(date)?), STAMP);
                Term::new(self.coerce(&stamp, DataType::Date, Purpose::Compare)?, DataType::Date)
            }
            ("DATE", [date]) => self.cast(date, DataType::Date)?,
            ("TIME", [time]) => self.cast(time, DataType::Time { precision: 6 })?,
            ("TO_POSIXTIME", [stamp]) => self.cast(stamp, DataType::PosixTime)?,
            ("UNIX_TIMESTAMP", []) => {
                let now = self.variable("CURRENT_TIMESTAMP", 6)?;
                Term::new(format!("iris_unix({})", now.sql), DataType::Numeric { precision: 19, scale: 6 })
            }
            ("UNIX_TIMESTAMP", [stamp]) => Term::new(
                format!("iris_unix({})", self.timestamp_of(stamp)?),
                DataType::Numeric { precision: 19, scale: 6 },
            ),
            ("TO_CHAR", [value]) => self.cast(value, TEXT)?,
            ("TO_CHAR", [value, format]) => {
                let format = self.text_of(format)?;
                let sql = if value.class().is_numeric() {
                    format!("iris_number_format({},{format})", self.number_text(value)?)
                } else {
                    format!("iris_date_format({},{format})", self.moment(value)?)
                };
                Term::new(sql, TEXT)
            }
            ("TO_DATE" | "TO_TIMESTAMP", [text, rest @ ..]) if rest.len() < 2 => {
                let format = match rest.first() {
                    Some(format) => self.text_of(format)?,
                    None if upper == "TO_DATE" => text_constant(formats::DATE_FORMAT),
                    None => text_constant(formats::TIMESTAMP_FORMAT),
                };
                if text.class().is_temporal() {
                    let to = if upper == "TO_DATE" { DataType::Date } else { STAMP };
                    return self.cast(text, to).map(Some);
                }
                let sql = format!("iris_date_parse({},{format})", self.text_of(text)?);
                let stamp = Term::new(sql, STAMP);
                if upper == "TO_DATE" {
                    Term::new(self.coerce(&stamp, DataType::Date, Purpose::Compare)?, DataType::Date)
                } else {
                    stamp
                }
            }
            (
                "DATEADD" | "TIMESTAMPADD" | "DATEDIFF" | "TIMESTAMPDIFF" | "DATEPART" | "DATENAME" | "DATE_TRUNC"
                | "YEAR" | "MONTH" | "DAY" | "DAYOFMONTH" | "QUARTER" | "WEEK" | "DAYOFYEAR" | "DAYOFWEEK" | "HOUR"
                | "MINUTE" | "SECOND" | "DAYNAME" | "MONTHNAME" | "LAST_DAY" | "DATE" | "TIME" | "TO_POSIXTIME"
                | "UNIX_TIMESTAMP" | "TO_CHAR" | "TO_DATE" | "TO_TIMESTAMP",
                _,
            ) => return Err(wrong_arguments(upper)),
            _ => return Ok(None),
        };
        Ok(Some(term))
    }

    /// A timestamp, or a time of day on day 0: hours and minutes are read from either.
    fn moment(&mut self, term: &Term) -> Result<String, SqlError> {
        if term.class() == Class::Time { Ok(term.sql.clone()) } else { self.timestamp_of(term) }
    }

    fn date_part(&mut self, part: &str, date: &Term) -> Result<Term, SqlError> {
        let clock = matches!(part, "hour" | "minute" | "second" | "millisecond" | "microsecond" | "nanosecond");
        let stamp = match (clock, date.class()) {
            // '10:30:00' is a time, not a timestamp.
            (true, Class::Text) => format!("iris_moment({})", self.text_of(date)?),
            (true, Class::Time) => date.sql.clone(),
            _ => self.timestamp_of(date)?,
        };
        Ok(Term::new(format!("iris_datepart('{part}',{stamp})"), DataType::Integer))
    }

    /// CONVERT with a style: date formats of the T-SQL kind.
    pub(super) fn convert_styled(&mut self, term: &Term, to: DataType, style: &Expr) -> Result<Term, SqlError> {
        let style = self.value(style)?;
        let style = self.integer_of(&style)?;
        if Class::of(&to) == Class::Text && term.class().is_temporal() {
            let stamp = self.moment(term)?;
            let text = Term::new(format!("iris_date_style({stamp},{style})"), TEXT);
            return self.cast(&text, to);
        }
        if Class::of(&to).is_temporal() && term.class() == Class::Text {
            let stamp = Term::new(format!("iris_date_from_style({},{style})", self.text_of(term)?), STAMP);
            return self.cast(&stamp, to);
        }
        self.cast(term, to)
    }
}
