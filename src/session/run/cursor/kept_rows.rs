//! Rows of a cursor kept in memory: whole DataRow messages, by their number in the result.

use std::cell::Cell;
use std::collections::VecDeque;
use std::rc::Rc;

/// Messages are kept in pieces of about this size, so that what is no longer needed can be given back.
const SEGMENT_BYTES: usize = 64 << 10;

/// What a row costs beside its message.
const ROW_BYTES: usize = std::mem::size_of::<usize>();

#[derive(Debug)]
struct Segment {
    /// Number of its first row.
    first: u64,
    messages: Vec<u8>,
    /// Where each row ends in `messages`.
    ends: Vec<usize>,
}

impl Segment {
    fn bytes(&self) -> usize {
        self.messages.len().saturating_add(self.ends.len().saturating_mul(ROW_BYTES))
    }

    fn after_last(&self) -> u64 {
        self.first.saturating_add(self.ends.len() as u64)
    }
}

/// A run of consecutive rows, counted from 1. Grows behind, shrinks in front.
#[derive(Debug)]
pub(crate) struct KeptRows {
    segments: VecDeque<Segment>,
    bytes: usize,
    /// What all cursors of the client keep.
    total: Rc<Cell<usize>>,
}

impl KeptRows {
    /// `total`: of all cursors of the client, kept up to date from here.
    pub(crate) fn new(total: &Rc<Cell<usize>>) -> Self {
        Self { segments: VecDeque::new(), bytes: 0, total: Rc::clone(total) }
    }

    /// Memory held for rows.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Appends row `number`. A gap to what is kept drops the older rows.
    pub(crate) fn push(&mut self, number: u64, message: &[u8]) {
        if self.segments.back().is_some_and(|last| last.after_last() != number) {
            self.clear();
        }
        if self.segments.back().is_none_or(|last| last.messages.len() >= SEGMENT_BYTES) {
            self.segments.push_back(Segment { first: number, messages: Vec::new(), ends: Vec::new() });
        }
        if let Some(segment) = self.segments.back_mut() {
            segment.messages.extend_from_slice(message);
            segment.ends.push(segment.messages.len());
            let bytes = message.len().saturating_add(ROW_BYTES);
            self.bytes = self.bytes.saturating_add(bytes);
            self.total.set(self.total.get().saturating_add(bytes));
        }
    }

    pub(crate) fn get(&self, number: u64) -> Option<&[u8]> {
        let behind = self.segments.partition_point(|segment| segment.first <= number);
        let segment = self.segments.get(behind.checked_sub(1)?)?;
        let index = usize::try_from(number.checked_sub(segment.first)?).ok()?;
        let end = *segment.ends.get(index)?;
        let start = match index.checked_sub(1) {
            Some(before) => *segment.ends.get(before)?,
            None => 0,
        };
        segment.messages.get(start..end)
    }

    /// The lowest number kept.
    pub(crate) fn first(&self) -> Option<u64> {
        self.segments.front().map(|segment| segment.first)
    }

    /// Gives back the memory of rows in front of `number`, as far as whole pieces have become free.
    pub(crate) fn drop_before(&mut self, number: u64) {
        while self.segments.front().is_some_and(|segment| segment.after_last() <= number) {
            self.drop_oldest();
        }
    }

    /// Gives back the oldest rows until at most `bytes` are held; the newest piece always stays.
    pub(crate) fn shrink_to(&mut self, bytes: usize) {
        while self.bytes > bytes && self.segments.len() > 1 {
            self.drop_oldest();
        }
    }

    fn drop_oldest(&mut self) {
        if let Some(segment) = self.segments.pop_front() {
            self.forget(segment.bytes());
        }
    }

    fn clear(&mut self) {
        self.segments.clear();
        self.forget(self.bytes);
    }

    fn forget(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_sub(bytes);
        self.total.set(self.total.get().saturating_sub(bytes));
    }
}

impl Drop for KeptRows {
    fn drop(&mut self) {
        self.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(rows: u64) -> KeptRows {
        let mut kept = KeptRows::new(&Rc::default());
        for number in 1..=rows {
            kept.push(number, format!("row {number}{}", " ".repeat(1000)).as_bytes());
        }
        kept
    }

    #[test]
    fn rows_are_found_by_number() {
        let kept = filled(500);
        for number in [1, 2, 64, 65, 66, 67, 499, 500] {
            let row = kept.get(number).unwrap();
            assert_eq!(std::str::from_utf8(row).unwrap().trim_end(), format!("row {number}"));
        }
        assert_eq!((kept.get(0), kept.get(501)), (None, None));
        assert_eq!(kept.first(), Some(1));
    }

    #[test]
    fn what_is_passed_can_be_given_back() {
        let mut kept = filled(500);
        let all = kept.bytes();
        kept.drop_before(200);
        assert!(kept.bytes() < all);
        assert!(kept.get(200).is_some() && kept.first() > Some(1));
        kept.shrink_to(70_000);
        assert!(kept.bytes() <= 70_000 + SEGMENT_BYTES, "{}", kept.bytes());
        assert!(kept.get(500).is_some());
        kept.drop_before(501);
        assert_eq!((kept.bytes(), kept.first()), (0, None));
    }

    #[test]
    fn a_gap_starts_anew() {
        let mut kept = filled(3);
        kept.push(10, b"ten");
        assert_eq!((kept.get(3), kept.get(10)), (None, Some(&b"ten"[..])));
        assert_eq!(kept.bytes(), 3 + ROW_BYTES);
    }

    #[test]
    fn all_cursors_together_keep_what_each_keeps() {
        let total = Rc::<Cell<usize>>::default();
        let (mut one, mut other) = (KeptRows::new(&total), KeptRows::new(&total));
        for number in 1..=500 {
            one.push(number, &[0; 1_000]);
            other.push(number, &[0; 10]);
        }
        assert_eq!(total.get(), one.bytes() + other.bytes());
        one.shrink_to(70_000);
        other.push(900, b"behind a gap");
        assert_eq!(total.get(), one.bytes() + other.bytes());
        drop(one);
        assert_eq!(total.get(), other.bytes());
        drop(other);
        assert_eq!(total.get(), 0);
    }
}
