//! What rendering needs to know from outside: what rows, people and clients are called, and where this server is.

use std::collections::{BTreeSet, HashMap};
use ward_audit::Record;

#[derive(Clone, Debug, Default)]
pub struct Names {
    /// The FHIR base, without a slash at its end.
    pub base: String,
    /// Of the authorization server: whose subjects the users are.
    pub issuer: String,
    /// This node.
    pub node: String,
    /// The installation, as its events name it.
    pub site: String,
    /// `Observation/abc` by row id.
    pub references: HashMap<i64, String>,
    /// By the user of a Record.
    pub users: HashMap<String, User>,
    /// Names of clients by their id.
    pub clients: HashMap<String, String>,
    /// Of a version: row id and number.
    pub labels: HashMap<(i64, u32), Vec<Label>>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct User {
    /// As people read it.
    pub name: String,
    /// For whom the user acts.
    pub organization: Option<Organization>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Organization {
    /// `Organization/abc`
    pub reference: String,
    pub name: String,
}

/// A security label.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Label {
    pub system: String,
    pub code: String,
}

/// What has to be looked up before some Records are rendered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Type number and row id.
    pub rows: BTreeSet<(u16, i64)>,
    pub users: BTreeSet<String>,
    pub clients: BTreeSet<String>,
}

impl Wanted {
    /// Everything that these Records name.
    pub fn by<'a>(records: impl IntoIterator<Item = &'a Record>) -> Wanted {
        let mut wanted = Wanted::default();
        let ty = |name| {
            ward_fhir::schema::r4()
                .resource_type(name)
                .map_or(0, |ty| ty.0)
        };
        let (patient, consent) = (ty("Patient"), ty("Consent"));
        for record in records {
            let rows = &mut wanted.rows;
            rows.extend(record.entities.iter().map(|e| (e.ty, e.rid)));
            rows.extend(record.entities.iter().map(|e| (patient, e.patient)));
            rows.extend(record.decision.consents.iter().map(|c| (consent, c.rid)));
            rows.insert((patient, record.detail.patient));
            wanted.users.insert(record.user.clone());
            wanted.clients.insert(record.client_id.clone());
        }
        wanted.rows.retain(|(_, rid)| *rid != 0);
        wanted.users.remove("");
        wanted.clients.remove("");
        wanted
    }
}
