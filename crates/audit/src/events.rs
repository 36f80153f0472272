//! Which AuditEvents a Record is: BALP wants one for each patient, and of changes one for each resource.
//! <https://profiles.ihe.net/ITI/BALP/content.html>

use crate::record::{Entity, Record};
use std::collections::{HashMap, HashSet};

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

    /// What each of them is about: the resource that was changed; or those of one patient, and with the first those of nobody. At least one,
    /// which may be about nothing. Cost: linear, of all together.
    pub fn apart(&self) -> Vec<Vec<Entity>> {
        let mut apart: Vec<Vec<Entity>> = match (self.is_received(), self.is_change()) {
            (true, _) => vec![self.entities.clone()],
            (false, true) => self.entities.iter().map(|entity| vec![*entity]).collect(),
            (false, false) => self.by_patient(),
        };
        if apart.is_empty() {
            apart.push(Vec::new());
        }
        apart
    }

    fn by_patient(&self) -> Vec<Vec<Entity>> {
        let mut places = HashMap::new();
        let mut apart: Vec<Vec<Entity>> = Vec::new();
        for entity in self.entities.iter().filter(|entity| entity.patient != 0) {
            let next = places.len();
            if *places.entry(entity.patient).or_insert(next) == next {
                apart.push(Vec::new());
            }
        }
        if apart.is_empty() {
            apart.push(Vec::new());
        }
        for entity in &self.entities {
            // Those of nobody stand with the first.
            let place = places.get(&entity.patient).copied().unwrap_or(0);
            apart[place].push(*entity);
        }
        apart
    }

    /// Which of them are about any of some patients; what names nobody is about the one of whom nothing was disclosed. Cost: linear, where asking
    /// each event for its patient takes the square of what a search has found.
    pub fn events_about(&self, patients: &[i64]) -> Vec<usize> {
        let is_asked = |patient: i64| patient != 0 && patients.contains(&patient);
        let named = |entity: &Entity| (entity.patient != 0).then_some(entity.patient);
        let mut whose: Vec<i64> = match (self.is_received(), self.is_change()) {
            (true, _) => self.entities.iter().find_map(named).into_iter().collect(),
            (false, true) => self.entities.iter().map(|entity| entity.patient).collect(),
            (false, false) => self.patients(),
        };
        match whose.first_mut() {
            None => whose.push(self.detail.patient),
            Some(first) if *first == 0 => *first = self.detail.patient,
            Some(_) => {}
        }
        let about = whose.iter().enumerate().filter(|(_, of)| is_asked(**of));
        about.map(|(nth, _)| nth).collect()
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
    fn those_about_some_patients_are_found_at_once() {
        let all: [&[(i64, i64)]; 6] = [
            &[],
            &[(1, 0)],
            &[(1, 9)],
            &[(1, 0), (2, 9)],
            &[(1, 9), (2, 0), (3, 8), (4, 9)],
            &[(1, 7), (2, 8), (3, 9), (4, 8)],
        ];
        for (entities, patient) in all.iter().flat_map(|all| [(all, 0), (all, 8), (all, 5)]) {
            for (interaction, sent) in [("search-type", ""), ("update", ""), ("create", "{}")] {
                let mut record = record(interaction, entities);
                record.detail.patient = patient;
                record.detail.received = sent.into();
                let apart = record.apart();
                assert_eq!(apart.len(), record.events());
                let is_about = |n: &usize, patients: &[i64]| {
                    let about = &apart[*n];
                    let named = about.iter().map(|e| e.patient).find(|p| *p != 0);
                    let whose = named.unwrap_or(if *n == 0 { patient } else { 0 });
                    whose != 0 && patients.contains(&whose)
                };
                for patients in [&[][..], &[0], &[8], &[9, 5], &[7, 8, 9]] {
                    let each: Vec<usize> = (0..record.events())
                        .filter(|n| is_about(n, patients))
                        .collect();
                    assert_eq!(record.events_about(patients), each, "{record:?}");
                }
            }
        }
    }

    #[test]
    fn one_for_each_patient_and_of_changes_one_for_each_resource() {
        let rows = [(1, 9), (2, 0), (3, 8), (4, 9)];
        let search = record("search-type", &rows);
        assert_eq!(search.events(), 2);
        let rids = |apart: Vec<Vec<Entity>>| -> Vec<Vec<i64>> {
            let rids = |about: &Vec<Entity>| about.iter().map(|e| e.rid).collect();
            apart.iter().map(rids).collect()
        };
        assert_eq!(rids(search.apart()), [vec![1, 2, 4], vec![3]]);
        let create = record("create", &rows);
        assert_eq!(create.events(), 4);
        assert_eq!(create.apart()[3], [entity(4, 9)]);
        assert_eq!(create.apart().len(), 4);
        for interaction in ["create", "search-type", "token"] {
            let nothing = record(interaction, &[]);
            assert_eq!((nothing.events(), nothing.apart()), (1, vec![vec![]]));
        }
        let mut sent = create;
        sent.detail.received = b"{}".to_vec();
        assert_eq!((sent.events(), sent.apart()[0].len()), (1, 4));
        let shared = record("read", &[(1, 0), (2, 0)]);
        assert_eq!((shared.events(), shared.apart()[0].len()), (1, 2));
    }
}
