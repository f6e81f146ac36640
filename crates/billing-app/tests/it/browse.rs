use billing_app::{Error, Missing, ports::Page};
use billing_testkit::builders::a_fresh_id;

use crate::scene::{Scene, everything};

#[tokio::test]
async fn organizations_are_listed_from_the_newest_in_pages() {
    let scene = Scene::new();
    let (first, second) = (scene.acme().await, scene.acme().await);
    let list = |after, limit| scene.billing.list_organizations(Page { after, limit });
    let ids = |page: Vec<billing_domain::organization::Organization>| {
        page.into_iter().map(|it| it.id).collect::<Vec<_>>()
    };
    assert_eq!(ids(list(None, 10).await.unwrap()), [second, first]);
    assert_eq!(ids(list(Some(second), 10).await.unwrap()), [first]);
    assert_eq!(ids(list(None, 1).await.unwrap()), [second]);
}

#[tokio::test]
async fn who_is_not_there_is_not_found() {
    let scene = Scene::new();
    fails!(scene.billing.organization(a_fresh_id()).await, Error::NotFound(Missing::Organization));
    fails!(scene.billing.organization_of("nobody").await, Error::NotFound(Missing::Organization));
    fails!(
        scene.billing.payments(a_fresh_id(), everything()).await,
        Error::NotFound(Missing::Organization)
    );
}
