//! search on type, system and compartment level. <https://hl7.org/fhir/R4/http.html#search>

use crate::binary::retain_open;
use crate::bundle_json::BundleWriter;
use crate::cursor;
use crate::engine::{Context, stored};
use crate::place::demand_type;
use crate::read::{NO_ROW, locate, seen};
use crate::reply::Reply;
use ward_access::{Access, Action};
use ward_fhir::issue::Result;
use ward_fhir::schema::r4;
use ward_fhir::{Failure, Issue, Kind, TypeId};
use ward_search::cursor as position;
use ward_search::plan::{Plan, Position};
use ward_search::query::{Ignored, Options, Used};
use ward_search::terminology::Embedded;
use ward_storage::Page;

pub type Pairs = Vec<(String, String)>;

pub async fn on_type(cx: Context<'_>, ty: TypeId) -> Result<Reply> {
    demand_type(cx.access, ty, Action::Search)?;
    answer(cx, cx.access, &[ty], r4().ty(ty).name).await
}

pub async fn system(cx: Context<'_>) -> Result<Reply> {
    if !cx.access.may_any(Action::Search) {
        return Err(Failure::new(
            Kind::Forbidden,
            "the token's scopes do not permit search of any type",
        ));
    }
    answer(cx, cx.access, &[], "").await
}

/// The compartment narrows what the caller may see; the rest is an ordinary search.
pub async fn compartment(cx: Context<'_>, patient: &str, ty: Option<TypeId>) -> Result<Reply> {
    let types: Vec<TypeId> = ty.into_iter().collect();
    if let Some(ty) = ty {
        demand_type(cx.access, ty, Action::Search)?;
    }
    let rid = locate(cx, crate::place::patient_type(), patient).await?;
    let rid = rid.unwrap_or(NO_ROW);
    let access = cx.access.narrow(cx.engine.patient_key(rid));
    let path = format!(
        "Patient/{patient}/{}",
        ty.map_or("*", |ty| r4().ty(ty).name)
    );
    answer(cx, &access, &types, &path).await
}

/// Parses, asks the store once, and writes the Bundle around the stored bytes.
async fn answer(cx: Context<'_>, access: &Access, types: &[TypeId], path: &str) -> Result<Reply> {
    let (cursor, pairs): (Vec<_>, Vec<_>) = cx
        .call
        .parameters
        .iter()
        .cloned()
        .partition(|(name, _)| name == "_cursor");
    let (mut plan, used) = parse(cx, types, &pairs, cx.call.prefer.strict)?;
    let question = format!("{path}?{}", encode_query(&used.pairs));
    if let Some((_, cursor)) = cursor.first() {
        let bytes = cursor::open(cx.engine, access, &question, cursor)?;
        plan.after = Some(open_position(&bytes)?);
    }
    let mut page = stored(cx.engine.store.search(access, &plan).await)?;
    if retain_open(cx, &mut page.rows).await? {
        page.total = None;
    }
    let entities = page.rows.iter().map(seen).collect();
    Ok(Reply {
        entities,
        ..Reply::resource(200, bundle(cx, access, &page, &used, &question))
    })
}

pub(crate) fn parse(
    cx: Context<'_>,
    types: &[TypeId],
    pairs: &[(String, String)],
    strict: bool,
) -> Result<(Plan, Used)> {
    let settings = &cx.engine.settings;
    let options = Options {
        strict,
        now_us: cx.engine.now_us(),
        count_default: settings.page_entries_default,
        count_max: settings.page_entries_max,
        terminology: &Embedded,
    };
    ward_search::query::parse(&cx.engine.extractor, types, pairs, &options)
}

pub(crate) fn open_position(bytes: &[u8]) -> Result<Position> {
    position::decode(bytes).ok_or_else(|| {
        Failure::new(
            Kind::Invalid,
            "the page link is not valid; start again from the first page",
        )
    })
}

fn bundle(cx: Context<'_>, access: &Access, page: &Page, used: &Used, question: &str) -> Vec<u8> {
    let base = &cx.engine.settings.base;
    let question_text = question.trim_end_matches('?');
    let mut links = vec![("self", format!("{base}/{question_text}"))];
    if let Some(next) = page.next.as_ref().filter(|_| page.more) {
        let cursor = cursor::sign(cx.engine, access, question, &position::encode(next));
        let separator = if question.ends_with('?') { "" } else { "&" };
        links.push((
            "next",
            format!("{base}/{question}{separator}_cursor={cursor}"),
        ));
    }
    let mut bundle = BundleWriter::new("searchset", page.total, &links);
    for row in &page.rows {
        let url = format!("{base}/{}/{}", r4().ty(row.ty).name, row.id);
        bundle.entry(Some(&url)).resource(&row.body).search("match");
    }
    if !used.ignored.is_empty() {
        let issues: Vec<Issue> = used.ignored.iter().map(Ignored::issue).collect();
        bundle
            .entry(None)
            .resource(&ward_fhir::issue::outcome_json(&issues))
            .search("outcome");
    }
    bundle.finish()
}

/// `a=b&c=d` with percent-encoding and `+` for space, in order.
pub fn decode_query(query: &str) -> Pairs {
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name), decode(value))
        })
        .collect()
}

fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = |n: usize| bytes.get(n).and_then(|b| (*b as char).to_digit(16));
        match bytes[at] {
            b'+' => out.push(b' '),
            b'%' => match (hex(at + 1), hex(at + 2)) {
                (Some(high), Some(low)) => {
                    out.push((high * 16 + low) as u8);
                    at += 2;
                }
                _ => out.push(b'%'),
            },
            byte => out.push(byte),
        }
        at += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// The inverse, keeping the characters that FHIR queries are readable by (`:`, `,`, `|`, `/`, `$`).
pub fn encode_query(pairs: &[(String, String)]) -> String {
    let mut out = String::new();
    for (name, value) in pairs {
        if !out.is_empty() {
            out.push('&');
        }
        encode(name, &mut out);
        out.push('=');
        encode(value, &mut out);
    }
    out
}

fn encode(text: &str, out: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~:,|/$*@()".contains(&byte) {
            out.push(byte as char);
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_survive_encoding() {
        let pairs = vec![
            ("identifier".to_owned(), "http://a b|ü+&=%".to_owned()),
            ("_sort".to_owned(), "-date".to_owned()),
        ];
        assert_eq!(decode_query(&encode_query(&pairs)), pairs);
        assert_eq!(
            decode_query("a=%zz&b"),
            vec![("a".into(), "%zz".into()), ("b".into(), String::new())]
        );
    }
}
