//! Clerk's own samples of events, read.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::{fs, path::Path};

use billing_app::ports::{IdentityWebhooks as _, News, Told, Unreadable};
use billing_clerk::Clerk;
use time::macros::datetime;

fn read(body: &str) -> Result<Told, Unreadable> {
    Clerk::new(&[]).unwrap().read(body.as_bytes())
}

/// One of Clerk's samples, where they are: in `shared/specs`, here or further up.
fn sample(name: &str) -> Option<Told> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let file = Path::new("shared/specs/clerk/events").join(format!("{name}.json"));
    let Some(text) = here.ancestors().find_map(|it| fs::read_to_string(it.join(&file)).ok()) else {
        skipped(&file);
        return None;
    };
    Some(read(&text).unwrap())
}

#[expect(clippy::print_stderr, reason = "a test that does nothing says so")]
fn skipped(file: &Path) {
    eprintln!("SKIPPED: {} is not here", file.display());
}

const ORG: &str = "org_2g7np7Hrk0SN6kj5EDMLDaKNL0S";
const USER: &str = "user_2g7np7Hrk0SN6kj5EDMLDaKNL0S";

#[test]
fn a_user_has_a_name_and_perhaps_an_address() {
    if let Some(Told { kind, subject, news }) = sample("user.created") {
        assert_eq!((kind.as_str(), subject.as_str()), ("user.created", USER));
        let News::User(seen) = news else { panic!("{news:?}") };
        assert_eq!((seen.name.as_str(), seen.email), ("John Doe", None));
        assert_eq!(seen.updated_at, datetime!(2024-05-28 8:00 UTC));
    }
    let addressed = r#"{"type":"user.updated","data":{"id":"user_1","first_name":null,"last_name":null,
        "username":null,"primary_email_address_id":"idn_2","email_addresses":[
        {"id":"idn_1","email_address":"old@x.test"},{"id":"idn_2","email_address":"new@x.test"}],
        "unsafe_metadata":{"role":"owner"},"updated_at":1716883200}}"#;
    let News::User(seen) = read(addressed).unwrap().news else { panic!("it is a user") };
    assert_eq!((seen.name.as_str(), seen.email.as_deref()), ("new@x.test", Some("new@x.test")));
    assert_eq!(
        seen.updated_at,
        datetime!(2024-05-28 8:00 UTC),
        "seconds are told from thousandths"
    );
}

#[test]
fn an_organization_has_a_name_and_a_maker() {
    let Some(Told { subject, news, .. }) = sample("organization.updated") else { return };
    assert_eq!(subject, ORG);
    let News::Organization(seen) = news else { panic!("{news:?}") };
    assert_eq!((seen.name.as_str(), seen.created_by.as_deref()), ("Acme Corp Updated", Some(USER)));
    assert_eq!(seen.updated_at, datetime!(2024-05-28 8:05 UTC));
    let news = |name| sample(name).map(|it| it.news);
    assert!(matches!(news("organization.created"), Some(News::Organization(_))));
    assert!(matches!(news("user.updated"), Some(News::User(_))));
}

#[test]
fn what_is_gone_has_an_id_or_tells_nothing() {
    if let Some(told) = sample("organization.deleted") {
        assert_eq!(told.news, News::OrganizationDeleted(ORG.to_owned()));
    }
    if let Some(told) = sample("user.deleted") {
        assert_eq!(told.news, News::UserDeleted(USER.to_owned()));
    }
    let nameless = r#"{"type":"user.deleted","data":{"object":"user","deleted":true}}"#;
    assert_eq!(read(nameless).unwrap().news, News::Nothing);
}

#[test]
fn a_membership_brings_its_organization_along() {
    for (told, ended) in [
        (sample("organizationMembership.created"), false),
        (sample("organizationMembership.updated"), false),
        (sample("organizationMembership.deleted"), true),
    ] {
        let Some(told) = told else { return };
        let News::Membership { organization, user, role, removed, .. } = told.news else {
            panic!("{}", told.kind)
        };
        assert_eq!((organization.id.as_str(), told.subject.as_str()), (ORG, ORG));
        assert!(user.starts_with("user_") && role.starts_with("org:"), "{user} {role}");
        assert_eq!(removed, ended);
    }
}

#[test]
fn of_other_types_nothing_is_kept() {
    if let Some(told) = sample("session.created") {
        assert_eq!(told.news, News::Nothing);
    }
    assert_eq!(read(r#"{"type":"subscription.created"}"#).unwrap().news, News::Nothing);
}

#[test]
fn what_makes_no_sense_is_not_read() {
    for body in [
        "",
        "{}",
        "[]",
        "null",
        r#"{"type":1}"#,
        r#"{"type":"user.created"}"#,
        r#"{"type":"user.created","data":{"id":"user_1"}}"#,
        r#"{"type":"organization.created","data":{"id":"o","name":"x","updated_at":9223372036854775807}}"#,
        r#"{"type":"organizationMembership.created","data":{"role":"org:admin"}}"#,
    ] {
        assert!(read(body).is_err(), "{body}");
    }
}
