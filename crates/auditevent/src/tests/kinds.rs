//! A Record of every kind of event.

use ward_audit::{Alert, ConsentVersion, Decision, Detail, Entity, Outcome, Record};
use ward_fhir::schema::r4;

pub(super) const PATIENT: i64 = 1;
pub(super) const OTHER: i64 = 2;
const OBSERVATION: i64 = 3;
const ORGANIZATION: i64 = 4;
pub(super) const CONSENT: i64 = 5;
const TASK: i64 = 6;

pub(super) fn entity(ty: &str, rid: i64, patient: i64, action: u8) -> Entity {
    Entity {
        ty: r4().resource_type(ty).unwrap().0,
        rid,
        version: 3,
        patient,
        action,
    }
}

pub(super) fn record(interaction: &str, entities: &[Entity]) -> Record {
    Record {
        at_us: 1_700_000_000_123_456,
        request_id: [7; 16],
        interaction: interaction.into(),
        client_id: "growth-chart".into(),
        user: "Practitioner/p1".into(),
        purpose: "TREAT".into(),
        source: "192.0.2.7".into(),
        outcome: Outcome::Success,
        status: 200,
        query: String::new(),
        entities: entities.to_vec(),
        decision: Decision::default(),
        detail: Detail {
            token_id: "5f2c".into(),
            session: "s1".into(),
            workstation: "ward 3".into(),
            roles: "clinician night-shift".into(),
            authenticated: "pwd otp".into(),
            elapsed_us: Some(1_234),
            bytes_out: Some(2_000),
            ..Detail::default()
        },
    }
}

fn with(record: Record, change: impl FnOnce(&mut Record)) -> Record {
    let mut record = record;
    change(&mut record);
    record
}

fn refused(record: Record, status: u16) -> Record {
    with(record, |r| {
        r.status = status;
        r.outcome = match status {
            503 => Outcome::Major,
            500.. => Outcome::Serious,
            _ => Outcome::Minor,
        };
        r.entities.clear();
        r.detail.request = "Observation/o1".into();
    })
}

fn decided(interaction: &str, word: &str, query: &str) -> Record {
    with(record(interaction, &[]), |r| {
        r.detail.subtype = word.into();
        r.detail.token_id.clear();
        r.query = query.into();
    })
}

/// By name.
pub(super) fn all() -> Vec<(String, Record)> {
    let mut all = of_the_api();
    all.extend(refusals());
    all.extend(of_the_authorization_server());
    all.extend(of_the_server());
    all.into_iter()
        .map(|(name, record)| (name.to_owned(), record))
        .collect()
}

fn of_the_api() -> Vec<(&'static str, Record)> {
    let data = |action| entity("Observation", OBSERVATION, PATIENT, action);
    let shared = |action| entity("Organization", ORGANIZATION, 0, action);
    let consent = |action| entity("Consent", CONSENT, PATIENT, action);
    let asked = |interaction, request: &str, entities: &[Entity]| {
        with(record(interaction, entities), |r| {
            r.detail.request = request.into();
            r.query = "code&date".into();
            r.detail.results = Some(entities.len() as u32);
        })
    };
    let hashed = |r: Record| with(r, |r| r.detail.hashes = vec![[9; 32]]);
    let operation = |name: &str, entities: &[Entity]| {
        let path = format!("Patient/p/{name}?_count=5");
        with(asked("operation", &path, entities), |r| {
            r.detail.subtype = name.into();
        })
    };
    vec![
        (
            "create, of a patient",
            hashed(record("create", &[data(b'C')])),
        ),
        (
            "create, of nobody",
            hashed(record("create", &[shared(b'C')])),
        ),
        (
            "create, by a patient",
            with(record("create", &[data(b'C')]), |r| {
                r.user = "Patient/p".into()
            }),
        ),
        (
            "create, by a device",
            with(record("create", &[data(b'C')]), |r| {
                r.user = "Device/d".into()
            }),
        ),
        (
            "create, by a client for itself",
            with(record("create", &[data(b'C')]), |r| r.user.clear()),
        ),
        (
            "create, of a consent",
            hashed(record("create", &[consent(b'C')])),
        ),
        ("read, of a patient", record("read", &[data(b'R')])),
        ("read, of nobody", record("read", &[shared(b'R')])),
        (
            "read, not modified",
            with(record("read", &[]), |r| r.status = 304),
        ),
        (
            "read, by the patient",
            with(record("read", &[data(b'R')]), |r| {
                r.user = "Patient/p".into()
            }),
        ),
        (
            "read, by a broken glass",
            with(record("read", &[data(b'R')]), |r| {
                r.decision.break_glass = true;
                r.purpose = "BTG".into();
            }),
        ),
        (
            "read, by a service for somebody",
            with(record("read", &[data(b'R')]), |r| {
                r.detail.is_delegate = true
            }),
        ),
        (
            "read, by consents",
            with(record("read", &[data(b'R')]), |r| {
                r.decision.consents = vec![ConsentVersion {
                    rid: CONSENT,
                    version: 2,
                }];
            }),
        ),
        ("vread", record("vread", &[data(b'R')])),
        (
            "history-instance",
            asked(
                "history-instance",
                "Observation/o1/_history",
                &[data(b'R'), data(b'R')],
            ),
        ),
        (
            "history-type",
            asked(
                "history-type",
                "Observation/_history",
                &[data(b'R'), consent(b'R')],
            ),
        ),
        (
            "history-system",
            asked("history-system", "_history", &[data(b'R'), shared(b'R')]),
        ),
        (
            "history-system, empty",
            asked("history-system", "_history", &[]),
        ),
        ("update", hashed(record("update", &[data(b'U')]))),
        (
            "update, of nobody",
            hashed(record("update", &[shared(b'U')])),
        ),
        (
            "update, that creates",
            hashed(record("update", &[data(b'C')])),
        ),
        ("patch", hashed(record("patch", &[data(b'U')]))),
        ("delete", record("delete", &[data(b'D')])),
        ("delete, of nobody", record("delete", &[shared(b'D')])),
        ("delete, of a consent", record("delete", &[consent(b'D')])),
        (
            "search-type",
            asked("search-type", "Observation?code=x&date=2020", &[data(b'R')]),
        ),
        (
            "search-type, of nobody",
            asked("search-type", "Organization?name=x", &[shared(b'R')]),
        ),
        (
            "search-type, empty",
            asked("search-type", "Observation?code=x", &[]),
        ),
        (
            "search-type, empty, of a named patient",
            with(asked("search-type", "Observation?patient=p", &[]), |r| {
                r.detail.patient = PATIENT
            }),
        ),
        (
            "search-type, in a compartment",
            with(
                asked("search-type", "Patient/p/Observation", &[data(b'R')]),
                |r| {
                    r.detail.subtype = "compartment".into();
                },
            ),
        ),
        (
            "search-system",
            asked("search-system", "?_type=Observation", &[data(b'R')]),
        ),
        (
            "operation $everything",
            operation("$everything", &[data(b'R')]),
        ),
        ("operation $lastn", operation("$lastn", &[data(b'R')])),
        ("operation $meta-add", operation("$meta-add", &[data(b'U')])),
        ("operation $reindex", operation("$reindex", &[])),
        (
            "batch",
            with(record("batch", &[]), |r| r.detail.results = Some(3)),
        ),
        (
            "transaction",
            hashed(record("transaction", &[data(b'C'), shared(b'R')])),
        ),
        ("capabilities", record("capabilities", &[])),
        (
            "audit log searched",
            with(asked("search-type", "AuditEvent?patient=p", &[]), |r| {
                r.detail.subtype = "audit-log".into();
            }),
        ),
        (
            "audit log read",
            record("read", &[entity("AuditEvent", -77, PATIENT, b'R')]),
        ),
        (
            "relabelled",
            with(record("update", &[data(b'U')]), |r| {
                r.client_id = "urn:ward:labelling".into();
                r.user.clear();
                r.source.clear();
                r.detail = Detail::default();
            }),
        ),
    ]
}

fn refusals() -> Vec<(&'static str, Record)> {
    let refuse = |interaction, status| refused(record(interaction, &[]), status);
    vec![
        (
            "read, hidden",
            with(refuse("read", 404), |r| r.detail.patient = PATIENT),
        ),
        ("read, absent", refuse("read", 404)),
        (
            "update, forbidden",
            with(refuse("update", 403), |r| r.detail.patient = PATIENT),
        ),
        (
            "delete, without a token",
            with(refuse("delete", 401), |r| {
                r.client_id.clear();
                r.user.clear();
                r.detail.token_id.clear();
            }),
        ),
        ("search-type, forbidden", refuse("search-type", 403)),
        ("operation, forbidden", refuse("operation", 403)),
        ("create, invalid", refuse("create", 422)),
        ("update, in conflict", refuse("update", 409)),
        ("read, gone", refuse("read", 410)),
        ("read, broken off", refuse("read", 499)),
        ("search-type, failed", refuse("search-type", 500)),
        ("read, unavailable", refuse("read", 503)),
        ("transaction, refused", refuse("transaction", 400)),
        ("unknown", refuse("unknown", 404)),
        ("record-budget", refuse("record-budget", 429)),
        (
            "decision by consent, denied",
            with(refuse("read", 403), |r| {
                r.detail.subtype = "AuthZ-Consent".into();
                r.detail.patient = PATIENT;
                r.decision.consents = vec![ConsentVersion {
                    rid: CONSENT,
                    version: 2,
                }];
            }),
        ),
        (
            "decision by consent, permitted",
            with(
                record("read", &[entity("Observation", OBSERVATION, PATIENT, b'R')]),
                |r| {
                    r.detail.subtype = "AuthZ-Consent".into();
                    r.decision.consents = vec![ConsentVersion {
                        rid: CONSENT,
                        version: 2,
                    }];
                },
            ),
        ),
        (
            "decision by consent that cannot be evaluated",
            with(refuse("read", 403), |r| {
                r.detail.subtype = "AuthZ-Consent".into();
                r.detail.patient = PATIENT;
                r.decision.alert = Some(Alert::UNEVALUABLE_CONSENT);
                r.decision.consents = vec![ConsentVersion {
                    rid: CONSENT,
                    version: 2,
                }];
            }),
        ),
        (
            "decision by role, denied",
            with(refuse("read", 403), |r| {
                r.detail.subtype = "AuthZ-Role".into()
            }),
        ),
    ]
}

fn of_the_authorization_server() -> Vec<(&'static str, Record)> {
    let plain = |interaction| decided(interaction, "", "client_id&scope");
    let token = |status| {
        let word = "authorization_code";
        with(
            decided("token", word, "scope=patient%2F%2A.rs&grant_type"),
            |r| {
                r.status = status;
                r.detail.request = "grant_type=authorization_code&client_id=growth-chart".into();
                if status >= 400 {
                    r.outcome = Outcome::Minor;
                    r.user.clear();
                }
            },
        )
    };
    let task = entity("Task", TASK, PATIENT, b'C');
    vec![
        ("token", token(200)),
        ("token, refused", token(400)),
        (
            "token, with what was used before",
            with(token(400), |r| r.outcome = Outcome::Serious),
        ),
        (
            "token, of a client for itself",
            with(token(200), |r| r.user.clear()),
        ),
        ("authorize", plain("authorize")),
        (
            "pushed-authorization-request",
            plain("pushed-authorization-request"),
        ),
        ("choose-patient", plain("choose-patient")),
        ("approve", plain("approve")),
        ("launch", plain("launch")),
        ("introspect", plain("introspect")),
        ("revoke", plain("revoke")),
        ("discovery", plain("discovery")),
        ("sign-in", plain("sign-in")),
        (
            "sign-in, wrong",
            with(plain("sign-in"), |r| {
                r.outcome = Outcome::Minor;
                r.user.clear();
            }),
        ),
        ("upstream", plain("upstream")),
        ("second-factor", plain("second-factor")),
        ("enrol", plain("enrol")),
        ("sessions", plain("sessions")),
        ("sign-in, looked at", decided("sign-in", "page", "")),
        (
            "sign-in, half-way",
            decided("sign-in", "password", "username"),
        ),
        (
            "sign-in, in another's place",
            decided("sign-in", "switch-user", "before=p2"),
        ),
        ("session ended", decided("sessions", "logout", "session=s2")),
        (
            "workstation locked",
            decided("sessions", "lock", "computer=ward%203"),
        ),
        (
            "user switched",
            decided("sessions", "switch-user", "computer=ward%203"),
        ),
        ("sign-out", plain("sign-out")),
        ("apps", plain("apps")),
        (
            "break-glass, declared",
            with(
                decided("break-glass", "", "decision=declare&patient=p"),
                |r| {
                    r.entities = vec![task];
                    r.purpose = "BTG".into();
                    r.decision = Decision {
                        break_glass: true,
                        alert: Some(Alert::BREAK_GLASS),
                        ..Decision::default()
                    };
                },
            ),
        ),
        (
            "break-glass, ended",
            with(decided("break-glass", "", "decision=end&patient=p"), |r| {
                r.decision.break_glass = true;
                r.purpose = "BTG".into();
            }),
        ),
        ("break-glass, looked at", plain("break-glass")),
        ("clients, looked at", decided("clients", "page", "")),
        (
            "client suspended",
            decided("clients", "suspend", "client=lab&decision=suspend"),
        ),
        ("register", plain("register")),
        (
            "developer",
            decided("developer", "request", "decision=request"),
        ),
        ("accounts, looked at", plain("accounts")),
        (
            "account locked",
            decided("accounts", "lock", "decision=lock&username=anna"),
        ),
        (
            "account's roles changed",
            decided("accounts", "set-roles", "decision=set-roles&role=nurse"),
        ),
        (
            "computers",
            decided("computers", "set-up", "decision=set-up&computer=ward%203"),
        ),
        (
            "consents",
            decided("consents", "", "decision=withdraw&consent=c1"),
        ),
        (
            "reviews",
            decided("reviews", "", "decision=close&review=r1"),
        ),
        (
            "access kept",
            decided("access-reviews", "keep", "decision=keep&review=r1&item=1"),
        ),
        (
            "access revoked",
            decided(
                "access-reviews",
                "revoke",
                "decision=revoke&review=r1&item=1",
            ),
        ),
    ]
}

fn of_the_server() -> Vec<(&'static str, Record)> {
    let data = entity("Observation", OBSERVATION, PATIENT, b'R');
    let of_nobody = |interaction, word, query| {
        with(decided(interaction, word, query), |r| {
            r.user.clear();
            r.client_id.clear();
            r.source.clear();
            r.purpose.clear();
            r.detail.roles.clear();
        })
    };
    vec![
        ("start", of_nobody("start", "", "version=1")),
        ("stop", of_nobody("stop", "", "")),
        ("outage", of_nobody("outage", "", "seconds=61&cause=store")),
        ("backup", of_nobody("backup", "", "")),
        ("restore", of_nobody("restore", "", "")),
        ("restore-drill", of_nobody("restore-drill", "", "")),
        ("audit-start", of_nobody("audit-start", "", "")),
        ("audit-stop", of_nobody("audit-stop", "", "")),
        (
            "audit-export",
            decided("audit-export", "", "from=1&until=9"),
        ),
        ("audit-verify", decided("audit-verify", "", "")),
        (
            "audit-retention",
            of_nobody("audit-retention", "", "entries=7&rule=6 years"),
        ),
        (
            "audit-redaction",
            of_nobody(
                "audit-redaction",
                "",
                "entry=7&by=Dr. Demo&reason=court order",
            ),
        ),
        ("rotate-key", of_nobody("rotate-key", "", "")),
        ("configuration", of_nobody("configuration", "", "")),
        (
            "alert",
            with(of_nobody("alert", "", "rule=A16"), |r| {
                r.decision.alert = Some(Alert::BREAK_GLASS);
                r.entities = vec![entity("Task", TASK, PATIENT, b'C')];
            }),
        ),
        (
            "account made on the command line",
            with(
                decided("accounts", "add", "decision=add&username=anna"),
                |r| {
                    r.client_id = "ward account".into();
                    r.source = "command line".into();
                    r.purpose = "HSYSADMIN".into();
                    r.user.clear();
                },
            ),
        ),
        ("export", record("export", &[data])),
        (
            "import",
            record(
                "import",
                &[Entity {
                    action: b'C',
                    ..data
                }],
            ),
        ),
        ("import, of a folder", of_nobody("import", "", "folder=x")),
        ("unclean-end", of_nobody("unclean-end", "", "")),
        ("back", of_nobody("back", "", "seconds=61")),
        ("something new", of_nobody("something-new", "", "")),
    ]
}
