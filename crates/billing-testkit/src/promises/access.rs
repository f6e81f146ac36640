//! Keys of the API.

use billing_app::ports::{ApiKey, Page, Scope, Scopes};
use time::Duration;

use super::{Promise, stage::everything};
use crate::{
    NOON, Subject,
    builders::{a_fresh_id, an_api_key},
};

async fn add(subject: &Subject, key: &ApiKey) -> Promise {
    let mut work = subject.store.begin(Scope::Operator).await?;
    work.access_keys().insert(key).await?;
    work.commit().await?;
    Ok(())
}

/// Every field comes back.
pub async fn keys_come_back_as_they_were(subject: &Subject) -> Promise {
    let organization = subject.registered().await?;
    let narrow = Scopes { read: true, ..Scopes::NONE };
    let write = Scopes { write: true, ..Scopes::NONE };
    for key in [
        an_api_key(),
        ApiKey { scopes: narrow, organization_id: Some(organization), ..an_api_key() },
        ApiKey { scopes: write, digest: [0xff; 32], ..an_api_key() },
        ApiKey { scopes: Scopes::NONE, revoked_at: Some(NOON), ..an_api_key() },
    ] {
        add(subject, &key).await?;
        let found = subject.access.api_key(&key.public).await?;
        assert_eq!(found, Some(key));
    }
    assert_eq!(subject.access.api_key("nobody").await?, None);
    Ok(())
}

/// It ends once, and is still found.
pub async fn a_key_ends_once(subject: &Subject) -> Promise {
    let (key, other) = (an_api_key(), an_api_key());
    add(subject, &key).await?;
    add(subject, &other).await?;
    let ended = ApiKey { revoked_at: Some(NOON + Duration::DAY), ..key.clone() };
    for days in [1, 2] {
        let at = NOON + Duration::days(days);
        let mut work = subject.store.begin(Scope::Operator).await?;
        assert_eq!(work.access_keys().revoke(key.id, at).await?.as_ref(), Some(&ended));
        work.commit().await?;
    }
    assert_eq!(subject.access.api_key(&key.public).await?, Some(ended));
    assert_eq!(subject.access.api_key(&other.public).await?, Some(other));
    let mut work = subject.store.begin(Scope::Operator).await?;
    assert_eq!(work.access_keys().revoke(a_fresh_id(), NOON).await?, None);
    Ok(())
}

/// The newest first, page after page, ended or not.
pub async fn keys_are_listed_in_pages(subject: &Subject) -> Promise {
    let mut all = Vec::new();
    for minutes in 0..3 {
        let created_at = NOON + Duration::minutes(minutes);
        let key = ApiKey { created_at, revoked_at: Some(created_at), ..an_api_key() };
        add(subject, &key).await?;
        all.insert(0, key);
    }
    assert_eq!(subject.access.api_keys(everything()).await?, all);
    let first = subject.access.api_keys(Page { after: None, limit: 2 }).await?;
    let after = first.last().map(|key| key.id);
    let rest = subject.access.api_keys(Page { after, limit: 2 }).await?;
    assert_eq!([first, rest].concat(), all);
    Ok(())
}
