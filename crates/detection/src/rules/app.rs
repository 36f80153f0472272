//! Apps and services: A20, A23, and A30 of those that act for nobody.

use super::{Finding, Seen, volume};
use crate::access::{Act, Outcome};
use crate::alert::Subject;
use crate::memory::Client;
use crate::rule::Rule;
use crate::window::Evidence;

pub(crate) fn judge(seen: &Seen, client: &mut Client, findings: &mut Vec<Finding>) {
    let access = seen.access;
    if access.client == 0 {
        return;
    }
    if client.since_s == 0 {
        client.since_s = access.at_s;
    }
    if access.user == 0 {
        volume::changes_of_app(seen, client, findings);
    }
    if access.outcome != Outcome::Granted {
        return;
    }
    match access.act {
        Act::Export => export(seen, client, findings),
        _ if access.patient != 0 => unlike_itself(seen, client, findings),
        _ => (),
    }
}

/// A20: more patients in an hour than ever, or another type of resource.
fn unlike_itself(seen: &Seen, client: &mut Client, findings: &mut Vec<Finding>) {
    let access = seen.access;
    let limits = seen.limits;
    let subject = Subject::client(access.client);
    client.hour.turn(access.at_s.div_euclid(3_600));
    client.hour.seen.add(access.patient as u64);
    client.hour.last.add(access.seq, access.at_s);
    client.accesses += 1;
    let (word, bit) = (usize::from(access.ty / 64) % 4, 1 << (access.ty % 64));
    let is_new = client.types[word] & bit == 0;
    client.types[word] |= bit;
    let learnt_s = (limits.app_learnt_days * 86_400.0) as i64;
    let is_learnt = access.at_s - client.since_s > learnt_s && client.accesses > ACCESSES_LEARNT;
    if is_new && is_learnt && access.is_clinical {
        let text = "a type of resource that the app never read or wrote".to_owned();
        let evidence = Evidence::of(access.seq, access.at_s);
        findings.push(Finding::new(Rule::A20, subject, evidence, text));
    }
    let usual = &client.hour.usual;
    let reached = client.hour.seen.count();
    if usual.samples() < HOURS_LEARNT || reached <= limits.volume_hour {
        return;
    }
    let most = (usual.quantile(0.99) * limits.app_times).max(limits.volume_hour);
    if reached > seen.limit(Rule::A20, most) {
        let text = format!(
            "{reached:.0} patients in an hour, where {most:.0} are the most to be expected"
        );
        let evidence = client.hour.last.clone();
        findings.push(Finding::new(Rule::A20, subject, evidence, text));
    }
}

/// A23: other types, more than usual, or at a weekend where it never was.
fn export(seen: &Seen, client: &mut Client, findings: &mut Vec<Finding>) {
    let access = seen.access;
    let size = f64::from(access.results);
    let usual = client.exports.quantile(0.5);
    let is_known = client.exports.samples() >= EXPORTS_LEARNT;
    let is_weekend = matches!(access.at_s.div_euclid(86_400).rem_euclid(7), 2 | 3);
    let mut why = Vec::new();
    if !is_known {
        why.push("one of the first of this client".to_owned());
    } else {
        if size > seen.limit(Rule::A23, usual * seen.limits.export_times) {
            why.push(format!("{size:.0} resources, where {usual:.0} are usual"));
        }
        if !client.export_shapes.contains(&access.shape) {
            why.push("types that were not exported before".to_owned());
        }
        if is_weekend && client.exports_at_weekends == 0 {
            why.push("at a weekend, as never before".to_owned());
        }
    }
    client.exports.add(size);
    client.exports_at_weekends += u32::from(is_weekend);
    if !client.export_shapes.contains(&access.shape) {
        if client.export_shapes.len() >= SHAPES_MAX {
            client.export_shapes.remove(0);
        }
        client.export_shapes.push(access.shape);
    }
    if !why.is_empty() {
        let subject = Subject {
            user: access.user,
            client: access.client,
            source: 0,
        };
        let evidence = Evidence::of(access.seq, access.at_s);
        findings.push(Finding::new(Rule::A23, subject, evidence, why.join("; ")));
    }
}

const ACCESSES_LEARNT: u64 = 1_000;
const HOURS_LEARNT: u32 = 48;
const EXPORTS_LEARNT: u32 = 3;
const SHAPES_MAX: usize = 16;
