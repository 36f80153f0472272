//! Non-interference of elements within one record: every answer on the data D to staff who launched an app for a patient equals the
//! answer on D|P to the same role without a launch, where D|P holds only what is in that record, and of it only what the role shows.
//!
//! Which rows are in the record is worked out here from all that they hold: what is not shown of a row still says whose it is.

use crate::noninterference::{answers, ask, difference, last, stored, writes};
use crate::parts::{Clerk, questions};
use crate::party::{Mode, Party, patients};
use crate::pinned::{cases, random};
use ward_testkit::Backend;

/// What is asked of references beside their targets is refused to who is launched, and not to the role.
const UNTOLD: &str = "would tell of resources that you may not see";

pub async fn a_launch_shows_a_part_of_one_record(backend: Backend) {
    let mut random = random();
    let (mut done, mut answered) = (0, 0);
    while done < cases() {
        let clerk = Clerk::any(&mut random, &["read", "search-type"]);
        let story = writes(&mut random);
        let story = clerk.plain(&mut random, story);
        let patients = patients();
        let patient = &patients[random.below(patients.len())];
        let record = Party::launched(patient);
        let held = last(&story);
        let whole = stored(backend, &story, &|_| true).await;
        let seen = clerk.story_of_seen(&story);
        let copy = stored(backend, &seen, &|path| record.sees(&held[path])).await;
        let launched = clerk.launched(patient);
        let mut asked_of_these = 0;
        while asked_of_these < questions(backend).min(cases() - done) {
            let asked = ask(&mut random, Mode::Whole);
            // Former versions may have been in another record, which the copy cannot leave out; and of what is in two records one
            // launched for the one is told nothing by way of the other.
            // By what is not seen nothing is found.
            let is_beyond = record.asks_beyond(&asked, &held);
            if asked.path.contains("_history") || record.is_elsewhere(&asked.path) || is_beyond {
                continue;
            }
            asked_of_these += 1;
            let on_whole = answers(&whole, &launched, &asked).await;
            if on_whole[0].contains(UNTOLD) {
                continue;
            }
            let on_copy = answers(&copy, &clerk.caller, &asked).await;
            // To the role what dangles is shown as it is stored.
            let reads = |ty: &str| clerk.types.contains(ty);
            let left = |said: &String| record.referring(said, &held, &reads);
            let told: Vec<String> = on_whole.iter().map(left).collect();
            let on_copy: Vec<String> = on_copy.iter().map(left).collect();
            if told != on_copy {
                let what = difference("asked by P and by the role", &told, &on_copy);
                panic!(
                    "{} by {:?} for {patient}\n{what}",
                    asked.text(),
                    clerk.parts
                );
            }
            answered += usize::from(on_whole[0].starts_with("status 200"));
            clerk.check_all(&on_whole);
        }
        done += asked_of_these;
    }
    println!(
        "{done} answers, {answered} of them 200, are those of a part of one record, on {backend:?}"
    );
    assert!(answered > done / 10, "hardly anything is answered");
}
