//! Who the client is: from the startup packet's user name to [`Authenticated`]. Sans IO.

use std::sync::Arc;

use super::scram::{ExpectClientFinal, ExpectClientFirst, MECHANISM, MockSecret, ScramError, ServerNonce};
use super::users::UserFile;
use crate::wire::{PgError, SaslInitialResponse, SendBuf, SqlState};

/// How clients prove who they are. Shared by every shard.
#[derive(Debug, Clone)]
pub enum AuthMethod {
    /// Whoever connects is whom they say.
    Trust,
    /// SCRAM-SHA-256 against the user file.
    Scram { users: Arc<UserFile>, mock_secret: MockSecret },
}

/// Witness: this user may have a session.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Authenticated {
    user: String,
}

impl Authenticated {
    pub fn user(&self) -> &str {
        &self.user
    }

    pub fn into_user(self) -> String {
        self.user
    }
}

/// What comes of a message.
#[derive(Debug)]
#[must_use]
pub enum AuthStep {
    /// Flush; the next message `p` goes to [`Exchange::on_message`].
    Continue(Exchange),
    /// AuthenticationOk stands in the buffer.
    Done(Authenticated),
}

/// A SCRAM exchange that waits for the client.
#[derive(Debug)]
pub struct Exchange {
    user: String,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Waits for SASLInitialResponse.
    Initial(ExpectClientFirst),
    /// The client chose the mechanism and wanted an empty challenge before its first message.
    ClientFirst(ExpectClientFirst),
    ClientFinal(ExpectClientFinal),
}

impl AuthMethod {
    /// After the startup packet. `nonce` is asked for when the method needs one.
    pub fn begin<E>(
        &self,
        user: &str,
        nonce: impl FnOnce() -> Result<ServerNonce, E>,
        out: &mut SendBuf,
    ) -> Result<AuthStep, E> {
        let user = user.to_owned();
        match self {
            Self::Trust => {
                out.put_authentication_ok();
                Ok(AuthStep::Done(Authenticated { user }))
            }
            Self::Scram { users, mock_secret } => {
                let (verifier, known) = users.verifier(&user, mock_secret);
                let state = State::Initial(ExpectClientFirst::new(verifier, known, nonce()?));
                out.put_authentication_sasl(&[MECHANISM]);
                Ok(AuthStep::Continue(Exchange { user, state }))
            }
        }
    }
}

impl Exchange {
    /// The body of a message with tag `p`. Errors are fatal.
    pub fn on_message(self, body: &[u8], out: &mut SendBuf) -> Result<AuthStep, Box<PgError>> {
        let Self { user, state } = self;
        match state {
            State::Initial(expect) => {
                let message = SaslInitialResponse::parse(body).map_err(|error| error.to_pg())?;
                if message.mechanism != MECHANISM {
                    let text = "client selected an invalid SASL authentication mechanism";
                    return Err(PgError::fatal(SqlState::PROTOCOL_VIOLATION, text));
                }
                match message.data {
                    Some(data) => client_first(user, expect, data, out),
                    None => {
                        out.put_authentication_sasl_continue(b"");
                        Ok(AuthStep::Continue(Self { user, state: State::ClientFirst(expect) }))
                    }
                }
            }
            State::ClientFirst(expect) => client_first(user, expect, body, out),
            State::ClientFinal(expect) => {
                let verified = expect.on_client_final(body).map_err(|error| error.to_pg(&user))?;
                out.put_authentication_sasl_final(verified.server_final().as_bytes());
                out.put_authentication_ok();
                Ok(AuthStep::Done(Authenticated { user }))
            }
        }
    }
}

fn client_first(
    user: String,
    expect: ExpectClientFirst,
    data: &[u8],
    out: &mut SendBuf,
) -> Result<AuthStep, Box<PgError>> {
    let (next, server_first) = expect.on_client_first(data).map_err(|error: ScramError| error.to_pg(&user))?;
    out.put_authentication_sasl_continue(server_first.as_bytes());
    Ok(AuthStep::Continue(Exchange { user, state: State::ClientFinal(next) }))
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;
    use crate::auth::scram::tests::{Client, RFC_7677_USER_LINE};
    use crate::wire::Frame;

    fn scram() -> AuthMethod {
        let users = UserFile::parse(RFC_7677_USER_LINE).unwrap();
        AuthMethod::Scram { users: Arc::new(users), mock_secret: MockSecret::new([1; 32]) }
    }

    fn begin(method: &AuthMethod, user: &str, out: &mut SendBuf) -> AuthStep {
        let nonce = || Ok::<_, Infallible>(ServerNonce::new([3; 18]));
        method.begin(user, nonce, out).unwrap()
    }

    fn exchange(step: AuthStep) -> Exchange {
        match step {
            AuthStep::Continue(exchange) => exchange,
            AuthStep::Done(done) => unreachable!("{done:?}"),
        }
    }

    fn initial(mechanism: &str, data: Option<&[u8]>) -> Vec<u8> {
        let length = data.map_or(-1, |data| i32::try_from(data.len()).unwrap());
        [mechanism.as_bytes(), b"\0", &length.to_be_bytes(), data.unwrap_or_default()].concat()
    }

    /// The data of the one Authentication message in the buffer.
    fn challenge(out: &mut SendBuf) -> String {
        let frame = Frame::cut_backend(out.as_slice(), 1 << 20).unwrap().unwrap();
        assert_eq!((frame.tag, frame.wire_len()), (b'R', out.len()));
        let text = String::from_utf8(frame.body[4..].to_vec()).unwrap();
        out.clear();
        text
    }

    #[test]
    fn trust_needs_no_message_and_no_nonce() {
        let mut out = SendBuf::new();
        let step = AuthMethod::Trust.begin("bob", || Err("asked for a nonce"), &mut out).unwrap();
        let AuthStep::Done(authenticated) = step else { unreachable!() };
        assert_eq!(authenticated.user(), "bob");
        assert_eq!(out.as_slice(), b"R\0\0\0\x08\0\0\0\0");
    }

    fn login(user: &str, password: &str, empty_challenge: bool) -> Result<Authenticated, Box<PgError>> {
        let mut out = SendBuf::new();
        let mut step = exchange(begin(&scram(), user, &mut out));
        assert_eq!(challenge(&mut out), "SCRAM-SHA-256\0\0");
        let client = Client::new("n,,", user, "abc");
        let first = client.first();
        let body = if empty_challenge {
            step = exchange(step.on_message(&initial(MECHANISM, None), &mut out)?);
            assert_eq!(challenge(&mut out), "");
            first.into_bytes()
        } else {
            initial(MECHANISM, Some(first.as_bytes()))
        };
        step = exchange(step.on_message(&body, &mut out)?);
        let (client_final, server_signature) = client.finish(password, &challenge(&mut out));
        let AuthStep::Done(done) = step.on_message(client_final.as_bytes(), &mut out)? else { unreachable!() };
        let ok = b"R\0\0\0\x08\0\0\0\0";
        let (sasl_final, rest) = out.as_slice().split_at(out.len() - ok.len());
        assert_eq!(rest, ok);
        assert!(sasl_final.ends_with(format!("v={server_signature}").as_bytes()));
        Ok(done)
    }

    #[test]
    fn scram_login() {
        assert_eq!(login("user", "pencil", false).unwrap().into_user(), "user");
        assert_eq!(login("user", "pencil", true).unwrap().into_user(), "user");
    }

    #[test]
    fn wrong_password_and_unknown_user_get_the_same_answer() {
        for (user, password) in [("user", "Pencil"), ("nobody", "pencil"), ("nobody", "")] {
            let error = login(user, password, false).unwrap_err();
            let text = format!("FATAL: 28P01: password authentication failed for user \"{user}\"");
            assert_eq!(error.to_string(), text);
        }
    }

    #[test]
    fn other_mechanisms_and_broken_frames_are_refused() {
        for mechanism in ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-1", ""] {
            let mut out = SendBuf::new();
            let step = exchange(begin(&scram(), "user", &mut out));
            let error = step.on_message(&initial(mechanism, Some(b"n,,n=,r=x")), &mut out).unwrap_err();
            assert_eq!(error.code, SqlState::PROTOCOL_VIOLATION);
            assert_eq!(error.message, "client selected an invalid SASL authentication mechanism");
        }
        let whole = initial(MECHANISM, Some(b"n,,n=,r=x"));
        for n in 0..whole.len() {
            let mut out = SendBuf::new();
            let step = exchange(begin(&scram(), "user", &mut out));
            assert!(step.on_message(&whole[..n], &mut out).is_err(), "{n} bytes");
        }
    }
}
