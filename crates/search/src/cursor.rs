//! A page position as compact bytes, and back; `resources` seals them and binds them to the caller.
//! <https://hl7.org/fhir/R4/http.html#paging>

use crate::plan::{Position, SortValue};

/// First byte; another one is another layout.
const LAYOUT: u8 = 1;
/// The same with the part of the row behind its id.
const LAYOUT_OF_PARTS: u8 = 2;
/// Sort keys of one search.
pub const SORT_KEYS_MAX: usize = 8;
const TEXT_BYTES_MAX: usize = 1024;

const MISSING: u8 = 0;
const INTEGER: u8 = 1;
const TEXT: u8 = 2;
const REAL: u8 = 3;

/// Layout byte, rid, the part where it is not the whole row, number of values, then each value with its tag; numbers in 8 bytes.
pub fn encode(position: &Position) -> Vec<u8> {
    let mut out = Vec::with_capacity(24);
    let is_part = position.part != 0;
    out.push(if is_part { LAYOUT_OF_PARTS } else { LAYOUT });
    out.extend(position.rid.to_le_bytes());
    if is_part {
        out.extend(position.part.to_le_bytes());
    }
    out.push(position.values.len() as u8);
    for value in &position.values {
        match value {
            SortValue::Missing => out.push(MISSING),
            SortValue::Integer(n) => {
                out.push(INTEGER);
                out.extend(n.to_le_bytes());
            }
            SortValue::Real(x) => {
                out.push(REAL);
                out.extend(x.to_le_bytes());
            }
            SortValue::Text(text) => {
                out.push(TEXT);
                out.extend((text.len() as u16).to_le_bytes());
                out.extend(text.as_bytes());
            }
        }
    }
    out
}

/// `None`: not made by [`encode`].
pub fn decode(bytes: &[u8]) -> Option<Position> {
    let mut rest = bytes;
    let layout = *take(&mut rest, 1)?.first()?;
    if ![LAYOUT, LAYOUT_OF_PARTS].contains(&layout) {
        return None;
    }
    let rid = integer(&mut rest)?;
    let part = match layout {
        LAYOUT_OF_PARTS => u32::from_le_bytes(take(&mut rest, 4)?.try_into().ok()?),
        _ => 0,
    };
    let count = *take(&mut rest, 1)?.first()?;
    if count as usize > SORT_KEYS_MAX {
        return None;
    }
    let values = (0..count)
        .map(|_| value(&mut rest))
        .collect::<Option<Vec<_>>>()?;
    rest.is_empty().then_some(Position { values, rid, part })
}

fn value(rest: &mut &[u8]) -> Option<SortValue> {
    match *take(rest, 1)?.first()? {
        MISSING => Some(SortValue::Missing),
        INTEGER => integer(rest).map(SortValue::Integer),
        REAL => integer(rest)
            .map(|bits| f64::from_bits(bits as u64))
            .filter(|x| !x.is_nan())
            .map(SortValue::Real),
        TEXT => {
            let len = u16::from_le_bytes(take(rest, 2)?.try_into().ok()?) as usize;
            let text = take(rest, len).filter(|_| len <= TEXT_BYTES_MAX)?;
            String::from_utf8(text.to_vec()).ok().map(SortValue::Text)
        }
        _ => None,
    }
}

fn integer(rest: &mut &[u8]) -> Option<i64> {
    take(rest, 8)?.try_into().ok().map(i64::from_le_bytes)
}

fn take<'a>(rest: &mut &'a [u8], len: usize) -> Option<&'a [u8]> {
    let (taken, left) = rest.split_at_checked(len)?;
    *rest = left;
    Some(taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_survive_and_damage_is_noticed() {
        let values = vec![
            SortValue::Missing,
            SortValue::Integer(i64::MIN),
            SortValue::Real(-0.5),
            SortValue::Text("müller".into()),
        ];
        for part in [0, 1, u32::MAX] {
            let values = values.clone();
            let position = Position {
                values,
                rid: 77,
                part,
            };
            let bytes = encode(&position);
            assert_eq!(decode(&bytes), Some(position));
            for len in 0..bytes.len() {
                assert_eq!(decode(&bytes[..len]), None);
            }
            let mut longer = bytes.clone();
            longer.push(0);
            assert_eq!(decode(&longer), None);
        }
        assert_eq!(decode(&[9; 40]), None);
    }
}
