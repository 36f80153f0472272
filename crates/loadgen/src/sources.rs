//! Bundles to import: from files and folders or from the generator, all in memory before the clock starts.

use std::fs;
use std::io::Read;
use std::ops::Range;
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;
use hyper::body::Bytes;
use serde_json::Value;
use ward_hospital::{Hospital, SHARED_BUNDLES};

/// A transaction Bundle and the number of its entries.
pub struct Bundle {
    pub text: Bytes,
    pub entries: u64,
}

/// Bundles that must go first, one after the other, and those that may go at the same time.
#[derive(Default)]
pub struct Bundles {
    pub first: Vec<Bundle>,
    pub rest: Vec<Bundle>,
}

/// Those of patients in a range; the shared ones always.
pub fn generated(
    seed: u64,
    patients: Range<usize>,
    entries_per_patient: usize,
) -> Result<Bundles, String> {
    let hospital = Hospital {
        seed,
        patients: patients.end,
        entries_per_patient,
    };
    let read = |text: String| bundle(text.into_bytes(), "generated");
    let first = (0..SHARED_BUNDLES).map(|n| read(hospital.shared_bundle(n)));
    let rest = patients.map(|n| read(hospital.patient_bundle(n)));
    Ok(Bundles {
        first: first.collect::<Result<_, _>>()?,
        rest: rest.collect::<Result<_, _>>()?,
    })
}

/// Files in the order given, folders in the order of their names. Synthea's hospitalInformation and
/// practitionerInformation files go first.
pub fn read(paths: &[PathBuf]) -> Result<Bundles, String> {
    let mut files = Vec::new();
    for path in paths {
        list(path, &mut files)?;
    }
    let mut bundles = Bundles::default();
    for file in &files {
        let name = file.display().to_string();
        let shared =
            name.contains("hospitalInformation") || name.contains("practitionerInformation");
        let target = if shared {
            &mut bundles.first
        } else {
            &mut bundles.rest
        };
        let text = text(file).map_err(|e| format!("{name}: {e}"))?;
        if name.trim_end_matches(".gz").ends_with("ndjson") {
            for line in text
                .split(|b| *b == b'\n')
                .filter(|l| !l.trim_ascii().is_empty())
            {
                target.push(bundle(line.to_vec(), &name)?);
            }
        } else {
            target.push(bundle(text, &name)?);
        }
    }
    if bundles.rest.is_empty() {
        return Err("no Bundles found".to_owned());
    }
    Ok(bundles)
}

fn list(path: &Path, files: &mut Vec<PathBuf>) -> Result<(), String> {
    let problem = |e: std::io::Error| format!("{}: {e}", path.display());
    if !path.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    let mut inside: Vec<PathBuf> = fs::read_dir(path)
        .map_err(problem)?
        .map(|e| e.map(|e| e.path()))
        .collect::<Result<_, _>>()
        .map_err(problem)?;
    inside.sort();
    for entry in inside {
        let name = entry.display().to_string();
        let name = name.trim_end_matches(".gz");
        if entry.is_dir() || name.ends_with(".json") || name.ends_with(".ndjson") {
            list(&entry, files)?;
        }
    }
    Ok(())
}

fn text(file: &Path) -> std::io::Result<Vec<u8>> {
    let bytes = fs::read(file)?;
    if file.extension().is_some_and(|e| e == "gz") {
        let mut text = Vec::new();
        MultiGzDecoder::new(bytes.as_slice()).read_to_end(&mut text)?;
        return Ok(text);
    }
    Ok(bytes)
}

fn bundle(text: Vec<u8>, name: &str) -> Result<Bundle, String> {
    let value: Value = serde_json::from_slice(&text).map_err(|e| format!("{name}: {e}"))?;
    match value["entry"].as_array() {
        Some(entries) if value["resourceType"] == "Bundle" => Ok(Bundle {
            entries: entries.len() as u64,
            text: text.into(),
        }),
        _ => Err(format!("{name}: not a Bundle with entries")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_bundles_come_with_the_shared_ones_first() {
        let bundles = generated(1, 0..3, 40).unwrap();
        assert_eq!(
            (bundles.first.len(), bundles.rest.len()),
            (SHARED_BUNDLES, 3)
        );
        assert!(bundles.rest.iter().all(|b| b.entries > 10));
    }

    #[test]
    fn what_is_no_bundle_is_named() {
        assert!(bundle(b"{\"resourceType\":\"Patient\"}".to_vec(), "p.json").is_err());
        assert!(read(&[PathBuf::from("/nonexistent.json")]).is_err());
    }
}
