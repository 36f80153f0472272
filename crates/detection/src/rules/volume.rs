//! How much: A9, A10, A15, A28, A30, by what is usual for the user and for their peers.

use super::{Finding, Seen};
use crate::access::{Act, Labels, Outcome};
use crate::alert::Subject;
use crate::baseline::Baseline;
use crate::memory::{Client, Count, Minute, Opened, Peers, User};
use crate::rule::Rule;
use crate::thresholds::Thresholds;

pub(crate) fn judge(seen: &Seen, user: &mut User, peers: &mut Peers, findings: &mut Vec<Finding>) {
    let access = seen.access;
    turn(seen, user, peers);
    let is_given = access.patient != 0 && access.outcome == Outcome::Granted;
    if !is_given {
        return;
    }
    if access.act == Act::Document {
        user.documents += 1;
    }
    let patient = access.patient as u64;
    for count in [&mut user.hour, &mut user.day] {
        count.seen.add(patient);
        count.last.add(access.seq, access.at_s);
    }
    if !access.opens_record() {
        return;
    }
    peers.open(seen.is_unexplained);
    if access.labels.has(Labels::SENSITIVE) {
        user.sensitive.add(patient);
        hunting(seen, user, peers, findings);
    }
    if seen.is_unexplained && access.is_clinical {
        user.unexplained.seen.add(patient);
        user.unexplained.last.add(access.seq, access.at_s);
    }
    amounts(seen, user, peers, findings);
    browsing(seen, user, findings);
}

/// What ended is learnt.
fn turn(seen: &Seen, user: &mut User, peers: &mut Peers) {
    let at = seen.access.at_s;
    if let Some(count) = user.hour.turn(at.div_euclid(3_600)) {
        peers.hour.add(count);
    }
    let day = at.div_euclid(86_400);
    if user.day.period >= day {
        return;
    }
    if let Some(count) = user.day.turn(day) {
        peers.day.add(count);
        peers.patients += count;
        peers.sensitive += user.sensitive.count();
        user.own_documents.add(f64::from(user.documents));
        peers.documents.add(f64::from(user.documents));
        // A day without any counts too.
        let unexplained = user.unexplained.seen.count();
        peers.unexplained.add(unexplained);
    }
    user.unexplained.turn(day);
    user.sensitive.clear();
    user.documents = 0;
}

/// A9.
fn amounts(seen: &Seen, user: &User, peers: &Peers, findings: &mut Vec<Finding>) {
    let limits = seen.limits;
    let mut tell = |count: &Count, usual: &Baseline, least: f64, what: &str| {
        let reached = count.seen.count();
        if reached <= least {
            return;
        }
        let most = most(&count.usual, usual, limits.volume_times, least);
        if reached > seen.limit(Rule::A9, most) {
            let text = format!(
                "{reached:.0} patients {what}, where {most:.0} are the most to be expected"
            );
            let subject = Subject::user(seen.access.user);
            let evidence = count.last.clone();
            findings.push(Finding::new(Rule::A9, subject, evidence, text));
        }
    };
    tell(&user.hour, &peers.hour, limits.volume_hour, "in an hour");
    tell(&user.day, &peers.day, limits.volume_day, "in a day");
    if seen.is_unexplained {
        let what = "without a reason in a day";
        tell(
            &user.unexplained,
            &peers.unexplained,
            limits.unexplained_day,
            what,
        );
    }
}

/// Times the 99th percentile of what is known, but `least`; where little is known yet, several times `least`.
fn most(own: &Baseline, peers: &Baseline, times: f64, least: f64) -> f64 {
    let mut usual: Option<f64> = None;
    for (known, samples) in [(own, OWN_SAMPLES), (peers, PEER_SAMPLES)] {
        if known.samples() >= samples {
            usual = Some(usual.unwrap_or(0.0).max(known.quantile(0.99)));
        }
    }
    match usual {
        Some(usual) => (usual * times).max(least),
        None => least * UNKNOWN_TIMES,
    }
}

/// A10: the next record is opened before anybody could have read the last.
fn browsing(seen: &Seen, user: &mut User, findings: &mut Vec<Finding>) {
    let access = seen.access;
    let Some(before) = user.opened else {
        user.opened = Some(opened(seen));
        return;
    };
    if before.patient == access.patient {
        return;
    }
    user.opened = Some(opened(seen));
    if (access.at_s - before.at_s) as f64 >= seen.limits.quick_s {
        return;
    }
    let value = (before.patient as u64) << 1 | u64::from(before.is_unexplained);
    user.quick.push(before.at_s, value, before.seq, 600);
    let most = seen.limit(Rule::A10, seen.limits.quick_opens);
    if (user.quick.len() as f64) < most {
        return;
    }
    let all = user.quick.distinct(|_| true) as f64;
    let unexplained = user.quick.distinct(|value| value & 1 == 1) as f64;
    if all >= most && unexplained >= seen.limits.quick_unexplained * all {
        let text = format!(
            "{all:.0} records in 10 minutes, each left within {} seconds, {unexplained:.0} without a reason{}",
            seen.limits.quick_s,
            in_order(user)
        );
        let subject = Subject::user(access.user);
        let evidence = user.quick.evidence();
        findings.push(Finding::new(Rule::A10, subject, evidence, text));
    }
}

fn opened(seen: &Seen) -> Opened {
    Opened {
        patient: seen.access.patient,
        at_s: seen.access.at_s,
        seq: seen.access.seq,
        is_unexplained: seen.is_unexplained,
    }
}

fn in_order(user: &User) -> &'static str {
    let values: Vec<u64> = user.quick.iter().map(|m| m.value >> 1).collect();
    let rising = values.windows(2).filter(|pair| pair[0] < pair[1]).count();
    match rising * 10 >= (values.len() - 1) * 9 {
        true => ", in the order of their ids",
        false => "",
    }
}

/// A15.
fn hunting(seen: &Seen, user: &User, peers: &Peers, findings: &mut Vec<Finding>) {
    let (sensitive, all) = (user.sensitive.count(), user.day.seen.count());
    let limits = seen.limits;
    if sensitive < seen.limit(Rule::A15, limits.sensitive_patients) - 0.5 || peers.patients < 20.0 {
        return;
    }
    let usual = peers.sensitive_share();
    if sensitive / all.max(1.0) > limits.sensitive_times * usual {
        let text = format!(
            "sensitive entries of {sensitive:.0} of {all:.0} patients in a day, where peers read those of {:.1} %",
            usual * 100.0
        );
        let subject = Subject::user(seen.access.user);
        let evidence = user.day.last.clone();
        findings.push(Finding::new(Rule::A15, subject, evidence, text));
    }
}

/// A28.
pub(crate) fn many_documents(user: &User, peers: &Peers, limits: &Thresholds) -> bool {
    let usual = &peers.documents;
    let most = most(
        &user.own_documents,
        usual,
        limits.document_times,
        limits.documents_day,
    );
    f64::from(user.documents) > most
}

/// A30, of users.
pub(crate) fn changes(
    seen: &Seen,
    user: &mut User,
    peers: &mut Peers,
    findings: &mut Vec<Finding>,
) {
    let subject = Subject::user(seen.access.user);
    if let Some((finding, learnt)) = counted(
        seen,
        &mut user.changes,
        &mut user.deletions,
        Some(peers),
        subject,
    ) {
        let usual = match seen.access.act {
            Act::Delete => &mut peers.deletions,
            _ => &mut peers.changes,
        };
        learnt.into_iter().for_each(|count| usual.add(count));
        findings.extend(finding);
    }
}

/// A30, of apps that act for nobody.
pub(crate) fn changes_of_app(seen: &Seen, client: &mut Client, findings: &mut Vec<Finding>) {
    let subject = Subject::client(seen.access.client);
    let counted = counted(
        seen,
        &mut client.changes,
        &mut client.deletions,
        None,
        subject,
    );
    findings.extend(counted.and_then(|(finding, _)| finding));
}

fn counted(
    seen: &Seen,
    changes: &mut Minute,
    deletions: &mut Minute,
    peers: Option<&Peers>,
    subject: Subject,
) -> Option<(Option<Finding>, Option<f64>)> {
    let access = seen.access;
    let is_delete = access.act == Act::Delete;
    if !(is_delete || access.act == Act::Change) || access.outcome != Outcome::Granted {
        return None;
    }
    let minute = match is_delete {
        true => deletions,
        false => changes,
    };
    let learnt = minute.add(access.at_s, access.seq);
    let reached = f64::from(minute.count);
    let limits = seen.limits;
    if reached <= limits.changes_minute {
        return Some((None, learnt));
    }
    let none = Baseline::default();
    let usual = peers.map_or(&none, |peers| match is_delete {
        true => &peers.deletions,
        false => &peers.changes,
    });
    let most = many(&minute.usual, usual, limits);
    let finding = (reached > most).then(|| {
        let what = match is_delete {
            true => "deletions",
            false => "changes",
        };
        let text =
            format!("{reached:.0} {what} in a minute, where {most:.0} are the most to be expected");
        Finding::new(Rule::A30, subject, minute.last.clone(), text)
    });
    Some((finding, learnt))
}

/// Times the usual minute, and twice what is hardly ever reached.
fn many(own: &Baseline, peers: &Baseline, limits: &Thresholds) -> f64 {
    let least = limits.changes_minute;
    let mut most: Option<f64> = None;
    for (known, samples) in [(own, MINUTES), (peers, PEER_SAMPLES)] {
        if known.samples() >= samples {
            let usual = limits.change_times * known.quantile(0.5);
            let reached = usual.max(2.0 * known.quantile(0.99));
            most = Some(most.unwrap_or(least).max(reached));
        }
    }
    most.unwrap_or(least * UNKNOWN_TIMES)
}

/// Periods after which one's own, and one's peers', are believed.
const OWN_SAMPLES: u32 = 5;
const PEER_SAMPLES: u32 = 20;
const MINUTES: u32 = 60;
/// Times the least that is ever told, while nothing is known.
const UNKNOWN_TIMES: f64 = 4.0;
