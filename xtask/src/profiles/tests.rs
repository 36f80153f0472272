use std::path::{Path, PathBuf};

use super::{Built, package::Package};

fn shared(path: &str) -> Option<PathBuf> {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared")).join(path);
    if path.exists() {
        return Some(path);
    }
    eprintln!("shared data absent: skipped");
    None
}

fn core() -> Option<Package> {
    let folder = shared("data/definitions/r4-core-4.0.1")?;
    let mut package = Package::read(&folder).expect("the folder is readable");
    package.name = "hl7.fhir.r4.core".to_owned();
    package.version = "4.0.1".to_owned();
    Some(package)
}

#[test]
fn the_embedded_table_is_what_the_package_gives() {
    let Some(package) = core() else { return };
    let built = Built::from_package(&package).expect("the package is well-formed");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fhir-profiles");
    let stem = folder.join(package.stem()).display().to_string();
    let stored = std::fs::read(format!("{stem}.table.zst")).expect("the table is in the tree");
    assert!(
        stored == super::compressed(&built.table).expect("compresses"),
        "run `cargo xtask profiles` again"
    );
    let stored = std::fs::read(format!("{stem}.codes.zst")).expect("the codes are in the tree");
    assert!(
        stored
            == super::compressed(built.codes.as_deref().expect("has codes")).expect("compresses"),
        "run `cargo xtask profiles` again"
    );
    assert_eq!(
        std::fs::read_to_string(format!("{stem}.toml")).expect("the manifest is in the tree"),
        built.manifest
    );
}

/// HL7's own expansions are the witness for ours.
#[test]
fn value_sets_agree_with_the_official_expansions() {
    let (Some(package), Some(expansions)) =
        (core(), shared("data/definitions/r4-expansions-4.0.1"))
    else {
        return;
    };
    let official = Package::read(&expansions).expect("the folder is readable");
    let types = super::types::Types::build(&package).expect("types");
    let mut compared = 0;
    for (url, ours) in super::value_sets::expand_all(&package, &types.required_value_sets()) {
        let (Some(ours), Some(theirs)) = (ours, official.get("ValueSet", &url)) else {
            continue;
        };
        let mut codes = super::value_sets::Codes::new();
        let complete = contains(&theirs["expansion"], &mut codes);
        if complete && !codes.is_empty() {
            assert_eq!(ours, codes, "{url}");
            compared += 1;
        }
    }
    assert!(compared > 150, "{compared} value sets compared");
}

/// What the check of profiles will ask of US Core, and nothing of its prose.
#[test]
fn a_package_of_profiles_becomes_a_table_of_what_it_adds() {
    let Some(file) = shared("data/us-core/hl7.fhir.us.core-6.1.0.tgz") else {
        return;
    };
    let package = Package::read(&file).expect("the file is readable");
    assert_eq!(package.stem(), "us-core-6.1.0");
    let built = Built::from_package(&package).expect("the package is well-formed");
    let counted = |kind: &str| {
        let records = built.table.lines();
        records
            .filter(|l| l.split('\t').next() == Some(kind))
            .count()
    };
    assert_eq!(
        ["F", "P", "V", "O"].map(counted),
        [59, 106, 36, 1],
        "as many as the package has files"
    );
    for line in [
        "D\thl7.fhir.r4.core\t4.0.1",
        "I\tus-core-2\tE\tIf there is no component or hasMember element then either a value[x] or a data absent reason must be present\t(component.empty() and hasMember.empty()) implies (dataAbsentReason.exists() or value.exists())",
        "F\thttp://hl7.org/fhir/us/core/StructureDefinition/us-core-patient\t6.1.0\tPatient\tresource\tconstraint\thttp://hl7.org/fhir/StructureDefinition/Patient\t0\tD\t32\t",
        "G\tPatient.identifier\tPatient.identifier\t\t1\t\tu\t\t\t\t\t\t",
        "P\thttp://hl7.org/fhir/us/core/SearchParameter/us-core-ethnicity\tethnicity\ttoken\tPatient\tPatient.extension.where(url = 'http://hl7.org/fhir/us/core/StructureDefinition/us-core-ethnicity').extension.value.code\t\t1\t1\t\t\t",
    ] {
        assert!(built.table.lines().any(|l| l == line), "{line}");
    }
    let slicing =
        r#"{"slicing":{"discriminator":[{"path":"$this","type":"pattern"}],"rules":"open"}}"#;
    assert!(built.table.contains(slicing));
    assert!(built.manifest.contains("structure_definitions = 59\n"));
    assert!(super::compressed(&built.table).expect("compresses").len() < 40_000);
}

/// Differentials alone, in one file.
#[test]
fn a_file_of_profiles_becomes_a_table() {
    let Some(file) = shared("data/igs/ihe-balp-1.1.5-current.ndjson.gz") else {
        return;
    };
    let package = Package::read(&file).expect("the file is readable");
    let built = Built::from_package(&package).expect("the definitions are well-formed");
    assert!(
        built.manifest.contains("structure_definitions = 21\n"),
        "{}",
        built.manifest
    );
}

#[test]
fn a_package_without_definitions_is_refused() {
    let Some(file) = shared("data/examples/synthea-r4-dev-80.ndjson.gz") else {
        return;
    };
    let package = Package::read(&file).expect("the file is readable");
    let refusal = Built::from_package(&package).err().expect("a refusal");
    assert!(
        refusal.starts_with("there are no definitions in this package"),
        "{refusal}"
    );
}

fn contains(parent: &serde_json::Value, codes: &mut super::value_sets::Codes) -> bool {
    use super::package::{items_of, text_of};
    for item in items_of(parent, "contains") {
        codes.insert((
            text_of(item, "system").to_owned(),
            text_of(item, "code").to_owned(),
        ));
        contains(item, codes);
    }
    parent["total"]
        .as_u64()
        .is_none_or(|total| total as usize == codes.len())
}

#[test]
fn the_npm_form_of_a_package_is_read() {
    let mut archive = tar::Builder::new(flate2::write::GzEncoder::new(
        Vec::new(),
        flate2::Compression::fast(),
    ));
    let mut add = |path: &str, text: &str| {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        archive
            .append_data(&mut header, path, text.as_bytes())
            .expect("into memory");
    };
    add(
        "package/package.json",
        r#"{"name":"hl7.fhir.a.b","version":"1.0.0"}"#,
    );
    add(
        "package/CodeSystem-c.json",
        r#"{"resourceType":"CodeSystem","url":"http://c"}"#,
    );
    add("package/Patient-p.json", r#"{"resourceType":"Patient"}"#);
    add(
        "package/other/CodeSystem-d.json",
        r#"{"resourceType":"CodeSystem","url":"http://d"}"#,
    );
    let bytes = archive
        .into_inner()
        .and_then(|gz| gz.finish())
        .expect("into memory");
    let path = std::env::temp_dir().join(format!("ward-package-{}.tgz", std::process::id()));
    std::fs::write(&path, bytes).expect("a temporary file");
    let package = Package::read(&path);
    std::fs::remove_file(&path).expect("removed");
    let package = package.expect("a package");
    assert_eq!(
        (package.name.as_str(), package.version.as_str()),
        ("hl7.fhir.a.b", "1.0.0")
    );
    assert_eq!(package.stem(), "a-b-1.0.0");
    assert_eq!(package.all("CodeSystem").count(), 1);
    assert!(package.get("CodeSystem", "http://c").is_some());
}
