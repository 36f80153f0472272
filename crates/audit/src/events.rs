//! Which AuditEvents a Record is: BALP wants one for each patient, and of changes one for each resource.
//! <https://profiles.ihe.net/ITI/BALP/content.html>

use crate::record::{Entity, Record};
use std::collections::HashSet;

impl Record {
    /// How many AuditEvents it is: of a change one for each resource, of all else one for each distinct patient; at least one.
    /// Cost: linear.
    pub fn events(&self) -> usize {
        if self.is_received() {
            return 1;
        }
        let many = match self.is_change() {
            true => self.entities.len(),
            false => self.patients().len(),
        };
        many.max(1)
    }

    /// What the `n`th of them is about, from 0: the resource that was changed; or those of one patient, and with the first those of
    /// nobody. None beyond the last.
    pub fn event(&self, n: usize) -> Vec<Entity> {
        if self.is_received() {
            return self.entities.iter().filter(|_| n == 0).copied().collect();
        }
        if self.is_change() {
            return self.entities.get(n).copied().into_iter().collect();
        }
        let patients = self.patients();
        let is_about = |entity: &&Entity| match entity.patient {
            0 => n == 0,
            patient => patients.get(n) == Some(&patient),
        };
        self.entities.iter().filter(is_about).copied().collect()
    }

    /// Distinct home patients, in the order of the entities.
    pub fn patients(&self) -> Vec<i64> {
        let mut seen = HashSet::new();
        let patients = self.entities.iter().map(|entity| entity.patient);
        let mut distinct = patients.filter(|patient| *patient != 0);
        if self.entities.len() == 1 {
            return distinct.collect();
        }
        distinct.by_ref().filter(|p| seen.insert(*p)).collect()
    }

    /// What another system sent is the one AuditEvent that it was there, whomever it names.
    fn is_received(&self) -> bool {
        !self.detail.received.is_empty()
    }

    fn is_change(&self) -> bool {
        const CHANGES: [&str; 4] = ["create", "update", "patch", "delete"];
        CHANGES.contains(&self.interaction.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::tests::sample;

    fn entity(rid: i64, patient: i64) -> Entity {
        Entity {
            ty: 1,
            rid,
            version: 1,
            patient,
            action: b'R',
        }
    }

    fn record(interaction: &str, entities: &[(i64, i64)]) -> Record {
        Record {
            interaction: interaction.into(),
            entities: entities.iter().map(|(r, p)| entity(*r, *p)).collect(),
            ..sample()
        }
    }

    #[test]
    fn one_for_each_patient_and_of_changes_one_for_each_resource() {
        let rows = [(1, 9), (2, 0), (3, 8), (4, 9)];
        let search = record("search-type", &rows);
        assert_eq!(search.events(), 2);
        let rids = |n: usize| search.event(n).iter().map(|e| e.rid).collect::<Vec<_>>();
        assert_eq!(
            [rids(0), rids(1), rids(2)],
            [vec![1, 2, 4], vec![3], vec![]]
        );
        let create = record("create", &rows);
        assert_eq!(create.events(), 4);
        assert_eq!(create.event(3), [entity(4, 9)]);
        assert_eq!(create.event(4), []);
        for interaction in ["create", "search-type", "token"] {
            let nothing = record(interaction, &[]);
            assert_eq!((nothing.events(), nothing.event(0)), (1, vec![]));
        }
        let mut sent = create;
        sent.detail.received = b"{}".to_vec();
        assert_eq!(
            [sent.events(), sent.event(0).len(), sent.event(1).len()],
            [1, 4, 0]
        );
        let shared = record("read", &[(1, 0), (2, 0)]);
        assert_eq!((shared.events(), shared.event(0).len()), (1, 2));
    }
}
