//! Every message, whole, cut short, lengthened and mutated.

mod backend;
mod frontend;

/// A tagged message around a body.
fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).unwrap();
    [&[tag], &length.to_be_bytes()[..], body].concat()
}
