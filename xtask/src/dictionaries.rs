//! `cargo xtask dictionaries`: trains the zstd dictionaries of the store from the synthetic hospital.
//!
//! Never from real records: a dictionary holds pieces of what it was trained on, and would outlive the keys of the
//! patients they came from (`docs/decisions/0004`). Entries are appended: bodies name the dictionary they were made with.

use std::collections::BTreeMap;
use std::path::Path;
use ward_fhir::json::{self, Stamp};
use ward_fhir::tree::Limits;
use ward_fhir::{Document, Node};

const PATIENTS: usize = 1_200;
const ENTRIES_PER_PATIENT: usize = 90;
const SEED: u64 = 20_260_000;
/// Bytes of one dictionary. Larger ones pay on disk and cost cache.
const DICTIONARY_BYTES_MAX: usize = 24 * 1024;
const SAMPLES_MIN: usize = 20;
const SAMPLES_MAX: usize = 8_000;
/// A public id and an instant of the form that stored bodies carry.
const ID: &str = "bmhgtgd7y4excgfw66cd";
const INSTANT: &str = "2026-11-22T15:30:58.929Z";

pub fn run(_arguments: &[String]) -> Result<(), String> {
    let path = Path::new(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../crates/storage/dictionaries/r4.dicts"
    ));
    let mut file = std::fs::read(path).map_err(|e| format!("{}: {e}", path.display()))?;
    let mut id = last_id(&file)?;
    for (name, samples) in samples()? {
        if samples.len() < SAMPLES_MIN {
            eprintln!("{name}: only {} samples, none trained", samples.len());
            continue;
        }
        let bytes = zstd::dict::from_samples(&samples, DICTIONARY_BYTES_MAX)
            .map_err(|e| format!("{name}: {e}"))?;
        id += 1;
        file.extend_from_slice(&id.to_le_bytes());
        file.push(u8::try_from(name.len()).map_err(|e| e.to_string())?);
        file.extend_from_slice(name.as_bytes());
        file.extend_from_slice(
            &u32::try_from(bytes.len())
                .map_err(|e| e.to_string())?
                .to_le_bytes(),
        );
        file.extend_from_slice(&bytes);
        eprintln!(
            "{name}: {} samples, {} bytes as dictionary {id}",
            samples.len(),
            bytes.len()
        );
    }
    std::fs::write(path, file).map_err(|e| format!("{}: {e}", path.display()))
}

/// Resources by type in the form in which they are stored.
fn samples() -> Result<BTreeMap<&'static str, Vec<Vec<u8>>>, String> {
    let mut samples: BTreeMap<&'static str, Vec<Vec<u8>>> = BTreeMap::new();
    let hospital = ward_hospital::Hospital {
        seed: SEED,
        patients: PATIENTS,
        entries_per_patient: ENTRIES_PER_PATIENT,
    };
    for bundle in hospital.bundles() {
        let mut document = json::read(bundle.as_bytes(), None, &Limits::default())
            .map_err(|f| format!("a generated bundle: {:?}", f.kind))?;
        link(&mut document);
        for resource in document
            .root()
            .all("entry")
            .filter_map(|e| e.get("resource"))
        {
            let of_type = samples.entry(resource.type_name()).or_default();
            if of_type.len() < SAMPLES_MAX {
                let mut body = Vec::new();
                json::write(
                    resource,
                    Stamp {
                        id: Some(ID),
                        version: Some(("1", INSTANT)),
                    },
                    &mut body,
                );
                of_type.push(body);
            }
        }
    }
    Ok(samples)
}

/// Gives references the length and form that they have once stored.
fn link(document: &mut Document) {
    let root = document.root();
    let types: BTreeMap<&str, &str> = root
        .all("entry")
        .filter_map(|e| Some((e.text("fullUrl")?, e.get("resource")?.type_name())))
        .collect();
    let replacement = |node: Node<'_>| {
        let ty = types.get(node.value()?)?;
        Some((node.index(), format!("{ty}/{ID}")))
    };
    let replacements: Vec<_> = root
        .descendants_and_self()
        .filter(|n| n.json_name() == "reference")
        .filter_map(replacement)
        .collect();
    for (at, text) in replacements {
        document.set_value(at, &text);
    }
}

fn last_id(mut file: &[u8]) -> Result<u16, String> {
    let mut last = 0;
    while let [a, b, name, rest @ ..] = file {
        last = last.max(u16::from_le_bytes([*a, *b]));
        let rest = rest
            .get(usize::from(*name)..)
            .ok_or("the dictionary file is cut short")?;
        let (length, rest) = rest
            .split_first_chunk::<4>()
            .ok_or("the dictionary file is cut short")?;
        file = rest
            .get(u32::from_le_bytes(*length) as usize..)
            .ok_or("the dictionary file is cut short")?;
    }
    Ok(last)
}
