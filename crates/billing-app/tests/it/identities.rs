//! Users, organizations and members arrive from an identity provider, in any order.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed, and so do its helpers"
)]

use billing_app::{Billing, Error, NewOrganization, Received, Settings, ports::News};
use billing_domain::{
    event::What,
    identity::{IdentityProvider, Role, SeenIdentity},
    organization::Organization,
};
use billing_testkit::{FakeIdentity, NOON};
use time::Duration;

use crate::scene::{Scene, acme, everything};

const CLERK: IdentityProvider = IdentityProvider::Clerk;

fn seen(id: &str, name: &str, minutes: i64) -> SeenIdentity {
    SeenIdentity {
        id: id.to_owned(),
        name: name.to_owned(),
        email: None,
        created_by: None,
        updated_at: NOON + Duration::minutes(minutes),
    }
}

fn organization(name: &str, minutes: i64) -> SeenIdentity {
    SeenIdentity { created_by: Some("user_ann".to_owned()), ..seen("org_1", name, minutes) }
}

fn ann(email: &str, minutes: i64) -> News {
    News::User(SeenIdentity { email: Some(email.to_owned()), ..seen("user_ann", "Ann", minutes) })
}

fn member(user: &str, role: &str, minutes: i64) -> News {
    News::Membership {
        organization: organization("Acme", 0),
        user: user.to_owned(),
        role: role.to_owned(),
        joined_at: NOON,
        updated_at: NOON + Duration::minutes(minutes),
        removed: false,
    }
}

fn left(user: &str) -> News {
    let News::Membership { organization, user, role, joined_at, updated_at, .. } =
        member(user, "org:member", 0)
    else {
        panic!("it is one")
    };
    News::Membership { organization, user, role, joined_at, updated_at, removed: true }
}

async fn told(scene: &Scene, event_id: &str, news: &News) -> Result<Received, Error> {
    let fake = FakeIdentity::new(scene.clock.clone());
    let (headers, body) = fake.webhook(event_id, news);
    scene.billing.receive_identity_webhook(CLERK, &headers, &body).await
}

/// All of it is told and processed, one after the other.
async fn tell(scene: &Scene, all: &[News]) {
    for news in all {
        // Each delivery is an event of its own.
        let event_id = format!("msg_{}", scene.webhooks().await.len());
        told(scene, &event_id, news).await.unwrap();
        let progress = scene.process().await;
        assert_eq!(progress.failed, 0, "{news:?}");
    }
}

async fn only(billing: &Billing) -> Organization {
    let mut all = billing.list_organizations(everything()).await.unwrap();
    assert_eq!(all.len(), 1, "{all:?}");
    all.remove(0)
}

fn told_of(scene: &Scene) -> Vec<String> {
    let all = scene.store.events().into_iter();
    let name =
        |what: &What| serde_json::to_value(what).unwrap()["type"].as_str().unwrap().to_owned();
    all.map(|event| name(&event.what)).collect()
}

#[tokio::test]
async fn in_any_order_and_any_number_of_times_it_ends_the_same() {
    let all = [
        News::Organization(organization("Acme", 0)),
        News::Organization(organization("Acme Two", 5)),
        ann("old@acme.test", 1),
        ann("ann@acme.test", 3),
        member("user_ann", "org:admin", 0),
        member("user_bob", "org:member", 0),
        member("user_bob", "org:admin", 2),
        left("user_eve"),
        member("user_eve", "org:member", 0),
    ];
    for shift in 0..all.len() {
        let mut order = all.to_vec();
        order.rotate_left(shift);
        if shift % 2 == 1 {
            order.reverse();
        }
        let scene = Scene::new();
        tell(&scene, &order).await;
        tell(&scene, &order).await;
        let ours = only(&scene.billing).await;
        assert_eq!((ours.name.as_str(), ours.external_id.as_deref()), ("Acme Two", Some("org_1")));
        assert_eq!(ours.billing_email.as_deref(), Some("ann@acme.test"), "{shift}");
        let members = scene.billing.members(ours.id).await.unwrap();
        let roles: Vec<_> = members.iter().map(|it| (it.user.id.as_str(), it.role)).collect();
        assert_eq!(roles, [("user_ann", Role::Owner), ("user_bob", Role::Admin)], "{shift}");
    }
}

#[tokio::test]
async fn an_event_is_kept_once_and_what_is_not_ours_is_ignored() {
    let scene = Scene::new();
    let news = News::Organization(organization("Acme", 0));
    assert_eq!(told(&scene, "msg_1", &news).await.unwrap(), Received::New);
    assert_eq!(told(&scene, "msg_1", &news).await.unwrap(), Received::Duplicate);
    assert_eq!(told(&scene, "msg_2", &News::Nothing).await.unwrap(), Received::Ignored);
    assert_eq!(scene.process().await.done, 1);
    assert_eq!(told_of(&scene), ["organization.created"]);
    let sources: Vec<_> = scene.webhooks().await.iter().map(|row| row.source.name()).collect();
    assert_eq!(sources, ["clerk", "clerk"]);
}

#[tokio::test]
async fn an_organization_of_the_product_is_adopted_with_its_own_address() {
    let scene = Scene::new();
    let known = NewOrganization { external_id: Some("org_1".to_owned()), ..acme() };
    let known = scene.billing.register_organization(known).await.unwrap();
    tell(&scene, &[News::Organization(organization("Acme Two", 0)), ann("ann@acme.test", 1)]).await;
    let ours = only(&scene.billing).await;
    assert_eq!((ours.id, ours.name.as_str()), (known.id, "Acme Two"));
    assert_eq!(ours.billing_email, known.billing_email, "what the product set stays");
    assert_eq!(told_of(&scene), ["organization.created", "organization.updated"]);
}

#[tokio::test]
async fn who_is_gone_stays_gone_and_no_subscription_ends() {
    let scene = Scene::new();
    tell(
        &scene,
        &[News::Organization(organization("Acme", 0)), member("user_ann", "org:admin", 0)],
    )
    .await;
    let ours = only(&scene.billing).await;
    scene.subscribe(ours.id, "starter").await;
    tell(&scene, &[News::OrganizationDeleted("org_1".to_owned())]).await;
    tell(
        &scene,
        &[News::Organization(organization("Zombie", 9)), member("user_bob", "org:admin", 9)],
    )
    .await;
    assert_eq!(only(&scene.billing).await.name, "Acme");
    assert_eq!(scene.billing.members(ours.id).await.unwrap(), []);
    assert_eq!(scene.plan(ours.id).await, "starter");
    let gone = told_of(&scene).iter().filter(|name| *name == "organization.deleted").count();
    assert_eq!(gone, 1);
    let unknown = Scene::new();
    tell(&unknown, &[News::OrganizationDeleted("org_1".to_owned())]).await;
    tell(&unknown, &[News::Organization(organization("Late", 1))]).await;
    assert_eq!(unknown.billing.list_organizations(everything()).await.unwrap(), []);
}

#[tokio::test]
async fn a_user_gets_an_organization_of_his_own_where_that_is_wanted() {
    let users = [ann("ann@acme.test", 1)];
    let plain = Scene::new();
    tell(&plain, &users).await;
    assert_eq!(plain.billing.list_organizations(everything()).await.unwrap(), []);
    let scene = Scene::set(Settings { personal_organizations: true, ..Settings::default() });
    tell(&scene, &users).await;
    let own = only(&scene.billing).await;
    assert_eq!((own.name.as_str(), own.external_id.as_deref()), ("Ann", Some("user_ann")));
    assert_eq!(own.billing_email.as_deref(), Some("ann@acme.test"));
    let renamed = SeenIdentity {
        name: "Ann Smith".to_owned(),
        email: Some("smith@acme.test".to_owned()),
        ..seen("user_ann", "", 2)
    };
    tell(&scene, &[News::User(renamed), ann("ann@acme.test", 1)]).await;
    let own = only(&scene.billing).await;
    assert_eq!(
        (own.name.as_str(), own.billing_email.as_deref()),
        ("Ann Smith", Some("smith@acme.test"))
    );
    tell(&scene, &[News::UserDeleted("user_ann".to_owned()), ann("back@acme.test", 9)]).await;
    let own = only(&scene.billing).await;
    assert_eq!(own.billing_email.as_deref(), Some("smith@acme.test"), "its records stay");
}

#[tokio::test]
async fn a_name_that_is_none_does_not_stand_in_the_way() {
    let scene = Scene::new();
    tell(&scene, &[News::Organization(organization("  ", 0))]).await;
    assert_eq!(only(&scene.billing).await.name, "org_1");
}
