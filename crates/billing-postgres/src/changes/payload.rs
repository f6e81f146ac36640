//! Changes as the text of a notification.

use std::collections::BTreeSet;

use billing_app::ports::{Change, Heard};
use billing_domain::id::OrganizationId;

/// PostgreSQL carries less than 8000 bytes; a change takes at most 34.
const MOST_IN_A_PAYLOAD: usize = 200;
/// Anything may have changed.
const EVERYTHING: &str = "*";

/// The texts that tell all of it.
pub(super) fn payloads(heard: &Heard) -> Vec<String> {
    match heard {
        Heard::Everything => vec![EVERYTHING.to_owned()],
        Heard::Changes(changes) => {
            let words: Vec<String> = changes.iter().map(word).collect();
            words.chunks(MOST_IN_A_PAYLOAD).map(|words| words.join(" ")).collect()
        }
    }
}

/// What a text tells. One that is not understood, of a newer version perhaps, may mean anything.
pub(super) fn read(payload: &str) -> Heard {
    let changes: Option<BTreeSet<_>> = payload.split(' ').map(change).collect();
    changes.map_or(Heard::Everything, Heard::Changes)
}

fn word(change: &Change) -> String {
    match change {
        Change::Organization(id) => format!("o{}", id.0.simple()),
        Change::Usage(id) => format!("u{}", id.0.simple()),
        Change::ApiKeys => "k".to_owned(),
        Change::Clock => "c".to_owned(),
    }
}

fn change(word: &str) -> Option<Change> {
    let (kind, id) = word.split_at_checked(1)?;
    let id = || id.parse().ok().map(OrganizationId);
    match kind {
        "o" => id().map(Change::Organization),
        "u" => id().map(Change::Usage),
        "k" => Some(Change::ApiKeys),
        "c" => Some(Change::Clock),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn everything_that_is_told_is_read_again() {
        let id = |n| OrganizationId(Uuid::from_u128(u128::MAX - n));
        let usage = (0..900).map(|n| Change::Usage(id(n)));
        let changes: BTreeSet<_> =
            usage.chain([Change::ApiKeys, Change::Clock, Change::Organization(id(0))]).collect();
        let texts = payloads(&Heard::Changes(changes.clone()));
        assert!(texts.len() > 1 && texts.iter().all(|text| text.len() < 8000));
        let mut again = BTreeSet::new();
        for text in texts {
            let Heard::Changes(some) = read(&text) else { panic!("{text}") };
            again.extend(some);
        }
        assert_eq!(again, changes);
    }

    #[test]
    fn what_is_not_understood_may_mean_anything() {
        for text in ["*", "", "x1", "u", "o123", "k ", "é"] {
            assert_eq!(read(text), Heard::Everything, "{text}");
        }
        assert_eq!(payloads(&Heard::Everything), ["*"]);
    }
}
