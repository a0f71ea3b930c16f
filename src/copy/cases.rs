//! What PostgreSQL 15 made of `COPY t(a, b) FROM`: the rows as JSON, or SQLSTATE, message and line. Four cases follow
//! version 18 (see the module), or accept an end marker that the end of the data cuts short.

#[rustfmt::skip]
pub(super) const TEXT: &[(&[u8], &str)] = &[
    (b"", "[]"),
    (b"a\tb\n", "[[\"a\", \"b\"]]"),
    (b"a\tb", "[[\"a\", \"b\"]]"),
    (b"a\tb\nc\td\n", "[[\"a\", \"b\"], [\"c\", \"d\"]]"),
    (b"a\tb\r\nc\td\r\n", "[[\"a\", \"b\"], [\"c\", \"d\"]]"),
    (b"a\tb\rc\td\r", "[[\"a\", \"b\"], [\"c\", \"d\"]]"),
    (b"a\tb\r\nc\td\n", "22P04 literal newline found in data, line 2"),
    (b"a\tb\nc\td\r\n", "22P04 literal carriage return found in data, line 2"),
    (b"a\tb\nc\rd\te\n", "22P04 literal carriage return found in data, line 2"),
    (b"a\tb\r\nc\rx\td\r\n", "22P04 literal carriage return found in data, line 2"),
    (b"a\tb\rc\td\n", "22P04 literal newline found in data, line 2"),
    (b"\\N\t\n", "[[null, \"\"]]"),
    (b"\\N\t\\\\N\n", "[[null, \"\\\\N\"]]"),
    (b"\\Nx\ty\n", "[[\"Nx\", \"y\"]]"),
    (b"a\\tb\tc\\nd\\re\\bf\\fg\\v\n", "[[\"a\\tb\", \"c\\nd\\re\\bf\\fg\\u000b\"]]"),
    (b"\\101\\x42\t\\60\\7x\\x4z\n", "[[\"AB\", \"0\\u0007x\\u0004z\"]]"),
    (b"\\x\\xg\ta\n", "[[\"xxg\", \"a\"]]"),
    (b"\\q\\.x\tb\n", "22P04 end-of-copy marker is not alone on its line, line 1"),
    (b"a\\\tb\tc\n", "[[\"a\\tb\", \"c\"]]"),
    (b"a\\\nb\tc\n", "[[\"a\\nb\", \"c\"]]"),
    (b"a\\\r\nb\tc\n", "22P04 missing data for column \"b\", line 1"),
    (b"a\\\rb\tc\n", "[[\"a\\rb\", \"c\"]]"),
    (b"a\n", "22P04 missing data for column \"b\", line 1"),
    (b"\n", "22P04 missing data for column \"b\", line 1"),
    (b"a\tb\tc\n", "22P04 extra data after last expected column, line 1"),
    (b"a\tb\n\\.\nzzz\n", "[[\"a\", \"b\"]]"),
    (b"a\tb\n\\.", "[[\"a\", \"b\"]]"),
    (b"a\tb\n\\.\r\n", "22P04 end-of-copy marker does not match previous newline style, line 2"),
    (b"a\tb\r\n\\.\n", "22P04 end-of-copy marker does not match previous newline style, line 2"),
    (b"a\tb\r\n\\.\r\n", "[[\"a\", \"b\"]]"),
    (b"a\tb\n\\.x\n", "22P04 end-of-copy marker is not alone on its line, line 2"),
    (b"a\tb\\.\n", "22P04 end-of-copy marker is not alone on its line, line 1"),
    (b"\\.\n", "[]"),
    (b"a\tb\\", "[[\"a\", \"b\"]]"),
    (b"a\tb\\\\\n", "[[\"a\", \"b\\\\\"]]"),
    (b"\\\\.\tb\n", "[[\"\\\\.\", \"b\"]]"),
    (b"a\tb\r", "[[\"a\", \"b\"]]"),
    (b"a\tb\n\n", "22P04 missing data for column \"b\", line 2"),
    (b"\\1234\tb\n", "[[\"S4\", \"b\"]]"),
    (b"\\x414\tb\n", "[[\"A4\", \"b\"]]"),
    (b"\xC3\xA4\t\xE2\x82\xAC\n", "[[\"ä\", \"€\"]]"),
    (b"a\tb\r\nc\td\r", "22P04 literal carriage return found in data, line 2"),
    (b"a\tb\r\nc\td", "[[\"a\", \"b\"], [\"c\", \"d\"]]"),
];

#[rustfmt::skip]
pub(super) const CSV: &[(&[u8], &str)] = &[
    (b"a,b\n", "[[\"a\", \"b\"]]"),
    (b"\"a\",\"b\"\n", "[[\"a\", \"b\"]]"),
    (b"\"a,b\",c\n", "[[\"a,b\", \"c\"]]"),
    (b"\"a\nb\",c\n", "[[\"a\\nb\", \"c\"]]"),
    (b"\"a\"\"b\",c\n", "[[\"a\\\"b\", \"c\"]]"),
    (b",\n", "[[null, null]]"),
    (b"\"\",\n", "[[\"\", null]]"),
    (b"a\"b\"c,d\n", "[[\"abc\", \"d\"]]"),
    (b"\"a\"b,c\n", "[[\"ab\", \"c\"]]"),
    (b"\"a\n", "22P04 unterminated CSV quoted field, line 1"),
    (b"a,b\r\nc,d\r\n", "[[\"a\", \"b\"], [\"c\", \"d\"]]"),
    (b"a,b\r\nc,d\n", "22P04 unquoted newline found in data, line 2"),
    (b"a,b\nc,d\r\n", "22P04 unquoted carriage return found in data, line 2"),
    (b"\"a\r\nb\",c\r\n", "[[\"a\\r\\nb\", \"c\"]]"),
    (b"a\\,b\n", "[[\"a\\\\\", \"b\"]]"),
    (b"a\\nb,c\n", "[[\"a\\\\nb\", \"c\"]]"),
    (b"a\n", "22P04 missing data for column \"b\", line 1"),
    (b"a,b,c\n", "22P04 extra data after last expected column, line 1"),
    (b"a,b", "[[\"a\", \"b\"]]"),
    (b"\"a\rb\",\"c\nd\"\n", "[[\"a\\rb\", \"c\\nd\"]]"),
    (b"a\rb,c\n", "22P04 missing data for column \"b\", line 1"),
    (b" a , \"b\" \n", "[[\" a \", \" b \"]]"),
    (b"a,\"b\"\"\"\n", "[[\"a\", \"b\\\"\"]]"),
    (b"\"\"\"\",\"\"\"\"\"\"\n", "[[\"\\\"\", \"\\\"\\\"\"]]"),
    (b"a,b\n\"c\nd\"\n", "22P04 missing data for column \"b\", line 3"),
    (b"\"\r\n\",b\nc,d\n", "[[\"\\r\\n\", \"b\"], [\"c\", \"d\"]]"),
];

#[rustfmt::skip]
pub(super) const TEXT_HEADER: &[(&[u8], &str)] = &[
    (b"h\th\na\tb\n", "[[\"a\", \"b\"]]"),
    (b"h\n", "[]"),
];

#[rustfmt::skip]
pub(super) const TEXT_OTHER: &[(&[u8], &str)] = &[
    (b"a|NULL\n", "[[\"a\", null]]"),
    (b"a\\|b|c\n", "[[\"a|b\", \"c\"]]"),
    (b"\tNULL|\\N\n", "[[\"\\tNULL\", \"N\"]]"),
];

#[rustfmt::skip]
pub(super) const CSV_OTHER: &[(&[u8], &str)] = &[
    (b"h,h\na,'it\\'s'\n", "[[\"a\", \"it's\"]]"),
    (b"h\nnil,'nil'\n", "[[null, \"nil\"]]"),
    (b"x\n'a\\\\',b\n", "[[\"a\\\\\", \"b\"]]"),
    (b"x\n'a\\b',c\n", "[[\"a\\\\b\", \"c\"]]"),
    (b"'x\n',\na,b\n", "[[\"a\", \"b\"]]"),
];
