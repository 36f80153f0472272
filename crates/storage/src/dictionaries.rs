//! Trained zstd dictionaries, one or more per resource type, embedded in the binary.
//! <https://datatracker.ietf.org/doc/html/rfc8878#name-dictionary-format>
//!
//! `dictionaries/r4.dicts` is a sequence of entries: id (u16 LE, never 0, never reused), length of the type name (u8),
//! type name, length (u32 LE), dictionary. Entries are only ever appended: old bodies name the id they were made with.
//! The last entry of a type is used for writing. An empty file is valid: bodies are then compressed without one.

use std::collections::HashMap;
use std::sync::{LazyLock, OnceLock};
use ward_fhir::TypeId;
use zstd::zstd_safe::{CDict, DDict};

/// One dictionary; digested on first use, because 146 digested dictionaries would cost every idle server megabytes.
pub struct Dictionary {
    pub id: u16,
    bytes: &'static [u8],
    compress: OnceLock<CDict<'static>>,
    decompress: OnceLock<DDict<'static>>,
}

impl Dictionary {
    pub fn compressor(&self) -> &CDict<'static> {
        self.compress
            .get_or_init(|| CDict::create(self.bytes, crate::codec::LEVEL))
    }

    pub fn decompressor(&self) -> &DDict<'static> {
        self.decompress.get_or_init(|| DDict::create(self.bytes))
    }
}

/// The dictionary for writing bodies of a type.
pub fn for_type(ty: TypeId) -> Option<&'static Dictionary> {
    TABLE.by_type.get(&ty).map(|at| &TABLE.all[*at])
}

/// The dictionary a stored body names. `None`: made by a newer binary, or the row is damaged.
pub fn by_id(id: u16) -> Option<&'static Dictionary> {
    TABLE.by_id.get(&id).map(|at| &TABLE.all[*at])
}

#[derive(Default)]
struct Table {
    all: Vec<Dictionary>,
    by_type: HashMap<TypeId, usize>,
    by_id: HashMap<u16, usize>,
}

static EMBEDDED: &[u8] = include_bytes!("../dictionaries/r4.dicts");
static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let mut table = Table::default();
    for (id, name, bytes) in entries(EMBEDDED) {
        let at = table.all.len();
        table.all.push(Dictionary {
            id,
            bytes,
            compress: OnceLock::new(),
            decompress: OnceLock::new(),
        });
        table.by_id.insert(id, at);
        if let Some(ty) = ward_fhir::schema::r4().type_id(name) {
            table.by_type.insert(ty, at);
        }
    }
    table
});

/// Splits the embedded file; stops at the first malformed entry (a test checks that there is none).
fn entries(mut rest: &'static [u8]) -> Vec<(u16, &'static str, &'static [u8])> {
    let mut found = Vec::new();
    while let Some((entry, after)) = entry(rest) {
        found.push(entry);
        rest = after;
    }
    found
}

type Entry = (u16, &'static str, &'static [u8]);

fn entry(rest: &'static [u8]) -> Option<(Entry, &'static [u8])> {
    let (id, rest) = rest.split_first_chunk::<2>()?;
    let (name_length, rest) = rest.split_first()?;
    let (name, rest) = rest.split_at_checked(usize::from(*name_length))?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let (bytes, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
    Some((
        (
            u16::from_le_bytes(*id),
            std::str::from_utf8(name).ok()?,
            bytes,
        ),
        rest,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_file_is_whole_and_its_ids_are_unique() {
        let all = entries(EMBEDDED);
        let used: usize = all
            .iter()
            .map(|(_, name, bytes)| 7 + name.len() + bytes.len())
            .sum();
        assert_eq!(used, EMBEDDED.len());
        let ids: std::collections::HashSet<u16> = all.iter().map(|(id, ..)| *id).collect();
        assert!(ids.len() == all.len() && !ids.contains(&0));
    }

    #[test]
    fn entries_are_split_where_they_end() {
        static TWO: &[u8] =
            b"\x01\x00\x07Patient\x03\x00\x00\x00abc\x02\x00\x05Group\x00\x00\x00\x00";
        assert_eq!(
            entries(TWO),
            vec![(1, "Patient", &b"abc"[..]), (2, "Group", &b""[..])]
        );
        static TORN: &[u8] = b"\x01\x00\x07Patient\x09\x00\x00\x00abc";
        assert!(entries(TORN).is_empty());
    }
}
