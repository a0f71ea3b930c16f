//! SCRAM-SHA-256, the client's side (RFC 5802, RFC 7677): how the gateway logs in to a PostgreSQL. Sans IO. Channel
//! binding is not used.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::scram::{Key, hmac, prepare_password};

/// Rounds beyond which a server is not trusted with our time; PostgreSQL's default is 4096.
const ITERATIONS_MAX: u32 = 10_000_000;

/// What the server said makes no sense, or it does not know the password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("SCRAM: {0}")]
pub(crate) struct ScramClientError(&'static str);

/// Waits for the server-first-message.
pub(crate) struct ScramClient {
    nonce: String,
}

/// Waits for the server-final-message.
pub(crate) struct ExpectServerFinal {
    signature: Key,
}

impl ScramClient {
    /// # Errors
    /// No random numbers.
    pub(crate) fn random() -> Result<Self, getrandom::Error> {
        let mut random = [0; 18];
        getrandom::fill(&mut random)?;
        Ok(Self { nonce: STANDARD.encode(random) })
    }

    /// The client-first-message. PostgreSQL takes the user from the startup packet.
    pub(crate) fn first(&self) -> String {
        format!("n,,{}", self.bare())
    }

    fn bare(&self) -> String {
        format!("n=,r={}", self.nonce)
    }

    /// The client-final-message.
    ///
    /// # Errors
    /// The message is not a server-first-message for us.
    pub(crate) fn on_server_first(
        self,
        message: &[u8],
        password: &str,
    ) -> Result<(ExpectServerFinal, String), ScramClientError> {
        let malformed = ScramClientError("the server-first-message is malformed");
        let message = std::str::from_utf8(message).map_err(|_| malformed)?;
        let mut attributes = message.split(',');
        let mut next = |name| attributes.next().and_then(|attribute| attribute.strip_prefix(name)).ok_or(malformed);
        let (nonce, salt, iterations) = (next("r=")?, next("s=")?, next("i=")?);
        if nonce.len() <= self.nonce.len() || !nonce.starts_with(&self.nonce) {
            return Err(ScramClientError("the server's nonce does not begin with ours"));
        }
        let salt = STANDARD.decode(salt).map_err(|_| malformed)?;
        let iterations: u32 = iterations.parse().map_err(|_| malformed)?;
        if !(1..=ITERATIONS_MAX).contains(&iterations) {
            return Err(ScramClientError("the server asks for an unreasonable number of iterations"));
        }
        let password = prepare_password(password);
        let salted: Key = pbkdf2::pbkdf2_hmac_array::<Sha256, 32>(password.as_bytes(), &salt, iterations);
        let client_key = hmac(&salted, &[b"Client Key"]);
        let stored_key: Key = Sha256::digest(client_key).into();
        let without_proof = format!("c=biws,r={nonce}");
        let auth_message = format!("{},{message},{without_proof}", self.bare());
        let mut proof = hmac(&stored_key, &[auth_message.as_bytes()]);
        for (byte, key) in proof.iter_mut().zip(client_key) {
            *byte ^= key;
        }
        let signature = hmac(&hmac(&salted, &[b"Server Key"]), &[auth_message.as_bytes()]);
        Ok((ExpectServerFinal { signature }, format!("{without_proof},p={}", STANDARD.encode(proof))))
    }
}

impl ExpectServerFinal {
    /// # Errors
    /// The server does not know the password, so it is not the one we meant to log in to.
    pub(crate) fn on_server_final(self, message: &[u8]) -> Result<(), ScramClientError> {
        let signature = message.strip_prefix(b"v=").and_then(|text| STANDARD.decode(text).ok());
        let signature = signature.ok_or(ScramClientError("the server-final-message is malformed"))?;
        if bool::from(signature.ct_eq(&self.signature)) {
            Ok(())
        } else {
            Err(ScramClientError("the server does not prove that it knows the password"))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::super::scram::{ExpectClientFirst, ServerNonce, Verifier};
    use super::*;

    #[test]
    fn both_sides_agree() {
        let verifier = Verifier::derive("päss", b"0123456789abcdef", NonZeroU32::new(4096).unwrap());
        let server = ExpectClientFirst::new(verifier, true, ServerNonce::random().unwrap());
        let client = ScramClient::random().unwrap();
        let (server, server_first) = server.on_client_first(client.first().as_bytes()).unwrap();
        let (client, client_final) = client.on_server_first(server_first.as_bytes(), "päss").unwrap();
        let verified = server.on_client_final(client_final.as_bytes()).unwrap();
        client.on_server_final(verified.server_final().as_bytes()).unwrap();
    }

    #[test]
    fn servers_that_lie_are_left() {
        let client = || ScramClient { nonce: "abc".to_owned() };
        for bad in ["", "r=xyz1,s=MTIz,i=4096", "r=abc,s=MTIz,i=4096", "r=abc1,s=MTIz,i=0", "r=abc1,s=*,i=1", "e=x"] {
            assert!(client().on_server_first(bad.as_bytes(), "p").is_err(), "{bad}");
        }
        let (expect, _) = client().on_server_first(b"r=abc1,s=MTIz,i=1", "p").unwrap();
        assert!(expect.on_server_final(b"v=AAAA").is_err());
    }
}
