//! Time, ids and secrets that can be foretold.

use std::collections::BTreeSet;

use billing_app::ports::{Clock, Ids, Secrets};
use billing_testkit::{Counting, FixedSecrets, NOON, Stopped};
use time::{Duration, macros::datetime};

#[test]
fn a_stopped_clock_stands_still_until_it_is_moved() {
    let clock = Stopped::at(datetime!(2026-01-01 1:00:00.123_456_789 +1));
    let whole = datetime!(2026-01-01 0:00:00.123_456 UTC);
    assert_eq!((clock.now(), clock.wall()), (whole, whole));
    assert!(clock.now().offset().is_utc());
    clock.advance(Duration::nanoseconds(1_999));
    assert_eq!(clock.now(), whole + Duration::MICROSECOND);
    clock.advance_business(Duration::DAY);
    clock.advance_wall(-Duration::HOUR);
    assert_eq!(clock.now() - clock.wall(), Duration::hours(25));
    assert_eq!(Stopped::default().now(), NOON);
}

#[test]
fn ids_count_upwards_and_are_the_same_in_each_run() {
    let (ids, again, other) = (Counting::new(), Counting::new(), Counting::series(1));
    let made: Vec<_> = (0..1_000).map(|_| ids.next()).collect();
    assert!(made.is_sorted());
    assert!(made.iter().all(|id| *id == again.next() && id.get_version_num() == 7));
    assert!(made.iter().all(|id| id.get_variant() == uuid::Variant::RFC4122));
    assert!(made.iter().all(|id| *id != other.next()));
    assert_eq!(made.iter().collect::<BTreeSet<_>>().len(), made.len());
}

#[test]
fn secrets_are_distinct_and_the_same_in_each_run() {
    let (secrets, again) = (FixedSecrets::default(), FixedSecrets::default());
    let made: BTreeSet<_> = (0..1_000).map(|_| secrets.random()).collect();
    assert_eq!(made.len(), 1_000);
    assert!(made.contains(&again.random()));
    let digests: BTreeSet<_> = (0..1_000_u32).map(|n| secrets.digest(&n.to_be_bytes())).collect();
    assert_eq!(digests.len(), 1_000);
    assert_ne!(secrets.digest(b""), secrets.digest(b"\0"));
}
