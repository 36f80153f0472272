//! `$meta`, `$meta-add`, `$meta-delete`. <https://hl7.org/fhir/R4/resource-operation-meta.html>

use super::marks::{self, Change, Marks, element};
use crate::binary::demand_open;
use crate::call::{Call, Prefer, Return};
use crate::document::{read_body, reread};
use crate::engine::{Context, stored};
use crate::labelled_output;
use crate::place::{demand_any, demand_home, demand_type, reads_what_it_updates};
use crate::read::{current, live, seen};
use crate::reply::{Content, Reply};
use crate::seen::{settle_order, view};
use crate::update::put;
use crate::visibility::demand_kept_labels;
use crate::write::{Replaced, conflict};
use ward_access::Action;
use ward_fhir::issue::Result;
use ward_fhir::json;
use ward_fhir::schema::r4;
use ward_fhir::tree::Limits;
use ward_fhir::{Failure, Kind, Node, TypeId};
use ward_search::plan::{Filter, Plan, Total};
use ward_storage::{CommitError, Row};

/// Resources that `$meta` on type or system level looks through before it refuses.
const META_ROWS_MAX: usize = 10_000;
const META_PAGE: u32 = 1_000;

pub async fn of_instance(cx: Context<'_>, ty: TypeId, id: &str) -> Result<Reply> {
    demand_type(cx.access, ty, Action::Read)?;
    let row = live(current(cx, Action::Read, ty, id).await?)?;
    demand_open(cx, &row).await?;
    let document = reread(&row.body)?;
    Ok(Reply {
        entities: vec![seen(&row)],
        ..Reply::resource(200, parameters(&meta_of(document.root())))
    })
}

/// All profiles, tags and labels in use, among what the caller may see. `types` empty: all.
pub async fn of_types(cx: Context<'_>, types: &[TypeId]) -> Result<Reply> {
    if types.is_empty() {
        demand_any(cx.access, Action::Search)?;
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
    settle_order(cx, &mut plan);
    let mut rows = 0;
    let mut entities = Vec::new();
    loop {
        let page = stored(cx.engine.store.search(cx.access, &plan).await)?;
        rows += page.rows.len();
        for row in &page.rows {
            // Those without marks have nothing in the answer.
            if marks.collect(reread(&row.body)?.root()) {
                entities.push(seen(row));
            }
        }
        if !page.more {
            return Ok(Reply {
                entities,
                ..Reply::resource(200, parameters(&marks.to_meta()))
            });
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
    let before = labelled_output::view_of(cx, view(cx.access, &row.body)?);
    let shown = reads_what_it_updates(cx.access, row.ty);
    let Some(patch) = marks::patch(before.root(), asked, change) else {
        demand_home(row, cx.access, row.ty, Action::Update)?;
        let meta = parameters(&meta_of(before.root()));
        return Ok(Ok(Reply {
            version: Some(row.version),
            entities: vec![seen(row)],
            ..Reply::resource(200, meta).shown(shown)
        }));
    };
    let bytes = crate::patch::json(before.root(), &patch)?;
    let after = json::read(&bytes, Some(row.ty), &Limits::default())?;
    demand_kept_labels(cx, before.root(), after.root())?;
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
        // The marks that were there are not the caller's to read because they changed some.
        .shown(shown)
    }))
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
