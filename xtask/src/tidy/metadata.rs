//! The facts of `cargo metadata` that the rules ask for.
//! <https://doc.rust-lang.org/cargo/commands/cargo-metadata.html>

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    Normal,
    Build,
    Dev,
}

#[derive(Clone, Debug)]
pub struct Dependency {
    pub name: String,
    pub how: Use,
    /// A package of this workspace.
    pub ours: bool,
}

#[derive(Clone, Debug, Default)]
pub struct Package {
    pub name: String,
    pub version: String,
    pub licence: Option<String>,
    /// A package of this workspace.
    pub ours: bool,
    /// As declared in the manifest.
    pub dependencies: Vec<Dependency>,
    /// Features that are on, from the resolved graph.
    pub features: Vec<String>,
    /// Names of the packages it is linked with in the end, dev-dependencies left out.
    pub linked: BTreeSet<String>,
}

pub struct Metadata {
    pub root: String,
    pub packages: Vec<Package>,
}

impl Metadata {
    /// Asks cargo, offline where that is enough, for this machine's platform only.
    pub fn of_workspace() -> Result<Self, String> {
        let host = host()?;
        let arguments = [
            "metadata",
            "--format-version=1",
            "--locked",
            "--filter-platform",
            &host,
        ];
        let text =
            cargo(&[&arguments[..], &["--offline"]].concat()).or_else(|_| cargo(&arguments))?;
        Self::read(&text)
    }

    pub fn read(text: &str) -> Result<Self, String> {
        let value: Value =
            serde_json::from_str(text).map_err(|e| format!("cargo metadata: {e}"))?;
        let root = value["workspace_root"].as_str().unwrap_or(".").to_owned();
        let ours: BTreeSet<&str> = texts(&value["workspace_members"]).collect();
        let mut by_id: BTreeMap<&str, Package> = BTreeMap::new();
        for package in list(&value["packages"]) {
            let id = package["id"].as_str().unwrap_or_default();
            by_id.insert(id, read_package(package, ours.contains(id)));
        }
        let edges = edges(&value);
        for node in list(&value["resolve"]["nodes"]) {
            let id = node["id"].as_str().unwrap_or_default();
            let linked = reached(id, &edges)
                .iter()
                .filter_map(|id| by_id.get(id))
                .map(|p| p.name.clone())
                .collect();
            if let Some(package) = by_id.get_mut(id) {
                package.features = texts(&node["features"]).map(str::to_owned).collect();
                package.linked = linked;
            }
        }
        Ok(Self {
            root,
            packages: by_id.into_values().collect(),
        })
    }

    pub fn ours(&self) -> impl Iterator<Item = &Package> {
        self.packages.iter().filter(|p| p.ours)
    }
}

fn read_package(package: &Value, ours: bool) -> Package {
    let text = |name: &str| package[name].as_str().unwrap_or_default().to_owned();
    let dependencies = list(&package["dependencies"]).map(|d| Dependency {
        name: d["name"].as_str().unwrap_or_default().to_owned(),
        how: match d["kind"].as_str() {
            Some("dev") => Use::Dev,
            Some("build") => Use::Build,
            _ => Use::Normal,
        },
        ours: d["source"].is_null(),
    });
    Package {
        name: text("name"),
        version: text("version"),
        licence: package["license"].as_str().map(str::to_owned),
        ours,
        dependencies: dependencies.collect(),
        ..Package::default()
    }
}

/// Package id to the ids it needs, dev-dependencies left out.
fn edges(value: &Value) -> BTreeMap<&str, Vec<&str>> {
    let needed = |d: &&Value| list(&d["dep_kinds"]).any(|k| k["kind"].as_str() != Some("dev"));
    list(&value["resolve"]["nodes"])
        .map(|node| {
            let to = list(&node["deps"])
                .filter(needed)
                .filter_map(|d| d["pkg"].as_str())
                .collect();
            (node["id"].as_str().unwrap_or_default(), to)
        })
        .collect()
}

fn reached<'v>(from: &'v str, edges: &BTreeMap<&'v str, Vec<&'v str>>) -> BTreeSet<&'v str> {
    let mut seen = BTreeSet::new();
    let mut open = vec![from];
    while let Some(id) = open.pop() {
        for next in edges.get(id).into_iter().flatten() {
            if seen.insert(*next) {
                open.push(next);
            }
        }
    }
    seen
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn texts(value: &Value) -> impl Iterator<Item = &str> {
    list(value).filter_map(Value::as_str)
}

fn host() -> Result<String, String> {
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let text = output(Command::new(rustc).arg("-vV"))?;
    text.lines()
        .find_map(|l| l.strip_prefix("host: "))
        .map(str::to_owned)
        .ok_or_else(|| "rustc -vV names no host".to_owned())
}

fn cargo(arguments: &[&str]) -> Result<String, String> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    output(Command::new(cargo).args(arguments))
}

fn output(command: &mut Command) -> Result<String, String> {
    let done = command.output().map_err(|e| format!("{command:?}: {e}"))?;
    if !done.status.success() {
        return Err(format!(
            "{command:?}: {}",
            String::from_utf8_lossy(&done.stderr)
        ));
    }
    String::from_utf8(done.stdout).map_err(|e| format!("{command:?}: {e}"))
}

#[cfg(test)]
pub mod examples {
    use super::*;

    pub fn ours(name: &str, dependencies: &[(&str, Use, bool)]) -> Package {
        let dependencies = dependencies.iter().map(|(name, how, ours)| Dependency {
            name: (*name).to_owned(),
            how: *how,
            ours: *ours,
        });
        Package {
            name: name.to_owned(),
            ours: true,
            dependencies: dependencies.collect(),
            ..Package::default()
        }
    }

    pub fn outside(name: &str, licence: Option<&str>) -> Package {
        Package {
            name: name.to_owned(),
            version: "1.0.0".to_owned(),
            licence: licence.map(str::to_owned),
            ..Package::default()
        }
    }

    pub fn place(packages: Vec<Package>) -> Metadata {
        Metadata {
            root: String::new(),
            packages,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_linked_packages_are_followed_and_dev_dependencies_are_not() {
        let text = r#"{"workspace_root":"/w","workspace_members":["a"],
          "packages":[{"id":"a","name":"a","version":"0","license":null,"dependencies":[{"name":"b","kind":null,"source":"r"},{"name":"d","kind":"dev","source":null}]},
            {"id":"b","name":"b","version":"1","license":"MIT","dependencies":[]},{"id":"c","name":"c","version":"1","license":"MIT","dependencies":[]},{"id":"d","name":"d","version":"1","license":"MIT","dependencies":[]}],
          "resolve":{"nodes":[{"id":"a","features":["x"],"deps":[{"pkg":"b","dep_kinds":[{"kind":null}]},{"pkg":"d","dep_kinds":[{"kind":"dev"}]}]},
            {"id":"b","features":[],"deps":[{"pkg":"c","dep_kinds":[{"kind":"build"}]}]},{"id":"c","features":[],"deps":[]},{"id":"d","features":[],"deps":[]}]}}"#;
        let metadata = Metadata::read(text).unwrap();
        let a = metadata.ours().next().unwrap();
        assert_eq!(
            a.linked.iter().map(String::as_str).collect::<Vec<_>>(),
            ["b", "c"]
        );
        assert_eq!(
            (a.features.as_slice(), a.dependencies[1].how),
            (&["x".to_owned()][..], Use::Dev)
        );
        assert!(a.dependencies[1].ours && !a.dependencies[0].ours);
    }
}
