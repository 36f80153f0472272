//! An engine over a store of its own, for tests of what it works out of consents.

use super::consents::At;
use super::{By, ConsentSettings, Draft, Judged, VisibilityClass, decide_one};
use crate::call::{Body, Call, Format};
use crate::document::reread;
use crate::engine::{Engine, Settings};
use crate::place::{Literally, destination};
use crate::route::{Method, route};
use crate::write::{Identity, Replaced, compose_deletion};
use std::cell::Cell;
use ward_access::{Access, Action, Caller, Facts, Maintenance, Mask, decide, maintenance};
use ward_consent::Residual;
use ward_consent::labels::RowClass;
use ward_fhir::Document;
use ward_fhir::schema::r4;
use ward_seal::MasterKey;
use ward_storage::{CommitError, Current, Rid, Row, Store, StoreSettings, Unit, Write};

pub struct Place {
    pub engine: Engine,
    pub caller: Caller,
    pub access: Access,
    _folder: tempfile::TempDir,
}

thread_local! {
    /// 2026-11-30, and then as the test goes on.
    pub static NOW_US: Cell<i64> = const { Cell::new(1_796_000_000_000_000) };
}

fn clock() -> i64 {
    NOW_US.with(|now| {
        now.set(now.get() + 1);
        now.get()
    })
}

impl Place {
    pub async fn open(organization: &str) -> Place {
        let folder = tempfile::tempdir().unwrap();
        let settings = StoreSettings::sqlite(folder.path().join("ward.db"));
        let store = Store::open(settings, MasterKey::from_bytes([42; 32]));
        let store = store.await.unwrap();
        let log = ward_audit::Log::open(&folder.path().join("log"), store.record_key()).unwrap();
        let settings = Settings {
            consent: ConsentSettings {
                organization: organization.into(),
                ..ConsentSettings::default()
            },
            ..Settings::default()
        };
        let engine = Engine::new(store, log, settings, clock, [9; 32]);
        let caller = Caller::new(ward_access::Identity {
            subject: "client".into(),
            client_id: "client".into(),
            scopes: ward_access::Scopes::parse("system/*.cruds").unwrap(),
            ..ward_access::Identity::default()
        });
        Place {
            access: decide(&caller, &Facts::of(Mask::every())),
            engine,
            caller,
            _folder: folder,
        }
    }

    pub async fn put(&self, url: &str, members: &str) {
        let (ty, id) = url.split_once('/').unwrap();
        let body = format!(r#"{{"resourceType":"{ty}","id":"{id}"{members}}}"#);
        let mut call = Call::new(route(Method::Put, url).unwrap(), [7; 16], "test".into());
        call.body = Some(Body {
            bytes: body.clone().into(),
            format: Format::Json,
        });
        let reply = self
            .engine
            .answer_within(&self.caller, &self.access, &call, false);
        let reply = reply.await;
        assert!((200..300).contains(&reply.status), "{body}: {reply:?}");
    }

    /// One unit; without members: a deletion.
    pub async fn write(
        &self,
        writes: &[(&str, Option<&str>)],
        is_lenient: bool,
    ) -> Result<Result<(), CommitError>, At> {
        let mut unit = Unit::default();
        for (url, members) in writes {
            unit.writes.push(self.compose(url, *members).await);
        }
        let followed = self.engine.follow(&mut unit, is_lenient).await?;
        let committed = self.engine.store.commit(unit).await;
        self.engine.followed(followed, committed).await;
        Ok(committed)
    }

    pub async fn change(&self, url: &str, members: Option<&str>) {
        let written = self.write(&[(url, members)], false).await;
        assert_eq!(written.unwrap(), Ok(()), "{url}");
    }

    pub async fn compose(&self, url: &str, members: Option<&str>) -> Write {
        let (name, id) = url.split_once('/').unwrap();
        let ty = r4().resource_type(name).unwrap();
        let located = self.engine.store.locate(&[(ty, id)]).await.unwrap()[0];
        let access = maintenance(Maintenance::Policies);
        let current = self
            .engine
            .store
            .read(&access, Action::Read, ty, located.unwrap_or(0));
        let replaced = match current.await.unwrap() {
            Current::Absent => Replaced::Nothing,
            Current::Live(row) | Current::Deleted(row) => Replaced::Version(row),
        };
        let (Some(members), _) = (members, &replaced) else {
            let Replaced::Version(row) = replaced else {
                panic!("{url}")
            };
            return compose_deletion(&self.engine, &row).await.unwrap();
        };
        let body = format!(r#"{{"resourceType":"{name}","id":"{id}"{members}}}"#);
        let document = reread(body.as_bytes()).unwrap();
        let to = destination(&self.engine, document.root(), located, &Literally);
        let placement = to.await.unwrap().settle(&self.engine).await.unwrap();
        let identity = Identity {
            ty,
            rid: located.unwrap_or_else(|| placement.row(&self.engine, ty)),
            id: id.into(),
            register: matches!(replaced, Replaced::Nothing),
        };
        let draft = Draft {
            node: document.root(),
            identity,
            placement,
            replaced,
            by: By::Body,
        };
        let decided = decide_one(&self.engine, draft, &Literally).await;
        decided.unwrap().unit.writes.remove(0)
    }

    /// What the stored version is seen by; `None`: of it nothing was worked out.
    pub async fn seen_by(&self, row: &Row) -> Option<VisibilityClass> {
        let class = self.engine.store.classes(row.visibility, 1).await.unwrap();
        VisibilityClass::from_bytes(&class[0])
    }

    pub async fn residual(&self, url: &str) -> Residual {
        let row = self.row(url).await;
        self.seen_by(&row).await.unwrap().residual
    }

    pub async fn row(&self, url: &str) -> Row {
        let (ty, _) = url.split_once('/').unwrap();
        let ty = r4().resource_type(ty).unwrap();
        let access = maintenance(Maintenance::Policies);
        let rid = self.rid(url).await;
        match self
            .engine
            .store
            .read(&access, Action::Read, ty, rid)
            .await
            .unwrap()
        {
            Current::Live(row) | Current::Deleted(row) => row,
            Current::Absent => panic!("{url} is not there"),
        }
    }

    pub async fn rid(&self, url: &str) -> Rid {
        let (ty, id) = url.split_once('/').unwrap();
        let ty = r4().resource_type(ty).unwrap();
        let rids = self.engine.store.locate(&[(ty, id)]).await.unwrap();
        rids[0].unwrap()
    }

    pub async fn raise(&self, patients: &[Rid]) {
        let unit = Unit {
            raises: patients.to_vec(),
            ..Unit::default()
        };
        self.engine.store.commit(unit).await.unwrap();
    }

    pub async fn document(&self, url: &str) -> Document {
        reread(&self.row(url).await.body).unwrap()
    }

    pub async fn class(&self, url: &str, patients: &[Rid]) -> Option<VisibilityClass> {
        let document = self.document(url).await;
        let labels = RowClass::unlabelled();
        let judged = Judged {
            node: document.root(),
            reference: url.into(),
            labels: &labels,
            patients,
        };
        self.engine.classes(&[judged]).await.unwrap().remove(0)
    }
}

pub const OPTIN: &str = r#","status":"active","scope":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/consentscope","code":"patient-privacy"}]},
  "category":[{"coding":[{"system":"http://loinc.org","code":"59284-0"}]}],
  "policyRule":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"OPTIN"}]}"#;

pub fn deny(patient: &str, criteria: &str) -> String {
    format!(
        r#"{OPTIN},"patient":{{"reference":"Patient/{patient}"}},"provision":{{"provision":[{{"type":"deny",{criteria}}}]}}"#
    )
}

pub fn observed(patient: &str, by: &str) -> String {
    format!(
        r#","status":"final","code":{{"text":"x"}},"subject":{{"reference":"Patient/{patient}"}},"performer":[{{"reference":"{by}"}}]"#
    )
}

pub const RECIPIENT: &str = r#""actor":[{"role":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ParticipationType","code":"IRCP"}]},
  "reference":{"reference":"Practitioner/x"}}]"#;
