//! Values of configuration keys: from text and back. Reasons say what is expected, in one line.

use std::fmt;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;

/// A value as `check-config` and the documentation show it.
pub(super) trait Value {
    /// Text that parses to the same value; passwords are hidden. Empty when nothing is set.
    fn to_text(&self) -> String;
}

macro_rules! value_by_display {
    ($($type:ty),*) => {
        $(impl Value for $type {
            fn to_text(&self) -> String {
                self.to_string()
            }
        })*
    };
}

value_by_display!(
    SocketAddr,
    String,
    u32,
    u64,
    AuthKind,
    CatalogKind,
    DdlKind,
    FinishKind,
    IrisServer,
    LogLevel,
    Names,
    PostgresServer,
    TableName
);

impl Value for PathBuf {
    fn to_text(&self) -> String {
        self.display().to_string()
    }
}

impl<T: Value> Value for Option<T> {
    fn to_text(&self) -> String {
        self.as_ref().map(Value::to_text).unwrap_or_default()
    }
}

/// Empty text means: not set.
///
/// # Errors
/// The reason of `parse`.
pub(super) fn optional<T>(parse: impl Fn(&str) -> Result<T, String>) -> impl Fn(&str) -> Result<Option<T>, String> {
    move |text| if text.is_empty() { Ok(None) } else { parse(text).map(Some) }
}

/// A numeric address with its port.
///
/// # Errors
/// What was expected instead.
pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    // Names are not resolved: which of its addresses was meant would be a guess.
    text.parse().map_err(|_| "expected a numeric address and a port, such as 127.0.0.1:5432 or [::1]:5432".to_owned())
}

/// A path; any text is one.
///
/// # Errors
/// None.
pub(super) fn path(text: &str) -> Result<PathBuf, String> {
    Ok(PathBuf::from(text))
}

/// Any text.
///
/// # Errors
/// None.
pub(super) fn text(text: &str) -> Result<String, String> {
    Ok(text.to_owned())
}

/// A whole number within bounds.
///
/// # Errors
/// What was expected instead.
pub(super) fn integer<T: FromStr + PartialOrd + fmt::Display>(
    range: RangeInclusive<T>,
) -> impl Fn(&str) -> Result<T, String> {
    move |text| {
        let value = text.parse().ok().filter(|value| range.contains(value));
        value.ok_or_else(|| format!("expected a whole number from {} to {}", range.start(), range.end()))
    }
}

pub(super) fn whole(min: u64, max: u64) -> impl Fn(&str) -> Result<u64, String> {
    integer(min..=max)
}

/// A closed set of words, the same in file, environment and flags.
macro_rules! words {
    ($(#[$doc:meta])* $type:ident { $($variant:ident = $word:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $type {
            $($variant),*
        }

        impl $type {
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word),*
                }
            }

            /// One of the words that are there.
            ///
            /// # Errors
            /// What was expected instead.
            pub fn parse(text: &str) -> Result<Self, String> {
                match text {
                    $($word => Ok(Self::$variant),)*
                    _ => Err(format!("expected {}", [$($word),*].join(" or "))),
                }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

words! {
    /// How clients prove who they are.
    AuthKind { Trust = "trust", Scram = "scram" }
}

words! {
    /// Which PostgreSQL answers catalog questions.
    CatalogKind { Embedded = "embedded", Native = "native", Off = "off" }
}

words! {
    /// What a rollback means to definitions.
    DdlKind { Undo = "undo", Immediate = "immediate" }
}

words! {
    /// Whether PostgreSQL finishes what IRIS cannot compute.
    FinishKind { On = "on", Off = "off", Always = "always" }
}

words! {
    /// The least severe events that are logged.
    LogLevel { Off = "off", Error = "error", Warn = "warn", Info = "info", Debug = "debug", Trace = "trace" }
}

/// Where a PostgreSQL server is and how to log in.
#[derive(Clone, PartialEq, Eq)]
pub struct PostgresServer {
    /// A host name or an address, IPv6 without brackets; or the folder of a Unix socket, which begins with a slash.
    pub host: String,
    pub port: u16,
    pub user: String,
    /// Empty = none.
    pub password: String,
    pub database: String,
}

const POSTGRES_PORT: u16 = 5432;

impl PostgresServer {
    /// `postgres://user[:password]@host[:port][/database][?sslmode=disable]`; the host may be a folder, in the URL's place
    /// for it or as the option `host` (libpq, "Connection URIs"). Reasons never repeat the URL: it holds the password.
    ///
    /// # Errors
    /// What was expected instead.
    pub fn parse(text: &str) -> Result<Self, String> {
        Self::parse_parts(text).map_err(|what| {
            format!("{what}; expected postgres://user:password@host:5432/database (percent-encode special characters)")
        })
    }

    fn parse_parts(text: &str) -> Result<Self, &'static str> {
        let rest = text.strip_prefix("postgres://").or_else(|| text.strip_prefix("postgresql://"));
        let rest = rest.ok_or("the URL does not begin with postgres://")?;
        let (rest, options) = rest.split_once('?').unwrap_or((rest, ""));
        let mut folder = None;
        for option in options.split('&').filter(|option| !option.is_empty()) {
            match option.split_once('=') {
                Some(("sslmode", "disable" | "allow" | "prefer")) => {}
                Some(("sslmode", _)) => return Err("the connection cannot be encrypted, which sslmode asks for"),
                Some(("host", host)) => folder = Some(host),
                _ => return Err("the URL has an option other than sslmode and host"),
            }
        }
        let (login, rest) = rest.rsplit_once('@').ok_or("the user is missing")?;
        let (user, password) = login.split_once(':').unwrap_or((login, ""));
        let (place, database) = rest.split_once('/').unwrap_or((rest, ""));
        let (host, port) = split_port(place, POSTGRES_PORT)?;
        let host = match (host, folder) {
            ("", Some(folder)) => folder,
            (_, Some(_)) => return Err("the URL has two hosts"),
            (host, None) => host,
        };
        let host = percent_decode(host).ok_or("the host is not percent-encoded UTF-8")?;
        let user = percent_decode(user).ok_or("the user is not percent-encoded UTF-8")?;
        let database = percent_decode(database).ok_or("the database is not percent-encoded UTF-8")?;
        let server = Self {
            host,
            port,
            password: percent_decode(password).ok_or("the password is not percent-encoded UTF-8")?,
            // As PostgreSQL itself does.
            database: if database.is_empty() { user.clone() } else { database },
            user,
        };
        if server.user.is_empty() {
            return Err("the user is missing");
        }
        if server.host.is_empty() {
            return Err("the host is missing");
        }
        Ok(server)
    }
}

/// As a URL without the password.
impl fmt::Display for PostgresServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port, user, password, database } = self;
        let hidden = if password.is_empty() { "" } else { ":***" };
        let host = host.replace('/', "%2F");
        let [open, close] = if host.contains(':') { ["[", "]"] } else { ["", ""] };
        write!(f, "postgres://{user}{hidden}@{open}{host}{close}:{port}/{database}")
    }
}

impl fmt::Debug for PostgresServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A list of names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names(pub Vec<String>);

impl Names {
    /// Names separated by commas.
    ///
    /// # Errors
    /// What was expected instead.
    pub fn parse(text: &str) -> Result<Self, String> {
        let names: Vec<String> = text.split(',').map(|name| name.trim().to_owned()).collect();
        if names.iter().any(String::is_empty) {
            return Err("expected names separated by commas, such as public,sales".to_owned());
        }
        Ok(Self(names))
    }
}

impl fmt::Display for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(","))
    }
}

/// A table with its schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableName {
    pub schema: String,
    pub table: String,
}

/// Of names in IRIS.
const TABLE_NAME_LENGTH_MAX: usize = 128;

impl TableName {
    pub(super) fn new(schema: &str, table: &str) -> Self {
        Self { schema: schema.to_owned(), table: table.to_owned() }
    }

    /// `schema.table`, both of letters, digits and underscores.
    ///
    /// # Errors
    /// What was expected instead.
    pub fn parse(text: &str) -> Result<Self, String> {
        let is_plain = |name: &str| {
            name.len() <= TABLE_NAME_LENGTH_MAX
                && name.starts_with(|c: char| c.is_ascii_alphabetic())
                && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        };
        match text.split_once('.') {
            Some((schema, _)) if schema.eq_ignore_ascii_case("information_schema") => {
                Err("expected a schema that is not one of IRIS itself".to_owned())
            }
            Some((schema, table)) if is_plain(schema) && is_plain(table) => {
                Ok(Self { schema: schema.to_owned(), table: table.to_owned() })
            }
            _ => Err(format!(
                "expected schema.table, such as pgwire.comments: two names that begin with a letter, of letters, digits \
                 and underscores, at most {TABLE_NAME_LENGTH_MAX} of them"
            )),
        }
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.schema, self.table)
    }
}

/// Where an IRIS server is and how to log in.
#[derive(Clone, PartialEq, Eq)]
pub struct IrisServer {
    /// A host name or an address, IPv6 without brackets.
    pub host: String,
    pub port: u16,
    pub namespace: String,
    pub user: String,
    pub password: String,
}

/// The superserver's port.
const IRIS_PORT: u16 = 1972;
const IRIS_NAMESPACE: &str = "USER";

impl IrisServer {
    /// `iris://user:password@host[:port][/NAMESPACE]`. Reasons never repeat the URL: it holds the password.
    ///
    /// # Errors
    /// What was expected instead.
    pub fn parse(text: &str) -> Result<Self, String> {
        Self::parse_parts(text).map_err(|what| {
            format!("{what}; expected iris://user:password@host:1972/NAMESPACE (percent-encode special characters)")
        })
    }

    fn parse_parts(text: &str) -> Result<Self, &'static str> {
        let rest = text.strip_prefix("iris://").ok_or("the URL does not begin with iris://")?;
        let (login, rest) = rest.rsplit_once('@').ok_or("user and password are missing")?;
        let (user, password) = login.split_once(':').ok_or("the password is missing")?;
        let (place, namespace) = rest.split_once('/').unwrap_or((rest, ""));
        let (host, port) = split_port(place, IRIS_PORT)?;
        let server = Self {
            host: host.to_owned(),
            port,
            namespace: percent_decode(namespace).ok_or("the namespace is not percent-encoded UTF-8")?,
            user: percent_decode(user).ok_or("the user is not percent-encoded UTF-8")?,
            password: percent_decode(password).ok_or("the password is not percent-encoded UTF-8")?,
        };
        if server.user.is_empty() {
            return Err("the user is missing");
        }
        if server.host.is_empty() {
            return Err("the host is missing");
        }
        if server.namespace.contains('/') {
            return Err("the namespace holds a slash");
        }
        let namespace = if server.namespace.is_empty() { IRIS_NAMESPACE.to_owned() } else { server.namespace };
        Ok(Self { namespace, ..server })
    }
}

fn split_port(place: &str, default: u16) -> Result<(&str, u16), &'static str> {
    let (host, port) = if let Some(rest) = place.strip_prefix('[') {
        let (host, port) = rest.split_once(']').ok_or("the IPv6 address lacks its closing bracket")?;
        (host, port)
    } else {
        match place.find(':') {
            Some(at) => place.split_at(at),
            None => (place, ""),
        }
    };
    let port = match port {
        "" => default,
        port => {
            let port = port.strip_prefix(':').and_then(|port| port.parse().ok()).filter(|port| *port != 0);
            port.ok_or("the port is not a number from 1 to 65535")?
        }
    };
    Ok((host, port))
}

fn percent_decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let (digits, tail) = rest.split_at_checked(2)?;
        let [high, low] = [digits.first()?, digits.last()?].map(|digit| char::from(*digit).to_digit(16));
        bytes.push(u8::try_from(high? << 4 | low?).ok()?);
        rest = tail;
    }
    String::from_utf8(bytes).ok()
}

/// As a URL without the password.
impl fmt::Display for IrisServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port, namespace, user, password: _ } = self;
        if host.contains(':') {
            write!(f, "iris://{user}:***@[{host}]:{port}/{namespace}")
        } else {
            write!(f, "iris://{user}:***@{host}:{port}/{namespace}")
        }
    }
}

impl fmt::Debug for IrisServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(host: &str, port: u16, namespace: &str, user: &str, password: &str) -> IrisServer {
        let [host, namespace, user, password] = [host, namespace, user, password].map(str::to_owned);
        IrisServer { host, port, namespace, user, password }
    }

    #[test]
    fn iris_urls() {
        let cases = [
            ("iris://_SYSTEM:SYS@db.example:1973/APP", server("db.example", 1973, "APP", "_SYSTEM", "SYS")),
            ("iris://u:p@h", server("h", 1972, "USER", "u", "p")),
            ("iris://u:@h/", server("h", 1972, "USER", "u", "")),
            ("iris://a%40b:p%3A%2F%25@[::1]/%25SYS", server("::1", 1972, "%SYS", "a@b", "p:/%")),
            ("iris://u:a@b:c@[fe80::1]:1/X", server("fe80::1", 1, "X", "u", "a@b:c")),
            ("iris://u:p%C3%BC@h:65535", server("h", 65_535, "USER", "u", "pü")),
        ];
        for (text, expected) in cases {
            let got = IrisServer::parse(text).unwrap();
            assert_eq!((&got, &got.password), (&expected, &expected.password), "{text}");
        }
    }

    #[test]
    fn bad_iris_urls_say_what_is_wrong_and_hide_the_password() {
        let cases = [
            ("", "does not begin with iris://"),
            ("http://u:secret@h", "does not begin with iris://"),
            ("iris://h:1972/USER", "user and password are missing"),
            ("iris://u@h", "the password is missing"),
            ("iris://:secret@h", "the user is missing"),
            ("iris://u:secret@", "the host is missing"),
            ("iris://u:secret@:1972", "the host is missing"),
            ("iris://u:secret@h:0", "the port is not a number"),
            ("iris://u:secret@h:x", "the port is not a number"),
            ("iris://u:secret@h:65536", "the port is not a number"),
            ("iris://u:secret@[::1", "closing bracket"),
            ("iris://u:secret@[::1]1972", "the port is not a number"),
            ("iris://u:secret%@h", "the password is not percent-encoded"),
            ("iris://u:secret%zz@h", "the password is not percent-encoded"),
            ("iris://u:secret%FF@h", "the password is not percent-encoded"),
            ("iris://u:secret@h/A/B", "the namespace holds a slash"),
        ];
        for (text, expected) in cases {
            let reason = IrisServer::parse(text).unwrap_err();
            assert!(reason.contains(expected), "{text}: {reason}");
            assert!(!reason.contains("secret") && !reason.contains('\n'), "{reason}");
        }
    }

    #[test]
    fn passwords_do_not_show() {
        let server = server("h", 1972, "USER", "u", "secret");
        assert_eq!(format!("{server} {server:?}"), "iris://u:***@h:1972/USER iris://u:***@h:1972/USER");
    }

    #[test]
    fn numbers_have_bounds() {
        let parse = integer(1_u32..=10);
        assert_eq!((parse("1"), parse("10")), (Ok(1), Ok(10)));
        for bad in ["0", "11", "-1", "", "x", "1.5", "99999999999", " 1"] {
            assert_eq!(parse(bad), Err("expected a whole number from 1 to 10".to_owned()), "{bad}");
        }
        assert_eq!(optional(parse)(""), Ok(None));
    }

    #[test]
    fn postgres_urls() {
        for (text, shown, password) in [
            ("postgres://u:s%40x@h/d", "postgres://u:***@h:5432/d", "s@x"),
            ("postgresql://u@[::1]:6432", "postgres://u@[::1]:6432/u", ""),
            ("postgres://u:p@h:1/d?sslmode=disable", "postgres://u:***@h:1/d", "p"),
            ("postgres://u@%2Frun%2Fpg:6432/d", "postgres://u@%2Frun%2Fpg:6432/d", ""),
            ("postgres://u:p@/d?host=/run/pg&sslmode=disable", "postgres://u:***@%2Frun%2Fpg:5432/d", "p"),
        ] {
            let server = PostgresServer::parse(text).unwrap();
            assert_eq!((server.to_string().as_str(), server.password.as_str()), (shown, password), "{text}");
            let again = PostgresServer::parse(&server.to_string()).unwrap();
            assert_eq!((again.host, again.port, again.database), (server.host, server.port, server.database), "{text}");
        }
        for (text, expected) in [
            ("mysql://u:secret@h", "does not begin with postgres://"),
            ("postgres://h/d", "the user is missing"),
            ("postgres://u:secret@/d", "the host is missing"),
            ("postgres://u:secret@h/d?sslmode=require", "cannot be encrypted"),
            ("postgres://u:secret@h/d?x=y", "other than sslmode"),
            ("postgres://u:secret@h/d?host=/run", "two hosts"),
            ("postgres://u:secret@%2/d", "the host is not percent-encoded"),
        ] {
            let reason = PostgresServer::parse(text).unwrap_err();
            assert!(reason.contains(expected) && !reason.contains("secret"), "{text}: {reason}");
        }
    }

    #[test]
    fn names_are_separated_by_commas() {
        let names = Names::parse("public, Sales").unwrap();
        assert_eq!(names.0, ["public", "Sales"]);
        assert_eq!(names.to_string(), "public,Sales");
        assert!(Names::parse("a,,b").is_err());
    }

    #[test]
    fn table_names_are_plain_and_have_a_schema() {
        for text in ["pgwire.comments", "public.A_1"] {
            assert_eq!(TableName::parse(text).unwrap().to_string(), text);
        }
        let bad = ["", "comments", "a.b.c", ".b", "a.", "a b.c", "a.\"b\"", "%SYS.t", "_a.b", "1a.b", "ä.b", "a.b;"];
        for text in bad {
            assert!(TableName::parse(text).unwrap_err().contains("pgwire.comments"), "{text}");
        }
        assert!(TableName::parse(&format!("a.{}", "b".repeat(129))).is_err());
        assert!(TableName::parse("information_schema.tables").unwrap_err().contains("IRIS itself"));
    }

    #[test]
    fn words_are_listed_when_none_fits() {
        assert_eq!(AuthKind::parse("scram"), Ok(AuthKind::Scram));
        assert_eq!(AuthKind::parse("md5"), Err("expected trust or scram".to_owned()));
        assert!(LogLevel::parse("INFO").is_err());
    }
}
