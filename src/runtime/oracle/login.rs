//! Logging in to PostgreSQL, sans IO: backend messages in, frontend messages out.

use super::OracleServer;
use super::connection::Broken;
use crate::auth::{ExpectServerFinal, MECHANISM, ScramClient};

/// A login on its way.
pub(super) struct Login<'s> {
    /// `None`: the process of our own, which asks for nothing.
    server: Option<&'s OracleServer>,
    scram: Scram,
    /// The body of BackendKeyData.
    pub(super) cancel_key: Vec<u8>,
}

enum Scram {
    No,
    First(ScramClient),
    Final(ExpectServerFinal),
}

impl<'s> Login<'s> {
    pub(super) fn new(server: Option<&'s OracleServer>) -> Self {
        Self { server, scram: Scram::No, cancel_key: Vec::new() }
    }

    /// The startup packet.
    pub(super) fn start(&self, out: &mut Vec<u8>) {
        let (user, database) = match self.server {
            Some(server) => (server.user.as_str(), server.database.as_str()),
            None => ("pgwire", "pgwire"),
        };
        let mut body = vec![0, 3, 0, 0];
        for (name, value) in [
            ("user", user),
            ("database", database),
            ("application_name", "iris-pgwire"),
            ("client_encoding", "UTF8"),
            ("DateStyle", "ISO, MDY"),
            ("TimeZone", "UTC"),
        ] {
            for text in [name, value] {
                body.extend_from_slice(text.as_bytes());
                body.push(0);
            }
        }
        body.push(0);
        put_body(out, &body);
    }

    /// True when PostgreSQL is ready for a question.
    ///
    /// # Errors
    /// It refuses, or wants what we do not do.
    pub(super) fn on_message(&mut self, tag: u8, body: &[u8], out: &mut Vec<u8>) -> Result<bool, Broken> {
        match tag {
            b'R' => self.on_authentication(body, out).map(|()| false),
            b'K' => {
                self.cancel_key = body.to_vec();
                Ok(false)
            }
            b'Z' => Ok(true),
            b'E' => Err(Broken::Refused(error_text(body))),
            b'S' | b'N' | b'v' => Ok(false),
            _ => Err(Broken::Protocol("an unexpected message at the login")),
        }
    }

    fn on_authentication(&mut self, body: &[u8], out: &mut Vec<u8>) -> Result<(), Broken> {
        let Some((code, data)) = body.split_first_chunk::<4>() else {
            return Err(Broken::Protocol("an authentication request without its kind"));
        };
        let password = || match self.server.map(|server| server.password.as_str()) {
            Some(password) if !password.is_empty() => Ok(password),
            _ => Err(Broken::Refused("it asks for a password, and catalog_url has none".to_owned())),
        };
        match u32::from_be_bytes(*code) {
            0 => match self.scram {
                Scram::No => Ok(()),
                // The proof that the server knows the password, too, comes before this.
                Scram::First(_) | Scram::Final(_) => Err(Broken::Protocol("SCRAM was left in the middle")),
            },
            3 => {
                put_message(out, &[password()?.as_bytes(), &[0]].concat());
                Ok(())
            }
            5 => Err(Broken::Refused("md5 passwords are not supported: use scram-sha-256 for this user".to_owned())),
            10 if data.split(|byte| *byte == 0).any(|name| name == MECHANISM.as_bytes()) => {
                password()?;
                let client = ScramClient::random().map_err(|error| Broken::Refused(error.to_string()))?;
                let first = client.first();
                let length = u32::try_from(first.len()).unwrap_or(u32::MAX);
                put_message(out, &[MECHANISM.as_bytes(), &[0], &length.to_be_bytes(), first.as_bytes()].concat());
                self.scram = Scram::First(client);
                Ok(())
            }
            11 => {
                let password = password()?;
                let Scram::First(client) = std::mem::replace(&mut self.scram, Scram::No) else {
                    return Err(Broken::Protocol("SCRAM out of turn"));
                };
                let (expect, last) =
                    client.on_server_first(data, password).map_err(|error| Broken::Refused(error.to_string()))?;
                put_message(out, last.as_bytes());
                self.scram = Scram::Final(expect);
                Ok(())
            }
            12 => {
                let Scram::Final(expect) = std::mem::replace(&mut self.scram, Scram::No) else {
                    return Err(Broken::Protocol("SCRAM out of turn"));
                };
                expect.on_server_final(data).map_err(|error| Broken::Refused(error.to_string()))
            }
            _ => {
                Err(Broken::Refused("it asks for a way to log in that is not supported: use scram-sha-256".to_owned()))
            }
        }
    }
}

/// PasswordMessage, SASLInitialResponse and SASLResponse share their tag.
fn put_message(out: &mut Vec<u8>, body: &[u8]) {
    out.push(b'p');
    put_body(out, body);
}

fn put_body(out: &mut Vec<u8>, body: &[u8]) {
    let length = u32::try_from(body.len().saturating_add(4)).unwrap_or(u32::MAX);
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(body);
}

/// The message of an ErrorResponse.
fn error_text(body: &[u8]) -> String {
    let field = body.split(|byte| *byte == 0).find_map(|field| field.strip_prefix(b"M"));
    field.map_or_else(|| "without a reason".to_owned(), |text| String::from_utf8_lossy(text).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(password: &str) -> OracleServer {
        let [host, user, database, password] = ["h", "u", "d", password].map(str::to_owned);
        OracleServer { host, port: 5432, user, password, database }
    }

    #[test]
    fn the_ways_to_log_in() {
        let server = server("secret");
        let mut login = Login::new(Some(&server));
        let mut out = Vec::new();
        login.on_message(b'R', &[0, 0, 0, 3], &mut out).unwrap();
        assert_eq!(out, b"p\0\0\0\x0bsecret\0");
        out.clear();
        login.on_message(b'R', b"\0\0\0\x0aSCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0", &mut out).unwrap();
        assert!(out.starts_with(b"p"), "{out:?}");
        // Nobody gets past an unfinished exchange.
        assert!(login.on_message(b'R', &[0, 0, 0, 0], &mut out).is_err());
        assert!(Login::new(Some(&server)).on_message(b'R', &[0, 0, 0, 5], &mut out).is_err());
        assert!(Login::new(None).on_message(b'R', &[0, 0, 0, 3], &mut out).is_err());
        let mut trusted = Login::new(Some(&server));
        assert!(!trusted.on_message(b'R', &[0, 0, 0, 0], &mut out).unwrap());
        assert!(!trusted.on_message(b'K', &[0, 0, 0, 1, 9, 9, 9, 9], &mut out).unwrap());
        assert!(trusted.on_message(b'Z', b"I", &mut out).unwrap());
        assert_eq!(trusted.cancel_key, [0, 0, 0, 1, 9, 9, 9, 9]);
        let refused = trusted.on_message(b'E', b"SFATAL\0C28P01\0Mno\0\0", &mut out).unwrap_err();
        assert_eq!(refused.to_string(), "PostgreSQL refused: no");
    }
}
