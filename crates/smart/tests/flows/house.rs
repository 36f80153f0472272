//! An authorization server on a private store, and short ways to ask it.

use crate::answers::*;
use crate::asks::*;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use ward_access::{Caller, Identity, Scopes};
use ward_fhir::schema::r4;
use ward_resources::{Body, Call, Engine, Format, Interaction};
use ward_seal::MasterKey;
use ward_smart::fetch::{Fetch, FetchError, Fetched, Fetching, Outgoing, Posted};
use ward_smart::people::session::Session;
use ward_smart::state::{
    self, Account, Authentication, Changes, Client, ClientState, Kind, Row, SessionRow,
    SharedComputer, digest,
};
use ward_smart::{Answer, AuthorizationServer, Endpoint, Page, Secrets, Settings};
use ward_storage::{Store, StoreSettings};
use ward_testkit::postgres::Database;
use ward_testkit::{Backend, backends};

pub const NOW_S: i64 = 1_700_000_000;
pub const ISSUER: &str = "https://ward.example";
pub const BASE: &str = "https://ward.example/fhir";
pub const CALLBACK: &str = "https://app.example/cb";
pub const VERIFIER: &str = "a-verifier-of-at-least-forty-three-characters-0123";

pub struct House {
    pub server: AuthorizationServer,
    pub engine: Arc<Engine>,
    pub shelf: Arc<Shelf>,
    folder: tempfile::TempDir,
    database: Option<Database>,
}

/// What the server fetches: the test puts it there.
#[derive(Default)]
pub struct Shelf {
    pub documents: Mutex<BTreeMap<String, String>>,
    pub asked: Mutex<Vec<String>>,
}

impl Fetch for Shelf {
    fn get<'a>(&'a self, url: &'a str, _: usize) -> Fetching<'a> {
        self.asked.lock().unwrap().push(url.to_owned());
        let found = self.documents.lock().unwrap().get(url).cloned();
        let fetched = found.map(|text| Fetched {
            status: 200,
            headers: vec![("cache-control".to_owned(), "max-age=3600".to_owned())],
            body: text.into_bytes(),
        });
        Box::pin(std::future::ready(fetched.ok_or(FetchError::Unreachable)))
    }

    fn post<'a>(&'a self, posted: Posted<'a>, _: usize) -> Fetching<'a> {
        panic!("nothing is posted to {}", posted.url)
    }
}

impl House {
    pub async fn sqlite() -> House {
        let folder = tempfile::tempdir().unwrap();
        let settings = StoreSettings::sqlite(folder.path().join("ward.db"));
        Self::open(folder, settings, None).await
    }

    /// `None` when `WARD_TEST_BACKENDS` leaves it out.
    pub async fn postgres() -> Option<House> {
        if !backends().contains(&Backend::Postgres) {
            return None;
        }
        let database = Database::create();
        let settings = StoreSettings::postgres(&database.url);
        Some(Self::open(tempfile::tempdir().unwrap(), settings, Some(database)).await)
    }

    async fn open(
        folder: tempfile::TempDir,
        store: StoreSettings,
        database: Option<Database>,
    ) -> House {
        let engine = engine(store, &folder.path().join("log")).await;
        let shelf = Arc::new(Shelf::default());
        House {
            server: server(engine.clone(), shelf.clone()).await,
            engine,
            shelf,
            folder,
            database,
        }
    }

    /// Another node over the same database; `None` where the store is one process's own.
    pub async fn another(&self) -> Option<AuthorizationServer> {
        let store = StoreSettings::postgres(&self.database.as_ref()?.url);
        let engine = engine(store, &self.folder.path().join("another")).await;
        Some(server(engine, self.shelf.clone()).await)
    }

    pub async fn keep<R: Row>(&self, row: &R) {
        let changes = Changes::new()
            .forget::<R>(row.key())
            .insert(row)
            .announced();
        state::commit(self.engine.store(), changes, NOW_S)
            .await
            .unwrap();
        self.server.watch(NOW_S).await.unwrap();
    }

    pub async fn held<R: Row>(&self, key: &str, now_s: i64) -> Option<R> {
        let found = state::get::<R>(self.engine.store(), key, now_s)
            .await
            .unwrap();
        found.map(|held| held.row)
    }

    /// Stores a resource as a system that may do everything.
    pub async fn put(&self, resource: Value) {
        let text = |name: &str| resource[name].as_str().unwrap().to_owned();
        let interaction = Interaction::Update {
            ty: r4().resource_type(&text("resourceType")).unwrap(),
            id: text("id"),
        };
        let mut call = Call::new(interaction, [0; 16], "test".into());
        call.body = Some(Body {
            bytes: resource.to_string().into(),
            format: Format::Json,
        });
        let reply = self.engine.answer(&loader(), &call).await;
        assert!(reply.status < 300, "{reply:?}");
    }

    /// What somebody finds: `Task?_id=1`.
    async fn search_as(&self, caller: &Caller, url: &str) -> Value {
        let (ty, query) = url.split_once('?').unwrap();
        let interaction = Interaction::SearchType {
            ty: r4().resource_type(ty).unwrap(),
        };
        let mut call = Call::new(interaction, [0; 16], "test".into());
        call.parameters = pairs(query);
        let reply = self.engine.answer(caller, &call).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        serde_json::from_slice(reply.json().unwrap()).unwrap()
    }

    /// What the privacy officer finds.
    pub async fn search_privacy(&self, url: &str) -> Value {
        let officer = Caller::new(Identity {
            subject: "officer".into(),
            client_id: "own".into(),
            fhir_user: Some("Practitioner/officer".into()),
            roles: vec!["privacy-officer".into()],
            scopes: Scopes::parse("user/*.rs").unwrap(),
            expires_s: i64::MAX,
            ..Identity::default()
        });
        self.search_as(&officer, url).await
    }

    /// What a patient finds in their own record.
    pub async fn search_own(&self, patient: &str, url: &str) -> Value {
        let own = Caller::new(Identity {
            subject: patient.into(),
            client_id: "own".into(),
            fhir_user: Some(format!("Patient/{patient}")),
            patient: Some(patient.into()),
            roles: vec!["patient".into()],
            scopes: Scopes::parse("patient/*.rs").unwrap(),
            expires_s: i64::MAX,
            ..Identity::default()
        });
        self.search_as(&own, url).await
    }

    pub async fn patient(&self, id: &str, family: &str) {
        let name = json!([{ "family": family, "given": ["Ada"] }]);
        self.put(
            json!({ "resourceType": "Patient", "id": id, "name": name, "birthDate": "1970-01-01" }),
        )
        .await;
    }

    /// A public app, as `change` wants it.
    pub async fn app(&self, change: impl FnOnce(&mut Client)) -> Client {
        let mut client = Client {
            client_id: "app".into(),
            name: "My Health".into(),
            owner: "Example Ltd".into(),
            kind: Kind::Public,
            state: ClientState::Active,
            redirect_uris: vec![CALLBACK.into()],
            scope: "openid fhirUser launch launch/patient offline_access online_access \
                    patient/*.cruds user/*.cruds"
                .into(),
            created_s: NOW_S,
            ..Client::default()
        };
        change(&mut client);
        self.keep(&client).await;
        client
    }

    /// The same with a secret.
    pub async fn confidential(&self, secret: &str) -> Client {
        let secret = digest(secret);
        self.app(|client| {
            client.kind = Kind::Confidential;
            client.authentication = Authentication::ClientSecretBasic;
            client.secret_digest = Some(secret);
        })
        .await
    }

    /// The secret of the browser that is the shared computer of this name, which somebody has set up.
    pub async fn computer(&self, name: &str) -> String {
        let secret = digest(name);
        let computer = SharedComputer {
            key: digest(&secret),
            id: format!("id of {name}"),
            name: name.to_owned(),
            account: "somebody".into(),
            set_up_s: NOW_S,
            used_s: NOW_S,
        };
        self.keep(&computer).await;
        secret
    }

    /// A doctor who is signed in with two factors; the cookie.
    pub async fn clinician(&self) -> String {
        self.signed_in(|session| {
            session.account = "doctor".into();
            session.fhir_user = Some("Practitioner/doctor".into());
            session.roles = vec!["physician".into()];
        })
        .await
    }

    /// The patient of this id, signed in with two factors; the cookie.
    pub async fn patient_account(&self, id: &str) -> String {
        self.signed_in(|session| {
            session.account = format!("patient-{id}");
            session.fhir_user = Some(format!("Patient/{id}"));
            session.patient = Some(id.into());
        })
        .await
    }

    pub async fn signed_in(&self, change: impl FnOnce(&mut Session)) -> String {
        let cookie = ward_seal::random::token();
        let mut session = Session {
            id: digest(&cookie),
            auth_time_s: NOW_S,
            acr: "mfa".into(),
            amr: vec!["pwd".into(), "otp".into(), "mfa".into()],
            ..Session::default()
        };
        change(&mut session);
        session.subject = format!("subject of {}", session.account);
        self.keep(&Account {
            username: session.account.clone(),
            subject: session.subject.clone(),
            fhir_user: session.fhir_user.clone(),
            patient: session.patient.clone(),
            roles: session.roles.clone(),
            ..Account::default()
        })
        .await;
        self.keep(&SessionRow {
            session,
            begun_s: NOW_S,
            last_used_s: NOW_S,
            idle_s: 12 * 3600,
            ends_s: NOW_S + 12 * 3600,
            shared: false,
        })
        .await;
        cookie
    }

    pub async fn ask(&self, endpoint: Endpoint, ask: &Ask) -> Answer {
        ask.of(&self.server, endpoint).await
    }

    /// Goes along our own redirects, as a browser does.
    pub async fn follow(&self, mut answer: Answer, cookie: &str, now_s: i64) -> Answer {
        for _ in 0..5 {
            let Answer::Redirect { to, .. } = &answer else {
                return answer;
            };
            let Some((path, query)) = to.split_once('?').filter(|(path, _)| path.starts_with('/'))
            else {
                return answer;
            };
            let endpoint = Endpoint::at(path).unwrap();
            let get = Ask::get(query).cookie(cookie).at(now_s);
            answer = self.ask(endpoint, &get).await;
        }
        panic!("the redirects do not end: {answer:?}")
    }

    /// An authorization request by a browser with this cookie, up to the page that asks or to the client.
    pub async fn authorize(&self, asked: &Asked, cookie: &str) -> Answer {
        let get = asked.ask().cookie(cookie);
        let begun = self.ask(Endpoint::Authorize, &get).await;
        self.follow(begun, cookie, asked.now_s).await
    }

    /// The same, and all that is asked is approved; where the browser ends.
    pub async fn approve(&self, asked: &Asked, cookie: &str) -> Answer {
        let page = self.authorize(asked, cookie).await;
        let pushed = !asked.pairs.iter().any(|(name, _)| name == "scope");
        let of = |scope: &str| {
            asked
                .pairs
                .iter()
                .any(|(_, v)| v.split(' ').any(|s| s == scope))
        };
        self.approve_page(page, cookie, asked.now_s, |scope| pushed || of(scope))
            .await
    }

    /// Approves what `which` says on a page of approval.
    pub async fn approve_page(
        &self,
        page: Answer,
        cookie: &str,
        now_s: i64,
        which: impl Fn(&str) -> bool,
    ) -> Answer {
        let Page::Approve(page) = shown(page) else {
            panic!("no page of approval")
        };
        let parts = page
            .asked
            .iter()
            .flat_map(|a| a.parts.iter().map(|(part, _)| part));
        let scopes = page.asked.iter().map(|a| &a.scope).chain(parts);
        let mut fields = vec![("csrf", page.form.csrf.as_str()), ("decision", "approve")];
        fields.extend(scopes.filter(|s| which(s)).map(|s| ("scope", s.as_str())));
        let post = Ask::post(&fields)
            .query(&page.form.action)
            .cookie(cookie)
            .at(now_s);
        let answer = self.ask(Endpoint::Approve, &post).await;
        self.follow(answer, cookie, now_s).await
    }

    pub async fn code(&self, asked: &Asked, cookie: &str) -> String {
        code(&self.approve(asked, cookie).await)
    }

    /// The whole way of a public app: the answer of the token endpoint.
    pub async fn tokens(&self, asked: &Asked, cookie: &str) -> Value {
        let code = self.code(asked, cookie).await;
        let answer = self
            .ask(Endpoint::Token, &redeem(&code).at(asked.now_s))
            .await;
        ok(answer)
    }

    /// Whether an access token opens anything.
    pub async fn is_good(&self, token: &Value, now_s: i64) -> bool {
        holds(&self.server, token, now_s).await
    }
}

/// A system that may do everything.
fn loader() -> Caller {
    Caller::new(Identity {
        subject: "loader".into(),
        client_id: "loader".into(),
        scopes: Scopes::parse("system/*.cruds").unwrap(),
        expires_s: i64::MAX,
        ..Identity::default()
    })
}

pub async fn holds(server: &AuthorizationServer, token: &Value, now_s: i64) -> bool {
    let header = format!("Bearer {}", token["access_token"].as_str().unwrap());
    let credentials = ward_smart::Credentials {
        authorization: Some(&header),
        ..ward_smart::Credentials::default()
    };
    server.authenticate(&credentials, now_s).await.is_ok()
}

async fn engine(store: StoreSettings, log: &std::path::Path) -> Arc<Engine> {
    let store = Store::open(store, MasterKey::from_bytes([42; 32]))
        .await
        .unwrap();
    let log = ward_audit::Log::open(log, store.record_key()).unwrap();
    let settings = ward_resources::Settings {
        base: BASE.into(),
        ..ward_resources::Settings::default()
    };
    Arc::new(Engine::new(
        store,
        log,
        settings,
        || NOW_S * 1_000_000,
        [9; 32],
    ))
}

async fn server(engine: Arc<Engine>, shelf: Arc<Shelf>) -> AuthorizationServer {
    let secrets = Secrets {
        forms: [1; 32],
        nonces: [2; 32],
    };
    let outgoing = Outgoing::all(shelf);
    let settings = Settings {
        asks_for_certificates: true,
        ..Settings::for_base(BASE)
    };
    AuthorizationServer::open(engine, settings, secrets, outgoing, NOW_S)
        .await
        .unwrap()
}
