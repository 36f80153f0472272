//! `cargo xtask tidy`: what is wrong with the place, said in one list. Every rule is a file in `tidy/` whose tables are
//! at its top; facts come from `cargo metadata` and from the files themselves, so no other tool need be installed.

mod debugged;
mod errors;
mod floors;
mod homes;
mod licences;
mod links;
mod metadata;
mod secrets;
mod sizes;
mod tree;
mod words;

use std::path::Path;

use metadata::Metadata;

/// One thing that is wrong, ready to be printed.
pub type Finding = String;

/// Prints every finding and what is worth knowing of sizes; an error when anything is wrong.
pub fn run(arguments: &[String]) -> Result<(), String> {
    if !arguments.is_empty() {
        return Err("cargo xtask tidy takes no arguments".to_owned());
    }
    let metadata = Metadata::of_workspace()?;
    let (files, names) = tree::read(Path::new(&metadata.root))?;
    let mut findings = Vec::new();
    floors::check(&metadata, &mut findings);
    homes::check(&metadata, &mut findings);
    licences::check(&metadata, &mut findings);
    words::check(&files, &mut findings);
    sizes::check(&files, &mut findings);
    errors::check(&files, &mut findings);
    secrets::check(&files, &names, &mut findings);
    links::check(&files, &names, &mut findings);
    debugged::check(&files, &mut findings);
    eprint!("{}", sizes::report(&files));
    for finding in &findings {
        eprintln!("{finding}");
    }
    match findings.len() {
        0 => {
            eprintln!(
                "tidy: {} packages, {} files, nothing wrong",
                metadata.packages.len(),
                files.len()
            );
            Ok(())
        }
        n => Err(format!("tidy: {n} thing(s) to mend")),
    }
}
