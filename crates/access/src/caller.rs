//! Who asks.

use crate::access::Action;
use crate::clearance::Clearance;
use crate::compartment::Compartments;
use crate::decide::Rights;
use crate::granular::Granular;
use crate::grid::{Grid, Reach};
use crate::part::Part;
use crate::purpose::{BREAK_GLASS, PATIENT_REQUEST, Purpose, Purposes};
use crate::role::{PRIVACY_OFFICER, Roles};
use crate::scopes::Scopes;
use std::ops::Deref;
use std::sync::Arc;
use ward_search::seen::Seen;

/// Who asks, with what rights and in what context. Reads like its [`Identity`], which cannot be changed any more: what the
/// scopes come to was worked out when the Caller was made.
#[derive(Clone, Debug)]
pub struct Caller {
    identity: Identity,
    /// The site's, to work out what other roles come to.
    known: Roles,
    pub(crate) grid: Arc<Grid>,
    granular: Arc<[Granular]>,
    /// Of types that are seen in part.
    pub(crate) part: Option<Arc<Part>>,
    /// `patient` of the identity.
    pub(crate) launch: Option<Arc<str>>,
    pub(crate) fingerprint: u64,
    acts_for: Purposes,
    is_out_of_purpose: bool,
    is_at_one_record: bool,
    /// By the roles; the client's own apart.
    clearance: Arc<Clearance>,
    sees_labels: bool,
    is_privacy_officer: bool,
    may_break_glass: bool,
}

/// What a verified token (or another proof) says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// `sub`: the user, or the client itself when it acts for nobody.
    pub subject: String,
    pub client_id: String,
    /// `Practitioner/1`, `Patient/1`, ...: the user's own resource.
    pub fhir_user: Option<String>,
    /// Logical id of the launch patient.
    pub patient: Option<String>,
    pub scopes: Scopes,
    /// Names of roles; see [`crate::Roles`].
    pub roles: Vec<String>,
    /// Purposes of use that are asserted, and were authorized for this user and client. Empty: none is; see [`Caller::acts_for`].
    pub purposes: Purposes,
    /// What the client's registration says of it at this moment; no token does.
    pub client: Registered,
    pub session: Option<String>,
    /// The shared computer at which the person is.
    pub workstation: Option<String>,
    /// How the person was authenticated: the word of `acr`, and those of `amr`, with spaces between.
    pub authenticated: Option<String>,
    /// `jti`
    pub token_id: String,
    /// Seconds since 1970 from which on the token is void. Whoever makes the Caller checks it.
    pub expires_s: i64,
}

/// What a client is registered as, as far as consents and labels ask for it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Registered {
    /// `Organization/id`: whose client it is, and for whose people.
    pub organization: Option<String>,
    /// Of a service what it sees, of an app no more than the person who uses it. `None`: what is usual.
    pub clearance: Option<Clearance>,
    /// Whether a service is shown every label (R16); of people their roles say so, whatever app they use.
    pub sees_labels: bool,
    /// Whether it is a service that acts for a person.
    pub acts_for: bool,
}

impl Caller {
    /// In the roles that Ward comes with.
    pub fn new(identity: Identity) -> Caller {
        Caller::in_roles(identity, &Roles::seeded())
    }

    /// In the roles of a site. Works out what the scopes come to: some microseconds, once for a token.
    pub fn in_roles(identity: Identity, roles: &Roles) -> Caller {
        let rights = Rights::of(&identity, roles);
        let grid = Arc::new(rights.grid());
        let granular: Arc<[Granular]> = rights.granular(&grid).into();
        Caller {
            is_at_one_record: identity.patient.is_some() && is_at_one_record(&grid, &granular),
            granular,
            part: rights.part,
            launch: identity.patient.as_deref().map(Arc::from),
            fingerprint: fingerprint(&identity),
            acts_for: acts_for(&identity, roles),
            is_out_of_purpose: rights.policies.are_out_of_purpose(),
            clearance: Arc::new(rights.policies.clearance().unwrap_or_else(Clearance::usual)),
            sees_labels: rights.policies.see_labels(),
            is_privacy_officer: rights.policies.has(PRIVACY_OFFICER),
            may_break_glass: rights.policies.may_break_glass(),
            known: roles.clone(),
            identity,
            grid,
        }
    }

    /// The same in other roles: those that are in force at the moment. Without one of its own, an app's `patient/` scopes open nothing
    /// either: they came with it. Costs as much as a new Caller.
    pub fn in_force(&self, roles: Vec<String>) -> Caller {
        let has_all = self.roles.iter().all(|role| roles.contains(role));
        let patient = self.patient.clone().filter(|_| has_all);
        let identity = Identity {
            roles,
            patient,
            ..self.identity.clone()
        };
        Caller::in_roles(identity, &self.known)
    }

    /// Whether no scope of theirs reaches any patient's record but the launch patient's: what they see of patients is that one's.
    pub fn is_at_one_record(&self) -> bool {
        self.is_at_one_record
    }

    /// The same through a client that is registered so: what it may do stays. Costs a copy of the identity.
    pub fn through(&self, client: Registered) -> Caller {
        let mut caller = self.clone();
        caller.identity.client = client;
        caller
    }

    /// What the roles of a person are cleared for, as far as they act for what is asserted. Whoever has none is cleared for what is usual.
    pub fn clearance(&self) -> &Clearance {
        &self.clearance
    }

    /// Whether the caller is shown every label and may ask by it (R16): a person by a role that acts for what is asserted, a service by its
    /// registration.
    pub fn sees_labels(&self) -> bool {
        match self.is_system() {
            true => self.client.sees_labels,
            false => self.sees_labels,
        }
    }

    /// Whether the person looks after consents, and asks for it (R23).
    pub fn is_privacy_officer(&self) -> bool {
        self.is_privacy_officer
    }

    /// Why this caller asks: the purposes that are asserted. A person who asserts none acts for what each of their roles is for first, a
    /// system for none. Whoever is at their own record asks at the patient's request.
    pub fn acts_for(&self) -> &Purposes {
        &self.acts_for
    }

    /// Whether no role of a person who has some acts for what they assert, so that nothing is open but what is published. In one's
    /// own record one needs no role.
    pub fn is_out_of_purpose(&self) -> bool {
        self.is_out_of_purpose
    }

    /// Whether a role in which the person acts here may break the glass (R22). Not of patients' own accounts, and of no system.
    pub fn may_break_glass(&self) -> bool {
        self.may_break_glass && self.is_user() && !self.is_patients()
    }

    /// The same while the glass is broken: acts for that as well. What scopes and roles come to stays.
    pub fn breaking_glass(&self) -> Caller {
        let purpose = Purpose::of(BREAK_GLASS);
        Caller {
            acts_for: self.acts_for.iter().chain(purpose).collect(),
            ..self.clone()
        }
    }

    /// Whether whatever is asked of a caller to judge who they are is the same of both: the same token, acting for the same, cleared alike. One token
    /// does not act for the same at every moment: while the glass is broken it acts for that as well.
    pub fn acts_like(&self, other: &Caller) -> bool {
        self.identity == other.identity
            && self.acts_for == other.acts_for
            && self.clearance == other.clearance
            && self.is_privacy_officer == other.is_privacy_officer
            && self.is_at_one_record == other.is_at_one_record
    }

    /// Whether the same policies say of both what their roles come to.
    pub fn is_of_site(&self, other: &Caller) -> bool {
        self.known.are(&other.known)
    }

    /// Granular scopes, where plain ones do not absorb them. Only a store's own index knows what their parameters
    /// come to: whoever decides compiles them into [`crate::Facts::criteria`].
    pub fn granular(&self) -> &[Granular] {
        &self.granular
    }

    /// The elements that are seen of types of which not all are; `None`: there is no such type. Granular scopes by parameters
    /// that read others grant nothing: whoever compiles them does so by what is seen.
    pub fn seen(&self) -> Option<&Arc<Seen>> {
        self.part.as_ref().map(|part| &part.seen)
    }

    /// Nobody: may do nothing, and is recorded as nobody.
    pub fn anonymous() -> Caller {
        Caller::new(Identity::default())
    }
}

impl Identity {
    /// Whether a client acts for itself. Anything that hints at a user makes it no system (S61).
    pub fn is_system(&self) -> bool {
        let has_user =
            self.fhir_user.is_some() || !self.roles.is_empty() || self.subject != self.client_id;
        !has_user && !self.client_id.is_empty()
    }

    /// Whether a person stands behind the token.
    pub fn is_user(&self) -> bool {
        self.fhir_user.is_some() && self.subject != self.client_id
    }

    /// Whether the account is of a patient, or of somebody who is related to one.
    pub fn is_patients(&self) -> bool {
        let user = self.fhir_user.as_deref().unwrap_or_default();
        user.starts_with("Patient/") || user.starts_with("RelatedPerson/")
    }

    /// Whether the person is the launch patient.
    pub fn is_at_own_record(&self) -> bool {
        let own = self
            .fhir_user
            .as_deref()
            .and_then(|user| user.strip_prefix("Patient/"));
        self.is_user() && own.is_some() && own == self.patient.as_deref()
    }
}

/// Whether nothing reaches further than a compartment, of types that lie in one.
fn is_at_one_record(grid: &Grid, granular: &[Granular]) -> bool {
    let plain = grid.types().flat_map(|ty| {
        Action::ALL
            .into_iter()
            .map(move |action| (ty, grid.reach(ty, action)))
    });
    let granular = granular.iter().flat_map(Granular::reaches);
    let mut all = plain.chain(granular.map(|(ty, _, reach)| (ty, reach)));
    all.all(|(ty, reach)| reach != Reach::Everything || !Compartments::r4().is_member(ty))
}

fn acts_for(identity: &Identity, known: &Roles) -> Purposes {
    let own = identity
        .is_at_own_record()
        .then(|| Purpose::of(PATIENT_REQUEST));
    let roles = identity.roles.iter().filter_map(|name| known.get(name));
    let of_roles = roles.filter_map(|role| role.purposes.first());
    let is_asked = identity.is_user() && identity.purposes.is_empty();
    let asserted = identity.purposes.iter();
    asserted
        .chain(of_roles.filter(|_| is_asked))
        .chain(own.flatten())
        .collect()
}

impl Deref for Caller {
    type Target = Identity;

    fn deref(&self) -> &Identity {
        &self.identity
    }
}

fn fingerprint(identity: &Identity) -> u64 {
    let patient = identity.patient.as_deref().unwrap_or_default();
    let purposes = identity.purposes.to_string();
    let parts = [
        identity.subject.as_str(),
        identity.client_id.as_str(),
        patient,
        purposes.as_str(),
    ];
    let mut bytes = b"ward caller".to_vec();
    for part in parts {
        bytes.extend_from_slice(&(part.len() as u64).to_le_bytes());
        bytes.extend_from_slice(part.as_bytes());
    }
    let digest = ward_seal::hash::sha256(&bytes);
    digest[..8]
        .iter()
        .fold(0, |value, byte| value << 8 | u64::from(*byte))
}
