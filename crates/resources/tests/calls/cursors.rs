//! What can be read in a page link: nothing, and not that there are others.

use crate::house::{House, call, json, loader, text};
use serde_json::{Value, json as value};
use std::collections::HashSet;
use ward_resources::Reply;
use ward_resources::route::Method::Get;

/// Bytes that two sealed cursors have in common by chance once in 2^64 times.
const RUN_BYTES: usize = 8;

/// The cursors of an answer as they stand in its links.
pub fn cursors(text: &str) -> Vec<&str> {
    let parts = text.split("_cursor=").skip(1);
    parts
        .map(|part| &part[..part.find(['"', '&']).unwrap_or(part.len())])
        .collect()
}

/// The text with the length of each cursor in its place.
pub fn with_lengths(text: &str) -> String {
    let mut out = text.to_owned();
    for cursor in cursors(text) {
        let length = format!("_cursor=({})", cursor.len());
        out = out.replacen(&format!("_cursor={cursor}"), &length, 1);
    }
    out
}

/// Refuses cursors that have bytes in common: of what lies open row numbers, times and values of neighbours are alike. A page's link to
/// itself has the very cursor that led there.
pub fn are_sealed(replies: &[Reply]) -> Result<(), String> {
    let mut runs: HashSet<Vec<u8>> = HashSet::new();
    let mut known = HashSet::new();
    for reply in replies {
        let text = text(reply);
        for cursor in cursors(&text) {
            if !known.insert(cursor.to_owned()) {
                continue;
            }
            let bytes = ward_seal::from_base64url(cursor).ok_or("a cursor is not base64url")?;
            let own: HashSet<Vec<u8>> = bytes.windows(RUN_BYTES).map(<[u8]>::to_vec).collect();
            if let Some(run) = own.iter().find(|run| runs.contains(*run)) {
                return Err(format!("two cursors have {run:?} in common"));
            }
            runs.extend(own);
        }
    }
    Ok(())
}

pub async fn a_cursor_tells_nothing(house: House) {
    for (at, family) in ["Zanzibarski", "Zanzibarska", "Zanzibarske"]
        .iter()
        .enumerate()
    {
        let body = value!({ "resourceType": "Patient", "id": format!("z{at}"), "name": [{ "family": family }] });
        house.put(&body).await;
    }
    for url in [
        "Patient?_sort=family&_count=1",
        "Patient?_sort=-family&_count=1&_total=accurate",
        "Patient?_count=1",
        "Patient/_history?_count=1",
        "_history?_count=1",
        "Patient/$everything?_count=1",
    ] {
        let first = house.ask(&loader(), Get, url, None).await;
        let again = house.ask(&loader(), Get, url, None).await;
        let next = next(&json(&first)).unwrap_or_else(|| panic!("{url} has one page"));
        let second = house.ask(&loader(), Get, &next, None).await;
        assert_eq!(second.status, 200, "{url}: {}", text(&second));
        let replies = [first, again, second];
        let lengths: HashSet<usize> = replies
            .iter()
            .flat_map(|reply| {
                cursors(&text(reply))
                    .iter()
                    .map(|c| c.len())
                    .collect::<Vec<_>>()
            })
            .collect();
        assert!(!lengths.is_empty(), "{url}");
        are_sealed(&replies).unwrap_or_else(|what| panic!("{url}: {what}"));
        for cursor in replies.iter().flat_map(|r| {
            cursors(&text(r))
                .into_iter()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        }) {
            let bytes = ward_seal::from_base64url(&cursor).unwrap();
            assert!(
                !bytes.windows(6).any(|w| w.eq_ignore_ascii_case(b"zanzib")),
                "{url}"
            );
        }
    }
    let of = |id: &str| format!("Patient?_id={id},z1&_sort=family&_count=1");
    let mut lengths = HashSet::new();
    for id in ["z0", "z2"] {
        let reply = house
            .engine
            .answer(&loader(), &call(Get, &of(id), None))
            .await;
        lengths.insert(cursors(&text(&reply)).iter().map(|c| c.len()).max());
    }
    assert_eq!(lengths.len(), 1, "{lengths:?}");
}

fn next(bundle: &Value) -> Option<String> {
    let links = bundle["link"].as_array()?;
    let link = links.iter().find(|link| link["relation"] == "next")?;
    let url = link["url"].as_str()?;
    let base = ward_resources::Settings::default().base;
    Some(url.strip_prefix(&format!("{base}/"))?.to_owned())
}
