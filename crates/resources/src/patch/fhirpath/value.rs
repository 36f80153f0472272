//! What an operation puts into the resource: a `value[x]`, a resource, or parts that spell out an anonymous type.
//! <https://hl7.org/fhir/R4/fhirpatch.html>

use ward_fhir::primitive;
use ward_fhir::schema::{Member, MemberId, TypeId, TypeKind, r4};
use ward_fhir::tree::{Builder, Node};

#[derive(Clone, Copy)]
pub(super) enum NewValue<'p> {
    Element(Node<'p>),
    Resource(Node<'p>),
    /// The part whose parts are the children.
    Parts(Node<'p>),
}

type Fit<T> = Result<T, &'static str>;

impl<'p> NewValue<'p> {
    pub fn of(part: Node<'p>) -> Fit<Self> {
        let given = (part.get("value"), part.get("resource"), part.get("part"));
        match given {
            (Some(value), None, None) => Ok(Self::Element(value)),
            (None, Some(resource), None) => Ok(Self::Resource(resource)),
            (None, None, Some(_)) => Ok(Self::Parts(part)),
            (None, None, None) => Err("a value is missing"),
            _ => Err("a part has more than one value"),
        }
    }

    /// The member of a type that takes this value under `name`: the FHIRPath name, or the JSON name of a choice.
    pub fn member_of(&self, parent: TypeId, name: &str) -> Fit<&'static Member> {
        let schema = r4();
        let def = schema.ty(parent);
        let members = &schema.members[def.members.start as usize..def.members.end as usize];
        let is_primitive = matches!(def.kind, TypeKind::Primitive(_));
        let named = |m: &&Member| {
            let known = m.json_name == name || schema.element(m.element).name == name;
            known && !(is_primitive && m.json_name == "value")
        };
        let candidates: Vec<&Member> = members.iter().filter(named).collect();
        if candidates.is_empty() {
            return Err("there is no element of that name here");
        }
        let exact = candidates.iter().find(|m| self.has_type(m.ty));
        let fits = || {
            if let [only] = candidates[..] {
                Some(only).filter(|m| self.fits(m))
            } else {
                None
            }
        };
        exact
            .copied()
            .or_else(fits)
            .ok_or("the type of the value does not fit the element")
    }

    fn has_type(&self, ty: TypeId) -> bool {
        matches!(self, Self::Element(node) if node.ty() == ty)
    }

    /// For an element of one type only: a resource, an anonymous type, or a primitive whose text is valid there too.
    fn fits(&self, member: &Member) -> bool {
        let schema = r4();
        match (self, schema.ty(member.ty).kind) {
            (Self::Resource(node), TypeKind::Resource) => schema.is_a(node.ty(), member.ty),
            (Self::Parts(_), kind) => matches!(kind, TypeKind::Complex | TypeKind::Backbone),
            (Self::Element(node), TypeKind::Primitive(p)) => {
                let is_primitive = matches!(node.type_def().kind, TypeKind::Primitive(_));
                is_primitive
                    && node
                        .value()
                        .is_none_or(|text| primitive::check(p, text).is_none())
            }
            _ => false,
        }
    }

    /// Writes the value as the next child of the open node. Recursion is bounded by the depth of the Parameters resource.
    pub fn write(&self, builder: &mut Builder, member: MemberId) -> Fit<()> {
        let ty = r4().member(member).ty;
        match *self {
            Self::Resource(node) => {
                builder.copy(node, Some(member));
            }
            Self::Element(node) if node.ty() == ty => {
                builder.copy(node, Some(member));
            }
            Self::Element(node) => {
                let at = builder.open(Some(member), ty);
                if let Some(text) = node.value() {
                    builder.value(at, text);
                }
                for child in node.children() {
                    let known = r4().find_member(ty, child.json_name());
                    builder.copy(
                        child,
                        Some(
                            known
                                .ok_or("the type of the value does not fit the element")?
                                .id,
                        ),
                    );
                }
                builder.close();
            }
            Self::Parts(part) => {
                builder.open(Some(member), ty);
                for child in part.all("part") {
                    let name = child.text("name").ok_or("a part has no name")?;
                    let value = Self::of(child)?;
                    let member = value.member_of(ty, name)?;
                    if let Some(what) = builder.mismatch(member.id) {
                        return Err(what);
                    }
                    value.write(builder, member.id)?;
                }
                builder.close();
            }
        }
        Ok(())
    }
}
