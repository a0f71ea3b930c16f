//! Values as PostgreSQL 18.4 printed and read them under each setting.

use std::sync::Arc;

use super::zone::Zone;
use super::{DateFormat, DateOrder, Encoder, Interval, IntervalFormat, Oid, PgType, Style, decode_with};
use crate::wire::Format;

fn style(change: impl FnOnce(&mut Style)) -> Arc<Style> {
    let mut style = (**Style::standard()).clone();
    change(&mut style);
    Arc::new(style)
}

/// A text read in one style and printed in another.
fn reprint(oid: Oid, text: &str, input: &Arc<Style>, output: &Arc<Style>) -> String {
    let datum =
        decode_with(oid, Format::Text, text.as_bytes(), input).unwrap_or_else(|error| panic!("{text}: {error}"));
    let mut out = Vec::new();
    Encoder::select_styled(PgType::new(oid), Format::Text, output).unwrap().encode(&datum, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn zone(name: &str) -> Zone {
    Zone::parse(name).unwrap_or_else(|| panic!("{name}"))
}

#[test]
fn dates_in_every_style() {
    use DateFormat::{German, Iso, Postgres, Sql};
    use DateOrder::{Dmy, Mdy, Ymd};
    #[rustfmt::skip]
    let cases: &[(DateFormat, DateOrder, [&str; 6])] = &[
        (Sql, Dmy, ["15/01/2024", "15/01/2024 10:20:30.05", "15/07/2024 12:20:30 CEST", "15/03/0044 10:53:28 LMT BC", "01/07/12024 02:00:00 CEST", "15/03/0044 BC"]),
        (German, Dmy, ["15.01.2024", "15.01.2024 10:20:30.05", "15.07.2024 12:20:30 CEST", "15.03.0044 10:53:28 LMT BC", "01.07.12024 02:00:00 CEST", "15.03.0044 BC"]),
        (German, Mdy, ["15.01.2024", "15.01.2024 10:20:30.05", "15.07.2024 12:20:30 CEST", "15.03.0044 10:53:28 LMT BC", "01.07.12024 02:00:00 CEST", "15.03.0044 BC"]),
        (Postgres, Mdy, ["01-15-2024", "Mon Jan 15 10:20:30.05 2024", "Mon Jul 15 12:20:30 2024 CEST", "Fri Mar 15 10:53:28 0044 LMT BC", "Mon Jul 01 02:00:00 12024 CEST", "03-15-0044 BC"]),
        (Postgres, Dmy, ["15-01-2024", "Mon 15 Jan 10:20:30.05 2024", "Mon 15 Jul 12:20:30 2024 CEST", "Fri 15 Mar 10:53:28 0044 LMT BC", "Mon 01 Jul 02:00:00 12024 CEST", "15-03-0044 BC"]),
        (Iso, Ymd, ["2024-01-15", "2024-01-15 10:20:30.05", "2024-07-15 12:20:30+02", "0044-03-15 10:53:28+00:53:28 BC", "12024-07-01 02:00:00+02", "0044-03-15 BC"]),
        (Sql, Ymd, ["01/15/2024", "01/15/2024 10:20:30.05", "07/15/2024 12:20:30 CEST", "03/15/0044 10:53:28 LMT BC", "07/01/12024 02:00:00 CEST", "03/15/0044 BC"]),
    ];
    let values = [
        (Oid::DATE, "2024-01-15"),
        (Oid::TIMESTAMP, "2024-01-15 10:20:30.05"),
        (Oid::TIMESTAMPTZ, "2024-07-15 10:20:30+00"),
        (Oid::TIMESTAMPTZ, "0044-03-15 10:00+00 BC"),
        (Oid::TIMESTAMPTZ, "12024-07-01 00:00Z"),
        (Oid::DATE, "0044-03-15 BC"),
    ];
    for (format, order, expected) in cases {
        let output = style(|style| {
            (style.date_format, style.date_order, style.zone) = (*format, *order, zone("Europe/Berlin"));
        });
        for ((oid, text), expected) in values.iter().zip(expected) {
            assert_eq!(reprint(*oid, text, Style::standard(), &output), *expected, "{format:?} {order:?}");
        }
    }
}

#[test]
fn dates_are_read_in_the_order_asked_for() {
    let dmy = style(|style| style.date_order = DateOrder::Dmy);
    let ymd = style(|style| style.date_order = DateOrder::Ymd);
    for (style, text, expected) in [
        (Style::standard(), "02/03/2024", "2024-02-03"),
        (&dmy, "02/03/2024", "2024-03-02"),
        (&dmy, "2024-02-03", "2024-02-03"),
        (&dmy, "15.01.2024", "2024-01-15"),
        (&ymd, "24-02-03", "2024-02-03"),
        (&ymd, "02-Mar-2024", "2024-03-02"),
    ] {
        assert_eq!(reprint(Oid::DATE, text, style, Style::standard()), expected, "{text}");
    }
    let error = decode_with(Oid::DATE, Format::Text, b"01/15/2024", &dmy).unwrap_err();
    assert_eq!(error.code.as_str(), "22008");
}

#[test]
fn timestamps_follow_the_time_zone() {
    let berlin = style(|style| style.zone = zone("europe/berlin"));
    for (text, utc, shown) in [
        // The clock skips this reading, and shows the next one twice.
        ("2024-03-31 02:30", "2024-03-31 01:30:00+00", "2024-03-31 03:30:00+02"),
        ("2024-10-27 02:30", "2024-10-27 01:30:00+00", "2024-10-27 02:30:00+01"),
        ("1850-01-01", "1849-12-31 23:06:32+00", "1850-01-01 00:00:00+00:53:28"),
        ("2024-01-01 10:00 America/New_York", "2024-01-01 15:00:00+00", "2024-01-01 16:00:00+01"),
        ("2024-01-01 10:00 PST", "2024-01-01 18:00:00+00", "2024-01-01 19:00:00+01"),
        ("2024-01-01 10:00 EST5EDT", "2024-01-01 15:00:00+00", "2024-01-01 16:00:00+01"),
        ("2024-07-01 10:00+00", "2024-07-01 10:00:00+00", "2024-07-01 12:00:00+02"),
    ] {
        assert_eq!(reprint(Oid::TIMESTAMPTZ, text, &berlin, Style::standard()), utc, "{text}");
        assert_eq!(reprint(Oid::TIMESTAMPTZ, text, &berlin, &berlin), shown, "{text}");
    }
    assert_eq!(reprint(Oid::TIMESTAMP, "2024-07-01 10:00", &berlin, &berlin), "2024-07-01 10:00:00");
}

/// What was set, what SHOW answered, and 2024-07-01 12:00Z.
#[test]
fn zones_by_all_their_names() {
    for (text, name, shown) in [
        ("+02:30", "+02:30", "2024-07-01 09:30:00-02:30"),
        ("<+03>-3", "<+03>-3", "2024-07-01 15:00:00+03"),
        ("est5edt", "EST5EDT", "2024-07-01 08:00:00-04"),
        ("EST5EDT4", "EST5EDT4", "2024-07-01 08:00:00-04"),
        ("2", "<+02>-02", "2024-07-01 14:00:00+02"),
        ("-7.5", "<-07:30>+07:30", "2024-07-01 04:30:00-07:30"),
        ("europe/berlin", "Europe/Berlin", "2024-07-01 14:00:00+02"),
        ("utc", "UTC", "2024-07-01 12:00:00+00"),
        ("GMT+5", "GMT+5", "2024-07-01 07:00:00-05"),
        ("167", "<+167>-167", "2024-07-08 11:00:00+167"),
        ("ABC5", "ABC5", "2024-07-01 07:00:00-05"),
        ("cet-1cest", "CET-1CEST", "2024-07-01 14:00:00+02"),
    ] {
        let output = style(|style| style.zone = zone(text));
        assert_eq!(output.zone.name(), name);
        assert_eq!(reprint(Oid::TIMESTAMPTZ, "2024-07-01 12:00Z", Style::standard(), &output), shown, "{text}");
    }
    for text in ["ABC", "foo/bar", "168", "PST", "NaN", ""] {
        assert_eq!(Zone::parse(text), None, "{text}");
    }
    assert!(zone("Etc/GMT").equals_utc() && zone("0").equals_utc());
    assert!(!zone("Europe/London").equals_utc() && !zone("Africa/Abidjan").equals_utc());
}

#[test]
fn intervals_in_every_style() {
    use IntervalFormat::{Iso8601, Postgres, PostgresVerbose, SqlStandard};
    #[rustfmt::skip]
    let cases: &[(&str, &str, &str, &str)] = &[
        ("1 year 2 mons 3 days 04:05:06.7", "@ 1 year 2 mons 3 days 4 hours 5 mins 6.7 secs", "+1-2 +3 +4:05:06.7", "P1Y2M3DT4H5M6.7S"),
        ("-1 year", "@ 1 year ago", "-1-0", "P-1Y"),
        ("1 day -1 hour", "@ 1 day -1 hours", "+0-0 +1 -1:00:00", "P1DT-1H"),
        ("-1 mon 2 days", "@ 1 mon -2 days ago", "-0-1 -2 +0:00:00", "P-1M2D"),
        ("0", "@ 0", "0", "PT0S"),
        ("-3 days -04:05:06.7", "@ 3 days 4 hours 5 mins 6.7 secs ago", "-3 4:05:06.7", "P-3DT-4H-5M-6.7S"),
        ("00:00:01", "@ 1 sec", "0:00:01", "PT1S"),
        ("-00:00:00.5", "@ 0.5 secs ago", "-0:00:00.5", "PT-0.5S"),
        ("1 mon -00:00:01", "@ 1 mon -1 sec", "+0-1 +0 -0:00:01", "P1MT-1S"),
        ("1 day 2:03:04", "@ 1 day 2 hours 3 mins 4 secs", "1 2:03:04", "P1DT2H3M4S"),
        ("1000 hours", "@ 1000 hours", "1000:00:00", "PT1000H"),
        ("-1-2 +3 -4:05:06", "@ 1 year 2 mons -3 days 4 hours 5 mins 6 secs ago", "-1-2 +3 -4:05:06", "P-1Y-2M3DT-4H-5M-6S"),
        ("1-2", "@ 1 year 2 mons", "1-2", "P1Y2M"),
    ];
    let of = |format| style(|style| style.interval_format = format);
    for (text, verbose, sql, iso) in cases {
        // PostgreSQL 18 reads `-1 mon 2 days` under sql_standard as two negative fields.
        let input = of(Postgres);
        assert_eq!(reprint(Oid::INTERVAL, text, &input, &of(PostgresVerbose)), *verbose);
        if *text != "-1 mon 2 days" {
            assert_eq!(reprint(Oid::INTERVAL, text, &input, &of(SqlStandard)), *sql);
        } else {
            assert_eq!(reprint(Oid::INTERVAL, text, &of(SqlStandard), &of(SqlStandard)), "-0-1 -2 +0:00:00");
        }
        assert_eq!(reprint(Oid::INTERVAL, text, &input, &of(Iso8601)), *iso);
    }
    let all_negative = Interval::from_text_with("-1 2:03:04", SqlStandard).unwrap();
    assert_eq!(all_negative, Interval { months: 0, days: -1, time_us: -7_384_000_000 });
    assert_eq!(Interval::from_text("-1 2:03:04").unwrap(), Interval { months: 0, days: -1, time_us: 7_384_000_000 });
}

#[test]
fn floats_with_fewer_digits() {
    #[rustfmt::skip]
    let cases: &[(i32, [&str; 11])] = &[
        (0, ["0.1", "1e+20", "123456789.123457", "1e-05", "0.0001", "0", "-2.5", "NaN", "-0", "100", "1e+15"]),
        (-3, ["0.1", "1e+20", "123456789.123", "1e-05", "0.0001", "0", "-2.5", "NaN", "-0", "100", "1e+15"]),
        (-15, ["0.1", "1e+20", "1e+08", "1e-05", "0.0001", "0", "-2", "NaN", "-0", "1e+02", "1e+15"]),
    ];
    let values = ["0.1", "1e20", "123456789.123456789", "1e-5", "0.0001", "0", "-2.5", "NaN", "-0", "100", "1e15"];
    for (digits, expected) in cases {
        let output = style(|style| style.extra_float_digits = *digits);
        for (text, expected) in values.iter().zip(expected) {
            assert_eq!(reprint(Oid::FLOAT8, text, Style::standard(), &output), *expected, "{digits}");
        }
    }
    for (digits, [tenth, large, price]) in
        [(0, ["0.1", "1.67772e+07", "99.99"]), (-3, ["0.1", "1.68e+07", "100"]), (-15, ["0.1", "2e+07", "1e+02"])]
    {
        let output = style(|style| style.extra_float_digits = digits);
        for (text, expected) in [("0.1", tenth), ("16777216", large), ("99.99", price)] {
            assert_eq!(reprint(Oid::FLOAT4, text, Style::standard(), &output), expected, "{digits}");
        }
    }
}

#[test]
fn bytes_with_escapes() {
    let output = style(|style| style.bytea_escape = true);
    assert_eq!(reprint(Oid::BYTEA, "\\x00ff5c6127", Style::standard(), &output), "\\000\\377\\\\a'");
}

#[test]
fn arrays_are_printed_as_their_elements_are() {
    let output = style(|style| {
        style.date_format = DateFormat::Sql;
        style.zone = zone("Asia/Kolkata");
        style.interval_format = IntervalFormat::Iso8601;
        style.bytea_escape = true;
        style.extra_float_digits = -10;
    });
    for (element, text, printed) in [
        (Oid::DATE, "{2024-02-29,NULL}", "{02/29/2024,NULL}"),
        (Oid::DATE, "[0:0]={1999-12-01}", "[0:0]={12/01/1999}"),
        (Oid::DATE, "{}", "{}"),
        (Oid::TIMESTAMP, "{{\"2024-02-29 00:00:00\"},{NULL}}", "{{\"02/29/2024 00:00:00\"},{NULL}}"),
        (Oid::TIMESTAMPTZ, "{\"2024-07-01 12:00:00+00\"}", "{\"07/01/2024 17:30:00 IST\"}"),
        (Oid::INTERVAL, "{\"1 day 02:00:00\"}", "{P1DT2H}"),
        (Oid::BYTEA, "{\"\\\\x5c61\"}", "{\"\\\\\\\\a\"}"),
        (Oid::FLOAT8, "{0.123456789}", "{0.12346}"),
        (Oid::TEXT, "{2024-02-29}", "{2024-02-29}"),
    ] {
        let array = element.array().unwrap();
        assert_eq!(reprint(array, text, Style::standard(), &output), printed, "{text}");
        assert_eq!(Encoder::depends_on_style(PgType::new(array), Format::Text), element != Oid::TEXT);
        assert!(!Encoder::depends_on_style(PgType::new(array), Format::Binary));
    }
}

#[test]
fn the_standard_style_keeps_the_standard_encoders() {
    let elements = [Oid::DATE, Oid::TIMESTAMPTZ, Oid::FLOAT8, Oid::BYTEA, Oid::INTERVAL];
    for oid in elements.into_iter().chain(elements.iter().filter_map(|oid| oid.array())) {
        let pg_type = PgType::new(oid);
        assert_eq!(
            Encoder::select_styled(pg_type, Format::Text, Style::standard()).unwrap(),
            Encoder::select(pg_type, Format::Text).unwrap()
        );
    }
}
