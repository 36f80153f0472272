//! CBOR as CTAP2 writes it: definite lengths, shallow, small. <https://www.rfc-editor.org/rfc/rfc8949>

/// One data item over the bytes it was read from.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Item<'a> {
    /// Of both major types 0 and 1; what does not fit is refused.
    Integer(i64),
    Bytes(&'a [u8]),
    Text(&'a str),
    Array(Vec<Item<'a>>),
    Map(Vec<(Item<'a>, Item<'a>)>),
    /// false, true, null, undefined and floats: nothing here looks at them.
    Simple,
}

/// The single item that `bytes` are. `None`: malformed, indefinite, tagged, beyond a limit, or followed by more.
pub(super) fn read_whole(bytes: &[u8]) -> Option<Item<'_>> {
    match read_first(bytes)? {
        (item, []) => Some(item),
        _ => None,
    }
}

/// The first item and what follows it.
pub(super) fn read_first(bytes: &[u8]) -> Option<(Item<'_>, &[u8])> {
    let mut reader = Reader {
        rest: bytes,
        items: 0,
    };
    let item = reader.item(0)?;
    Some((item, reader.rest))
}

impl<'a> Item<'a> {
    pub fn bytes(&self) -> Option<&'a [u8]> {
        match self {
            Item::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    pub fn text(&self) -> Option<&'a str> {
        match self {
            Item::Text(text) => Some(text),
            _ => None,
        }
    }

    pub fn integer(&self) -> Option<i64> {
        match self {
            Item::Integer(value) => Some(*value),
            _ => None,
        }
    }

    pub fn is_map(&self) -> bool {
        matches!(self, Item::Map(_))
    }

    pub fn member_named(&self, name: &str) -> Option<&Item<'a>> {
        self.member(&Item::Text(name))
    }

    pub fn member_numbered(&self, number: i64) -> Option<&Item<'a>> {
        self.member(&Item::Integer(number))
    }

    fn member(&self, key: &Item<'_>) -> Option<&Item<'a>> {
        match self {
            Item::Map(members) => {
                let found = members.iter().find(|(known, _)| known == key);
                found.map(|(_, value)| value)
            }
            _ => None,
        }
    }
}

struct Reader<'a> {
    rest: &'a [u8],
    items: usize,
}

impl<'a> Reader<'a> {
    fn item(&mut self, depth: usize) -> Option<Item<'a>> {
        self.items += 1;
        if depth > DEPTH_MAX || self.items > ITEMS_MAX {
            return None;
        }
        let first = self.take(1)?[0];
        let (major, additional) = (first >> 5, first & 31);
        let argument = self.argument(additional)?;
        match major {
            0 => i64::try_from(argument).ok().map(Item::Integer),
            1 => i64::try_from(argument).ok().map(|n| Item::Integer(-1 - n)),
            2 => self.counted(argument).map(Item::Bytes),
            3 => {
                let bytes = self.counted(argument)?;
                std::str::from_utf8(bytes).ok().map(Item::Text)
            }
            4 => self.array(argument, depth).map(Item::Array),
            5 => self.map(argument, depth).map(Item::Map),
            // Tags (6) are not of CTAP2.
            7 => Some(Item::Simple),
            _ => None,
        }
    }

    /// Lengths and values; 28 to 31 are reserved or indefinite.
    fn argument(&mut self, additional: u8) -> Option<u64> {
        let bytes = match additional {
            0..=23 => return Some(u64::from(additional)),
            24..=27 => self.take(1 << (additional - 24))?,
            _ => return None,
        };
        Some(
            bytes
                .iter()
                .fold(0, |sum, byte| sum << 8 | u64::from(*byte)),
        )
    }

    fn array(&mut self, length: u64, depth: usize) -> Option<Vec<Item<'a>>> {
        // Not allocated by the length that is claimed: the items must be there first.
        (0..length).map(|_| self.item(depth + 1)).collect()
    }

    fn map(&mut self, length: u64, depth: usize) -> Option<Vec<(Item<'a>, Item<'a>)>> {
        let mut members: Vec<(Item<'a>, Item<'a>)> = Vec::new();
        for _ in 0..length {
            let key = self.item(depth + 1)?;
            if members.iter().any(|(known, _)| *known == key) {
                return None;
            }
            members.push((key, self.item(depth + 1)?));
        }
        Some(members)
    }

    fn counted(&mut self, length: u64) -> Option<&'a [u8]> {
        self.take(usize::try_from(length).ok()?)
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(taken)
    }
}

/// Nesting (CTAP2 canonical form has four).
const DEPTH_MAX: usize = 8;
/// Items in all: attestation statements with a certificate chain have about 20.
const ITEMS_MAX: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::from_hex;

    /// RFC 8949 appendix A, those of the kinds that are read.
    #[test]
    fn published_examples() {
        let text = |text| Item::Text(text);
        let number = Item::Integer;
        for (hex, item) in [
            ("00", number(0)),
            ("17", number(23)),
            ("1818", number(24)),
            ("1903e8", number(1000)),
            ("1a000f4240", number(1_000_000)),
            ("1b000000e8d4a51000", number(1_000_000_000_000)),
            ("20", number(-1)),
            ("3903e7", number(-1000)),
            ("f4", Item::Simple),
            ("f93c00", Item::Simple),
            ("fb3ff199999999999a", Item::Simple),
            ("40", Item::Bytes(b"")),
            ("4401020304", Item::Bytes(&[1, 2, 3, 4])),
            ("6449455446", text("IETF")),
            ("62c3bc", text("ü")),
            (
                "83010203",
                Item::Array(vec![number(1), number(2), number(3)]),
            ),
            (
                "a201020304",
                Item::Map(vec![(number(1), number(2)), (number(3), number(4))]),
            ),
            (
                "826161a161626163",
                Item::Array(vec![text("a"), Item::Map(vec![(text("b"), text("c"))])]),
            ),
        ] {
            assert_eq!(read_whole(&from_hex(hex)), Some(item), "{hex}");
        }
    }

    #[test]
    fn what_is_not_ctap2_or_too_much_is_refused() {
        let deep = "81".repeat(9) + "00";
        let many = format!("98ff{}", "8100".repeat(255));
        for hex in [
            "",
            "18",
            "1c",
            "1f",
            "5f",
            "5f4100ff",
            "9f01ff",
            "bf6101ff",
            "c000",
            "ff",
            "4401",
            "61ff",
            "0000",
            "a1",
            "a101",
            "a2010201ff",
            "a201020102",
            "1bffffffffffffffff",
            "3bffffffffffffffff",
            "5bffffffffffffffff",
            "7bffffffffffffffff",
            "9bffffffffffffffff",
            "bbffffffffffffffff",
            &deep,
            &many,
        ] {
            assert_eq!(read_whole(&from_hex(hex)), None, "{hex}");
        }
    }
}
