//! The stream goes in, alerts come out.

use crate::access::{Access, Key};
use crate::alert::{Alert, Reason, Subject};
use crate::bounded::Bounded;
use crate::case::Case;
use crate::explain::{Teams, explain};
use crate::facts::{Facts, Kind, Person};
use crate::feedback::{Feedback, Found};
use crate::memory::{Account, Client, Peers, Source, User};
use crate::rule::Rule;
use crate::rules::{self, Finding, Seen};
use crate::thresholds::Thresholds;
use crate::window::scramble;

/// Judges accesses in the order of time. Per access: some look-ups in maps, constant; a sort of at most 128 numbers within
/// bursts.
#[derive(Debug)]
pub struct Detector {
    limits: Thresholds,
    found: Found,
    users: Bounded<Key, User>,
    peers: Bounded<(Key, Key), Peers>,
    clients: Bounded<Key, Client>,
    sources: Bounded<Key, Source>,
    accounts: Bounded<Key, Account>,
    cases: Bounded<(Key, i64), Case>,
    teams: Teams,
    incidents: Bounded<(Rule, Subject, i64), Incident>,
    /// Alerts that came of one user's accesses, the last.
    told: Bounded<Key, (i64, u64)>,
    findings: Vec<Finding>,
    counted: Counted,
}

/// What goes on, so that it is told once.
#[derive(Clone, Copy, Debug)]
struct Incident {
    first_s: i64,
    last_s: i64,
}

/// What was judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    pub accesses: u64,
    /// Records that staff opened.
    pub opened: u64,
    /// Those of them that nothing explained.
    pub unexplained: u64,
}

impl Detector {
    pub fn new(limits: Thresholds) -> Detector {
        Detector {
            limits,
            found: Found::new(),
            users: Bounded::new(USERS_MAX, 90 * DAY_S),
            peers: Bounded::new(PEERS_MAX, 90 * DAY_S),
            clients: Bounded::new(CLIENTS_MAX, 90 * DAY_S),
            sources: Bounded::new(SOURCES_MAX, 7 * DAY_S),
            accounts: Bounded::new(ACCOUNTS_MAX, 3_600),
            cases: Bounded::new(CASES_MAX, 7 * DAY_S),
            teams: Bounded::new(TEAMS_MAX, DAY_S),
            incidents: Bounded::new(INCIDENTS_MAX, 7 * DAY_S),
            told: Bounded::new(USERS_MAX, 7 * DAY_S),
            findings: Vec::new(),
            counted: Counted::default(),
        }
    }

    pub fn learn(&mut self, feedback: &Feedback) {
        self.found.learn(feedback);
    }

    pub fn counted(&self) -> Counted {
        self.counted
    }

    /// Users, cases, teams and incidents that are remembered.
    pub fn remembered(&self) -> [usize; 4] {
        [
            self.users.len(),
            self.cases.len(),
            self.teams.len(),
            self.incidents.len(),
        ]
    }

    /// Bytes of the tables in which that is; lists of bursts and reasons come on top, at most as much again.
    pub fn table_bytes(&self) -> usize {
        let of_people = self.users.bytes() + self.peers.bytes() + self.told.bytes();
        let of_edges = self.clients.bytes() + self.sources.bytes() + self.accounts.bytes();
        of_people + of_edges + self.cases.bytes() + self.teams.bytes() + self.incidents.bytes()
    }

    /// Appends what is to be told. An alert that [`follows`](Alert::follows) another belongs to its incident.
    pub fn observe(&mut self, access: &Access, facts: &impl Facts, alerts: &mut Vec<Alert>) {
        self.counted.accesses += 1;
        let person = match access.user {
            0 => None,
            user => facts.person(user),
        };
        let staff = person.filter(|person| person.kind == Kind::Staff);
        let opens = staff.is_some() && access.opens_record();
        let explained = staff
            .filter(|_| opens)
            .and_then(|person| explain(access, &person, facts, &self.limits, &mut self.teams));
        let is_found = opens
            && explained.is_none()
            && self
                .found
                .explains(access.user, access.patient, access.at_s);
        let seen = Seen {
            access,
            person,
            patient: match access.patient {
                0 => None,
                patient => facts.patient(patient),
            },
            explained,
            is_unexplained: opens && explained.is_none() && !is_found,
            limits: &self.limits,
            found: &self.found,
        };
        self.counted.opened += u64::from(opens);
        self.counted.unexplained += u64::from(seen.is_unexplained);
        let mut findings = std::mem::take(&mut self.findings);
        rules::system::judge(&seen, &mut findings);
        let source = self
            .sources
            .entry(access.source, access.at_s, Source::default);
        rules::sign_in::judge(&seen, source, &mut self.accounts, &mut findings);
        let client = self
            .clients
            .entry(access.client, access.at_s, Client::default);
        rules::app::judge(&seen, client, &mut findings);
        rules::refused::judge(&seen, source, &mut self.users, &mut findings);
        rules::grant::granted(&seen, &mut self.users, &mut findings);
        if let Some(person) = person {
            let group = (person.role, person.department);
            let user = self.users.entry(access.user, access.at_s, User::default);
            let peers = self.peers.entry(group, access.at_s, Peers::default);
            rules::person::judge(&seen, &person, user, peers, source, facts, &mut findings);
            if opens {
                let key = (access.user, access.patient);
                judge_case(
                    &seen,
                    &person,
                    &mut self.cases,
                    key,
                    peers,
                    user,
                    facts,
                    &mut findings,
                );
            }
        }
        let department = person.map_or(0, |person| person.department);
        for finding in findings.drain(..) {
            self.tell(finding, access, department, alerts);
        }
        self.findings = findings;
    }

    /// Once for an incident: while it goes on, and again after a week of going on.
    fn tell(
        &mut self,
        finding: Finding,
        access: &Access,
        department: Key,
        alerts: &mut Vec<Alert>,
    ) {
        let at = access.at_s;
        let again = (self.limits.again_hours * 3_600.0) as i64;
        let rule = finding.reasons.first().map_or(Rule::A1, |r| r.rule);
        let key = (rule, finding.subject, finding.patient);
        if let Some(known) = self.incidents.get_mut(&key)
            && at - known.last_s < again
            && at - known.first_s < 7 * DAY_S
        {
            known.last_s = at;
            return;
        }
        let id = incident_id(rule, &finding, at);
        let incident = Incident {
            first_s: at,
            last_s: at,
        };
        self.incidents.put(key, incident, at);
        let follows = self.follows(rule, &finding, at, again);
        if finding.subject.user != 0 && follows.is_none() {
            self.told.put(finding.subject.user, (at, id), at);
        }
        alerts.push(Alert {
            id,
            rule,
            subject: finding.subject,
            patient: finding.patient,
            at_s: at,
            since_s: finding.evidence.since_s,
            points: finding.reasons.iter().map(|r| r.points).sum(),
            reasons: finding.reasons,
            evidence: finding.evidence.list(),
            department,
            follows,
        });
    }

    /// Further records of a user of whom an alert of the day tells already are part of it, unless they know the patient, or it is a rule
    /// that is told whatever else was.
    fn follows(&self, rule: Rule, finding: &Finding, at: i64, again: i64) -> Option<u64> {
        let knows = matches!(rule, Rule::A2 | Rule::A3);
        if finding.patient == 0 || knows || rule.is_fixed() {
            return None;
        }
        let (when, id) = self.told.get(&finding.subject.user)?;
        (at - when < again).then_some(*id)
    }
}

#[allow(clippy::too_many_arguments)] // parts of the detector, borrowed apart
fn judge_case(
    seen: &Seen,
    person: &Person,
    cases: &mut Bounded<(Key, i64), Case>,
    key: (Key, i64),
    peers: &Peers,
    user: &User,
    facts: &impl Facts,
    findings: &mut Vec<Finding>,
) {
    let is_own = person.patient != 0 && person.patient == seen.access.patient;
    if !seen.is_unexplained && !is_own {
        return;
    }
    let at = seen.access.at_s;
    let case = cases.entry(key, at, Case::default);
    if case.last_s != 0 && at - case.last_s > (seen.limits.case_days * 86_400.0) as i64 {
        *case = Case::default();
    }
    case.add(seen, person, facts);
    if case.alerted {
        return;
    }
    let reasons: Vec<Reason> = case.reasons(seen, peers, user);
    let points: u32 = reasons.iter().map(|reason| reason.points).sum();
    if f64::from(points) < seen.limits.alert_points {
        return;
    }
    case.alerted = true;
    findings.push(Finding {
        subject: Subject::user(seen.access.user),
        patient: seen.access.patient,
        reasons,
        evidence: case.evidence.clone(),
    });
}

fn incident_id(rule: Rule, finding: &Finding, at: i64) -> u64 {
    let subject = finding.subject;
    let parts = [
        u64::from(rule.number()),
        subject.user,
        subject.client,
        subject.source,
        finding.patient as u64,
        at as u64,
    ];
    parts
        .iter()
        .fold(0, |hash, part| scramble(hash ^ scramble(*part)))
}

const DAY_S: i64 = 86_400;
/// Users that are remembered, those seen last.
pub const USERS_MAX: usize = 20_000;
/// Peer groups.
pub const PEERS_MAX: usize = 4_096;
pub const CLIENTS_MAX: usize = 2_048;
/// Network addresses.
pub const SOURCES_MAX: usize = 20_000;
/// Accounts that somebody failed to sign in to.
pub const ACCOUNTS_MAX: usize = 20_000;
/// Records that somebody opened without a reason, each by whom.
pub const CASES_MAX: usize = 100_000;
/// Records that a department had a reason to open.
pub const TEAMS_MAX: usize = 100_000;
/// What was told.
pub const INCIDENTS_MAX: usize = 20_000;
