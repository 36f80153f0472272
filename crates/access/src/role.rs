//! What a person may do in a role, whatever an app was granted: `user/` scopes are cut to it, and `patient/` scopes outside of
//! one's own record (S77, C2). What patients may do in their own is a policy of the same form, which is nobody's role.
//!
//! A policy is written in FHIR's own words, as a CapabilityStatement of kind `requirements`: `name` is the role, each
//! `rest.resource` a type with its `interaction`s, an extension [`ELEMENT`] for each element where not all are seen,
//! `useContext` the purposes of use, extensions [`CLEARANCE`] how sensitive data the role is cleared for, and [`SEE_LABELS`] that it is shown
//! every label. What is not stated is not permitted. The seeded roles lie in `crates/access/roles`.
//! <https://hl7.org/fhir/R4/capabilitystatement.html>

use crate::access::Action;
use crate::clearance::Clearance;
use crate::part::is_wrapper;
use crate::purpose::{ACT_REASON, BREAK_GLASS, Purpose, Purposes};
use crate::scope::Actions;
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use ward_fhir::json;
use ward_fhir::schema::r4;
use ward_fhir::tree::Limits;
use ward_fhir::{Failure, Node, TypeId};

/// What one role may do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RolePolicy {
    pub name: String,
    /// For people.
    pub title: String,
    /// Purposes of use that people of the role act for; the first is taken where none is asserted. The role grants nothing to whoever
    /// asserts none of them; one that names none acts for any.
    pub purposes: Purposes,
    /// Of what is sensitive the role sees no more than it is cleared for, unless a consent opens it.
    pub clearance: Clearance,
    /// Whether people of the role are shown what labels say of a resource, and may ask by it (R16). Others are shown the level, and how to
    /// handle it.
    pub sees_labels: bool,
    types: HashMap<TypeId, TypePolicy>,
}

/// What a role may do with resources of one type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TypePolicy {
    pub actions: Actions,
    /// Names of the elements that are seen; empty: all of them. What is needed beside them to be a resource of the type is seen
    /// as well ([`ward_search::seen::Elements::of`]).
    pub elements: Vec<String>,
}

/// The roles of a site by their names, and what patients may do. Cheap to clone. By default: no role, and patients may do nothing.
#[derive(Clone, Debug, Default)]
pub struct Roles {
    named: Arc<HashMap<String, Arc<RolePolicy>>>,
    patients: Arc<RolePolicy>,
}

/// Name of the policy of patients. No account has it as a role: it would open everybody's record.
pub const PATIENT: &str = "patient";

/// The role that looks after consents (R23).
pub const PRIVACY_OFFICER: &str = "privacy-officer";

/// Extension of the policy: a `valueCoding` that is the level, or one of the labels, that the role is cleared for.
pub const CLEARANCE: &str = "urn:ward:role:clearance";
/// Extension of the policy: `valueBoolean` true, for a role that is shown all labels.
pub const SEE_LABELS: &str = "urn:ward:role:see-labels";
/// Extension of `rest.resource`: an element that the role sees; without any it sees all.
pub const ELEMENT: &str = "urn:ward:role:element";
/// Bytes of a policy that is read.
pub const POLICY_BYTES_MAX: usize = 256 * 1024;

impl Roles {
    /// The roles that Ward comes with.
    pub fn seeded() -> Roles {
        static SEEDED: OnceLock<Roles> = OnceLock::new();
        SEEDED
            .get_or_init(|| {
                let policies = POLICIES
                    .iter()
                    .map(|text| RolePolicy::read(text.as_bytes()));
                let policies: Result<Vec<_>, _> = policies.collect();
                // The tests read every one of them.
                Roles::of(policies.unwrap_or_default())
            })
            .clone()
    }

    /// Whether both are clones of the same.
    pub(crate) fn are(&self, other: &Roles) -> bool {
        Arc::ptr_eq(&self.named, &other.named) && Arc::ptr_eq(&self.patients, &other.patients)
    }

    /// Of two policies with one name the later counts.
    pub fn of(policies: impl IntoIterator<Item = RolePolicy>) -> Roles {
        let by_name = policies
            .into_iter()
            .map(|policy| (policy.name.clone(), Arc::new(policy)));
        let mut named: HashMap<_, _> = by_name.collect();
        Roles {
            patients: named.remove(PATIENT).unwrap_or_default(),
            named: Arc::new(named),
        }
    }

    /// These, and the ones of a site in place of those with the same name.
    pub fn with(&self, policies: impl IntoIterator<Item = RolePolicy>) -> Roles {
        let ours = self.named.values().chain([&self.patients]);
        let ours = ours.map(|policy| RolePolicy::clone(policy));
        Roles::of(ours.chain(policies).collect::<Vec<_>>())
    }

    /// `None`: no such role; its name in a token grants nothing.
    pub fn get(&self, name: &str) -> Option<&Arc<RolePolicy>> {
        self.named.get(name)
    }

    /// What patients may do in their own record.
    pub fn patients(&self) -> &RolePolicy {
        &self.patients
    }

    /// In the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<RolePolicy>> {
        let mut all: Vec<_> = self.named.values().collect();
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all.into_iter()
    }
}

impl RolePolicy {
    /// Reads a policy. Errors say what to mend: not a CapabilityStatement, an unknown purpose, extension, clearance, type, interaction or element, or a type
    /// that is seen in part and may be deleted, or written although the rest cannot be left as it is.
    pub fn read(bytes: &[u8]) -> Result<RolePolicy, String> {
        if bytes.len() > POLICY_BYTES_MAX {
            return Err(format!("longer than {POLICY_BYTES_MAX} bytes"));
        }
        let ty = r4().resource_type("CapabilityStatement");
        let document =
            json::read(bytes, ty, &Limits::default()).map_err(|failure| first_issue(&failure))?;
        let root = document.root();
        let text = |name: &str| root.text(name).unwrap_or_default().to_owned();
        let name = text("name");
        let is_name = !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
        if !is_name {
            return Err("`name` must be the role's name: small letters and hyphens".into());
        }
        let mut types = HashMap::new();
        for resource in root
            .all("rest")
            .flat_map(|rest| rest.children_named("resource"))
        {
            let (ty, policy) = type_policy(resource)?;
            if types.insert(ty, policy).is_some() {
                return Err(format!("{} is stated twice", r4().ty(ty).name));
            }
        }
        let (clearance, sees_labels) = extensions(root)?;
        Ok(RolePolicy {
            title: text("title"),
            purposes: root
                .all("useContext")
                .map(purpose)
                .collect::<Result<_, _>>()?,
            clearance,
            sees_labels,
            name,
            types,
        })
    }

    /// Whether people of the role may act for this purpose.
    pub fn acts_for(&self, purpose: Purpose) -> bool {
        self.purposes.is_empty() || self.purposes.allow(purpose)
    }

    /// Whether people of the role may break the glass (R22): whose policy names the purpose `BTG`. One that names none does not.
    pub fn may_break_glass(&self) -> bool {
        Purpose::of(BREAK_GLASS).is_some_and(|purpose| self.purposes.allow(purpose))
    }

    /// What the role may do with resources of a type.
    pub fn actions(&self, ty: TypeId) -> Actions {
        self.types
            .get(&ty)
            .map_or(Actions::NONE, |policy| policy.actions)
    }

    /// The types of which the role sees a part.
    pub fn parts(&self) -> impl Iterator<Item = TypeId> {
        let parts = self
            .types
            .iter()
            .filter(|(_, policy)| !policy.elements.is_empty());
        parts.map(|(ty, _)| *ty)
    }

    /// The elements of a type that the role sees; `None`: all of them.
    pub fn elements(&self, ty: TypeId) -> Option<&[String]> {
        let elements = self.types.get(&ty).map(|policy| policy.elements.as_slice());
        elements.filter(|elements| !elements.is_empty())
    }
}

fn type_policy(resource: Node<'_>) -> Result<(TypeId, TypePolicy), String> {
    let name = resource.text("type").unwrap_or_default();
    let ty = r4()
        .resource_type(name)
        .ok_or_else(|| format!("`{name}` is not an R4 resource type"))?;
    let mut actions = Vec::new();
    for interaction in resource.children_named("interaction") {
        let code = interaction.text("code").unwrap_or_default();
        let action = INTERACTIONS.iter().find(|(known, _)| *known == code);
        let (_, action) = action.ok_or_else(|| {
            format!("{name}: `{code}` is not one of create, read, update, delete, search-type")
        })?;
        actions.push(*action);
    }
    let mut elements = Vec::new();
    for extension in resource.children_named("extension") {
        if extension.text("url") != Some(ELEMENT) {
            return Err(format!("{name}: the only extension is {ELEMENT}"));
        }
        let element = extension.children_named("value").find_map(|v| v.value());
        let element = element.unwrap_or_default();
        let is_known = r4()
            .elements_of(ty)
            .iter()
            .any(|known| known.name == element);
        if !is_known {
            return Err(format!("{name} has no element `{element}`"));
        }
        elements.push(element.to_owned());
    }
    if !elements.is_empty() {
        demand_kept(ty, &actions)?;
    }
    let actions = Actions::of(&actions);
    Ok((ty, TypePolicy { actions, elements }))
}

/// Whoever sees a part may change that part and nothing else.
fn demand_kept(ty: TypeId, actions: &[Action]) -> Result<(), String> {
    let name = r4().ty(ty).name;
    if actions.contains(&Action::Delete) {
        return Err(format!("{name} is seen in part, and so cannot be deleted"));
    }
    let is_written = actions.contains(&Action::Create) || actions.contains(&Action::Update);
    if is_written && (is_wrapper(ty) || READ_BY_THE_SERVER.contains(&name)) {
        return Err(format!("{name} is seen in part, and so cannot be written"));
    }
    Ok(())
}

/// Whether one of these may be stored depends on what all of it says, which an answer would tell.
const READ_BY_THE_SERVER: [&str; 3] = ["AuditEvent", "OperationDefinition", "SearchParameter"];

fn first_issue(failure: &Failure) -> String {
    let issue = failure.issues.first();
    issue.map_or_else(String::new, |issue| issue.diagnostics.clone())
}

/// What the policy does not say it is not cleared for; what is not understood may be meant to narrow it.
fn extensions(root: Node<'_>) -> Result<(Clearance, bool), String> {
    let (mut clearance, mut sees_labels) = (Clearance::default(), false);
    for extension in root.children_named("extension") {
        let value = extension.children_named("value").next();
        match extension.text("url") {
            Some(CLEARANCE) => {
                let text = |name: &str| value.and_then(|c| c.text(name)).unwrap_or_default();
                let added = clearance.add(text("system"), text("code"));
                added.map_err(|error| format!("{CLEARANCE}: {error}"))?;
            }
            Some(SEE_LABELS) => match value.and_then(|value| value.value()) {
                Some("true") => sees_labels = true,
                Some("false") => {}
                _ => return Err(format!("{SEE_LABELS}: true or false")),
            },
            _ => {
                return Err(format!(
                    "the only extensions of a policy are {CLEARANCE} and {SEE_LABELS}"
                ));
            }
        }
    }
    Ok((clearance, sees_labels))
}

/// What is no purpose may be meant to narrow the role, so it is not passed over.
fn purpose(context: Node<'_>) -> Result<Purpose, String> {
    let coding = context.get("code");
    let text = |name: &str| coding.and_then(|c| c.text(name)).unwrap_or_default();
    let code = Purpose::of(text("code")).filter(|_| text("system") == ACT_REASON);
    code.ok_or_else(|| {
        format!(
            "`{}` is no purpose of use: each useContext is a code of v3 PurposeOfUse",
            text("code")
        )
    })
}

/// Words of the CapabilityStatement for the letters of a scope.
const INTERACTIONS: [(&str, Action); 5] = [
    ("create", Action::Create),
    ("read", Action::Read),
    ("update", Action::Update),
    ("delete", Action::Delete),
    ("search-type", Action::Search),
];

const POLICIES: [&str; 10] = [
    include_str!("../roles/auditor.json"),
    include_str!("../roles/billing-clerk.json"),
    include_str!("../roles/laboratory-technician.json"),
    include_str!("../roles/nurse.json"),
    include_str!("../roles/patient.json"),
    include_str!("../roles/pharmacist.json"),
    include_str!("../roles/physician.json"),
    include_str!("../roles/privacy-officer.json"),
    include_str!("../roles/registrar.json"),
    include_str!("../roles/system-administrator.json"),
];

pub(crate) const AUDIT_EVENT: &str = "AuditEvent";

#[cfg(test)]
#[path = "role_tests.rs"]
mod tests;
