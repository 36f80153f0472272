//! `cargo xtask profiles`: an official FHIR package becomes the compact table that `ward_fhir::schema` reads.
//! <https://hl7.org/fhir/R4/packages.html>
//!
//! A package with base definitions (R4 core) becomes the table of types; any other (US Core) a table of what it
//! constrains and adds, see `guide.rs`, for the checking of profiles.
//! The table holds facts only (paths, cardinalities, types, bindings, expressions, codes) and is the same, byte for
//! byte, for the same definitions, whether they come from the npm package or from a folder of `*.ndjson.gz`.

mod codes;
mod guide;
mod invariants;
mod package;
mod registry;
mod table;
#[cfg(test)]
mod tests;
mod types;
mod value_sets;

use std::path::{Path, PathBuf};

use package::Package;

/// zstd level of the embedded table: read once per start, written seldom.
const COMPRESSION_LEVEL: i32 = 19;

const USAGE: &str = "cargo xtask profiles <package.tgz | *.ndjson.gz | folder of *.ndjson.gz> [--name NAME --version VERSION] [--out FOLDER]";

/// Runs the command; the error text is for the person at the terminal.
pub fn run(arguments: &[String]) -> Result<(), String> {
    let arguments = Arguments::parse(arguments)?;
    let mut package = Package::read(&arguments.input)?;
    if let Some(name) = arguments.name {
        package.name = name;
    }
    if let Some(version) = arguments.version {
        package.version = version;
    }
    if package.name.is_empty() || package.version.is_empty() {
        return Err(format!(
            "the input names no package and version: give --name and --version\n{USAGE}"
        ));
    }
    let built = Built::from_package(&package)?;
    let stem = arguments.out.join(package.stem());
    let write = |suffix: &str, bytes: &[u8]| {
        let path = PathBuf::from(format!("{}.{suffix}", stem.display()));
        std::fs::write(&path, bytes).map_err(|e| format!("{}: {e}", path.display()))
    };
    write("table.zst", &compressed(&built.table)?)?;
    if let Some(codes) = &built.codes {
        write("codes.zst", &compressed(codes)?)?;
    }
    write("toml", built.manifest.as_bytes())?;
    eprint!("{}", built.manifest);
    Ok(())
}

/// The files that a package becomes.
pub struct Built {
    pub table: String,
    /// Only of a package with base definitions.
    pub codes: Option<String>,
    pub manifest: String,
}

impl Built {
    pub fn from_package(package: &Package) -> Result<Self, String> {
        if !types::Types::are_in(package) {
            let guide = guide::Guide::build(package)?;
            let table = guide.table(package);
            let manifest = table::manifest(package, &table, &guide.counts());
            return Ok(Self {
                table,
                codes: None,
                manifest,
            });
        }
        let types = types::Types::build(package)?;
        let value_sets = value_sets::expand_all(package, &types.required_value_sets());
        let registry = registry::Registry::build(package, &|name| types.number_text(name))?;
        let table = table::write(package, &types, &value_sets, &registry);
        let counts = table::counts(package, &types, &value_sets, &registry);
        let manifest = table::manifest(package, &table, &counts);
        let codes = codes::write(package);
        Ok(Self {
            table,
            codes: Some(codes),
            manifest,
        })
    }
}

/// As it is embedded.
pub fn compressed(text: &str) -> Result<Vec<u8>, String> {
    zstd::bulk::compress(text.as_bytes(), COMPRESSION_LEVEL).map_err(|e| format!("zstd: {e}"))
}

struct Arguments {
    input: PathBuf,
    name: Option<String>,
    version: Option<String>,
    out: PathBuf,
}

impl Arguments {
    fn parse(arguments: &[String]) -> Result<Self, String> {
        let (mut input, mut name, mut version) = (None, None, None);
        let mut out = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fhir-profiles");
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            let mut value = || {
                rest.next()
                    .cloned()
                    .ok_or_else(|| format!("{argument} needs a value\n{USAGE}"))
            };
            match argument.as_str() {
                "--name" => name = Some(value()?),
                "--version" => version = Some(value()?),
                "--out" => out = value()?.into(),
                other if other.starts_with('-') || input.is_some() => {
                    return Err(format!("unknown argument {other}\n{USAGE}"));
                }
                path => input = Some(PathBuf::from(path)),
            }
        }
        let input = input.ok_or(USAGE)?;
        Ok(Self {
            input,
            name,
            version,
            out,
        })
    }
}
