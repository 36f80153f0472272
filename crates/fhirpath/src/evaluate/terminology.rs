//! Questions to the host about codes and profiles. <https://hl7.org/fhir/R4/fhirpath.html#functions>

use ward_fhir::tree::Node;

use super::run::{Result, Run, Scope};
use crate::compile::Call;
use crate::error::EvaluationError;
use crate::function::Function;
use crate::host::Coded;
use crate::value::{Collection, Item};

impl<'a> Run<'a, '_> {
    /// Empty where the host cannot tell.
    pub fn terminology(
        &self,
        call: &'a Call,
        scope: &Scope<'a, '_>,
        out: &mut Collection<'a>,
    ) -> Result<()> {
        const STEPS_OF_QUESTION: usize = 50;
        self.charge(STEPS_OF_QUESTION)?;
        let at = call.function.name();
        let Some(input) = self.single(&call.input, scope, at)? else {
            return Ok(());
        };
        let answer = match call.function {
            Function::MemberOf => match self.single_text(&call.arguments[0], scope, at)? {
                Some(value_set) => self.member_of(&input, &value_set)?,
                None => None,
            },
            Function::ConformsTo => self.conforms_to(&input, call, scope)?,
            function => match self.single(&call.arguments[0], scope, at)? {
                Some(other) if function == Function::Subsumes => self.subsumes(&input, &other)?,
                Some(other) => self.subsumes(&other, &input)?,
                None => None,
            },
        };
        out.extend(answer.map(Item::Boolean));
        Ok(())
    }

    /// True when any of the codings is a member.
    fn member_of(&self, item: &Item<'a>, value_set: &str) -> Result<Option<bool>> {
        let mut answer = None;
        for coded in codings(item)? {
            match self.cx.host.member_of(coded, value_set) {
                Some(true) => return Ok(Some(true)),
                Some(false) => answer = Some(false),
                None => {}
            }
        }
        Ok(answer)
    }

    fn subsumes(&self, general: &Item<'a>, special: &Item<'a>) -> Result<Option<bool>> {
        let (generals, specials) = (codings(general)?, codings(special)?);
        self.charge(generals.len() * specials.len())?;
        let mut answer = None;
        for g in &generals {
            for s in specials.iter().filter(|s| s.system == g.system) {
                match self.cx.host.subsumes(*g, *s) {
                    Some(true) => return Ok(Some(true)),
                    Some(false) => answer = Some(false),
                    None => {}
                }
            }
        }
        Ok(answer)
    }

    fn conforms_to(
        &self,
        item: &Item<'a>,
        call: &'a Call,
        scope: &Scope<'a, '_>,
    ) -> Result<Option<bool>> {
        let Some(profile) = self.single_text(&call.arguments[0], scope, "conformsTo")? else {
            return Ok(None);
        };
        let Item::Node(node) = item else {
            return Err(EvaluationError::Type("conformsTo"));
        };
        self.cx
            .host
            .conforms_to(*node, &profile)
            .ok_or(EvaluationError::UnknownProfile)
            .map(Some)
    }
}

/// The codes of a code, Coding or CodeableConcept.
fn codings<'i>(item: &'i Item<'_>) -> Result<Vec<Coded<'i>>> {
    let coding = |n: Node<'i>| Coded {
        system: n.text("system").unwrap_or(""),
        code: n.text("code").unwrap_or(""),
    };
    if let Some(code) = item.as_str() {
        return Ok(vec![Coded { system: "", code }]);
    }
    match item {
        Item::Node(n) if n.type_name() == "Coding" => Ok(vec![coding(*n)]),
        Item::Node(n) if n.type_name() == "CodeableConcept" => {
            Ok(n.all("coding").map(coding).collect())
        }
        _ => Err(EvaluationError::Type("memberOf, subsumes")),
    }
}
