//! What was checked, in numbers and in words.

use super::Finding;
use crate::counted::Counted;
use crate::note::{VerifierKey, hex};
use std::fmt;
use std::ops::Range;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    pub origin: String,
    /// Sequence numbers up to this were seen or are known to have been dropped.
    pub entries: u64,
    pub checkpoints: u64,
    /// The time of the first and the last checkpoint, microseconds since 1970.
    pub from_us: Option<i64>,
    pub to_us: Option<i64>,
    /// The newest entry's time.
    pub newest_us: i64,
    pub recorded: Counted,
    /// Of the last checkpoint.
    pub counted: Counted,
    pub turns: Vec<Turn>,
    /// Entries whose records were destroyed by a removal.
    pub redacted: Vec<Range<u64>>,
    pub dropped: Vec<Range<u64>>,
    pub pauses: Vec<Pause>,
    /// Of the witnesses that the auditor asked for.
    pub witnessed: Vec<Witnessed>,
    /// Anchors that agree.
    pub anchors: u64,
    /// Anchors within what was dropped: they cannot be compared.
    pub anchors_dropped: u64,
    /// The auditor named a key.
    pub has_trust: bool,
    /// The first [`super::FINDINGS_MAX`], those of the file in its order.
    pub findings: Vec<Finding>,
    pub findings_total: u64,
}

/// The key that signs from a size on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    pub from: u64,
    pub key: VerifierKey,
}

/// The log said that it would stop, and was silent; microseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pause {
    pub from_us: i64,
    pub to_us: i64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witnessed {
    pub by: VerifierKey,
    pub size: u64,
    /// Seconds since 1970, as the witness says.
    pub at_s: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Whole, as far as what the auditor knows from elsewhere reaches.
    Whole,
    /// Nothing is wrong with what is there, but not everything could be shown.
    Incomplete,
    Broken,
}

impl Report {
    pub fn verdict(&self) -> Verdict {
        if self.findings.iter().any(|f| f.problem.is_tampering()) {
            return Verdict::Broken;
        }
        match self.findings.is_empty() && self.has_trust {
            true => Verdict::Whole,
            false => Verdict::Incomplete,
        }
    }

    /// The first that shows tampering, in the order of the file; what only shows at its end comes behind. Where there is none, the
    /// first of the others.
    pub fn first(&self) -> Option<&Finding> {
        let mut tampered = self.findings.iter().filter(|f| f.problem.is_tampering());
        tampered.next().or(self.findings.first())
    }

    pub fn redactions(&self) -> u64 {
        self.redacted
            .iter()
            .map(|range| range.end - range.start)
            .sum()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "Log          {}", self.origin)?;
        writeln!(out, "Entries      {}", self.entries)?;
        write!(out, "Checkpoints  {}", self.checkpoints)?;
        if let (Some(from), Some(to)) = (self.from_us, self.to_us) {
            write!(out, ", {} to {}", utc(from), utc(to))?;
        }
        writeln!(out)?;
        for turn in &self.turns {
            let id = hex(&turn.key.id());
            writeln!(out, "Key          {id}, from entry {}", turn.from)?;
        }
        self.write_taken_out(out)?;
        for pause in &self.pauses {
            let (from, to) = (utc(pause.from_us), utc(pause.to_us));
            writeln!(out, "Stopped      {from} to {to}")?;
        }
        for seen in &self.witnessed {
            let at = utc(i64::try_from(seen.at_s)
                .unwrap_or(i64::MAX)
                .saturating_mul(1_000_000));
            writeln!(
                out,
                "Witness      {}: {} entries at {at}",
                seen.by.name(),
                seen.size
            )?;
        }
        if self.anchors + self.anchors_dropped > 0 {
            let dropped = self.anchors_dropped;
            writeln!(
                out,
                "Anchors      {} agree, {dropped} lie in what was dropped",
                self.anchors
            )?;
        }
        writeln!(out, "Recorded     {} (class=events)", self.recorded)?;
        writeln!(out, "Answered     {} (as counted apart)", self.counted)?;
        self.write_findings(out)
    }
}

impl Report {
    fn write_taken_out(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let redactions = self.redactions();
        if redactions > 0 {
            writeln!(
                out,
                "Redacted     {redactions} entries: {}",
                ranges(&self.redacted)
            )?;
        }
        match self.dropped.is_empty() {
            true => Ok(()),
            false => writeln!(out, "Dropped      {}", ranges(&self.dropped)),
        }
    }

    fn write_findings(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.has_trust {
            writeln!(
                out,
                "\nYou named no key of the log (--key): the file is checked against itself alone, and whoever wrote it could have made all of it."
            )?;
        }
        if let Some(first) = self.first() {
            writeln!(out, "\nFirst        {first}")?;
        }
        for finding in self.findings.iter().filter(|f| Some(*f) != self.first()) {
            writeln!(out, "             {finding}")?;
        }
        let untold = self.findings_total - self.findings.len() as u64;
        if untold > 0 {
            writeln!(out, "             and {untold} more")?;
        }
        let verdict = match self.verdict() {
            Verdict::Whole => "The log is whole.",
            Verdict::Incomplete => {
                "Nothing is wrong with what is there, but not everything could be shown."
            }
            Verdict::Broken => "THE LOG IS NOT WHOLE.",
        };
        writeln!(out, "\n{verdict}")
    }
}

/// At most [`RANGES_TOLD`] of them.
fn ranges(ranges: &[Range<u64>]) -> String {
    let told = ranges.iter().take(RANGES_TOLD);
    let mut texts: Vec<String> = told
        .map(|range| match range.end - range.start {
            1 => range.start.to_string(),
            _ => format!("{}-{}", range.start, range.end - 1),
        })
        .collect();
    if ranges.len() > RANGES_TOLD {
        texts.push(format!("and {} more ranges", ranges.len() - RANGES_TOLD));
    }
    texts.join(", ")
}

/// Microseconds since 1970 as `2026-11-30 15:00:00Z`.
pub fn utc(us: i64) -> String {
    let seconds = us.div_euclid(1_000_000);
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // Years that begin in March have their leap day last: <https://howardhinnant.github.io/date_algorithms.html>
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = (shifted_month + 2) % 12 + 1;
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}Z")
}

const RANGES_TOLD: usize = 20;

#[cfg(test)]
mod tests {
    use super::utc;

    #[test]
    fn days_are_those_of_the_calendar() {
        for (seconds, text) in [
            (0, "1970-01-01 00:00:00Z"),
            (-1, "1969-12-31 23:59:59Z"),
            (951_782_400, "2000-02-29 00:00:00Z"),
            (4_107_542_400, "2100-03-01 00:00:00Z"),
            (1_764_514_800, "2025-11-30 15:00:00Z"),
        ] {
            assert_eq!(utc(seconds * 1_000_000), text);
        }
    }
}
