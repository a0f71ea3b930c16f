//! Time zones as PostgreSQL names them: IANA names, POSIX specifications, and plain offsets (manual, "Time Zones").

use std::sync::LazyLock;

use jiff::Timestamp;
use jiff::tz::{AmbiguousOffset, Offset, TimeZone, TimeZoneDatabase};

use super::datetime::{DAY_US, SECOND_US, UNIX_EPOCH_DAYS};

/// The bundled database: what the host has installed must not change results.
static DATABASE: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

const UNIX_EPOCH_US: i64 = UNIX_EPOCH_DAYS as i64 * DAY_US;
/// The Gregorian calendar repeats after 400 years, weekdays included.
const CYCLE_US: i64 = 146_097 * DAY_US;
/// The years jiff knows end at 9999; a day is kept free at the end for offsets.
const NEWEST_US: i64 = 2_921_938 * DAY_US;
/// An abbreviation PostgreSQL prints is cut at this length (`MAXTZLEN`).
const ABBREVIATION_BYTES_MAX: usize = 10;
/// Hours of an offset at most: seven days, as in the POSIX extension both implementations keep.
const OFFSET_HOURS_MAX: i64 = 167;
/// No zone's name is longer (`TZ_STRLEN_MAX`).
const NAME_BYTES_MAX: usize = 255;

/// A time zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone {
    /// As SHOW TimeZone prints it.
    name: String,
    rules: Rules,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Rules {
    Utc,
    /// Seconds east of Greenwich, and the abbreviation.
    Fixed(i32, String),
    Changing(TimeZone),
}

impl Zone {
    pub fn utc() -> Self {
        Self { name: "UTC".to_owned(), rules: Rules::Utc }
    }

    /// A value of the parameter TimeZone. A bare number counts hours east of Greenwich (ISO), everything POSIX west.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > NAME_BYTES_MAX {
            return None;
        }
        if let Ok(hours) = text.trim().parse::<f64>() {
            return Self::from_hours(hours);
        }
        Self::named(text)
    }

    /// An IANA name in any case, or a POSIX specification.
    pub fn named(text: &str) -> Option<Self> {
        if text.eq_ignore_ascii_case("utc") {
            return Some(Self::utc());
        }
        if !text.eq_ignore_ascii_case("etc/unknown")
            && let Ok(zone) = DATABASE.get(text)
        {
            let name = zone.iana_name().unwrap_or(text).to_owned();
            return Some(Self { name, rules: Rules::Changing(zone) });
        }
        Self::posix(text)
    }

    /// Hours east of Greenwich; fractions count down to the second.
    fn from_hours(hours: f64) -> Option<Self> {
        #[allow(clippy::cast_possible_truncation, reason = "checked to be small")]
        let seconds = (hours.is_finite() && hours.abs() <= 167.0).then_some((hours * 3600.0) as i32)?;
        Some(Self::fixed(seconds))
    }

    /// Seconds east of Greenwich, named as PostgreSQL names it: `<+05:30>-05:30`.
    pub fn fixed(offset_s: i32) -> Self {
        let offset = clock(offset_s.unsigned_abs());
        let (ahead, behind) = if offset_s < 0 { ('-', '+') } else { ('+', '-') };
        let abbreviation = format!("{ahead}{offset}");
        Self { name: format!("<{abbreviation}>{behind}{offset}"), rules: Rules::Fixed(offset_s, abbreviation) }
    }

    /// `EST5`, `<+03>-3`, `CET-1CEST`, `EST5EDT,M3.2.0,M11.1.0`.
    fn posix(text: &str) -> Option<Self> {
        let (abbreviation, rest) = take_abbreviation(text)?;
        let (west_s, rest) = take_offset(rest)?;
        let name = text.to_ascii_uppercase();
        if rest.is_empty() {
            let abbreviation = abbreviation.to_ascii_uppercase();
            return Some(Self { name, rules: Rules::Fixed(-west_s, abbreviation) });
        }
        // Without rules the summer time is that of the United States (TZDEFRULESTRING).
        let specification = if name.contains(',') { name.clone() } else { format!("{name},M3.2.0,M11.1.0") };
        let zone = TimeZone::posix(&specification).ok()?;
        Some(Self { name, rules: Rules::Changing(zone) })
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// The zone called UTC, for which nothing has to be computed.
    pub fn is_utc(&self) -> bool {
        self.rules == Rules::Utc
    }

    /// Whether its clock always shows UTC, whatever it is called.
    pub fn equals_utc(&self) -> bool {
        match &self.rules {
            Rules::Utc => true,
            Rules::Fixed(offset_s, _) => *offset_s == 0,
            Rules::Changing(zone) => {
                zone.to_offset(Timestamp::UNIX_EPOCH) == Offset::UTC && zone.following(Timestamp::MIN).next().is_none()
            }
        }
    }

    /// Whether one offset holds at all times; then which, in seconds east of Greenwich.
    pub fn constant_offset_s(&self) -> Option<i32> {
        match &self.rules {
            Rules::Utc => Some(0),
            Rules::Fixed(offset_s, _) => Some(*offset_s),
            Rules::Changing(_) => self.equals_utc().then_some(0),
        }
    }

    /// Seconds east of Greenwich at an instant (microseconds since 2000-01-01 UTC); hands on the abbreviation too.
    pub fn at<T>(&self, timestamp_us: i64, then: impl FnOnce(i32, &str) -> T) -> T {
        match &self.rules {
            Rules::Utc => then(0, "UTC"),
            Rules::Fixed(offset_s, abbreviation) => then(*offset_s, abbreviation),
            Rules::Changing(zone) => {
                let info = zone.to_offset_info(instant(timestamp_us));
                let abbreviation = info.abbreviation();
                let shown = abbreviation.get(..ABBREVIATION_BYTES_MAX).unwrap_or(abbreviation);
                then(info.offset().seconds(), shown)
            }
        }
    }

    /// Seconds east of Greenwich of a wall clock's reading. A reading the clock skips counts by the offset before, one
    /// it shows twice by the offset after the change (`DetermineTimeZoneOffset`).
    pub fn offset_of_local_s(&self, local_us: i64) -> i32 {
        match &self.rules {
            Rules::Utc => 0,
            Rules::Fixed(offset_s, _) => *offset_s,
            Rules::Changing(zone) => {
                let reading = Offset::UTC.to_datetime(instant(local_us));
                match zone.to_ambiguous_timestamp(reading).offset() {
                    AmbiguousOffset::Unambiguous { offset } => offset.seconds(),
                    AmbiguousOffset::Gap { before, .. } => before.seconds(),
                    AmbiguousOffset::Fold { after, .. } => after.seconds(),
                }
            }
        }
    }
}

/// The instant, or one with the same calendar within the years jiff knows.
fn instant(timestamp_us: i64) -> Timestamp {
    let excess = timestamp_us.saturating_sub(NEWEST_US);
    let near = if excess > 0 { timestamp_us - (excess / CYCLE_US + 1) * CYCLE_US } else { timestamp_us };
    Timestamp::from_microsecond(near.saturating_sub(UNIX_EPOCH_US)).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// `HH[:MM[:SS]]`.
fn clock(seconds: u32) -> String {
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match (minutes, rest) {
        (0, 0) => format!("{hours:02}"),
        (_, 0) => format!("{hours:02}:{minutes:02}"),
        _ => format!("{hours:02}:{minutes:02}:{rest:02}"),
    }
}

/// Letters, or anything between angle brackets; PostgreSQL lets it be empty.
fn take_abbreviation(text: &str) -> Option<(&str, &str)> {
    if let Some(quoted) = text.strip_prefix('<') {
        return quoted.split_once('>');
    }
    let end = text.find(|c: char| c.is_ascii_digit() || matches!(c, ',' | '-' | '+')).unwrap_or(text.len());
    text.split_at_checked(end)
}

/// `[+-]h[:mm[:ss]]` in seconds.
fn take_offset(text: &str) -> Option<(i32, &str)> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let mut rest = unsigned;
    let mut seconds = 0i64;
    for (index, (unit, most)) in [(3600, OFFSET_HOURS_MAX), (60, 59), (1, 59)].into_iter().enumerate() {
        if index > 0 {
            match rest.strip_prefix(':') {
                Some(after) => rest = after,
                None => break,
            }
        }
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (digits, after) = rest.split_at_checked(end)?;
        let value = digits.parse::<i64>().ok().filter(|value| *value <= most)?;
        seconds += value * unit;
        rest = after;
    }
    let seconds = i32::try_from(seconds).ok()?;
    Some((if text.starts_with('-') { -seconds } else { seconds }, rest))
}

/// Microseconds east of Greenwich.
pub(super) fn offset_us(offset_s: i32) -> i64 {
    i64::from(offset_s) * SECOND_US
}

/// Abbreviations that stand for one offset in PostgreSQL's set `Default`, in seconds east of Greenwich.
pub(super) fn abbreviation_offset_s(word: &[u8]) -> Option<i32> {
    let minutes = match word {
        b"akst" => -540,
        b"akdt" | b"pst" => -480,
        b"hst" => -600,
        b"pdt" | b"mst" => -420,
        b"mdt" | b"cst" => -360,
        b"cdt" | b"est" => -300,
        b"edt" | b"ast" => -240,
        b"adt" | b"brt" => -180,
        b"nst" => -210,
        b"ndt" => -150,
        b"wet" => 0,
        b"bst" | b"cet" | b"met" | b"mez" | b"west" => 60,
        b"cest" | b"mest" | b"eet" | b"cetdst" | b"metdst" | b"ist" | b"sast" => 120,
        b"eest" | b"msk" | b"eat" | b"idt" => 180,
        b"hkt" | b"awst" => 480,
        b"jst" | b"kst" => 540,
        b"acst" => 570,
        b"aest" => 600,
        b"acdt" => 630,
        b"aedt" => 660,
        b"nzst" => 720,
        b"nzdt" => 780,
        _ => return None,
    };
    Some(minutes * 60)
}
