//! Rows packed into one blob parameter, read by the table-valued function `rows` (see `ffi`).
//!
//! Format: number of columns (u8), kind of each column (u8), then the rows: i64 and f64 as 8 bytes LE (NaN: NULL),
//! text and blob as length (u32 LE, `u32::MAX`: NULL) and bytes.

use super::ffi::COLUMNS;
use super::statement::Value;

/// Writes packed rows; columns must come in the declared order.
pub struct Rows {
    bytes: Vec<u8>,
    columns: usize,
    fields: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Int = 0,
    Real = 1,
    Text = 2,
    Blob = 3,
}

impl Rows {
    pub fn new(kinds: &[Kind]) -> Rows {
        debug_assert!(!kinds.is_empty() && kinds.len() <= COLUMNS);
        let mut bytes = Vec::with_capacity(256);
        bytes.push(kinds.len() as u8);
        bytes.extend(kinds.iter().map(|k| *k as u8));
        Rows {
            bytes,
            columns: kinds.len(),
            fields: 0,
        }
    }

    /// One column of integers.
    pub fn of(values: impl IntoIterator<Item = i64>) -> Rows {
        let mut rows = Rows::new(&[Kind::Int]);
        values.into_iter().for_each(|v| rows.int(v));
        rows
    }

    pub fn int(&mut self, value: i64) {
        self.bytes.extend_from_slice(&value.to_le_bytes());
        self.fields += 1;
    }

    pub fn real(&mut self, value: f64) {
        self.bytes.extend_from_slice(&value.to_le_bytes());
        self.fields += 1;
    }

    /// Text or blob, as the column is declared.
    pub fn bytes(&mut self, value: Option<&[u8]>) {
        self.bytes
            .extend_from_slice(&value.map_or(u32::MAX, |v| v.len() as u32).to_le_bytes());
        self.bytes.extend_from_slice(value.unwrap_or_default());
        self.fields += 1;
    }

    pub fn is_empty(&self) -> bool {
        self.fields == 0
    }

    pub fn into_value(self) -> Value {
        Value::Blob(self.into_bytes())
    }

    pub fn into_bytes(self) -> Vec<u8> {
        debug_assert_eq!(self.fields % self.columns, 0);
        self.bytes
    }
}

pub enum Field<'a> {
    Null,
    Int(i64),
    Real(f64),
    Text(&'a [u8]),
    Blob(&'a [u8]),
}

/// Walks packed rows. Malformed input ends the walk with an error, never with a read out of bounds.
#[derive(Default)]
pub struct Cursor {
    bytes: Vec<u8>,
    kinds: [u8; COLUMNS],
    columns: usize,
    /// Start and length of each field of the current row; length `usize::MAX`: NULL.
    fields: [(usize, usize); COLUMNS],
    next: usize,
    number: i64,
    ended: bool,
}

impl Cursor {
    /// Takes a copy and stands on the first row. False: malformed.
    pub fn start(&mut self, packed: &[u8]) -> bool {
        self.bytes.clear();
        self.bytes.extend_from_slice(packed);
        self.number = 0;
        self.ended = false;
        self.columns = usize::from(packed.first().copied().unwrap_or(0));
        let Some(kinds) = packed
            .get(1..=self.columns)
            .filter(|_| self.columns <= COLUMNS)
        else {
            return false;
        };
        self.kinds[..self.columns].copy_from_slice(kinds);
        self.next = 1 + self.columns;
        self.advance()
    }

    /// False: malformed.
    pub fn advance(&mut self) -> bool {
        if self.columns == 0 || self.next >= self.bytes.len() {
            self.ended = true;
            return true;
        }
        self.number += 1;
        self.read_row().is_some()
    }

    pub fn at_end(&self) -> bool {
        self.ended
    }

    pub fn number(&self) -> i64 {
        self.number
    }

    pub fn field(&self, at: usize) -> Field<'_> {
        if at >= self.columns {
            return Field::Null;
        }
        let (start, length) = self.fields[at];
        let Some(bytes) = length
            .checked_add(start)
            .and_then(|end| self.bytes.get(start..end))
        else {
            return Field::Null;
        };
        match (self.kinds[at], <[u8; 8]>::try_from(bytes)) {
            (0, Ok(word)) => Field::Int(i64::from_le_bytes(word)),
            (1, Ok(word)) => {
                let value = f64::from_le_bytes(word);
                if value.is_nan() {
                    Field::Null
                } else {
                    Field::Real(value)
                }
            }
            (2, _) => Field::Text(bytes),
            (3, _) => Field::Blob(bytes),
            _ => Field::Null,
        }
    }

    fn read_row(&mut self) -> Option<()> {
        let mut at = self.next;
        for column in 0..self.columns {
            let (start, length) = if self.kinds[column] < 2 {
                (at, 8)
            } else {
                self.prefixed(at)?
            };
            self.fields[column] = (start, length);
            at = if length == usize::MAX {
                start
            } else {
                start.checked_add(length)?
            };
            if at > self.bytes.len() {
                return None;
            }
        }
        self.next = at;
        Some(())
    }

    fn prefixed(&self, at: usize) -> Option<(usize, usize)> {
        let length = u32::from_le_bytes(self.bytes.get(at..at + 4)?.try_into().ok()?);
        Some((
            at + 4,
            if length == u32::MAX {
                usize::MAX
            } else {
                length as usize
            },
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn malformed_bytes_end_the_walk() {
        let mut rows = Rows::new(&[Kind::Int, Kind::Text, Kind::Blob]);
        for i in 0..3 {
            rows.int(i);
            rows.bytes(Some(b"text"));
            rows.bytes(None);
        }
        let Value::Blob(bytes) = rows.into_value() else {
            panic!()
        };
        for end in 0..=bytes.len() {
            let mut cursor = Cursor::default();
            let mut well_formed = cursor.start(&bytes[..end]);
            let mut seen = 0;
            while well_formed && !cursor.at_end() {
                assert!(matches!(cursor.field(0), Field::Int(i) if i == seen));
                assert!(matches!(
                    (cursor.field(1), cursor.field(2), cursor.field(3)),
                    (Field::Text(b"text"), Field::Null, Field::Null)
                ));
                seen += 1;
                well_formed = cursor.advance();
            }
            assert!(end < bytes.len() || (seen == 3 && well_formed));
        }
    }
}
