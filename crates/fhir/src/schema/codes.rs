//! The code systems and value sets of the package: hierarchies and expansion, read on first use.
//! <https://hl7.org/fhir/R4/valueset.html#expansion>
//!
//! | record | fields |
//! |---|---|
//! | `ward-codes` | format, package name, version, sha256 of the input |
//! | `S` | url of a code system, `C`omplete or `P`artly held |
//! | `H` | depth, code, further parents; `!` before the depth: the concept only groups others |
//! | `V` | url of a value set |
//! | `I` / `X` | include / exclude: system, value sets, filters `op property value` |
//! | `K` | the codes that the include or exclude lists |

use std::collections::{BTreeSet, HashMap};
use std::sync::OnceLock;

use super::r4;
use super::table::decompress;

const FORMAT: &str = "1";
/// Value sets may import value sets this deep.
const IMPORT_DEPTH_MAX: usize = 8;

/// `hl7.fhir.r4.core` 4.0.1
const R4_CODES: &[u8] = include_bytes!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../fhir-profiles/r4-core-4.0.1.codes.zst"
));

/// The R4 codes; the first call reads them (a few milliseconds).
pub fn r4_codes() -> &'static Codes {
    static CODES: OnceLock<Codes> = OnceLock::new();
    CODES.get_or_init(|| {
        load(R4_CODES).expect("the embedded table is built and checked by `cargo xtask profiles`")
    })
}

pub struct Codes {
    systems: HashMap<&'static str, System>,
    sets: HashMap<&'static str, Vec<Component>>,
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No such value set, code system or code.
    Absent,
    /// Its codes are not all in the package, or a filter would have to be computed that cannot be.
    Open,
}

/// (system, code)
pub type Pairs = BTreeSet<(&'static str, &'static str)>;

#[derive(Default)]
struct System {
    complete: bool,
    concepts: Vec<Concept>,
    positions: HashMap<&'static str, u32>,
}

struct Concept {
    code: &'static str,
    grouping: bool,
    parents: Vec<u32>,
}

struct Component {
    exclude: bool,
    system: &'static str,
    sets: Vec<&'static str>,
    filters: Vec<&'static str>,
    codes: Option<Vec<&'static str>>,
}

impl Codes {
    /// The codes of a value set by its canonical; a version is not looked at. Linear in the systems it draws from.
    pub fn expand(&self, canonical: &str) -> Result<Pairs, Refusal> {
        self.expand_to(canonical, IMPORT_DEPTH_MAX)
    }

    /// The codes above `code`, without itself.
    pub fn ancestors(&self, system: &str, code: &str) -> Result<Vec<&'static str>, Refusal> {
        let (system, at) = self.concept(system, code)?;
        let mut found = BTreeSet::new();
        let mut open = vec![at];
        while let Some(at) = open.pop() {
            let parents = &system.concepts[at as usize].parents;
            open.extend(parents.iter().filter(|p| found.insert(**p)));
        }
        found.remove(&at);
        Ok(system.codes(found))
    }

    /// The codes below `code`, without itself.
    pub fn descendants(&self, system: &str, code: &str) -> Result<Vec<&'static str>, Refusal> {
        let (system, at) = self.concept(system, code)?;
        let mut found = system.below(at);
        found.remove(&at);
        Ok(system.codes(found))
    }

    /// The code systems all of whose codes are held, by their urls in order.
    pub fn complete_systems(&self) -> Vec<&'static str> {
        let systems = self.systems.iter();
        let complete = systems.filter(|(_, system)| system.complete);
        let mut urls: Vec<&str> = complete.map(|(url, _)| *url).collect();
        urls.sort_unstable();
        urls
    }

    /// Every code of a code system, by its url; what only groups others is none. Errors: not all of them are held.
    pub fn all_of(&self, system: &str) -> Result<Vec<&'static str>, Refusal> {
        let system = self.systems.get(system).ok_or(Refusal::Absent)?;
        if !system.complete {
            return Err(Refusal::Open);
        }
        let codes = system.concepts.iter().filter(|c| !c.grouping);
        Ok(codes.map(|c| c.code).collect())
    }

    /// Whether some of the codes of a code system are held, by its url.
    pub fn has_system(&self, url: &str) -> bool {
        self.systems.contains_key(url)
    }

    fn concept(&self, url: &str, code: &str) -> Result<(&System, u32), Refusal> {
        let system = self.systems.get(url).ok_or(Refusal::Absent)?;
        let mut position = system.positions.get(code).copied();
        if position.is_none() && !r4().is_case_sensitive(url) {
            position = system.spelled_otherwise(code);
        }
        match position {
            Some(at) => Ok((system, at)),
            None if system.complete => Err(Refusal::Absent),
            None => Err(Refusal::Open),
        }
    }

    fn expand_to(&self, canonical: &str, depth: usize) -> Result<Pairs, Refusal> {
        let depth = depth.checked_sub(1).ok_or(Refusal::Open)?;
        let url = canonical.split('|').next().unwrap_or(canonical);
        let components = self.sets.get(url).ok_or(Refusal::Absent)?;
        let mut codes = Pairs::new();
        for component in components.iter().filter(|c| !c.exclude) {
            codes.extend(self.component(component, depth)?);
        }
        for component in components.iter().filter(|c| c.exclude) {
            for code in self.component(component, depth)? {
                codes.remove(&code);
            }
        }
        Ok(codes)
    }

    /// What its system and each of its value sets have in common.
    fn component(&self, component: &Component, depth: usize) -> Result<Pairs, Refusal> {
        let mut parts = Vec::new();
        if !component.system.is_empty() {
            parts.push(self.of_system(component)?);
        }
        for url in &component.sets {
            // A value set that is named but not held leaves the expansion open.
            parts.push(self.expand_to(url, depth).map_err(|_| Refusal::Open)?);
        }
        parts
            .into_iter()
            .reduce(|a, b| a.intersection(&b).copied().collect())
            .ok_or(Refusal::Open)
    }

    fn of_system(&self, component: &Component) -> Result<Pairs, Refusal> {
        if let Some(codes) = &component.codes {
            return Ok(codes.iter().map(|c| (component.system, *c)).collect());
        }
        let system = self.systems.get(component.system).ok_or(Refusal::Open)?;
        if !system.complete {
            return Err(Refusal::Open);
        }
        let all = 0..system.concepts.len() as u32;
        let mut found: BTreeSet<u32> = all.collect();
        for filter in &component.filters {
            let wanted = system.filtered(filter).ok_or(Refusal::Open)?;
            found = found.intersection(&wanted).copied().collect();
        }
        found.retain(|at| !system.concepts[*at as usize].grouping);
        let codes = system.codes(found).into_iter();
        Ok(codes.map(|code| (component.system, code)).collect())
    }
}

impl System {
    /// A code that differs from this in case alone.
    fn spelled_otherwise(&self, code: &str) -> Option<u32> {
        let wanted = code.to_lowercase();
        let mut concepts = self.concepts.iter();
        let at = concepts.position(|concept| concept.code.to_lowercase() == wanted);
        at.map(|at| at as u32)
    }

    fn codes(&self, found: BTreeSet<u32>) -> Vec<&'static str> {
        let code = |at: u32| self.concepts[at as usize].code;
        found.into_iter().map(code).collect()
    }

    /// With the concept itself.
    fn below(&self, at: u32) -> BTreeSet<u32> {
        let mut found = BTreeSet::from([at]);
        // Children may stand before a further parent: until nothing is added.
        loop {
            let before = found.len();
            for (child, concept) in self.concepts.iter().enumerate() {
                if concept.parents.iter().any(|p| found.contains(p)) {
                    found.insert(child as u32);
                }
            }
            if found.len() == before {
                return found;
            }
        }
    }

    /// `None`: a filter beyond the hierarchy.
    fn filtered(&self, filter: &str) -> Option<BTreeSet<u32>> {
        let mut words = filter.splitn(3, ' ');
        let (op, property, value) = (words.next()?, words.next()?, words.next()?);
        if property != "concept" {
            return None;
        }
        let mut below = self.below(*self.positions.get(value)?);
        match op {
            "is-a" => {}
            "descendent-of" => {
                below.remove(self.positions.get(value)?);
            }
            "is-not-a" => {
                below = (0..self.concepts.len() as u32)
                    .filter(|at| !below.contains(at))
                    .collect();
            }
            _ => return None,
        }
        Some(below)
    }
}

/// Every string is a slice of the one decompressed text, which is never freed. Errors name the line that cannot be read.
fn load(compressed: &[u8]) -> Result<Codes, String> {
    let text: &'static str = Box::leak(decompress(compressed)?.into_boxed_str());
    let mut lines = text.lines();
    let mut head = lines.next().unwrap_or_default().split('\t');
    if head.next() != Some("ward-codes") || head.next() != Some(FORMAT) {
        return Err("not a table of this format".to_owned());
    }
    let mut reader = Reader::default();
    for (at, line) in lines.enumerate() {
        let read = reader.line(line);
        read.ok_or_else(|| format!("line {} cannot be read", at + 2))?;
    }
    reader.end_system();
    reader.end_set();
    Ok(Codes {
        systems: reader.systems,
        sets: reader.sets,
    })
}

#[derive(Default)]
struct Reader {
    systems: HashMap<&'static str, System>,
    sets: HashMap<&'static str, Vec<Component>>,
    system: Option<(&'static str, System)>,
    /// The concepts above the current line.
    path: Vec<u32>,
    /// Parents that may come later in the text.
    further: Vec<(u32, &'static str)>,
    set: Option<(&'static str, Vec<Component>)>,
}

impl Reader {
    fn line(&mut self, line: &'static str) -> Option<()> {
        let mut fields = line.split('\t');
        match fields.next()? {
            "S" => {
                self.end_system();
                let system = System {
                    complete: false,
                    ..System::default()
                };
                self.system = Some((fields.next()?, system));
                self.system.as_mut()?.1.complete = fields.next()? == "C";
            }
            "H" => self.concept(fields.next()?, fields.next()?, fields)?,
            "V" => {
                self.end_set();
                self.set = Some((fields.next()?, Vec::new()));
            }
            kind @ ("I" | "X") => self.set.as_mut()?.1.push(Component {
                exclude: kind == "X",
                system: fields.next()?,
                sets: fields
                    .next()?
                    .split(' ')
                    .filter(|s| !s.is_empty())
                    .collect(),
                filters: fields.collect(),
                codes: None,
            }),
            "K" => self.set.as_mut()?.1.last_mut()?.codes = Some(fields.collect()),
            _ => return None,
        }
        Some(())
    }

    fn concept(
        &mut self,
        depth: &'static str,
        code: &'static str,
        further: std::str::Split<'static, char>,
    ) -> Option<()> {
        let (depth, grouping) = match depth.strip_prefix('!') {
            Some(depth) => (depth, true),
            None => (depth, false),
        };
        self.path.truncate(depth.parse().ok()?);
        let system = &mut self.system.as_mut()?.1;
        let at = *system.positions.entry(code).or_insert_with(|| {
            system.concepts.push(Concept {
                code,
                grouping,
                parents: Vec::new(),
            });
            system.concepts.len() as u32 - 1
        });
        if let Some(parent) = self.path.last() {
            system.concepts[at as usize].parents.push(*parent);
        }
        self.further.extend(further.map(|parent| (at, parent)));
        self.path.push(at);
        Some(())
    }

    fn end_system(&mut self) {
        self.path.clear();
        let further = std::mem::take(&mut self.further);
        if let Some((url, mut system)) = self.system.take() {
            for (at, parent) in further {
                if let Some(parent) = system.positions.get(parent) {
                    system.concepts[at as usize].parents.push(*parent);
                }
            }
            self.systems.insert(url, system);
        }
    }

    fn end_set(&mut self) {
        if let Some((url, components)) = self.set.take() {
            self.sets.insert(url, components);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACT: &str = "http://terminology.hl7.org/CodeSystem/v3-ActCode";

    #[test]
    fn hierarchies_are_followed_both_ways() {
        let codes = r4_codes();
        let below = codes.descendants(ACT, "_ActEncounterCode").unwrap();
        assert!(
            below.contains(&"AMB")
                && below.contains(&"ACUTE")
                && !below.contains(&"_ActEncounterCode")
        );
        let above = codes.ancestors(ACT, "ACUTE").unwrap();
        assert!(above.contains(&"IMP") && above.contains(&"_ActEncounterCode"));
        assert!(!above.contains(&"ACUTE") && !above.contains(&"AMB"));
        assert_eq!(codes.ancestors(ACT, "nothing"), Err(Refusal::Absent));
        assert_eq!(codes.ancestors("http://nowhere", "x"), Err(Refusal::Absent));
    }

    #[test]
    fn a_code_is_known_by_another_case_where_that_does_not_count() {
        let codes = r4_codes();
        let types = "http://terminology.hl7.org/CodeSystem/v2-0203";
        assert_eq!(codes.descendants(types, "mr"), Ok(vec![]));
        assert_eq!(codes.descendants(types, "nothing"), Err(Refusal::Absent));
        assert_eq!(codes.ancestors(ACT, "acute"), Err(Refusal::Absent));
    }

    #[test]
    fn value_sets_expand_or_say_why_not() {
        let codes = r4_codes();
        let set = |name| codes.expand(&format!("http://hl7.org/fhir/ValueSet/{name}"));
        assert_eq!(set("administrative-gender").unwrap().len(), 4);
        assert_eq!(set("administrative-gender|4.0.1").unwrap().len(), 4);
        assert_eq!(set("condition-code"), Err(Refusal::Open));
        assert_eq!(set("no-such-set"), Err(Refusal::Absent));
        let encounter = codes.expand("http://terminology.hl7.org/ValueSet/v3-ActEncounterCode");
        assert!(encounter.unwrap().contains(&(ACT, "AMB")));
    }
}
