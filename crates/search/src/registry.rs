//! The search parameters of each type, and which of them are answered. <https://hl7.org/fhir/R4/searchparameter-registry.html>
//!
//! Nothing is compiled at start: a type's parameters are compiled on its first use and kept. A registry never changes: with
//! other custom parameters there is another one, which shares the types that they do not concern.

pub(crate) mod composite;
mod own;
mod share;
mod within;

use self::composite::Alternative;
use crate::custom::PER_TYPE_MAX;
use crate::definition::{Custom, Definition, LOOKED_UP_FROM};
use crate::expression::{self, Shape};
use crate::groups::{Groups, Reads};
use crate::hot;
use crate::nearest::nearest;
use crate::param::Form;
use crate::param::token::case::Case;
use crate::param::token::is_media_type;
use crate::program::{Atom, Hop, Program, resolve};
use crate::seen::Seen;
use std::sync::{Arc, OnceLock};
use ward_fhir::TypeId;
use ward_fhir::schema::{Schema, SearchParameterDef, SearchType};

pub struct Registry {
    schema: &'static Schema,
    /// What is not changed by this one: the package alone, for the types without custom parameters; or the whole, for the
    /// types that are seen whole.
    package: Option<Arc<Registry>>,
    custom: Vec<Arc<Custom>>,
    /// Types whose resources are indexed by their words. Sorted.
    words: Vec<TypeId>,
    /// Only parameters that read these elements ([`Registry::within`]).
    seen: Option<Arc<Seen>>,
    /// Groups that are masked in some rows, and what reads them ([`Registry::masking`]).
    masked: Option<(Groups, Reads)>,
    types: Box<[OnceLock<TypeParameters>]>,
}

/// What one resource type can be searched by.
pub struct TypeParameters {
    /// Sorted by code.
    parameters: Vec<Parameter>,
    pub(crate) program: Program<Leaf>,
    /// Slots that leave something once the walk is over: markers and truths.
    after_walk: Vec<u16>,
    /// Names of parameters that read elements which are not seen.
    pub(crate) hidden: Vec<Box<str>>,
    hides_contained: bool,
}

#[derive(Clone)]
pub struct Parameter {
    pub def: Definition,
    /// Its entries are in the index; else every resource that is asked for by it is looked at.
    pub(crate) indexed: bool,
    /// `Err`: why it is not answered.
    pub service: Result<(), &'static str>,
    /// Whose index entries answer it: itself, or those it is the union of.
    pub(crate) owners: Vec<Owner>,
    /// Forms of the indexed elements (of the owners).
    pub(crate) forms: Vec<Form>,
    /// How its own entries spell what names no system.
    pub(crate) case: Case,
    /// Always one boolean (`Truth`).
    pub(crate) truth: bool,
    pub(crate) marks: Marks,
    /// It reads names of people, and is found by their parts.
    pub(crate) of_names: bool,
    /// The elements it reads.
    pub(crate) atoms: Vec<Atom>,
    /// Of a composite: its expressions.
    pub(crate) composite: Vec<Alternative>,
}

/// A parameter whose entries are in the index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Owner {
    pub param: u16,
    /// Only references to this type (`Condition.patient` is `Condition.subject` restricted to Patient).
    pub only: Option<TypeId>,
    pub case: Case,
}

/// Which state of a parameter leaves a marker, for `:missing`. The rarer one should: it costs a row each time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Marks {
    Present,
    Missing,
    /// Neither: the vocabulary lists every value under [`crate::entries::TermKey::marker`].
    Listed,
    /// Follows from the markers of its owners, or it can never be missing.
    Nothing,
}

/// What extraction does at the end of a path.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Leaf {
    /// Position of the parameter in its type.
    pub slot: u16,
    pub param: u16,
    pub form: Form,
    /// Leaves entries; else only its presence (and its role) counts.
    pub indexed: bool,
    pub role: hot::Role,
    /// Every value goes into the vocabulary under the parameter's marker.
    pub listed: bool,
    /// A name or a part of one, found by each of its words.
    pub of_name: bool,
    /// A media type, found by what it begins with.
    pub media: bool,
    /// How it spells what names no system.
    pub case: Case,
}

impl Registry {
    /// The parameters of the R4 package. Costs nothing until a type is used.
    pub fn new(schema: &'static Schema) -> Self {
        Self {
            schema,
            package: None,
            custom: Vec::new(),
            words: Vec::new(),
            seen: None,
            masked: None,
            types: schema.types.iter().map(|_| OnceLock::new()).collect(),
        }
    }

    /// The same with custom parameters beside. Of two with one code on one type the first is served; more than
    /// [`PER_TYPE_MAX`] of a type are not.
    pub fn with(package: &Arc<Registry>, custom: Vec<Arc<Custom>>) -> Self {
        Self {
            package: Some(package.clone()),
            custom,
            ..Self::new(package.schema)
        }
    }

    /// The same with an index of the words of these types, for `_text` and `_content`.
    pub fn with_words(mut self, mut types: Vec<TypeId>) -> Self {
        types.sort_unstable();
        types.dedup();
        self.words = types;
        self
    }

    /// Types whose resources are indexed by their words, in order.
    pub fn words(&self) -> &[TypeId] {
        &self.words
    }

    /// What clients have defined, served or not.
    pub fn custom(&self) -> &[Arc<Custom>] {
        &self.custom
    }

    /// Parameters of a concrete resource type; first use compiles them (tens of microseconds to a millisecond).
    pub fn of(&self, ty: TypeId) -> &TypeParameters {
        if let (Some(whole), Some(_)) = (&self.package, &self.masked) {
            return whole.of(ty);
        }
        let concerns = |custom: &&Arc<Custom>| custom.bases.contains(&ty);
        if let (Some(whole), Some(seen)) = (&self.package, &self.seen) {
            return match seen.elements(ty) {
                None => whole.of(ty),
                Some(elements) => self.types[ty.0 as usize]
                    .get_or_init(|| whole.of(ty).within(self.schema, ty, elements)),
            };
        }
        match &self.package {
            Some(package) if !self.custom.iter().any(|c| concerns(&c)) => package.of(ty),
            _ => self.types[ty.0 as usize].get_or_init(|| {
                let custom = self.custom.iter().filter(concerns);
                TypeParameters::compile(self.schema, ty, custom.take(PER_TYPE_MAX))
            }),
        }
    }

    pub fn find(&self, ty: TypeId, code: &str) -> Option<&Parameter> {
        self.of(ty).find(code)
    }

    /// Numbers of the custom parameters that resources of the type are indexed by, in order.
    pub fn custom_of(&self, ty: TypeId) -> Vec<u16> {
        if !self.custom.iter().any(|c| c.bases.contains(&ty)) {
            return Vec::new();
        }
        let custom = self.of(ty).all().filter(|p| p.is_custom());
        let mut numbers: Vec<u16> = custom.map(|p| p.def.number()).collect();
        numbers.sort_unstable();
        numbers
    }

    pub fn schema(&self) -> &'static Schema {
        self.schema
    }
}

impl TypeParameters {
    pub fn find(&self, code: &str) -> Option<&Parameter> {
        self.parameters
            .binary_search_by(|p| p.code().cmp(code))
            .ok()
            .map(|at| &self.parameters[at])
    }

    /// Everything the package defines for the type, sorted by code.
    pub fn all(&self) -> impl Iterator<Item = &Parameter> {
        self.parameters.iter()
    }

    /// What is answered now: for the CapabilityStatement.
    pub fn served(&self) -> impl Iterator<Item = &Parameter> {
        self.parameters.iter().filter(|p| p.service.is_ok())
    }

    /// Served names most like `code`, best first, at most three.
    pub fn nearest(&self, code: &str) -> Vec<&str> {
        nearest(code, self.served().map(|p| p.def.code()))
    }

    pub(crate) fn after_walk(&self) -> &[u16] {
        &self.after_walk
    }

    pub(crate) fn at(&self, slot: usize) -> &Parameter {
        &self.parameters[slot]
    }

    fn compile<'c>(
        schema: &'static Schema,
        ty: TypeId,
        custom: impl Iterator<Item = &'c Arc<Custom>>,
    ) -> Self {
        let mut parameters: Vec<Parameter> = Vec::new();
        for def in schema
            .search_parameters
            .iter()
            .filter(|d| d.bases.iter().any(|b| schema.is_a(ty, *b)) && !is_example(d))
        {
            if !parameters.iter().any(|p| p.code() == def.code) {
                parameters.push(Parameter::read(schema, ty, Definition::Package(def)));
            }
        }
        share::share(schema.ty(ty).name, &mut parameters);
        composite::fill(schema, ty, &mut parameters);
        parameters.extend(own::of(schema, ty).map(|own| Parameter::custom(schema, ty, &own)));
        // After the others, so that no entry of theirs depends on what clients define.
        for custom in custom {
            if !parameters.iter().any(|p| p.code() == &*custom.code) {
                parameters.push(Parameter::custom(schema, ty, custom));
            }
        }
        parameters.sort_by(|a, b| a.code().cmp(b.code()));
        Self::laid_out(schema, ty, parameters)
    }

    /// `parameters`: sorted by code.
    fn laid_out(schema: &'static Schema, ty: TypeId, parameters: Vec<Parameter>) -> Self {
        let program = program(schema, ty, &parameters);
        let last = |p: &Parameter| {
            matches!(p.marks, Marks::Present | Marks::Missing) || p.truth && p.is_served()
        };
        let after_walk = (0..parameters.len())
            .filter(|i| last(&parameters[*i]))
            .map(|i| i as u16)
            .collect();
        Self {
            parameters,
            program,
            after_walk,
            hidden: Vec::new(),
            hides_contained: false,
        }
    }
}

impl Parameter {
    pub fn code(&self) -> &str {
        self.def.code()
    }
    pub fn ty(&self) -> SearchType {
        self.def.ty()
    }
    pub fn is_served(&self) -> bool {
        self.service.is_ok()
    }

    /// Its entries are in the index; else each resource that is asked for by it is looked at.
    pub fn is_indexed(&self) -> bool {
        self.indexed
    }

    /// Defined by a client, and not by the package or the server.
    pub fn is_custom(&self) -> bool {
        self.def.is_custom()
    }

    /// Whether a chain may lead on from it: it holds references, and not canonical URLs.
    pub fn is_chainable(&self) -> bool {
        let leads = |form: &Form| matches!(form, Form::Reference | Form::Inline);
        self.ty() == SearchType::Reference && self.indexed && self.forms.iter().any(leads)
    }

    /// The parameters whose entries answer it for references to the type.
    pub fn numbers_for(&self, target: TypeId) -> impl Iterator<Item = u16> {
        let owners = self.owners.iter();
        let reach = owners.filter(move |o| o.only.is_none_or(|only| only == target));
        reach.map(|o| o.param)
    }

    /// Resource types that it may refer to: for reference parameters.
    pub fn targets(&self, schema: &Schema) -> Vec<TypeId> {
        crate::param::reference_targets(schema, self)
    }

    /// Has entries of its own, whatever others read.
    pub(crate) fn custom(schema: &Schema, ty: TypeId, custom: &Arc<Custom>) -> Self {
        let mut parameter = Self::read(schema, ty, Definition::Custom(custom.clone()));
        parameter.indexed = custom.number < LOOKED_UP_FROM;
        parameter.owners = vec![Owner {
            param: custom.number,
            only: None,
            case: parameter.case,
        }];
        if !parameter.truth {
            parameter.marks = Marks::Present;
        }
        parameter
    }

    fn read(schema: &Schema, ty: TypeId, def: Definition) -> Self {
        let (atoms, truth, service) = match elements(schema, ty, &def) {
            Ok((atoms, truth)) => (atoms, truth, Ok(())),
            Err(reason) => (Vec::new(), false, Err(reason)),
        };
        Self {
            def,
            indexed: true,
            service,
            owners: Vec::new(),
            forms: Vec::new(),
            case: Case::Exact,
            truth,
            marks: Marks::Nothing,
            of_names: false,
            atoms,
            composite: Vec::new(),
        }
        .with_forms(schema)
    }

    fn with_forms(mut self, schema: &Schema) -> Self {
        let form = |atom: &Atom| Form::of(schema, self.def.ty(), atom.leaf);
        let forms: Vec<Form> = self.atoms.iter().filter_map(form).collect();
        // A choice may have types without a value of this kind (Procedure.performedString has no date): they count as missing.
        if !self.truth {
            self.atoms
                .retain(|a| Form::of(schema, self.def.ty(), a.leaf).is_some());
            self.case = Case::of_all(schema, self.def.ty(), &self.atoms);
        }
        let is_string = self.def.ty() == SearchType::String && !self.is_custom();
        self.of_names = is_string
            && !self.atoms.is_empty()
            && self.atoms.iter().all(|atom| is_name(schema, atom));
        for form in forms {
            if !self.forms.contains(&form) {
                self.forms.push(form);
            }
        }
        if self.service.is_ok() && self.forms.is_empty() && !is_whole(&self.def) {
            self.service =
                Err("its elements are of a type that this kind of parameter cannot read");
        }
        self
    }

    /// The elements whose components it indexes together.
    fn tuples(&self) -> impl Iterator<Item = &Atom> {
        self.composite
            .iter()
            .flat_map(|alternative| match alternative {
                Alternative::Tuple { owner, path, .. } if *owner == self.def.number() => {
                    path.as_slice()
                }
                _ => &[],
            })
    }

    /// Answered from the resource as a whole, not from elements of it.
    pub(crate) fn is_whole(&self) -> bool {
        is_whole(&self.def)
    }

    /// Answered from the resource's own columns, never from index entries.
    pub(crate) fn is_column(&self) -> bool {
        matches!(self.def.code(), "_id" | "_lastUpdated")
    }
}

/// A HumanName or an element of one.
fn is_name(schema: &Schema, atom: &Atom) -> bool {
    let names = schema.type_id("HumanName");
    let owner = |hop: &Hop| schema.element(schema.member(hop.member).element).owner;
    names.is_some() && (Some(atom.leaf) == names || atom.hops.last().map(owner) == names)
}

/// Answered from the resource as a whole, not from elements of it.
fn is_whole(def: &Definition) -> bool {
    matches!(def.code(), "_text" | "_content" | "_filter" | "_query")
}

/// The package carries examples of how a SearchParameter is written. Two repeat codes of real ones (`_id`, `Condition.subject`), and
/// `part-agree` reads an extension of its own: they are no parameters of R4. All are listed in `tests/not-served.tsv`.
fn is_example(def: &SearchParameterDef) -> bool {
    def.url
        .rsplit('/')
        .next()
        .is_some_and(|name| name.starts_with("example"))
}

type Elements = Result<(Vec<Atom>, bool), &'static str>;

fn elements(schema: &Schema, ty: TypeId, def: &Definition) -> Elements {
    match def.ty() {
        // `composite::fill` reads them once the others are there.
        SearchType::Composite => return Err("it is not read yet"),
        _ if is_whole(def) => return Ok((Vec::new(), false)),
        _ if def.expression().is_empty() => return Err("the specification gives it no expression"),
        _ => {}
    }
    let (paths, truth) = match expression::parse(def.expression()) {
        Some(Shape::Paths(paths)) => (paths, false),
        Some(Shape::Truth(path)) => (vec![path], true),
        None => return Err("its expression is not a path"),
    };
    let mut atoms = Vec::new();
    for path in &paths {
        atoms.extend(
            resolve(schema, ty, path)
                .ok_or("its expression names an element that does not exist")?,
        );
    }
    if atoms.is_empty() {
        Err("its expression does not reach this type")
    } else {
        Ok((atoms, truth))
    }
}

fn program(schema: &Schema, ty: TypeId, parameters: &[Parameter]) -> Program<Leaf> {
    let mut program = Program::new(schema, ty);
    let hot = hot::of(schema.ty(ty).name);
    for (slot, parameter) in parameters.iter().enumerate() {
        let own = parameter
            .owners
            .iter()
            .any(|o| o.param == parameter.def.number() && o.only.is_none());
        let role = match parameter.is_custom() {
            true => hot::Role::None,
            false => hot.role(parameter.code()),
        };
        if !own && parameter.marks == Marks::Nothing && role == hot::Role::None {
            continue;
        }
        for atom in parameter.tuples() {
            let leaf = Leaf {
                slot: slot as u16,
                param: parameter.def.number(),
                form: Form::Tuple,
                indexed: true,
                listed: false,
                role,
                of_name: false,
                media: false,
                case: Case::Exact,
            };
            program.add(schema, atom, leaf);
        }
        for atom in &parameter.atoms {
            let form = match parameter.truth {
                true => Some(Form::Truth),
                false => Form::of(schema, parameter.def.ty(), atom.leaf),
            };
            if let Some(form) = form {
                program.add(
                    schema,
                    atom,
                    Leaf {
                        slot: slot as u16,
                        param: parameter.def.number(),
                        form,
                        indexed: own && !parameter.truth,
                        listed: own && parameter.marks == Marks::Listed,
                        role,
                        of_name: parameter.of_names,
                        media: is_media_type(schema, atom),
                        case: parameter.case.of_one(schema, parameter.def.ty(), atom),
                    },
                );
            }
        }
    }
    program
}
