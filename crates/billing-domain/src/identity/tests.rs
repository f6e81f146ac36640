use proptest::prelude::*;
use time::{Duration, macros::datetime};
use uuid::Uuid;

use super::*;
use crate::{currency::Currency, locale::Locale};

const NOON: OffsetDateTime = datetime!(2026-03-14 12:00 UTC);

fn reference() -> IdentityRef {
    IdentityRef { provider: IdentityProvider::Clerk, id: "org_1".to_owned() }
}

fn seen(name: &str, minutes: i64) -> SeenIdentity {
    SeenIdentity {
        id: "org_1".to_owned(),
        name: name.to_owned(),
        email: Some("ann@acme.test".to_owned()),
        created_by: None,
        updated_at: NOON + Duration::minutes(minutes),
    }
}

fn acme(billing_email: Option<&str>) -> Organization {
    Organization {
        id: OrganizationId(Uuid::nil()),
        external_id: None,
        name: "Acme".to_owned(),
        billing_email: billing_email.map(str::to_owned),
        country: None,
        currency: Currency::USD,
        tax_id: None,
        locale: Locale::En,
        created_at: NOON,
    }
}

#[test]
fn what_is_older_is_not_believed() {
    let mut it = Identity::unknown(reference());
    assert!(it.observe(&seen("New", 2)));
    assert!(!it.observe(&seen("Old", 1)));
    assert_eq!(it.name.as_deref(), Some("New"));
    assert!(it.delete(NOON));
    assert!(!it.delete(NOON), "twice is once");
    assert!(!it.observe(&seen("After", 9)), "an end is final");
}

#[test]
fn an_address_that_is_none_is_not_kept() {
    let mut it = Identity::unknown(reference());
    it.observe(&SeenIdentity { email: Some("nobody".to_owned()), ..seen("Acme", 0) });
    assert_eq!(it.email, None);
}

#[test]
fn an_address_follows_whoever_it_was_taken_from() {
    for (has, before, now, then) in [
        (None, None, Some("a@x.test"), Some("a@x.test")),
        (Some("a@x.test"), Some("a@x.test"), Some("b@x.test"), Some("b@x.test")),
        (Some("own@x.test"), Some("a@x.test"), Some("b@x.test"), Some("own@x.test")),
        (Some("a@x.test"), Some("a@x.test"), None, Some("a@x.test")),
        (Some("own@x.test"), None, Some("b@x.test"), Some("own@x.test")),
    ] {
        let mut it = acme(has);
        it.follow_email(before, now);
        assert_eq!(it.billing_email.as_deref(), then, "{has:?} {before:?} {now:?}");
    }
}

#[test]
fn a_name_is_one_that_an_organization_may_have() {
    let mut it = acme(None);
    assert!(!it.rename("Acme"));
    assert!(!it.rename("  "));
    assert!(it.rename(&"x".repeat(300)));
    assert!(it.validated().is_ok());
}

#[test]
fn sources_are_known_by_name() {
    for name in ["stripe", "clerk"] {
        assert_eq!(name.parse::<Source>().map(Source::name).as_deref(), Ok(name));
    }
    assert!("nobody".parse::<Source>().is_err());
}

proptest! {
    /// Told in any order, as often as you like, the newest stands.
    #[test]
    fn the_newest_stands(order in Just((0..6_i64).chain(0..6).collect::<Vec<_>>()).prop_shuffle()) {
        let mut it = Identity::unknown(reference());
        for minutes in order {
            it.observe(&seen(&minutes.to_string(), minutes));
        }
        prop_assert_eq!(it.name.as_deref(), Some("5"));
    }

    /// The same for members: who has left has left, until he comes again.
    #[test]
    fn the_newest_of_a_member_stands(order in Just((0..12_i64).collect::<Vec<_>>()).prop_shuffle()) {
        let mut all = order.into_iter().map(|n| a_member(n / 4, n % 4));
        let mut it = all.next().unwrap();
        for seen in all {
            it.observe(&seen);
        }
        prop_assert_eq!(it, a_member(2, 3));
    }
}

/// A member who came so many days after noon, and what was told of him: twice his role, then his
/// end, which carries an older instant.
fn a_member(days: i64, told: i64) -> Member {
    let joined_at = NOON + Duration::days(days);
    let minutes = if told == 3 { 0 } else { told };
    Member {
        organization_id: OrganizationId(Uuid::nil()),
        user: reference(),
        role: if told == 0 { Role::Member } else { Role::Admin },
        joined_at,
        seen_at: joined_at + Duration::minutes(minutes),
        removed_at: (told == 3).then_some(joined_at),
    }
}
