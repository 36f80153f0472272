//! Required bindings whose codes the definitions enumerate. <https://hl7.org/fhir/R4/terminologies.html#required>

use ward_fhir::schema::ValueSetDef;
use ward_fhir::{Issue, Kind, Node};

/// Longest part of a refused code that is repeated to the client, in characters.
const CODE_SHOWN_MAX: usize = 64;

pub(crate) struct CodeSet {
    pub url: &'static str,
    /// Sorted by system, then code.
    codes: &'static [(&'static str, &'static str)],
    /// Sorted.
    codes_alone: Box<[&'static str]>,
}

impl CodeSet {
    /// `None` when the value set is not enumerated: then any well-formed code passes.
    pub fn new(value_set: &'static ValueSetDef) -> Option<Self> {
        let codes = value_set.codes.as_deref()?;
        let mut codes_alone: Box<[&'static str]> = codes.iter().map(|(_, code)| *code).collect();
        codes_alone.sort_unstable();
        Some(Self {
            url: value_set.url,
            codes,
            codes_alone,
        })
    }

    /// Checks a node bound to this set: `code` and the like by the code alone, Coding and Quantity with their system,
    /// CodeableConcept by having one such coding.
    pub fn check(&self, node: Node<'_>) -> Option<Issue> {
        match node.type_name() {
            "Coding" => (!self.coding(node)).then(|| self.coding_issue(node)),
            "Quantity" => self.quantity(node),
            "CodeableConcept" => self.codeable_concept(node),
            _ => self.code(node),
        }
    }

    fn code(&self, node: Node<'_>) -> Option<Issue> {
        let code = node.value()?;
        if self.codes_alone.binary_search(&code).is_ok() {
            return None;
        }
        Some(self.issue(node, Some(code)))
    }

    fn coding(&self, node: Node<'_>) -> bool {
        let (Some(system), Some(code)) = (node.text("system"), node.text("code")) else {
            return false;
        };
        self.codes.binary_search(&(system, code)).is_ok()
    }

    fn coding_issue(&self, node: Node<'_>) -> Issue {
        self.issue(node, node.text("code"))
    }

    fn quantity(&self, node: Node<'_>) -> Option<Issue> {
        (node.get("code").is_some() && !self.coding(node)).then(|| self.coding_issue(node))
    }

    /// An extension alone (a reason for absence) stands for a missing concept.
    fn codeable_concept(&self, node: Node<'_>) -> Option<Issue> {
        let mut codings = node.all("coding").peekable();
        if codings.peek().is_none() && node.get("extension").is_some() {
            return None;
        }
        let first = codings.peek().and_then(|c| c.text("code"));
        (!codings.any(|c| self.coding(c))).then(|| self.issue(node, first))
    }

    fn issue(&self, node: Node<'_>, code: Option<&str>) -> Issue {
        let text = match code {
            Some(code) => {
                let shown: String = code.chars().take(CODE_SHOWN_MAX).collect();
                format!(
                    "the code '{shown}' is not in the required value set {}",
                    self.url
                )
            }
            None => format!("a code of the required value set {} is missing", self.url),
        };
        Issue::error(Kind::CodeInvalid, text).at(node.expression())
    }
}
