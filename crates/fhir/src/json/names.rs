//! Member names to definitions: one hash table per type over the schema, built once.
//! <https://hl7.org/fhir/R4/json.html#resources>
//!
//! A name of up to 16 bytes is its first eight and last eight bytes: looking it up is two loads, one multiplication
//! and two comparisons. Longer names are compared in full. The tables of R4 take about 1.5 MB.

use crate::schema::{MemberId, Primitive, Schema, TypeKind, r4};
use std::sync::LazyLock;

/// What a member's value looks like in JSON.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Complex,
    /// An object with a `resourceType`.
    Resource,
    Primitive(Primitive),
    /// `resourceType` itself.
    TypeName,
}

#[derive(Clone, Copy)]
pub(super) struct Slot {
    head: u64,
    tail: u64,
    pub member: u32,
    pub ty: u16,
    /// Position of the element in its type, for the set of elements seen.
    pub bit: u8,
    /// 0: the slot is empty.
    len: u8,
    pub shape: Shape,
    pub is_array: bool,
    pub is_choice: bool,
    /// Has no `_name` form: not primitive, or an XML attribute.
    pub is_bare: bool,
}

#[derive(Clone, Copy)]
struct Table {
    first: u32,
    mask: u32,
}

/// What writing needs of a member.
#[derive(Clone, Copy)]
pub(super) struct Written {
    start: u32,
    len: u8,
    pub shape: Shape,
    pub is_array: bool,
}

pub(super) struct Names {
    slots: Vec<Slot>,
    types: Vec<Table>,
    members: Vec<Written>,
    /// `"name":` of every member.
    quoted: String,
}

const RESOURCE_TYPE: &str = "resourceType";
/// Bit of `resourceType` in the set of elements seen; no R4 type has that many elements.
const RESOURCE_TYPE_BIT: u8 = 127;
const EMPTY: Slot = Slot {
    head: 0,
    tail: 0,
    member: u32::MAX,
    ty: 0,
    bit: 0,
    len: 0,
    shape: Shape::Complex,
    is_array: false,
    is_choice: false,
    is_bare: true,
};

pub(super) fn names() -> &'static Names {
    static NAMES: LazyLock<Names> = LazyLock::new(|| Names::new(r4()));
    &NAMES
}

impl Names {
    /// Looks up `bytes[start..start + len]` among the members of a type.
    #[inline(always)]
    pub fn find(&self, ty: u16, bytes: &[u8], start: usize, len: usize) -> Option<&Slot> {
        let table = self.types[ty as usize];
        let (head, tail) = ends(bytes, start, len);
        let mut at = spread(head, tail, len) & table.mask;
        loop {
            let slot = &self.slots[(table.first + at) as usize];
            if slot.len == 0 {
                return None;
            }
            let same = slot.head == head && slot.tail == tail && slot.len as usize == len;
            if same && (len <= 16 || self.name(slot) == &bytes[start..start + len]) {
                return Some(slot);
            }
            at = (at + 1) & table.mask;
        }
    }

    pub fn written(&self, member: u32) -> Written {
        self.members[member as usize]
    }

    /// `"name":`
    #[inline]
    pub fn quoted(&self, written: Written) -> &str {
        let start = written.start as usize;
        &self.quoted[start..start + written.len as usize]
    }

    fn name(&self, slot: &Slot) -> &[u8] {
        if slot.shape == Shape::TypeName {
            return RESOURCE_TYPE.as_bytes();
        }
        r4().member(MemberId(slot.member)).json_name.as_bytes()
    }

    fn new(schema: &Schema) -> Names {
        let mut names = Names {
            slots: Vec::new(),
            types: Vec::new(),
            members: Vec::new(),
            quoted: String::new(),
        };
        for member in &schema.members {
            let quoted = format!("\"{}\":", member.json_name);
            names.members.push(Written {
                start: names.quoted.len() as u32,
                len: quoted.len() as u8,
                shape: shape(schema, member.ty.0),
                is_array: member.is_array,
            });
            names.quoted.push_str(&quoted);
        }
        for ty in &schema.types {
            names.add_type(schema, ty);
        }
        names
    }

    fn add_type(&mut self, schema: &Schema, ty: &crate::schema::TypeDef) {
        let members = &schema.members[ty.members.start as usize..ty.members.end as usize];
        let capacity = ((members.len() + 1) * 2).next_power_of_two();
        let first = self.slots.len();
        self.types.push(Table {
            first: first as u32,
            mask: capacity as u32 - 1,
        });
        self.slots.resize(first + capacity, EMPTY);
        let is_primitive = matches!(ty.kind, TypeKind::Primitive(_));
        for member in members {
            // `string.value` is the value itself, not a member of `_name`.
            if is_primitive && member.json_name == "value" {
                continue;
            }
            let element = schema.element(member.element);
            let shape = shape(schema, member.ty.0);
            let bit = member.element.0 - ty.elements.start;
            assert!(
                bit < RESOURCE_TYPE_BIT.into(),
                "a type has too many elements"
            );
            let slot = Slot {
                member: member.id.0,
                ty: member.ty.0,
                bit: bit as u8,
                shape,
                is_array: member.is_array,
                is_choice: element.is_choice,
                is_bare: element.is_xml_attribute || !matches!(shape, Shape::Primitive(_)),
                ..EMPTY
            };
            self.put(first, capacity, member.json_name, slot);
        }
        if ty.kind == TypeKind::Resource {
            let slot = Slot {
                bit: RESOURCE_TYPE_BIT,
                shape: Shape::TypeName,
                ..EMPTY
            };
            self.put(first, capacity, RESOURCE_TYPE, slot);
        }
    }

    fn put(&mut self, first: usize, capacity: usize, name: &str, slot: Slot) {
        let (head, tail) = ends(name.as_bytes(), 0, name.len());
        let mask = capacity - 1;
        let mut at = spread(head, tail, name.len()) as usize & mask;
        while self.slots[first + at].len != 0 {
            at = (at + 1) & mask;
        }
        let len = name.len() as u8;
        self.slots[first + at] = Slot {
            head,
            tail,
            len,
            ..slot
        };
    }
}

fn shape(schema: &Schema, ty: u16) -> Shape {
    match schema.types[ty as usize].kind {
        TypeKind::Resource => Shape::Resource,
        TypeKind::Primitive(p) => Shape::Primitive(p),
        TypeKind::Complex | TypeKind::Backbone => Shape::Complex,
    }
}

/// The first and the last eight bytes; of a shorter name the same zero-filled word twice.
#[inline(always)]
fn ends(bytes: &[u8], start: usize, len: usize) -> (u64, u64) {
    if len >= 8 {
        return (word(bytes, start), word(bytes, start + len - 8));
    }
    let short = if start + 8 <= bytes.len() {
        word(bytes, start) & ((1 << (8 * len)) - 1)
    } else {
        let name = &bytes[start..start + len];
        name.iter().rev().fold(0, |w, b| w << 8 | u64::from(*b))
    };
    (short, short)
}

#[inline(always)]
fn word(bytes: &[u8], at: usize) -> u64 {
    bytes[at..]
        .first_chunk::<8>()
        .map_or(0, |c| u64::from_le_bytes(*c))
}

#[inline(always)]
fn spread(head: u64, tail: u64, len: usize) -> u32 {
    let mixed = (head ^ tail.rotate_left(29) ^ len as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (mixed >> 32) as u32
}
