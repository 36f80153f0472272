//! A synthetic hospital, the same for the same seed: transaction Bundles in the shape of Synthea's R4 output
//! (urn:uuid full URLs, POST entries), and single documents for load.
//!
//! Must not know: files, clocks, randomness of the machine, any other crate. "Today" is [`calendar::TODAY`].
//! Every document carries the tag [`TAG_SYSTEM`]|[`TAG_CODE`]. Nobody in it exists.

mod bundle;
pub mod calendar;
mod codes;
mod decimal;
mod json;
pub mod load;
mod names;
mod person;
mod resource;
mod rng;
mod staff;
mod story;
#[cfg(test)]
mod tests;
mod vitals;

pub use person::{FIRST_PATIENT, FirstPatient, patient_identifier};
pub use resource::patient::MRN_SYSTEM;
pub use rng::Rng;

pub const TAG_SYSTEM: &str = "urn:ward:hospital";
pub const TAG_CODE: &str = "synthetic";

/// Entries of an average patient bundle of the demo.
pub const ENTRIES_PER_PATIENT: usize = 60;

/// How many bundles of shared resources come before the first patient.
pub const SHARED_BUNDLES: usize = 2;

/// Which hospital: the same three numbers give the same bytes.
#[derive(Clone, Copy, Debug)]
pub struct Hospital {
    pub seed: u64,
    pub patients: usize,
    /// Mean number of resources per patient; single patients vary by 30 %. At least 15 are made.
    pub entries_per_patient: usize,
}

/// The bundles of a hospital of the usual size: [`SHARED_BUNDLES`] with shared resources, then one per patient.
pub fn bundles(seed: u64, patients: usize) -> impl Iterator<Item = String> {
    Hospital {
        seed,
        patients,
        entries_per_patient: ENTRIES_PER_PATIENT,
    }
    .bundles()
}

impl Hospital {
    /// Transaction Bundles as JSON text: shared resources first (PUT with client-chosen ids; the second refers to the
    /// first), then each patient (POST; refers to shared resources by id, to its own by urn:uuid). Patient bundles may be
    /// sent in any order and at the same time once the shared ones are in.
    pub fn bundles(self) -> impl Iterator<Item = String> {
        let shared = (0..SHARED_BUNDLES).map(move |n| self.shared_bundle(n));
        shared.chain((0..self.patients).map(move |n| self.patient_bundle(n)))
    }

    /// Bundle `n` of [`SHARED_BUNDLES`].
    pub fn shared_bundle(self, n: usize) -> String {
        let resources = if n == 0 {
            staff::first(self.seed)
        } else {
            staff::second(self.seed)
        };
        bundle::puts(&mut Rng::of(self.seed, u64::MAX - 2 - n as u64), &resources)
    }

    /// The bundle of patient `index`; the same whatever `patients` is. Patient 0 is [`FIRST_PATIENT`] for every seed.
    pub fn patient_bundle(self, index: usize) -> String {
        bundle::posts(&story::tell(self.seed, index, self.entries_per_patient))
    }
}
