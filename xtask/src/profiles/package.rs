//! Reading a FHIR package: the npm form (`package/*.json` in a tgz) or `.ndjson.gz`, one file or a folder of them.
//! <https://confluence.hl7.org/display/FHIR/NPM+Package+Specification>

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;
use serde_json::Value;

/// The definitional resources that the table is made of; everything else in a package is passed over.
const TYPES: [&str; 6] = [
    "CodeSystem",
    "CompartmentDefinition",
    "OperationDefinition",
    "SearchParameter",
    "StructureDefinition",
    "ValueSet",
];

pub struct Package {
    pub name: String,
    pub version: String,
    /// Names and versions of the packages that this one builds on, as `package.json` names them.
    pub dependencies: BTreeMap<String, String>,
    /// Of the tgz; of a folder or a single file: over each file's name, a newline and its bytes, files by name.
    pub sha256: String,
    /// By resource type, then ordered by canonical url.
    resources: BTreeMap<String, BTreeMap<String, Value>>,
}

impl Package {
    pub fn read(path: &Path) -> Result<Self, String> {
        let mut package = Self {
            name: String::new(),
            version: String::new(),
            dependencies: BTreeMap::new(),
            sha256: String::new(),
            resources: BTreeMap::new(),
        };
        let result = if path.is_dir() {
            files_in(path).and_then(|files| package.read_lines(&files))
        } else if is_lines(path) {
            package.read_lines(&[path.to_owned()])
        } else {
            package.read_tgz(path)
        };
        result.map_err(|e| format!("{}: {e}", path.display()))?;
        Ok(package)
    }

    /// All resources of a type, ordered by canonical url.
    pub fn all(&self, resource_type: &str) -> impl Iterator<Item = &Value> {
        self.resources
            .get(resource_type)
            .into_iter()
            .flat_map(BTreeMap::values)
    }

    pub fn get(&self, resource_type: &str, url: &str) -> Option<&Value> {
        self.resources.get(resource_type)?.get(url)
    }

    /// `hl7.fhir.r4.core` 4.0.1 is stored as `r4-core-4.0.1`.
    pub fn stem(&self) -> String {
        let short = self.name.strip_prefix("hl7.fhir.").unwrap_or(&self.name);
        format!(
            "{}-{}",
            short.replace(['.', '/', '#', '@'], "-"),
            self.version
        )
    }

    fn read_lines(&mut self, files: &[PathBuf]) -> Result<(), String> {
        let mut hashed = Vec::new();
        for file in files {
            let bytes = std::fs::read(file).map_err(|e| e.to_string())?;
            hashed.extend_from_slice(
                file.file_name()
                    .map(|n| n.to_string_lossy())
                    .unwrap_or_default()
                    .as_bytes(),
            );
            hashed.push(b'\n');
            hashed.extend_from_slice(&bytes);
            for line in BufReader::new(MultiGzDecoder::new(bytes.as_slice())).lines() {
                self.add(&line.map_err(|e| e.to_string())?)?;
            }
        }
        self.sha256 = sha256_hex(&hashed);
        Ok(())
    }

    fn read_tgz(&mut self, path: &Path) -> Result<(), String> {
        let bytes = std::fs::read(path).map_err(|e| e.to_string())?;
        let mut archive = tar::Archive::new(MultiGzDecoder::new(bytes.as_slice()));
        for entry in archive.entries().map_err(|e| e.to_string())? {
            let mut entry = entry.map_err(|e| e.to_string())?;
            let name = entry
                .path()
                .map_err(|e| e.to_string())?
                .to_string_lossy()
                .into_owned();
            let Some(file) = name
                .strip_prefix("package/")
                .filter(|f| f.ends_with(".json") && !f.contains('/'))
            else {
                continue;
            };
            let mut text = String::new();
            entry
                .read_to_string(&mut text)
                .map_err(|e| format!("{name}: {e}"))?;
            if file == "package.json" {
                let about: Value =
                    serde_json::from_str(&text).map_err(|e| format!("{name}: {e}"))?;
                self.name = text_of(&about, "name").to_owned();
                self.version = text_of(&about, "version").to_owned();
                let dependencies = about["dependencies"].as_object().into_iter().flatten();
                self.dependencies = dependencies
                    .filter_map(|(name, version)| {
                        Some((name.clone(), version.as_str()?.to_owned()))
                    })
                    .collect();
            } else if TYPES.iter().any(|t| file.starts_with(t)) {
                self.add(&text).map_err(|e| format!("{name}: {e}"))?;
            }
        }
        self.sha256 = sha256_hex(&bytes);
        Ok(())
    }

    fn add(&mut self, text: &str) -> Result<(), String> {
        let resource: Value = serde_json::from_str(text).map_err(|e| e.to_string())?;
        let resource_type = text_of(&resource, "resourceType").to_owned();
        let url = text_of(&resource, "url").to_owned();
        if TYPES.contains(&resource_type.as_str()) && !url.is_empty() {
            self.resources
                .entry(resource_type)
                .or_default()
                .entry(url)
                .or_insert(resource);
        }
        Ok(())
    }
}

fn is_lines(path: &Path) -> bool {
    path.to_string_lossy().ends_with(".ndjson.gz")
}

fn files_in(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .map_err(|e| e.to_string())?
        .filter_map(|entry| entry.ok().map(|e| e.path()))
        .filter(|path| is_lines(path))
        .collect();
    files.sort();
    Ok(files)
}

/// A string member, or `""`.
pub fn text_of<'a>(value: &'a Value, member: &str) -> &'a str {
    value
        .get(member)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// An array member, or nothing.
pub fn items_of<'a>(value: &'a Value, member: &str) -> &'a [Value] {
    value
        .get(member)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// The strings of an array member.
pub fn texts_of<'a>(value: &'a Value, member: &str) -> Vec<&'a str> {
    items_of(value, member)
        .iter()
        .filter_map(Value::as_str)
        .collect()
}

/// The canonical url without `|version`.
pub fn without_version(canonical: &str) -> &str {
    canonical.split('|').next().unwrap_or(canonical)
}

/// `http://hl7.org/fhir/StructureDefinition/Patient` names `Patient`.
pub fn last_segment(url: &str) -> &str {
    without_version(url).rsplit('/').next().unwrap_or(url)
}

fn sha256_hex(bytes: &[u8]) -> String {
    ward_seal::hash::sha256(bytes)
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect()
}
