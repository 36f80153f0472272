//! Labels on the way out (R16): who is not to see them gets the level and how to handle a resource, a Bundle carries the highest level
//! in it, and what is disclosed under 42 CFR Part 2 carries the notice that it may not be passed on, with what the patient's consent
//! permits. `docs/guide/labels.md`, <https://hl7.org/fhir/R4/security-labels.html>
//!
//! Done at the door, once for all interactions. Labels are found in the bytes, and cut out of them: nothing is read or written anew but
//! what is disclosed, and what would be left empty.

use crate::call::Interaction;
use crate::document::reread;
use crate::engine::{Context, Engine, stored};
use crate::leaving;
use crate::referred::is_stored;
use crate::reply::{Content, Reply};
use crate::visibility::explain::Asking;
use crate::visibility::{
    ActingFor, Answers, Known, asks, consent_type, custodian, is_for_authors, row,
};
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;
use std::sync::Arc;
use ward_access::{ACT_CODE, CONFIDENTIALITY, Caller};
use ward_audit::ConsentVersion;
use ward_consent::labels::{
    Disclosed, Kind as LabelKind, Label, Labels, RowClass, RuleSet, View, high_water, notice,
    shown, with_security,
};
use ward_consent::{Action, Kinship};
use ward_fhir::issue::Result;
use ward_fhir::{Document, Node, TypeId, reference};
use ward_search::extract::{Extractor, Told};
use ward_storage::{Rid, Row};

/// The answer with its labels as the caller is shown them. What cannot be looked through does not leave.
pub(crate) async fn settle(cx: Context<'_>, reply: Reply) -> Reply {
    let Content::Resource(json) = &reply.content else {
        return reply;
    };
    if reply.refused.is_some() || is_published(&cx.call.interaction) {
        return reply;
    }
    match settled(cx, json, &reply).await {
        Ok((body, disclosed_by)) => Reply {
            disclosed_by,
            ..reply.settled(Ok(body))
        },
        Err(failure) => reply.settled(Err(failure)),
    }
}

/// The same for a read among the entries of a transaction, whose answer as a whole is settled: a Bundle with its own mark.
pub(crate) fn marked(cx: Context<'_>, reply: Reply) -> Result<Reply> {
    let Content::Resource(json) = &reply.content else {
        return Ok(reply);
    };
    let classes = Found::in_bytes(json).classes(json, cx.engine.label_rules())?;
    let content = mark(cx, json, classes.values());
    Ok(Reply {
        content: content.map_or(reply.content.clone(), Content::Resource),
        ..reply
    })
}

/// Whether a Binary must leave as a resource, which has a place for the notice, and not in its own media type.
pub(crate) async fn is_noticed(cx: Context<'_>, row: &Row) -> Result<bool> {
    let found = Found::in_bytes(&row.body);
    let classes = found.classes(&row.body, cx.engine.label_rules())?;
    let Some(who) = discloses(cx, &classes).await? else {
        return Ok(false);
    };
    let document = reread(&row.body)?;
    let (disclosed, _) = disclosures(cx, &who, document.root(), &[(row.rid, row.patient)]).await?;
    Ok(!disclosed.is_empty())
}

/// A stored version with its labels as the caller is shown them.
pub(crate) fn view_of(cx: Context<'_>, document: Document) -> Document {
    if cx.caller.sees_labels() {
        return document;
    }
    let rules = cx.engine.label_rules();
    let shown = shown(document.root(), BLIND, &Disclosed::default(), rules);
    shown.unwrap_or(document)
}

impl Engine {
    /// The extractor of a caller's questions: who is not shown labels asks by none but the level and how to handle a resource.
    pub(crate) fn asking_as(&self, caller: &Caller, extractor: Extractor) -> Extractor {
        if caller.sees_labels() {
            return extractor;
        }
        let site = self.settings.consent.labels.clone();
        let told: Told = Arc::new(move |system, code| match (system, code) {
            (CONFIDENTIALITY, _) => true,
            (ACT_CODE, _) | (_, "") => false,
            _ => site.kind(&Label::new(system, code)) == LabelKind::Handling,
        });
        extractor.telling(told)
    }
}

/// What is for everybody has no labels.
fn is_published(interaction: &Interaction) -> bool {
    matches!(
        interaction,
        Interaction::Capabilities | Interaction::OpenApi
    )
}

/// Its body where that becomes another one, and the consents by which something in it is disclosed.
async fn settled(
    cx: Context<'_>,
    json: &Bytes,
    reply: &Reply,
) -> Result<(Option<Bytes>, Vec<ConsentVersion>)> {
    let found = Found::in_bytes(json);
    let mut by = Vec::new();
    if found.0.is_empty() {
        return Ok((None, by));
    }
    let rules = cx.engine.label_rules();
    let classes = found.classes(json, rules)?;
    let view = view(cx);
    let noticed = match discloses(cx, &classes).await? {
        None => None,
        Some(who) => {
            let document = leaving::read(json, UNREAD)?;
            let patients: Vec<(Rid, Rid)> =
                reply.entities.iter().map(|e| (e.rid, e.patient)).collect();
            let (disclosed, consents) = disclosures(cx, &who, document.root(), &patients).await?;
            by = consents;
            match disclosed.is_empty() {
                true => None,
                false => shown(document.root(), view, &disclosed, rules)
                    .map(|d| leaving::written(d.root(), json.len())),
            }
        }
    };
    let shown = match noticed {
        Some(json) => Some(json),
        None if view.sees_labels => None,
        None => found.without(json, rules)?,
    };
    let marked = mark(cx, shown.as_ref().unwrap_or(json), classes.values());
    Ok((marked.or(shown), by))
}

fn view(cx: Context<'_>) -> View {
    View {
        sees_labels: cx.caller.sees_labels(),
    }
}

/// Where labels stand in an answer: from the name of the member to the end of the list.
struct Found(Vec<Range<usize>>);

/// No other list of R4 has this name.
const SECURITY: &str = r#""security":["#;
/// What a list is read in, and what is around it then.
const ALONE: [&str; 2] = [r#"{"resourceType":"Basic","meta":{"#, "}}"];

impl Found {
    /// One pass over the bytes.
    fn in_bytes(json: &[u8]) -> Found {
        let mut found: Vec<Range<usize>> = Vec::new();
        for at in reference::occurrences(json, SECURITY) {
            // A label may have extensions, and these labels.
            if found.last().is_none_or(|last| last.end <= at) {
                found.push(at..end_of_list(json, at + SECURITY.len()));
            }
        }
        Found(found)
    }

    /// The class of each list, which a page has few of.
    fn classes<'j>(&self, json: &'j [u8], rules: &RuleSet) -> Result<BTreeMap<&'j [u8], RowClass>> {
        let mut classes = BTreeMap::new();
        for range in &self.0 {
            let text = &json[range.clone()];
            if !classes.contains_key(text) {
                let labels = Labels::stored(alone(text)?.root());
                classes.insert(text, RowClass::of(&labels, rules));
            }
        }
        Ok(classes)
    }

    /// Without what tells the subject; `None`: nothing does.
    fn without(&self, json: &[u8], rules: &RuleSet) -> Result<Option<Bytes>> {
        let mut kept: HashMap<&[u8], Option<Vec<u8>>> = HashMap::new();
        let mut out = Vec::with_capacity(json.len());
        let mut from = 0;
        for range in &self.0 {
            let text = &json[range.clone()];
            if !kept.contains_key(text) {
                kept.insert(text, told(text, rules)?);
            }
            let Some(Some(list)) = kept.get(text) else {
                continue;
            };
            let Some(place) = place(json, range, list.is_empty()) else {
                // What is around it would be left empty.
                let document = leaving::read(json, UNREAD)?;
                let shown = shown(document.root(), BLIND, &Disclosed::default(), rules);
                return Ok(shown.map(|shown| leaving::written(shown.root(), json.len())));
            };
            out.extend_from_slice(&json[from..place.start]);
            out.extend_from_slice(list);
            from = place.end;
        }
        out.extend_from_slice(&json[from..]);
        Ok((out.len() != json.len()).then(|| out.into()))
    }
}

const BLIND: View = View { sees_labels: false };

/// A list without what tells the subject, with its name; empty where nothing is left. `None`: it stays.
fn told(list: &[u8], rules: &RuleSet) -> Result<Option<Vec<u8>>> {
    let document = alone(list)?;
    let Some(shown) = shown(document.root(), BLIND, &Disclosed::default(), rules) else {
        return Ok(None);
    };
    let json = leaving::written(shown.root(), list.len());
    let list = json
        .strip_prefix(ALONE[0].as_bytes())
        .and_then(|rest| rest.strip_suffix(ALONE[1].as_bytes()));
    Ok(Some(list.unwrap_or_default().to_vec()))
}

fn alone(list: &[u8]) -> Result<Document> {
    let json = [ALONE[0].as_bytes(), list, ALONE[1].as_bytes()].concat();
    leaving::read(&json, UNREAD)
}

/// What is replaced: with a comma where nothing takes the place. `None`: nothing else stands in the object.
fn place(json: &[u8], list: &Range<usize>, is_empty: bool) -> Option<Range<usize>> {
    if !is_empty {
        return Some(list.clone());
    }
    let before = list.start.checked_sub(1).and_then(|at| json.get(at));
    match (before, json.get(list.end)) {
        (_, Some(b',')) => Some(list.start..list.end + 1),
        (Some(b','), _) => Some(list.start - 1..list.end),
        _ => None,
    }
}

/// Where a list ends that has begun.
fn end_of_list(json: &[u8], from: usize) -> usize {
    let (mut depth, mut in_text, mut is_escaped) = (1, false, false);
    for (at, byte) in json.iter().enumerate().skip(from) {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if in_text => is_escaped = true,
            b'"' => in_text = !in_text,
            _ if in_text => {}
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at + 1;
        }
    }
    json.len()
}

const BUNDLE: &[u8] = br#"{"resourceType":"Bundle","#;

/// A Bundle that is made for an answer, with the highest level of what is in it, and for who sees labels its sensitivities. `None`: it is
/// none, or nothing in it has labels.
fn mark<'c>(
    cx: Context<'_>,
    json: &[u8],
    classes: impl Iterator<Item = &'c RowClass>,
) -> Option<Bytes> {
    let rest = json.strip_prefix(BUNDLE)?;
    if is_stored(&cx.call.interaction) || rest.starts_with(br#""meta""#) {
        return None;
    }
    let labels = high_water(classes, view(cx), cx.engine.label_rules());
    if labels.is_empty() {
        return None;
    }
    let bare = leaving::read(br#"{"resourceType":"Basic"}"#, UNREAD).ok()?;
    let marked = with_security(bare.root(), &labels, cx.engine.label_rules());
    let marked = leaving::written(marked.root(), json.len());
    let meta = marked
        .strip_prefix(ALONE[0].as_bytes())?
        .strip_suffix(ALONE[1].as_bytes())?;
    let parts: [&[u8]; 5] = [BUNDLE, br#""meta":{"#, meta, b"},", rest];
    Some(parts.concat().into())
}

/// Who asks, where something among these may be disclosed to them under Part 2. Statements: none where memberships are known.
async fn discloses(
    cx: Context<'_>,
    classes: &BTreeMap<&[u8], RowClass>,
) -> Result<Option<Arc<ActingFor>>> {
    let rules = cx.engine.label_rules();
    if !classes.values().any(|class| notice(class, rules).is_some()) {
        return Ok(None);
    }
    let who = cx.engine.consent_caller(cx.caller, Action::Access).await?;
    let house = cx.engine.house();
    let is_ours = house.is_alone() && who.caller.actors.contains(house.organization);
    Ok((who.kinship == Kinship::Other && !is_ours).then_some(who))
}

/// The resources of an answer that another organization keeps and that are under Part 2, with what consents say of it, and these. Statements:
/// one for each level of organizations above those that are named; of what is disclosed one for ids of clients, and what
/// [`Engine::read_policies`] costs.
async fn disclosures(
    cx: Context<'_>,
    who: &ActingFor,
    root: Node<'_>,
    patients: &[(Rid, Rid)],
) -> Result<(Disclosed, Vec<ConsentVersion>)> {
    let (house, rules) = (cx.engine.house(), cx.engine.label_rules());
    let resources = root
        .descendants_and_self()
        .filter(|node| node.is_resource());
    let labelled = resources.map(|node| (node, RowClass::of(&Labels::stored(node), rules)));
    let noticed: Vec<(Node<'_>, RowClass)> = labelled
        .filter(|(_, class)| notice(class, rules).is_some())
        .collect();
    let mut known = Known::default();
    let asked = noticed
        .iter()
        .flat_map(|(node, _)| asks(*node, house, false));
    known.learn(cx.engine, asked.collect()).await?;
    let leaves = |(node, _): &(Node<'_>, RowClass)| {
        who.caller
            .is_elsewhere(custodian(*node, house, &known).as_ref())
    };
    let noticed: Vec<_> = noticed.into_iter().filter(leaves).collect();
    let homes = homes(cx.engine, &noticed, patients).await?;
    let mut disclosed = Disclosed::default();
    let mut by: BTreeSet<(Arc<str>, Arc<str>)> = BTreeSet::new();
    for ((node, class), home) in noticed.iter().zip(homes) {
        let scope = match home {
            Some(home) => scope(cx, who, (*node, class), home, &mut by).await?,
            None => None,
        };
        disclosed.add(*node, scope);
    }
    Ok((disclosed, versions(cx.engine, by).await?))
}

/// Row ids and versions of Consents that are known by id and version.
async fn versions(
    engine: &Engine,
    consents: BTreeSet<(Arc<str>, Arc<str>)>,
) -> Result<Vec<ConsentVersion>> {
    let keys: Vec<(TypeId, &str)> = consents
        .iter()
        .map(|(id, _)| (consent_type(), &**id))
        .collect();
    let rids = match keys.is_empty() {
        true => Vec::new(),
        false => stored(engine.store.locate(&keys).await)?,
    };
    let each = rids.into_iter().zip(&consents);
    Ok(each
        .filter_map(|(rid, (_, version))| {
            Some(ConsentVersion {
                rid: rid?,
                version: version.parse().ok()?,
            })
        })
        .collect())
}

/// Whose they are, of those that the answer names as its own.
async fn homes(
    engine: &Engine,
    resources: &[(Node<'_>, RowClass)],
    patients: &[(Rid, Rid)],
) -> Result<Vec<Option<Rid>>> {
    let keys = resources
        .iter()
        .map(|(node, _)| (node.ty(), node.text("id").unwrap_or_default()));
    let keys: Vec<(TypeId, &str)> = keys.collect();
    let rids = stored(engine.store.locate(&keys).await)?;
    let home = |rid: Option<Rid>| {
        let found = patients.iter().find(|(known, _)| Some(*known) == rid);
        found.map(|(_, home)| *home).filter(|home| *home != 0)
    };
    engine
        .read_policies(&rids.iter().filter_map(|rid| home(*rid)).collect::<Vec<_>>())
        .await?;
    Ok(rids.into_iter().map(home).collect())
}

/// What the consents that permit it say, which are added to `by`. `None`: none does, an emergency or law.
async fn scope(
    cx: Context<'_>,
    who: &ActingFor,
    (node, labels): (Node<'_>, &RowClass),
    home: Rid,
    by: &mut BTreeSet<(Arc<str>, Arc<str>)>,
) -> Result<Option<String>> {
    let house = cx.engine.house();
    let policy = cx.engine.policy(home);
    let with_authors = policy.asks_authors() || is_for_authors(labels, house);
    let mut own = Known::default();
    own.learn(cx.engine, asks(node, house, with_authors))
        .await?;
    let known = policy.known.with(&own);
    let id = node.text("id").unwrap_or_default();
    let identity = crate::link::identity(node.ty(), id);
    let row = row(node, &identity, labels, house, &known);
    let asking = Asking {
        who,
        site: cx.engine.consent(),
        action: Action::Access,
        glass_until_us: None,
        now_us: cx.engine.now_us(),
    };
    let lookup = Answers {
        known: &known,
        house,
    };
    let decision = asking.decided(&row, &policy, &lookup);
    let permits = decision.path.iter().filter(|step| step.level.is_permit());
    let scopes = permits.filter_map(|step| {
        let consent = policy.consents.iter().find(|c| c.id == step.consent)?;
        by.insert((consent.id.as_str().into(), consent.version.as_str().into()));
        Some(ward_consent::scope(consent, &step.expression))
    });
    let scopes: Vec<String> = scopes.collect();
    Ok((!scopes.is_empty()).then(|| scopes.join("; ")))
}

const UNREAD: &str = "the labels of the answer could not be looked through; nothing of it is given";

#[cfg(test)]
#[path = "labelled_output_tests.rs"]
mod tests;
