//! `$meta`, `$meta-add`, `$meta-delete`. <https://hl7.org/fhir/R4/resource-operation-meta.html>

use crate::call::{Call, Prefer, Return};
use crate::document::{read_body, reread};
use crate::engine::{Context, stored};
use crate::place::demand_type;
use crate::read::{current, live, seen};
use crate::reply::{Content, Reply};
use crate::update::put;
use crate::write::{Replaced, conflict};
use std::collections::BTreeMap;
use ward_access::Action;
use ward_fhir::issue::Result;
use ward_fhir::json::{self, Stamp, write_string};
use ward_fhir::schema::r4;
use ward_fhir::tree::Limits;
use ward_fhir::{Failure, Kind, Node, TypeId};
use ward_search::plan::{Filter, Plan, Total};
use ward_storage::{CommitError, Row};

/// Resources that `$meta` on type or system level looks through before it refuses.
const META_ROWS_MAX: usize = 10_000;
const META_PAGE: u32 = 1_000;

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Change {
    Add,
    Delete,
}

pub async fn of_instance(cx: Context<'_>, ty: TypeId, id: &str) -> Result<Reply> {
    demand_type(cx.access, ty, Action::Read)?;
    let row = live(current(cx, Action::Read, ty, id).await?)?;
    let document = reread(&row.body)?;
    Ok(Reply {
        entities: vec![seen(&row)],
        ..Reply::resource(200, parameters(&meta_of(document.root())))
    })
}

/// All profiles, tags and labels in use, among what the caller may see. `types` empty: all.
pub async fn of_types(cx: Context<'_>, types: &[TypeId]) -> Result<Reply> {
    if types.is_empty() && !cx.access.may_any(Action::Search) {
        return Err(Failure::new(
            Kind::Forbidden,
            "the token's scopes do not permit search of any type",
        ));
    }
    for ty in types {
        demand_type(cx.access, *ty, Action::Search)?;
    }
    let mut marks = Marks::default();
    let mut plan = Plan {
        types: types.to_vec(),
        filter: Filter::All,
        sort: Vec::new(),
        count: META_PAGE,
        total: Total::None,
        after: None,
    };
    let mut rows = 0;
    loop {
        let page = stored(cx.engine.store.search(cx.access, &plan).await)?;
        rows += page.rows.len();
        for row in &page.rows {
            marks.collect(reread(&row.body)?.root());
        }
        if !page.more {
            return Ok(Reply::resource(200, parameters(&marks.to_meta())));
        }
        if rows >= META_ROWS_MAX {
            let text = format!(
                "$meta looks through at most {META_ROWS_MAX} resources; ask on a smaller type or on an instance"
            );
            return Err(Failure::new(Kind::TooCostly, text));
        }
        plan.after = page.next;
    }
}

pub async fn change(cx: Context<'_>, ty: TypeId, id: &str, change: Change) -> Result<Reply> {
    demand_type(cx.access, ty, Action::Update)?;
    let body = read_body(cx.call, r4().resource_type("Parameters"))?;
    let given = body
        .root()
        .all("parameter")
        .find(|p| p.text("name") == Some("meta"))
        .and_then(|p| p.get("value"));
    let given = given.filter(|m| m.type_name() == "Meta").ok_or_else(|| {
        Failure::new(
            Kind::Invalid,
            "the operation needs a parameter 'meta' with valueMeta",
        )
        .at("Parameters.parameter")
    })?;
    let mut asked = Marks::default();
    asked.collect_meta(given);
    let mut last = CommitError::Unavailable;
    for _ in 0..cx.engine.settings.write_attempts_max {
        let row = live(current(cx, Action::Update, ty, id).await?)?;
        match attempt(cx, &row, &asked, change).await? {
            Ok(reply) => return Ok(reply),
            Err(CommitError::Unavailable) => return Err(conflict(CommitError::Unavailable)),
            Err(error) => last = error,
        }
    }
    Err(conflict(last))
}

async fn attempt(
    cx: Context<'_>,
    row: &Row,
    asked: &Marks,
    change: Change,
) -> Result<std::result::Result<Reply, CommitError>> {
    let before = reread(&row.body)?;
    let mut marks = Marks::default();
    marks.collect(before.root());
    let old = marks.clone();
    if !marks.apply(asked, change) {
        return of_instance(cx, row.ty, &row.id).await.map(Ok);
    }
    let bytes = crate::patch::json(before.root(), &patch_of(&marks, &old))?;
    let after = json::read(&bytes, Some(row.ty), &Limits::default())?;
    // The new meta is taken from the version as written: once it is committed nothing may turn the answer into a failure.
    let call = Call {
        prefer: Prefer {
            returns: Some(Return::Representation),
            ..cx.call.prefer
        },
        ..cx.call.clone()
    };
    let cx = Context { call: &call, ..cx };
    let written = put(
        cx,
        &after,
        row.ty,
        Some(&row.id),
        (Some(row.rid), Replaced::Version(row.clone())),
        Vec::new(),
    )
    .await?;
    Ok(written.map(|reply| {
        let meta = reply
            .json()
            .and_then(|body| reread(body).ok())
            .map_or_else(|| b"{}".to_vec(), |document| meta_of(document.root()));
        Reply {
            content: Content::Resource(parameters(&meta).into()),
            ..reply
        }
    }))
}

/// The change as a JSON Patch of the three lists; the other members of meta are not touched.
fn patch_of(marks: &Marks, before: &Marks) -> Vec<u8> {
    let mut out = b"[".to_vec();
    operation(
        "profile",
        before.profiles.len(),
        marks.profiles.values(),
        &mut out,
    );
    operation(
        "security",
        before.security.len(),
        marks.security.values(),
        &mut out,
    );
    operation("tag", before.tags.len(), marks.tags.values(), &mut out);
    out.push(b']');
    out
}

fn operation<'a>(
    name: &str,
    before: usize,
    items: impl ExactSizeIterator<Item = &'a Vec<u8>>,
    out: &mut Vec<u8>,
) {
    if before == 0 && items.len() == 0 {
        return;
    }
    if out.len() > 1 {
        out.push(b',');
    }
    if items.len() == 0 {
        out.extend_from_slice(
            format!("{{\"op\":\"remove\",\"path\":\"/meta/{name}\"}}").as_bytes(),
        );
        return;
    }
    out.extend_from_slice(
        format!("{{\"op\":\"add\",\"path\":\"/meta/{name}\",\"value\":").as_bytes(),
    );
    array(items, out);
    out.push(b'}');
}

fn meta_of(resource: Node<'_>) -> Vec<u8> {
    resource.get("meta").map_or_else(|| b"{}".to_vec(), element)
}

fn parameters(meta: &[u8]) -> Vec<u8> {
    let mut out =
        b"{\"resourceType\":\"Parameters\",\"parameter\":[{\"name\":\"return\",\"valueMeta\":"
            .to_vec();
    out.extend_from_slice(meta);
    out.extend_from_slice(b"}]}");
    out
}

/// Profiles by url, labels and tags by (system, code) with their JSON.
#[derive(Default, Clone, PartialEq)]
struct Marks {
    profiles: BTreeMap<String, Vec<u8>>,
    security: BTreeMap<(String, String), Vec<u8>>,
    tags: BTreeMap<(String, String), Vec<u8>>,
}

impl Marks {
    fn collect(&mut self, resource: Node<'_>) {
        if let Some(meta) = resource.get("meta") {
            self.collect_meta(meta);
        }
    }

    fn collect_meta(&mut self, meta: Node<'_>) {
        for child in meta.children() {
            let text = |name| child.text(name).unwrap_or_default().to_owned();
            match child.name() {
                "profile" => {
                    let url = child.value().unwrap_or_default();
                    let mut json = Vec::new();
                    write_string(url, &mut json);
                    self.profiles.insert(url.to_owned(), json);
                }
                "security" => {
                    self.security
                        .entry((text("system"), text("code")))
                        .or_insert_with(|| element(child));
                }
                "tag" => {
                    self.tags
                        .entry((text("system"), text("code")))
                        .or_insert_with(|| element(child));
                }
                _ => {}
            }
        }
    }

    /// Whether anything changed.
    fn apply(&mut self, asked: &Marks, change: Change) -> bool {
        let before = (self.profiles.len(), self.security.len(), self.tags.len());
        match change {
            Change::Add => {
                for (key, json) in &asked.profiles {
                    self.profiles
                        .entry(key.clone())
                        .or_insert_with(|| json.clone());
                }
                for (key, json) in &asked.security {
                    self.security
                        .entry(key.clone())
                        .or_insert_with(|| json.clone());
                }
                for (key, json) in &asked.tags {
                    self.tags.entry(key.clone()).or_insert_with(|| json.clone());
                }
            }
            Change::Delete => {
                self.profiles
                    .retain(|key, _| !asked.profiles.contains_key(key));
                self.security
                    .retain(|key, _| !asked.security.contains_key(key));
                self.tags.retain(|key, _| !asked.tags.contains_key(key));
            }
        }
        before != (self.profiles.len(), self.security.len(), self.tags.len())
    }

    fn to_meta(&self) -> Vec<u8> {
        let mut out = b"{".to_vec();
        member("profile", self.profiles.values(), &mut out);
        member("security", self.security.values(), &mut out);
        member("tag", self.tags.values(), &mut out);
        out.push(b'}');
        out
    }
}

fn element(node: Node<'_>) -> Vec<u8> {
    let mut json = Vec::new();
    json::write(node, Stamp::default(), &mut json);
    json
}

fn member<'a>(name: &str, items: impl ExactSizeIterator<Item = &'a Vec<u8>>, out: &mut Vec<u8>) {
    if items.len() == 0 {
        return;
    }
    if out.len() > 1 {
        out.push(b',');
    }
    out.extend_from_slice(format!("\"{name}\":").as_bytes());
    array(items, out);
}

fn array<'a>(items: impl Iterator<Item = &'a Vec<u8>>, out: &mut Vec<u8>) {
    for (n, item) in items.enumerate() {
        out.push(if n == 0 { b'[' } else { b',' });
        out.extend_from_slice(item);
    }
    out.push(b']');
}
