//! Aggregates that SQLite lacks or computes in doubles. All can run in windows.

use rusqlite::Connection;
use rusqlite::functions::{Aggregate, Context, FunctionFlags, WindowAggregate};
use rusqlite::types::{Value as Stored, ValueRef};

use super::super::convert::{Class, number};
use super::super::decimal::Dec;
use super::call::raise;

/// Sum of decimal text: exact while the digits fit 128 bits.
#[derive(Debug, Default, Clone, Copy)]
struct Sum {
    total: i128,
    /// Lowest power of ten seen.
    exponent: i32,
    count: i64,
}

impl Sum {
    fn add(&mut self, dec: Dec, sign: i128) -> rusqlite::Result<()> {
        let overflow = || raise(7, "Exponent out of range in SUM");
        let (mantissa, exponent) = dec.parts();
        let scaled = |value: i128, from: i32, to: i32| {
            let by = u32::try_from(from.saturating_sub(to)).ok()?;
            value.checked_mul(10i128.checked_pow(by)?)
        };
        let lowest = self.exponent.min(exponent);
        let total = scaled(self.total, self.exponent, lowest).ok_or_else(overflow)?;
        let term = scaled(i128::from(mantissa), exponent, lowest).ok_or_else(overflow)?;
        self.total = total.checked_add(sign * term).ok_or_else(overflow)?;
        self.exponent = lowest;
        Ok(())
    }

    fn value(&self) -> Option<Dec> {
        Dec::reduced(self.total, self.exponent)
    }
}

#[derive(Clone, Copy)]
enum SumAggregate {
    Whole,
    Decimal,
    Average,
}

fn argument(context: &Context<'_>) -> Option<Dec> {
    number(context.get_raw(0), Class::Decimal)
}

impl Aggregate<Sum, Stored> for SumAggregate {
    fn init(&self, _: &mut Context<'_>) -> rusqlite::Result<Sum> {
        Ok(Sum::default())
    }

    fn step(&self, context: &mut Context<'_>, sum: &mut Sum) -> rusqlite::Result<()> {
        if let Some(dec) = argument(context) {
            sum.add(dec, 1)?;
            sum.count += 1;
        }
        Ok(())
    }

    fn finalize(&self, _: &mut Context<'_>, sum: Option<Sum>) -> rusqlite::Result<Stored> {
        self.result(sum.as_ref())
    }
}

impl SumAggregate {
    fn result(self, sum: Option<&Sum>) -> rusqlite::Result<Stored> {
        let Some(sum) = sum.filter(|sum| sum.count > 0) else { return Ok(Stored::Null) };
        let total = sum.value().ok_or_else(|| raise(7, "Exponent out of range in SUM"))?;
        Ok(match self {
            Self::Whole => match i64::try_from(sum.total) {
                Ok(whole) => Stored::Integer(whole),
                // A decimal, with as many digits as one has.
                Err(_) => Stored::Text(total.text()),
            },
            Self::Decimal => Stored::Text(total.text()),
            Self::Average => Stored::Text(total.divide(Dec::from_i64(sum.count)).unwrap_or(Dec::ZERO).text()),
        })
    }
}

impl WindowAggregate<Sum, Stored> for SumAggregate {
    fn value(&self, sum: Option<&mut Sum>) -> rusqlite::Result<Stored> {
        self.result(sum.as_deref())
    }

    fn inverse(&self, context: &mut Context<'_>, sum: &mut Sum) -> rusqlite::Result<()> {
        if let Some(dec) = argument(context) {
            sum.add(dec, -1)?;
            sum.count -= 1;
        }
        Ok(())
    }
}

/// Variance by Welford's updates, which also run backwards.
#[derive(Debug, Default)]
struct Moments {
    count: f64,
    mean: f64,
    squares: f64,
}

#[derive(Clone, Copy)]
struct Variance {
    sample: bool,
    root: bool,
}

fn double(context: &Context<'_>) -> Option<f64> {
    match context.get_raw(0) {
        ValueRef::Real(value) => Some(value),
        ValueRef::Null => None,
        other => number(other, Class::Decimal).map(Dec::to_f64),
    }
}

impl Variance {
    fn result(self, moments: Option<&Moments>) -> rusqlite::Result<Stored> {
        let Some(moments) = moments.filter(|moments| moments.count > 0.0) else { return Ok(Stored::Null) };
        // One value has no spread; IRIS gives 0 for it.
        let divisor = if self.sample { (moments.count - 1.0).max(1.0) } else { moments.count };
        let variance = (moments.squares / divisor).max(0.0);
        if !variance.is_finite() {
            return Err(raise(400, "Fatal error occurred: <MAXNUMBER>"));
        }
        Ok(Stored::Real(if self.root { variance.sqrt() } else { variance }))
    }
}

impl Aggregate<Moments, Stored> for Variance {
    fn init(&self, _: &mut Context<'_>) -> rusqlite::Result<Moments> {
        Ok(Moments::default())
    }

    fn step(&self, context: &mut Context<'_>, moments: &mut Moments) -> rusqlite::Result<()> {
        if let Some(value) = double(context) {
            moments.count += 1.0;
            let off = value - moments.mean;
            moments.mean += off / moments.count;
            moments.squares += off * (value - moments.mean);
        }
        Ok(())
    }

    fn finalize(&self, _: &mut Context<'_>, moments: Option<Moments>) -> rusqlite::Result<Stored> {
        self.result(moments.as_ref())
    }
}

impl WindowAggregate<Moments, Stored> for Variance {
    fn value(&self, moments: Option<&mut Moments>) -> rusqlite::Result<Stored> {
        self.result(moments.as_deref())
    }

    fn inverse(&self, context: &mut Context<'_>, moments: &mut Moments) -> rusqlite::Result<()> {
        if let Some(value) = double(context) {
            if moments.count <= 1.0 {
                *moments = Moments::default();
                return Ok(());
            }
            let mean = (moments.mean * moments.count - value) / (moments.count - 1.0);
            moments.squares -= (value - mean) * (value - moments.mean);
            moments.mean = mean;
            moments.count -= 1.0;
        }
        Ok(())
    }
}

/// Texts in the order of the rows, joined by commas or as a JSON array.
#[derive(Clone, Copy)]
enum Join {
    Commas,
    Json,
    List,
}

type Texts = std::collections::VecDeque<String>;

impl Join {
    fn result(self, texts: Option<&Texts>) -> Stored {
        if matches!(self, Join::Json) && texts.is_none_or(Texts::is_empty) {
            // Of NULLs alone (manual, JSON_ARRAYAGG).
            return Stored::Text("[]".to_owned());
        }
        let Some(texts) = texts.filter(|texts| !texts.is_empty()) else { return Stored::Null };
        let joined = || texts.iter().map(String::as_str).collect::<Vec<_>>().join(",");
        match self {
            Join::Commas => Stored::Text(joined()),
            Join::Json => Stored::Text(format!("[{}]", joined())),
            Join::List => Stored::Blob(super::super::lists::encode(texts.iter().cloned().map(Some))),
        }
    }
}

fn text(context: &Context<'_>) -> Option<String> {
    match context.get_raw(0) {
        ValueRef::Null => None,
        other => super::super::convert::logical_text(other, Class::Text),
    }
}

impl Aggregate<Texts, Stored> for Join {
    fn init(&self, _: &mut Context<'_>) -> rusqlite::Result<Texts> {
        Ok(Texts::new())
    }

    fn step(&self, context: &mut Context<'_>, texts: &mut Texts) -> rusqlite::Result<()> {
        texts.extend(text(context));
        Ok(())
    }

    fn finalize(&self, _: &mut Context<'_>, texts: Option<Texts>) -> rusqlite::Result<Stored> {
        Ok(self.result(texts.as_ref()))
    }
}

impl WindowAggregate<Texts, Stored> for Join {
    fn value(&self, texts: Option<&mut Texts>) -> rusqlite::Result<Stored> {
        Ok(self.result(texts.as_deref()))
    }

    fn inverse(&self, context: &mut Context<'_>, texts: &mut Texts) -> rusqlite::Result<()> {
        if text(context).is_some() {
            texts.pop_front();
        }
        Ok(())
    }
}

pub(super) fn register(conn: &Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    conn.create_window_function("iris_sum", 1, flags, SumAggregate::Decimal)?;
    conn.create_window_function("iris_sum_whole", 1, flags, SumAggregate::Whole)?;
    conn.create_window_function("iris_avg", 1, flags, SumAggregate::Average)?;
    conn.create_window_function("iris_var_pop", 1, flags, Variance { sample: false, root: false })?;
    conn.create_window_function("iris_var_samp", 1, flags, Variance { sample: true, root: false })?;
    conn.create_window_function("iris_stddev_pop", 1, flags, Variance { sample: false, root: true })?;
    conn.create_window_function("iris_stddev_samp", 1, flags, Variance { sample: true, root: true })?;
    conn.create_window_function("iris_list", 1, flags, Join::Commas)?;
    conn.create_window_function("iris_dlist", 1, flags, Join::List)?;
    conn.create_window_function("iris_json_arrayagg", 1, flags, Join::Json)
}
