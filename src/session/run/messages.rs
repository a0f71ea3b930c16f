//! Messages that were written into a spool.

/// The first backend message of `bytes`, and what follows it.
pub(crate) fn cut_message(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let length = bytes.get(1..)?.first_chunk::<4>()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?.checked_add(1)?;
    bytes.split_at_checked(length)
}
