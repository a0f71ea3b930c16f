//! Addresses in binary. PostgreSQL writes the family of an `inet` or `cidr` as the number that its platform has for it:
//! 2 where clients and servers meet, and another one in WebAssembly. What passes the border of the process is renumbered
//! in its place: parameters, results, and arrays of both.

use iris_pgwire::parts::wire::Frame;

use super::engine::{Engine, first_value, query};

/// As Linux and most others number them, and so every client: IPv4, IPv6.
const USUAL: [u8; 2] = [2, 3];

const INET: u32 = 869;
const CIDR: u32 = 650;
const INET_ARRAY: u32 = 1041;
const CIDR_ARRAY: u32 = 651;

/// How this PostgreSQL numbers the families.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Families {
    own: [u8; 2],
}

/// What a column or parameter holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Other,
    Address,
    Addresses,
}

impl Kind {
    fn of(oid: u32, is_binary: bool) -> Self {
        match oid {
            INET | CIDR if is_binary => Self::Address,
            INET_ARRAY | CIDR_ARRAY if is_binary => Self::Addresses,
            _ => Self::Other,
        }
    }
}

impl Families {
    /// # Errors
    /// The engine is broken, or has no addresses.
    pub fn ask(engine: &mut impl Engine) -> Result<Self, String> {
        let ask = "SELECT pg_catalog.concat(pg_catalog.get_byte(pg_catalog.inet_send('0.0.0.0'), 0), ' ', \
                   pg_catalog.get_byte(pg_catalog.inet_send('::'), 0))";
        let answer = engine.exchange(&query(ask))?;
        let text = first_value(&answer).unwrap_or_default();
        let numbers = text.split_once(' ').and_then(|(v4, v6)| Some([v4.parse().ok()?, v6.parse().ok()?]));
        Ok(Self { own: numbers.ok_or("it does not tell how it numbers addresses")? })
    }

    /// Messages of a client, on their way to PostgreSQL. Parameters are known by the types that Parse says in the same
    /// batch.
    pub fn renumber_parameters(self, frames: &mut [u8]) {
        if self.own != USUAL {
            renumber(frames, Direction { from: USUAL, to: self.own });
        }
    }

    /// What PostgreSQL has answered.
    pub fn renumber_results(self, answer: &mut [u8]) {
        if self.own != USUAL {
            renumber(answer, Direction { from: self.own, to: USUAL });
        }
    }
}

#[derive(Clone, Copy)]
struct Direction {
    from: [u8; 2],
    to: [u8; 2],
}

/// Goes through messages of either side: what a Parse or a RowDescription says holds for the next Bind or DataRow.
fn renumber(mut bytes: &mut [u8], direction: Direction) {
    let mut oids: Vec<u32> = Vec::new();
    let mut columns: Vec<Kind> = Vec::new();
    while let Ok(Some(frame)) = Frame::cut_backend(bytes, u32::MAX) {
        let (tag, length) = (frame.tag, frame.wire_len());
        let Some((message, rest)) = std::mem::take(&mut bytes).split_at_mut_checked(length) else { return };
        let body = message.get_mut(5..).unwrap_or_default();
        // Whatever is not as it should be PostgreSQL itself refuses.
        match tag {
            b'P' => oids = parameter_types(body).unwrap_or_default(),
            b'T' => columns = column_kinds(body).unwrap_or_default(),
            b'B' if oids.iter().any(|oid| Kind::of(*oid, true) != Kind::Other) => {
                let _ = bind(body, &oids, direction);
            }
            b'D' if columns.iter().any(|kind| *kind != Kind::Other) => {
                let _ = values(&mut Cursor(body), &columns, direction);
            }
            _ => {}
        }
        bytes = rest;
    }
}

/// Reads from the front.
struct Cursor<'b>(&'b mut [u8]);

impl<'b> Cursor<'b> {
    fn take(&mut self, count: usize) -> Option<&'b mut [u8]> {
        let (taken, rest) = std::mem::take(&mut self.0).split_at_mut_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn string(&mut self) -> Option<()> {
        let end = self.0.iter().position(|byte| *byte == 0)?;
        self.take(end.checked_add(1)?).map(drop)
    }

    fn u16(&mut self) -> Option<u16> {
        self.take(2)?.first_chunk().map(|bytes| u16::from_be_bytes(*bytes))
    }

    fn u32(&mut self) -> Option<u32> {
        self.take(4)?.first_chunk().map(|bytes| u32::from_be_bytes(*bytes))
    }
}

fn parameter_types(body: &mut [u8]) -> Option<Vec<u32>> {
    let mut cursor = Cursor(body);
    cursor.string()?;
    cursor.string()?;
    let count = cursor.u16()?;
    (0..count).map(|_| cursor.u32()).collect()
}

fn column_kinds(body: &mut [u8]) -> Option<Vec<Kind>> {
    let mut cursor = Cursor(body);
    let count = cursor.u16()?;
    let mut kinds = Vec::new();
    for _ in 0..count {
        cursor.string()?;
        cursor.take(6)?;
        let oid = cursor.u32()?;
        cursor.take(6)?;
        kinds.push(Kind::of(oid, cursor.u16()? == 1));
    }
    Some(kinds)
}

fn bind(body: &mut [u8], oids: &[u32], direction: Direction) -> Option<()> {
    let mut cursor = Cursor(body);
    cursor.string()?;
    cursor.string()?;
    let count = cursor.u16()?;
    let formats: Vec<u16> = (0..count).map(|_| cursor.u16()).collect::<Option<_>>()?;
    // None: all text; one: it holds for all.
    let is_binary = |at: usize| {
        let format = if formats.len() == 1 { formats.first() } else { formats.get(at) };
        format == Some(&1)
    };
    let kinds: Vec<Kind> = oids.iter().enumerate().map(|(at, oid)| Kind::of(*oid, is_binary(at))).collect();
    values(&mut cursor, &kinds, direction)
}

/// A count, and as many values with their lengths.
fn values(cursor: &mut Cursor<'_>, kinds: &[Kind], direction: Direction) -> Option<()> {
    let count = usize::from(cursor.u16()?);
    for at in 0..count {
        let kind = kinds.get(at).copied().unwrap_or(Kind::Other);
        let Some(value) = value(cursor)? else { continue };
        match kind {
            Kind::Other => {}
            Kind::Address => address(value, direction),
            Kind::Addresses => addresses(value, direction)?,
        }
    }
    Some(())
}

/// `None` inside: NULL.
fn value<'b>(cursor: &mut Cursor<'b>) -> Option<Option<&'b mut [u8]>> {
    match cursor.u32()? {
        u32::MAX => Some(None),
        length => cursor.take(usize::try_from(length).ok()?).map(Some),
    }
}

fn address(value: &mut [u8], direction: Direction) {
    let Direction { from: [v4, v6], to: [new_v4, new_v6] } = direction;
    if let Some(family) = value.first_mut() {
        match *family {
            own if own == v4 => *family = new_v4,
            own if own == v6 => *family = new_v6,
            // A family that the other side must not take for one of its own.
            _ => *family = 0,
        }
    }
}

fn addresses(array: &mut [u8], direction: Direction) -> Option<()> {
    let mut cursor = Cursor(array);
    let dimensions = cursor.u32()?;
    cursor.take(8)?;
    for _ in 0..dimensions {
        cursor.take(8)?;
    }
    while !cursor.0.is_empty() {
        if let Some(element) = value(&mut cursor)? {
            address(element, direction);
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(tag: u8, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len() + 4).unwrap();
        [&[tag][..], &length.to_be_bytes(), body].concat()
    }

    fn cell(bytes: &[u8]) -> Vec<u8> {
        [&u32::try_from(bytes.len()).unwrap().to_be_bytes()[..], bytes].concat()
    }

    const V4: [u8; 8] = [2, 32, 0, 4, 10, 0, 0, 1];
    const OWN_V4: [u8; 8] = [1, 32, 0, 4, 10, 0, 0, 1];

    fn array(element: &[u8]) -> Vec<u8> {
        let head: Vec<u8> = [1_u32, 1, INET, 3, 1].iter().flat_map(|number| number.to_be_bytes()).collect();
        [&head[..], &cell(element), &u32::MAX.to_be_bytes(), &cell(element)].concat()
    }

    #[test]
    fn parameters_and_results_are_renumbered() {
        let families = Families { own: [1, 2] };
        let parse = {
            let oids: Vec<u8> = [25, INET, INET_ARRAY, CIDR].iter().flat_map(|oid| oid.to_be_bytes()).collect();
            frame(b'P', &[b"\0select\0\0\x04", &oids[..]].concat())
        };
        let bind = |element: &[u8]| {
            let values =
                [cell(b"\x02"), cell(element), cell(&array(element)), u32::MAX.to_be_bytes().to_vec()].concat();
            frame(b'B', &[b"\0\0\0\x01\0\x01\0\x04", &values[..], b"\0\0"].concat())
        };
        let mut frames = [parse.clone(), bind(&V4)].concat();
        families.renumber_parameters(&mut frames);
        assert_eq!(frames, [parse, bind(&OWN_V4)].concat());

        let description = |format: u16| {
            let column = |oid: u32| {
                [b"c\0\0\0\0\0\0\0", &oid.to_be_bytes()[..], b"\0\0\0\0\0\0", &format.to_be_bytes()].concat()
            };
            frame(b'T', &[b"\0\x02", &column(CIDR)[..], &column(INET_ARRAY)].concat())
        };
        let row = |element: &[u8]| frame(b'D', &[b"\0\x02", &cell(element)[..], &cell(&array(element))].concat());
        let mut answer = [description(1), row(&OWN_V4)].concat();
        families.renumber_results(&mut answer);
        assert_eq!(answer, [description(1), row(&V4)].concat());
        // As text nothing is touched.
        let text = [description(0), row(&OWN_V4)].concat();
        let mut answer = text.clone();
        families.renumber_results(&mut answer);
        assert_eq!(answer, text);
    }

    #[test]
    fn what_is_broken_is_left_to_postgresql() {
        let families = Families { own: [1, 2] };
        let parse = frame(b'P', &[b"\0q\0\0\x01", &INET_ARRAY.to_be_bytes()[..]].concat());
        let good = [parse, frame(b'B', &[b"\0\0\0\x01\0\x01\0\x01", &cell(&array(&V4))[..]].concat())].concat();
        for end in 0..good.len() {
            families.renumber_parameters(&mut good.clone()[..end]);
        }
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] = 0xFF;
            families.renumber_parameters(&mut bad);
        }
    }
}
