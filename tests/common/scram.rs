//! The client's side of SCRAM-SHA-256 (RFC 5802, RFC 7677), without channel binding.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use super::message::frame;

pub struct Exchange {
    password: String,
    bare: String,
    server_signature: Vec<u8>,
}

fn hmac(key: &[u8], text: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(text);
    mac.finalize().into_bytes().to_vec()
}

impl Exchange {
    pub fn new(password: &str) -> Self {
        Self { password: password.into(), bare: "n=,r=fyko+d2lbbFgONRv9qkxdawL".into(), server_signature: Vec::new() }
    }

    pub fn initial_response(&self) -> Vec<u8> {
        let first = format!("n,,{}", self.bare);
        let mut body = b"SCRAM-SHA-256\0".to_vec();
        body.extend((first.len() as u32).to_be_bytes());
        body.extend(first.as_bytes());
        frame(b'p', &body)
    }

    pub fn response(&mut self, server_first: &[u8]) -> Vec<u8> {
        let server_first = std::str::from_utf8(server_first).unwrap();
        let field = |name: &str| server_first.split(',').find_map(|part| part.strip_prefix(name)).unwrap();
        let salt = STANDARD.decode(field("s=")).unwrap();
        let mut salted = [0; 32];
        pbkdf2::pbkdf2_hmac::<Sha256>(self.password.as_bytes(), &salt, field("i=").parse().unwrap(), &mut salted);
        let client_key = hmac(&salted, b"Client Key");
        let without_proof = format!("c=biws,r={}", field("r="));
        let auth_message = format!("{},{server_first},{without_proof}", self.bare);
        let signature = hmac(&Sha256::digest(&client_key), auth_message.as_bytes());
        let proof: Vec<u8> = client_key.iter().zip(&signature).map(|(a, b)| a ^ b).collect();
        self.server_signature = hmac(&hmac(&salted, b"Server Key"), auth_message.as_bytes());
        frame(b'p', format!("{without_proof},p={}", STANDARD.encode(proof)).as_bytes())
    }

    pub fn verify(&self, server_final: &[u8]) {
        let signature = std::str::from_utf8(server_final).unwrap().strip_prefix("v=").unwrap();
        assert_eq!(STANDARD.decode(signature).unwrap(), self.server_signature, "server signature");
    }
}
