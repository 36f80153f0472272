//! The names a misspelt parameter may have meant.

/// Longest name compared; longer ones are not parameters.
const NAME_MAX: usize = 64;
const SUGGESTIONS_MAX: usize = 3;

/// The candidates most like `name`, best first; none when nothing is near.
pub fn nearest<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    if name.len() > NAME_MAX {
        return Vec::new();
    }
    let wanted = name.to_ascii_lowercase();
    let limit = (wanted.len() / 3).max(2);
    let mut found: Vec<(usize, &str)> = candidates
        .filter(|c| c.len() <= NAME_MAX)
        .filter_map(|c| score(&wanted, c, limit).map(|s| (s, c)))
        .collect();
    found.sort_unstable();
    found.dedup();
    found
        .into_iter()
        .take(SUGGESTIONS_MAX)
        .map(|(_, c)| c)
        .collect()
}

fn score(wanted: &str, candidate: &str, limit: usize) -> Option<usize> {
    let distance = distance(wanted.as_bytes(), candidate.to_ascii_lowercase().as_bytes());
    let part = wanted.len() >= 3
        && (candidate.contains(wanted) || wanted.contains(candidate) && candidate.len() >= 3);
    (distance <= limit || part).then_some(distance)
}

/// Edits (insert, delete, replace, swap of neighbours) between two short names.
fn distance(a: &[u8], b: &[u8]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let change = usize::from(a[i - 1] != b[j - 1]);
            row[j] = (last[j] + 1).min(row[j - 1] + 1).min(last[j - 1] + change);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before[j - 2] + 1);
            }
        }
        before = last;
        last = row;
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_what_was_meant() {
        let names = [
            "birthdate",
            "death-date",
            "family",
            "gender",
            "given",
            "identifier",
            "name",
            "address-city",
        ];
        assert_eq!(nearest("birthDate", names.into_iter())[0], "birthdate");
        assert_eq!(nearest("gneder", names.into_iter()), ["gender"]);
        assert_eq!(nearest("identfier", names.into_iter())[0], "identifier");
        assert_eq!(nearest("city", names.into_iter()), ["address-city"]);
        assert!(nearest("zzzzzzz", names.into_iter()).is_empty());
        assert!(nearest(&"x".repeat(10_000), names.into_iter()).is_empty());
    }
}
