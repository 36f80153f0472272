//! Element names as small numbers, so that a path step is one table look-up and one comparison.

use std::collections::HashMap;
use std::sync::OnceLock;

use ward_fhir::schema::r4;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct NameId(pub u16);

impl NameId {
    /// A name no element has: a step over it is empty.
    pub const NONE: NameId = NameId(u16::MAX);
}

pub(crate) struct Names {
    /// Name of each schema member, by `MemberId`.
    pub of_member: Vec<NameId>,
    ids: HashMap<&'static str, NameId>,
    texts: Vec<&'static str>,
}

/// Members of the system types, which have names but are not in the schema.
const SYSTEM_NAMES: [&str; 6] = [
    "namespace",
    "name",
    "baseType",
    "value",
    "unit",
    "elementType",
];

pub(crate) fn names() -> &'static Names {
    static NAMES: OnceLock<Names> = OnceLock::new();
    NAMES.get_or_init(|| {
        let schema = r4();
        let mut names = Names {
            of_member: Vec::with_capacity(schema.members.len()),
            ids: HashMap::new(),
            texts: Vec::new(),
        };
        for member in &schema.members {
            let id = names.intern(schema.element(member.element).name);
            names.of_member.push(id);
        }
        for name in SYSTEM_NAMES {
            names.intern(name);
        }
        names
    })
}

impl Names {
    pub fn find(&self, text: &str) -> NameId {
        self.ids.get(text).copied().unwrap_or(NameId::NONE)
    }

    pub fn text(&self, id: NameId) -> &'static str {
        self.texts.get(id.0 as usize).copied().unwrap_or("")
    }

    fn intern(&mut self, text: &'static str) -> NameId {
        if let Some(id) = self.ids.get(text) {
            return *id;
        }
        let id = NameId(self.texts.len() as u16);
        self.texts.push(text);
        self.ids.insert(text, id);
        id
    }
}
