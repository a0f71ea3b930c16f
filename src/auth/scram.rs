//! SCRAM-SHA-256, the server's side (RFC 5802, RFC 7677), over stored verifiers. Sans IO: messages in, messages out.
//!
//! Checks and answers follow PostgreSQL's `auth-scram.c`. Channel binding is not offered.

use std::borrow::Cow;
use std::fmt;
use std::num::NonZeroU32;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::digest::KeyInit;
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

use crate::wire::{PgError, SqlState};

/// The mechanism's name in AuthenticationSASL.
pub(crate) const MECHANISM: &str = "SCRAM-SHA-256";
/// PostgreSQL's `scram_iterations`, and the least RFC 7677 allows.
pub(crate) const ITERATIONS_DEFAULT: NonZeroU32 = NonZeroU32::MIN.saturating_add(4095);
/// PostgreSQL's `SCRAM_DEFAULT_SALT_LEN`.
pub(crate) const SALT_BYTES_DEFAULT: usize = 16;

const KEY_BYTES: usize = 32;
pub(super) type Key = [u8; KEY_BYTES];

/// What is stored of a password: enough to check it, not enough to log in with it.
#[derive(Clone, PartialEq, Eq)]
pub struct Verifier {
    iterations: NonZeroU32,
    salt: Vec<u8>,
    stored_key: Key,
    server_key: Key,
}

impl Verifier {
    pub fn derive(password: &str, salt: &[u8], iterations: NonZeroU32) -> Self {
        let password = prepare_password(password);
        let salted: Key = pbkdf2::pbkdf2_hmac_array::<Sha256, KEY_BYTES>(password.as_bytes(), salt, iterations.get());
        Self {
            iterations,
            salt: salt.to_vec(),
            stored_key: Sha256::digest(hmac(&salted, &[b"Client Key"])).into(),
            server_key: hmac(&salted, &[b"Server Key"]),
        }
    }

    /// From PostgreSQL's format, `SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>`; `None` if it is not that.
    pub fn parse(text: &str) -> Option<Self> {
        let (parameters, keys) = text.strip_prefix(MECHANISM)?.strip_prefix('$')?.split_once('$')?;
        let (iterations, salt) = parameters.split_once(':')?;
        let (stored_key, server_key) = keys.split_once(':')?;
        let salt = STANDARD.decode(salt).ok().filter(|salt| !salt.is_empty())?;
        Some(Self {
            iterations: iterations.parse().ok()?,
            salt,
            stored_key: STANDARD.decode(stored_key).ok()?.try_into().ok()?,
            server_key: STANDARD.decode(server_key).ok()?.try_into().ok()?,
        })
    }

    /// A verifier no password matches, for a user that does not exist. What the client sees of it looks like
    /// `model`'s and is the same each time, as a real user's would be (PostgreSQL's mock authentication).
    pub(super) fn mock(user: &str, secret: &MockSecret, model: Option<&Self>) -> Self {
        let salt_bytes = model.map_or(SALT_BYTES_DEFAULT, |model| model.salt.len());
        let mut salt = Vec::new();
        let mut counter = 0_u32;
        while salt.len() < salt_bytes {
            salt.extend_from_slice(&hmac(&secret.0, &[&counter.to_be_bytes(), user.as_bytes()]));
            counter = counter.wrapping_add(1);
        }
        salt.truncate(salt_bytes);
        Self {
            iterations: model.map_or(ITERATIONS_DEFAULT, |model| model.iterations),
            salt,
            stored_key: [0; KEY_BYTES],
            server_key: [0; KEY_BYTES],
        }
    }
}

impl fmt::Display for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [salt, stored_key, server_key] =
            [&self.salt[..], &self.stored_key, &self.server_key].map(|bytes| STANDARD.encode(bytes));
        write!(f, "{MECHANISM}${}:{salt}${stored_key}:{server_key}", self.iterations)
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier").field("iterations", &self.iterations).finish_non_exhaustive()
    }
}

/// The verifier of `password` as a user file holds it. `salt` must be fresh random bytes.
pub(crate) fn hash_password(password: &str, salt: &[u8], iterations: NonZeroU32) -> String {
    Verifier::derive(password, salt, iterations).to_string()
}

/// SASLprep (RFC 4013), or the password as it is where that forbids it, as PostgreSQL and libpq do.
pub(super) fn prepare_password(password: &str) -> Cow<'_, str> {
    stringprep::saslprep(password).unwrap_or(Cow::Borrowed(password))
}

/// Per-process secret that makes the salts of users that do not exist.
#[derive(Clone)]
pub struct MockSecret([u8; 32]);

impl MockSecret {
    pub const fn new(secret: [u8; 32]) -> Self {
        Self(secret)
    }

    pub fn random() -> Result<Self, getrandom::Error> {
        let mut secret = [0; 32];
        getrandom::fill(&mut secret)?;
        Ok(Self(secret))
    }

    /// A number below `count` that a user name always gets.
    pub(super) fn pick(&self, user: &str, count: usize) -> usize {
        let [a, b, c, d, ..] = hmac(&self.0, &[b"pick", user.as_bytes()]);
        let number = usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap_or(usize::MAX);
        number.checked_rem(count).unwrap_or(0)
    }
}

impl fmt::Debug for MockSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MockSecret(..)")
    }
}

/// The server's half of the nonce: fresh for every exchange.
#[derive(Debug, Clone)]
pub struct ServerNonce(String);

impl ServerNonce {
    /// 18 random bytes (PostgreSQL's `SCRAM_RAW_NONCE_LEN`) as base64, which is printable and free of commas.
    pub fn new(random: [u8; 18]) -> Self {
        Self(STANDARD.encode(random))
    }

    pub fn random() -> Result<Self, getrandom::Error> {
        let mut random = [0; 18];
        getrandom::fill(&mut random)?;
        Ok(Self::new(random))
    }

    #[cfg(test)]
    pub(super) fn fixed(text: &str) -> Self {
        Self(text.to_owned())
    }
}

/// Why an exchange failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScramError {
    /// The client's message breaks the rules of RFC 5802, section 7; which one.
    Malformed(&'static str),
    /// Well formed, but another nonce or channel binding than the exchange's.
    InvalidResponse(&'static str),
    /// The client demands something optional that the server does not have.
    Unsupported(&'static str),
    /// Wrong password, or no such user: nobody outside can tell which.
    ProofMismatch,
}

impl ScramError {
    pub fn to_pg(&self, user: &str) -> Box<PgError> {
        let malformed = SqlState::PROTOCOL_VIOLATION;
        match *self {
            Self::Malformed(detail) => PgError::fatal(malformed, "malformed SCRAM message").detail(detail),
            Self::InvalidResponse(detail) => PgError::fatal(malformed, "invalid SCRAM response").detail(detail),
            Self::Unsupported(message) => PgError::fatal(SqlState::FEATURE_NOT_SUPPORTED, message),
            Self::ProofMismatch => PgError::fatal(
                SqlState::INVALID_PASSWORD,
                format!("password authentication failed for user \"{user}\""),
            ),
        }
    }
}

/// Waits for the client-first-message.
#[derive(Debug)]
pub struct ExpectClientFirst {
    verifier: Verifier,
    /// False for a mock verifier: the exchange runs to its end and fails there.
    known: bool,
    nonce: ServerNonce,
}

impl ExpectClientFirst {
    pub fn new(verifier: Verifier, known: bool, nonce: ServerNonce) -> Self {
        Self { verifier, known, nonce }
    }

    /// Gives the server-first-message. The user name inside is ignored: the startup packet's counts, as in PostgreSQL.
    pub fn on_client_first(self, message: &[u8]) -> Result<(ExpectClientFinal, String), ScramError> {
        let message = text(message)?;
        let (binding, bare) = split_gs2_header(message)?;
        let client_nonce = client_nonce(bare)?;
        let nonce = format!("{client_nonce}{}", self.nonce.0);
        let salt = STANDARD.encode(&self.verifier.salt);
        let server_first = format!("r={nonce},s={salt},i={}", self.verifier.iterations);
        let next = ExpectClientFinal {
            stored_key: self.verifier.stored_key,
            server_key: self.verifier.server_key,
            known: self.known,
            binding,
            nonce,
            auth_message: format!("{bare},{server_first},"),
        };
        Ok((next, server_first))
    }
}

/// Waits for the client-final-message.
pub struct ExpectClientFinal {
    stored_key: Key,
    server_key: Key,
    known: bool,
    /// base64 of the gs2 header the client began with.
    binding: &'static str,
    nonce: String,
    /// AuthMessage of RFC 5802, section 3, as far as it is known.
    auth_message: String,
}

impl fmt::Debug for ExpectClientFinal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExpectClientFinal").finish_non_exhaustive()
    }
}

impl ExpectClientFinal {
    pub fn on_client_final(self, message: &[u8]) -> Result<ProofVerified, ScramError> {
        let message = text(message)?;
        let (without_proof, proof) =
            message.rsplit_once(",p=").ok_or(ScramError::Malformed("Attribute \"p\" (proof) is missing."))?;
        let mut attributes = without_proof.split(',');
        let binding = attribute(attributes.next(), "c=", "Attribute \"c\" (channel binding) expected.")?;
        let nonce = attribute(attributes.next(), "r=", "Attribute \"r\" (nonce) expected.")?;
        check_extensions(attributes)?;
        let proof = STANDARD.decode(proof).ok().and_then(|proof| Key::try_from(proof).ok());
        let proof = proof.ok_or(ScramError::Malformed("Malformed proof in client-final-message."))?;
        if binding != self.binding {
            return Err(ScramError::InvalidResponse("Channel binding does not match the client-first-message."));
        }
        if nonce != self.nonce {
            return Err(ScramError::InvalidResponse("Nonce does not match."));
        }

        let auth_message = [self.auth_message.as_bytes(), without_proof.as_bytes()];
        let mut client_key = hmac(&self.stored_key, &auth_message);
        for (byte, proof) in client_key.iter_mut().zip(proof) {
            *byte ^= proof;
        }
        let matches = Key::from(Sha256::digest(client_key)).ct_eq(&self.stored_key);
        // One verdict over both, after the same work for users that exist and users that do not.
        if !bool::from(matches & Choice::from(u8::from(self.known))) {
            return Err(ScramError::ProofMismatch);
        }
        let signature = STANDARD.encode(hmac(&self.server_key, &auth_message));
        Ok(ProofVerified { server_final: format!("v={signature}") })
    }
}

/// Witness: the client knows the password.
#[derive(Debug)]
#[must_use]
pub struct ProofVerified {
    server_final: String,
}

impl ProofVerified {
    /// Goes into AuthenticationSASLFinal.
    pub fn server_final(&self) -> &str {
        &self.server_final
    }
}

/// SCRAM messages are UTF-8 without NUL (RFC 5802, section 7).
fn text(message: &[u8]) -> Result<&str, ScramError> {
    if message.is_empty() {
        return Err(ScramError::Malformed("The message is empty."));
    }
    match std::str::from_utf8(message) {
        Ok(text) if !text.contains('\0') => Ok(text),
        _ => Err(ScramError::Malformed("The message is not UTF-8 text.")),
    }
}

/// The gs2 header, as the base64 that must come back in `c=`, and the client-first-message-bare.
fn split_gs2_header(message: &str) -> Result<(&'static str, &str), ScramError> {
    // `y`: the client could bind channels and believes the server cannot, which is so.
    let (binding, rest) = if let Some(rest) = message.strip_prefix('n') {
        ("biws", rest)
    } else if let Some(rest) = message.strip_prefix('y') {
        ("eSws", rest)
    } else if message.starts_with('p') {
        let detail = "The client selected SCRAM-SHA-256 without channel binding, \
                      but the SCRAM message includes channel binding data.";
        return Err(ScramError::Malformed(detail));
    } else {
        return Err(ScramError::Malformed("Unexpected channel-binding flag."));
    };
    let rest = rest.strip_prefix(',').ok_or(ScramError::Malformed("Comma expected after the channel-binding flag."))?;
    if rest.starts_with("a=") {
        return Err(ScramError::Unsupported("client uses authorization identity, but it is not supported"));
    }
    let bare = rest.strip_prefix(',').ok_or(ScramError::Malformed("Unexpected attribute in client-first-message."))?;
    Ok((binding, bare))
}

fn client_nonce(bare: &str) -> Result<&str, ScramError> {
    if bare.starts_with("m=") {
        return Err(ScramError::Unsupported("client requires an unsupported SCRAM extension"));
    }
    let mut attributes = bare.split(',');
    attribute(attributes.next(), "n=", "Attribute \"n\" (user name) expected.")?;
    let nonce = attribute(attributes.next(), "r=", "Attribute \"r\" (nonce) expected.")?;
    if nonce.is_empty() || !nonce.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(ScramError::Malformed("The nonce is empty or has non-printable characters."));
    }
    check_extensions(attributes)?;
    Ok(nonce)
}

fn attribute<'a>(attribute: Option<&'a str>, name: &str, detail: &'static str) -> Result<&'a str, ScramError> {
    attribute.and_then(|attribute| attribute.strip_prefix(name)).ok_or(ScramError::Malformed(detail))
}

/// Optional extensions are ignored, as long as they have the form of one.
fn check_extensions<'a>(mut attributes: impl Iterator<Item = &'a str>) -> Result<(), ScramError> {
    let well_formed =
        attributes.all(|attribute| matches!(attribute.as_bytes(), [name, b'=', ..] if name.is_ascii_alphabetic()));
    if well_formed { Ok(()) } else { Err(ScramError::Malformed("Attribute expected.")) }
}

pub(super) fn hmac(key: &Key, parts: &[&[u8]]) -> Key {
    // A key shorter than the block is padded with zeros (RFC 2104, section 2), so this cannot fail on a length.
    let mut block = [0; 64];
    for (to, from) in block.iter_mut().zip(key) {
        *to = *from;
    }
    let mut mac = Hmac::<Sha256>::new(&block.into());
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// RFC 7677, section 3: user "user", password "pencil".
    pub(crate) const RFC_7677_USER_LINE: &str = "user:SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==\
        $WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";

    const CLIENT_FIRST: &[u8] = b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO";
    const NONCE: &str = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
    const CLIENT_FINAL: &str = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
        p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";

    /// A client that follows RFC 5802 to the letter.
    pub(crate) struct Client {
        gs2_header: &'static str,
        bare: String,
    }

    impl Client {
        pub(crate) fn new(gs2_header: &'static str, user: &str, nonce: &str) -> Self {
            Self { gs2_header, bare: format!("n={user},r={nonce}") }
        }

        pub(crate) fn first(&self) -> String {
            format!("{}{}", self.gs2_header, self.bare)
        }

        /// The client-final-message and the server signature it expects.
        pub(crate) fn finish(&self, password: &str, server_first: &str) -> (String, String) {
            let attributes: Vec<&str> = server_first.split(',').map(|attribute| &attribute[2..]).collect();
            let [nonce, salt, iterations] = attributes[..] else { unreachable!() };
            let salt = STANDARD.decode(salt).unwrap();
            let salted: Key =
                pbkdf2::pbkdf2_hmac_array::<Sha256, 32>(password.as_bytes(), &salt, iterations.parse().unwrap());
            let client_key = hmac(&salted, &[b"Client Key"]);
            let stored_key: Key = Sha256::digest(client_key).into();
            let without_proof = format!("c={},r={nonce}", STANDARD.encode(self.gs2_header));
            let auth_message = format!("{},{server_first},{without_proof}", self.bare);
            let signature = hmac(&stored_key, &[auth_message.as_bytes()]);
            let proof: Vec<u8> = client_key.iter().zip(signature).map(|(a, b)| a ^ b).collect();
            let server_signature = hmac(&hmac(&salted, &[b"Server Key"]), &[auth_message.as_bytes()]);
            (format!("{without_proof},p={}", STANDARD.encode(proof)), STANDARD.encode(server_signature))
        }
    }

    fn rfc_verifier() -> Verifier {
        Verifier::parse(RFC_7677_USER_LINE.strip_prefix("user:").unwrap()).unwrap()
    }

    fn expect_first() -> ExpectClientFirst {
        ExpectClientFirst::new(rfc_verifier(), true, ServerNonce::fixed("%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"))
    }

    fn expect_final() -> ExpectClientFinal {
        expect_first().on_client_first(CLIENT_FIRST).unwrap().0
    }

    #[test]
    fn rfc_7677_test_vector() {
        let (expect, server_first) = expect_first().on_client_first(CLIENT_FIRST).unwrap();
        assert_eq!(server_first, format!("r={NONCE},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"));
        let verified = expect.on_client_final(CLIENT_FINAL.as_bytes()).unwrap();
        assert_eq!(verified.server_final(), "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
    }

    #[test]
    fn verifiers_round_trip_in_postgresql_format() {
        let salt = STANDARD.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
        let hashed = hash_password("pencil", &salt, ITERATIONS_DEFAULT);
        assert_eq!(format!("user:{hashed}"), RFC_7677_USER_LINE);
        assert_eq!(Verifier::parse(&hashed), Some(rfc_verifier()));
        for n in 0..hashed.len() {
            assert_eq!(Verifier::parse(&hashed[..n]), None, "{n}");
        }
        for bad in
            [hashed.replace("4096", "0"), hashed.replace("4096", "-1"), format!("{hashed}AAAA"), hashed.to_lowercase()]
        {
            assert_eq!(Verifier::parse(&bad), None, "{bad}");
        }
    }

    #[test]
    fn secrets_do_not_show_in_debug_output() {
        assert_eq!(format!("{:?}", rfc_verifier()), "Verifier { iterations: 4096, .. }");
        assert_eq!(format!("{:?}", expect_final()), "ExpectClientFinal { .. }");
    }

    #[test]
    fn passwords_are_prepared() {
        assert_eq!(prepare_password("plain ascii"), "plain ascii");
        // Composed and decomposed accents, ligatures and wide spaces are one password (RFC 4013).
        assert_eq!(prepare_password("u\u{308}"), "\u{fc}");
        assert_eq!(prepare_password("\u{2168}\u{a0}"), "IX ");
        // What SASLprep forbids is taken as it is.
        assert_eq!(prepare_password("a\u{7}"), "a\u{7}");
    }

    #[test]
    fn gs2_flags() {
        for (header, accepted) in [("n,,", true), ("y,,", true)] {
            let client = Client::new(header, "user", "abc");
            let (expect, server_first) = expect_first().on_client_first(client.first().as_bytes()).unwrap();
            let (client_final, signature) = client.finish("pencil", &server_first);
            let got = expect.on_client_final(client_final.as_bytes()).map(|verified| verified.server_final);
            assert_eq!(got.is_ok(), accepted);
            assert_eq!(got, Ok(format!("v={signature}")));
        }
        let cases: [(&[u8], &str); 9] = [
            (b"p=tls-server-end-point,,n=,r=x", "malformed SCRAM message"),
            (b"N,,n=,r=x", "malformed SCRAM message"),
            (b",,n=,r=x", "malformed SCRAM message"),
            (b"n", "malformed SCRAM message"),
            (b"n,", "malformed SCRAM message"),
            (b"n;,n=,r=x", "malformed SCRAM message"),
            (b"n,b=x,n=,r=x", "malformed SCRAM message"),
            (b"n,a=admin,n=,r=x", "client uses authorization identity, but it is not supported"),
            (b"n,,m=x,n=,r=x", "client requires an unsupported SCRAM extension"),
        ];
        for (message, expected) in cases {
            let error = expect_first().on_client_first(message).unwrap_err().to_pg("user");
            assert_eq!(error.message, expected, "{}", message.escape_ascii());
        }
    }

    #[test]
    fn malformed_first_messages() {
        let cases: [&[u8]; 9] = [
            b"",
            b"n,,",
            b"n,,r=x",
            b"n,,n=user",
            b"n,,n=user,r=",
            b"n,,n=user,r=a b",
            b"n,,n=user,r=x,",
            b"n,,n=user,r=x\0",
            b"n,,n=\xFF,r=x",
        ];
        for message in cases {
            let got = expect_first().on_client_first(message);
            assert!(matches!(got, Err(ScramError::Malformed(_))), "{}", message.escape_ascii());
        }
        assert!(expect_first().on_client_first(b"n,,n=,r=x,z=extension").is_ok());
    }

    #[test]
    fn every_truncation_of_the_final_message_fails() {
        for n in 0..CLIENT_FINAL.len() {
            assert!(expect_final().on_client_final(&CLIENT_FINAL.as_bytes()[..n]).is_err(), "{n}");
        }
        let longer = format!("{CLIENT_FINAL},x=y");
        assert!(matches!(expect_final().on_client_final(longer.as_bytes()), Err(ScramError::Malformed(_))));
    }

    #[test]
    fn every_flipped_bit_of_the_proof_fails() {
        let (head, proof) = CLIENT_FINAL.rsplit_once("p=").unwrap();
        let proof = STANDARD.decode(proof).unwrap();
        for bit in 0..256 {
            let mut proof = proof.clone();
            proof[bit / 8] ^= 1 << (bit % 8);
            let message = format!("{head}p={}", STANDARD.encode(proof));
            assert_eq!(expect_final().on_client_final(message.as_bytes()).unwrap_err(), ScramError::ProofMismatch);
        }
    }

    #[test]
    fn replayed_nonce_and_changed_binding_are_refused() {
        let other = ExpectClientFirst::new(rfc_verifier(), true, ServerNonce::new([0; 18]));
        let (expect, _) = other.on_client_first(CLIENT_FIRST).unwrap();
        let error = expect.on_client_final(CLIENT_FINAL.as_bytes()).unwrap_err();
        assert_eq!(error, ScramError::InvalidResponse("Nonce does not match."));
        // The client said n, then claims y: somebody removed what the server offered.
        let changed = CLIENT_FINAL.replace("biws", "eSws");
        let error = expect_final().on_client_final(changed.as_bytes()).unwrap_err();
        assert!(matches!(error, ScramError::InvalidResponse(_)));
    }

    /// A mock user's keys are all zero; a proof for exactly those must still fail.
    #[test]
    fn a_mock_user_never_gets_in() {
        let mut verifier = rfc_verifier();
        let expect =
            ExpectClientFirst::new(verifier.clone(), false, ServerNonce::fixed("%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"));
        let (expect, _) = expect.on_client_first(CLIENT_FIRST).unwrap();
        assert_eq!(expect.on_client_final(CLIENT_FINAL.as_bytes()).unwrap_err(), ScramError::ProofMismatch);
        verifier = Verifier::mock("x", &MockSecret::new([0; 32]), Some(&verifier));
        assert_eq!(verifier.salt.len(), 16);
        assert_ne!(verifier.salt, rfc_verifier().salt);
    }
}
