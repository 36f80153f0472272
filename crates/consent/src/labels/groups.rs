//! Groups of elements that an obligation masks or takes away (R15), and which search parameters read them.
//!
//! This floor only says what happens to which element. Who cuts resources does it: `resources::seen`, which already drops
//! narrative and sets `SUBSETTED`.

use super::carry::parts;
use std::collections::BTreeSet;
use ward_fhir::Node;
use ward_fhir::schema::{SearchParameterDef, r4};

/// Elements that are masked together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Group {
    /// What was found: results, doses, amounts.
    Value,
    /// What somebody wrote: notes, comments, instructions.
    Note,
    Identifier,
    Narrative,
    /// Documents, pictures and where they lie.
    Attachment,
    /// Addresses, telephones, and people to turn to.
    Contact,
    /// Why something is done.
    Reason,
    /// Who did it.
    Performer,
}

/// What becomes of an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Treatment {
    Keep,
    /// In its place the extension `DATA_ABSENT_REASON` with the code `MASKED`, on the element without anything else.
    Mask,
    /// The element goes; its `dataAbsentReason` sibling, the element of this JSON name, says `MASKED`.
    MaskBeside(&'static str),
    /// Nothing is left of it.
    Remove,
}

/// What a caller must not get of a resource. The group `Narrative` belongs to every one: text would tell what was taken out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Masking {
    pub masked: BTreeSet<Group>,
    /// Where both are said, it is removed.
    pub redacted: BTreeSet<Group>,
}

pub const DATA_ABSENT_REASON: &str = "http://hl7.org/fhir/StructureDefinition/data-absent-reason";
/// <http://terminology.hl7.org/CodeSystem/data-absent-reason>
pub const DATA_ABSENT_REASONS: &str = "http://terminology.hl7.org/CodeSystem/data-absent-reason";
pub const MASKED: &str = "masked";

/// `*` is every resource type; a path means the element and what is in it.
const ELEMENTS: &[(Group, &[&str])] = &[
    (
        Group::Value,
        &[
            "Observation.value",
            "Observation.interpretation",
            "Observation.referenceRange",
            "Observation.component.value",
            "Observation.component.interpretation",
            "Observation.component.referenceRange",
            "DiagnosticReport.conclusion",
            "DiagnosticReport.conclusionCode",
            "QuestionnaireResponse.item",
            "MedicationRequest.dosageInstruction",
            "MedicationDispense.dosageInstruction",
            "MedicationStatement.dosage",
            "MedicationAdministration.dosage",
            "RiskAssessment.prediction",
            "MolecularSequence.observedSeq",
            "MolecularSequence.variant",
            "Procedure.outcome",
            "FamilyMemberHistory.condition",
        ],
    ),
    (
        Group::Note,
        &[
            "*.note",
            "*.comment",
            "*.patientInstruction",
            "*.description",
            "ClinicalImpression.summary",
            "Communication.payload",
        ],
    ),
    (
        Group::Identifier,
        &[
            "*.identifier",
            "*.groupIdentifier",
            "*.requisition",
            "*.accessionIdentifier",
        ],
    ),
    (Group::Narrative, &["*.text", "Composition.section.text"]),
    (
        Group::Attachment,
        &[
            "DocumentReference.content",
            "DiagnosticReport.presentedForm",
            "DiagnosticReport.media",
            "Media.content",
            "Binary.data",
            "*.photo",
            "Consent.source",
        ],
    ),
    (
        Group::Contact,
        &[
            "*.telecom",
            "*.address",
            "Patient.contact",
            "Patient.communication",
        ],
    ),
    (
        Group::Reason,
        &["*.reasonCode", "*.reasonReference", "Encounter.diagnosis"],
    ),
    (
        Group::Performer,
        &[
            "*.performer",
            "*.author",
            "*.recorder",
            "*.asserter",
            "*.requester",
            "*.resultsInterpreter",
            "Encounter.participant",
        ],
    ),
];

impl Group {
    pub const ALL: [Group; 8] = [
        Group::Value,
        Group::Note,
        Group::Identifier,
        Group::Narrative,
        Group::Attachment,
        Group::Contact,
        Group::Reason,
        Group::Performer,
    ];

    /// Its word in policies and obligations.
    pub const fn word(self) -> &'static str {
        match self {
            Group::Value => "value",
            Group::Note => "note",
            Group::Identifier => "identifier",
            Group::Narrative => "narrative",
            Group::Attachment => "attachment",
            Group::Contact => "contact",
            Group::Reason => "reason",
            Group::Performer => "performer",
        }
    }

    pub fn of_word(word: &str) -> Option<Group> {
        Self::ALL.into_iter().find(|group| group.word() == word)
    }

    /// The FHIRPath paths of its elements; `*.note` in every type that has one.
    pub fn paths(self) -> &'static [&'static str] {
        let row = ELEMENTS.iter().find(|(group, _)| *group == self);
        row.map_or(&[], |(_, paths)| paths)
    }

    /// The groups that an element begins: the element itself, not what is inside it.
    pub fn of(node: Node<'_>) -> BTreeSet<Group> {
        let mut names = vec![node.name()];
        let up = node.ancestors().take_while(|n| !n.is_resource());
        names.extend(up.map(Node::name));
        names.reverse();
        let path = names.join(".");
        let ty = node.resource().type_name();
        if node.is_resource() {
            return BTreeSet::new();
        }
        let begins = |group: &Group| group.paths().iter().any(|at| is_at(at, ty, &path));
        Self::ALL.into_iter().filter(begins).collect()
    }

    /// The groups that a search parameter of a type reads, wholly or in part: whoever does not see one of them must not find,
    /// sort or chain by it. `_text` and `_content` read everything.
    pub fn read_by(ty: &str, parameter: &SearchParameterDef) -> BTreeSet<Group> {
        if matches!(parameter.code, "_text" | "_content") {
            return Self::ALL.into_iter().collect();
        }
        let mut groups = BTreeSet::new();
        for expression in expressions(parameter) {
            for part in parts(expression) {
                let Some((of, path)) = part.split_once('.') else {
                    continue;
                };
                if of == ty || of == "Resource" || of == "DomainResource" {
                    groups.extend(Self::touching(ty, path));
                }
            }
        }
        groups
    }

    /// Those with an element at, above or below the path.
    fn touching(ty: &str, path: &str) -> impl Iterator<Item = Group> {
        let touches = move |group: &Group| {
            group.paths().iter().any(|at| {
                let Some((of, at)) = at.split_once('.') else {
                    return false;
                };
                (of == "*" || of == ty) && (is_within(path, at) || is_within(at, path))
            })
        };
        Self::ALL.into_iter().filter(touches)
    }
}

/// Of a composite those of its components, which are written below the whole.
fn expressions(parameter: &SearchParameterDef) -> impl Iterator<Item = &'static str> {
    let components = parameter.components.iter().filter_map(|(url, _)| {
        let component = r4().search_parameters.iter().find(|p| p.url == *url);
        component.map(|p| p.expression)
    });
    let own: Vec<&'static str> = components.collect();
    std::iter::once(parameter.expression).chain(own)
}

fn is_at(at: &str, ty: &str, path: &str) -> bool {
    let split = at.split_once('.');
    split.is_some_and(|(of, at)| (of == "*" || of == ty) && at == path)
}

fn is_within(path: &str, outer: &str) -> bool {
    let rest = path.strip_prefix(outer);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

impl Masking {
    /// What either takes.
    pub fn union(&self, other: &Masking) -> Masking {
        let both = |a: &BTreeSet<Group>, b: &BTreeSet<Group>| a.union(b).copied().collect();
        Masking {
            masked: both(&self.masked, &other.masked),
            redacted: both(&self.redacted, &other.redacted),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.masked.is_empty() && self.redacted.is_empty()
    }

    /// Whether a caller with these may find by a parameter: it reads nothing that is masked or taken away.
    pub fn allow(&self, ty: &str, parameter: &SearchParameterDef) -> bool {
        let read = Group::read_by(ty, parameter);
        self.is_empty() || read.iter().all(|group| !self.hides(*group))
    }

    /// Whether nothing of the group leaves.
    pub fn hides(&self, group: Group) -> bool {
        let is_said = self.masked.contains(&group) || self.redacted.contains(&group);
        is_said || (group == Group::Narrative && !self.is_empty())
    }

    /// What becomes of one element; what is inside it follows it. A required element is masked even where it should go: without it
    /// the rest would be no resource.
    pub fn treatment(&self, node: Node<'_>) -> Treatment {
        let groups = Group::of(node);
        let said = |set: &BTreeSet<Group>| groups.iter().any(|group| set.contains(group));
        let (redacted, masked) = (said(&self.redacted), said(&self.masked));
        let is_text = groups.contains(&Group::Narrative) && !self.is_empty();
        let is_required = node.element().is_some_and(|element| element.min > 0);
        match (is_text || redacted, masked) {
            (false, false) => Treatment::Keep,
            (true, _) if !is_required => Treatment::Remove,
            _ => beside(node).map_or(Treatment::Mask, Treatment::MaskBeside),
        }
    }
}

/// `dataAbsentReason`, where the type has such an element for this one (Observation and its components).
fn beside(node: Node<'_>) -> Option<&'static str> {
    let parent = node.parent()?;
    let member = r4().find_member(parent.ty(), "dataAbsentReason")?;
    (node.name() == "value").then_some(member.json_name)
}
