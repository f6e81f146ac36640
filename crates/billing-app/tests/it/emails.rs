//! What happened becomes emails, each once, and these are sent.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed, and so do its helpers"
)]

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};

use async_trait::async_trait;
use billing_app::{
    Billing, Error, MailPorts, NewOrganization, Refusal, Settings,
    ports::{
        EmailFilter, EmailStatus, MailError, Mailer, Message, Page, PaymentGateway, Posted, Scope,
        Store as _,
    },
};
use billing_domain::{
    currency::Currency,
    event::{Event, INSTALLATION, What},
    gateway::Gateway,
    id::{EmailId, EventId, OrganizationId, PaymentId, SubscriptionId, WebhookId},
    locale::Locale,
    money::Money,
    payment::{ChargeFailure, PaymentStatus},
};
use billing_testkit::{FakeGateway, MemoryStore, NOON, Stopped, builders::the_default_catalogue};
use time::Duration;

use crate::scene::{Scene, acme, everything, mended, ports};

const OPS: &str = "ops@seller.test";

fn settings() -> Settings {
    Settings { admin_emails: vec![OPS.to_owned()], ..Settings::default() }
}

/// Something happens to an organization, or to nobody's.
async fn happens(scene: &Scene, organization: OrganizationId, what: What) -> EventId {
    let event = Event { id: a_fresh(), organization_id: organization, at: NOON, what };
    let mut work = scene.store.begin(Scope::Engine).await.unwrap();
    // Any record will do to tell of it by.
    let all = scene.billing.list_organizations(everything()).await.unwrap();
    work.organizations().describe(&all[0], core::slice::from_ref(&event)).await.unwrap();
    work.commit().await.unwrap();
    event.id
}

fn a_fresh<T: From<uuid::Uuid>>() -> T {
    billing_testkit::builders::a_fresh_id()
}

async fn send_all(billing: &Billing) {
    while billing.relay_emails().await.unwrap() > 0 {}
    while billing.send_emails().await.unwrap().any() {}
}

/// What the sandbox has kept, the oldest first.
async fn mailbox(scene: &Scene) -> Vec<Posted> {
    send_all(&scene.billing).await;
    let mut posted = scene.billing.sandbox_mailbox(everything()).await.unwrap();
    posted.reverse();
    posted
}

fn low() -> What {
    What::CreditsLow { balance: 7, threshold: 1_000 }
}

/// What happens, to whom it is told, and by which letter.
type Case<'a> = (What, Option<&'a str>, &'a str);

const ACME: Option<&str> = Some("billing@acme.test");

async fn makes(scene: &Scene, organization: OrganizationId, cases: Vec<Case<'_>>) {
    for (what, to, letter) in cases {
        let had = mailbox(scene).await.len();
        happens(scene, organization, what.clone()).await;
        let new = mailbox(scene).await.split_off(had);
        let told: Vec<_> = new.iter().map(|it| (it.to.as_str(), it.subject.as_str())).collect();
        let subject = format!("en {letter}");
        let wanted: Vec<_> = to.map(|to| (to, subject.as_str())).into_iter().collect();
        assert_eq!(told, wanted, "{what:?}");
    }
}

#[tokio::test]
async fn what_becomes_of_a_subscription_is_told() {
    let scene = Scene::set(settings());
    let organization = scene.acme().await;
    scene.subscribe(organization, "starter").await;
    let subscription_id = scene.subscription(organization).await.id;
    let updated = |from, status, changed: &str| What::SubscriptionUpdated {
        subscription_id,
        from,
        status,
        changed: changed.to_owned(),
    };
    let cases = vec![
        (What::TrialReminder { subscription_id, days: 3, ends_at: NOON }, ACME, "trial_ends"),
        (updated("active", "past_due", "status"), ACME, "payment_failed"),
        (updated("past_due", "past_due", "period"), None, ""),
        (updated("past_due", "active", "status"), ACME, "payment_recovered"),
        (updated("active", "active", "period"), None, ""),
        (updated("active", "active", "plan,price"), ACME, "subscription_changed"),
        (updated("active", "active", "quantity"), ACME, "subscription_changed"),
        (updated("active", "active", "cancel_at_period_end"), ACME, "subscription_continues"),
        (updated("active", "paused", "status"), ACME, "subscription_paused"),
        (updated("paused", "active", "status"), ACME, "subscription_resumed"),
        (updated("trialing", "expired", "status"), ACME, "subscription_expired"),
        (What::SubscriptionCancelled { subscription_id }, ACME, "subscription_cancelled"),
        (What::SubscriptionCancelled { subscription_id: a_fresh::<SubscriptionId>() }, None, ""),
    ];
    makes(&scene, organization, cases).await;
}

#[tokio::test]
async fn what_becomes_of_credits_quotas_and_payments_is_told() {
    let scene = Scene::set(settings());
    let organization = scene.acme().await;
    let dollars = Money::new(4_900, Currency::USD);
    let paid = |status| What::PaymentUpdated {
        payment_id: a_fresh::<PaymentId>(),
        status,
        amount: dollars,
    };
    let cases = vec![
        (low(), ACME, "credits_low"),
        (
            What::CreditsExpiring { grant_id: a_fresh(), remaining: 5, expires_at: NOON, days: 7 },
            ACME,
            "credits_expiring",
        ),
        (
            What::CreditsTopUpFailed {
                checkout_id: None,
                reason: ChargeFailure::Declined,
                off: true,
            },
            ACME,
            "top_up_failed",
        ),
        (
            What::QuotaWarning {
                meter: "exports".to_owned(),
                percent: 80,
                used: 8,
                limit: 10,
                window_start: NOON,
                window_end: NOON + Duration::DAY,
            },
            ACME,
            "quota_reached",
        ),
        (paid(PaymentStatus::Completed), None, ""),
        (paid(PaymentStatus::Failed), None, ""),
        (paid(PaymentStatus::Disputed), Some(OPS), "disputed"),
        (What::CreditsUnusual { in_hour: 900, hourly_mean: 10 }, Some(OPS), "credits_unusual"),
        (
            What::DuplicateCancelled {
                gateway_subscription_id: "sub_2".to_owned(),
                refunded: Some(dollars),
            },
            ACME,
            "duplicate_cancelled",
        ),
        (What::OrganizationUpdated { name: "Acme".to_owned() }, None, ""),
    ];
    makes(&scene, organization, cases).await;
}

#[tokio::test]
async fn alerts_of_nobodys_organization_go_to_administrators() {
    let scene = Scene::set(settings());
    scene.acme().await;
    let what = What::WebhookFailed {
        webhook_id: a_fresh::<WebhookId>(),
        source: Gateway::Stripe.into(),
        event_type: "invoice.paid".to_owned(),
        error: "no".to_owned(),
        dead: true,
    };
    happens(&scene, INSTALLATION, what).await;
    let posted = mailbox(&scene).await;
    let [alert] = posted.as_slice() else { panic!("{posted:?}") };
    assert_eq!((alert.to.as_str(), alert.subject.as_str()), (OPS, "en webhook_failed"));
    assert!(alert.text.contains("invoice.paid"), "{}", alert.text);
}

#[tokio::test]
async fn an_invoice_is_sent_once_when_it_is_paid() {
    let scene = Scene::set(settings());
    let organization = scene.acme().await;
    let opened = scene.buy_a_thousand(organization).await;
    let session = opened.page.session.id;
    scene.gateway.pay(&session);
    for _ in 0..2 {
        scene.hear(billing_app::ports::About::Checkout(session.clone())).await;
    }
    let invoices = scene.billing.invoices(organization, Default::default(), everything()).await;
    let invoice = invoices.unwrap().remove(0);
    let told = What::InvoiceUpdated {
        invoice_id: invoice.id,
        number: invoice.number.clone(),
        status: invoice.status,
        total: invoice.bill.total(),
    };
    happens(&scene, organization, told).await;
    let posted = mailbox(&scene).await;
    let subjects: Vec<_> = posted.iter().map(|it| it.subject.as_str()).collect();
    assert_eq!(subjects, [format!("en invoice {}", invoice.id)]);
}

#[tokio::test]
async fn people_are_written_to_in_their_language_where_they_have_an_address() {
    let scene = Scene::new();
    let cairo = NewOrganization { locale: Locale::Ar, ..acme() };
    let cairo = scene.billing.register_organization(cairo).await.unwrap().id;
    let silent = NewOrganization { billing_email: None, ..acme() };
    let silent = scene.billing.register_organization(silent).await.unwrap().id;
    happens(&scene, cairo, low()).await;
    happens(&scene, silent, low()).await;
    let posted = mailbox(&scene).await;
    assert_eq!(posted.iter().map(|it| it.subject.as_str()).collect::<Vec<_>>(), ["ar credits_low"]);
}

#[tokio::test]
async fn processes_at_the_same_time_tell_each_once() {
    let scene = Scene::new();
    let organization = scene.acme().await;
    for _ in 0..5 {
        happens(&scene, organization, low()).await;
    }
    let billing = &scene.billing;
    let relayed =
        tokio::join!(billing.relay_emails(), billing.relay_emails(), billing.relay_emails());
    let relayed = [relayed.0, relayed.1, relayed.2].map(Result::unwrap);
    assert_eq!(relayed.iter().sum::<usize>(), 6, "five, and that there is an organization");
    let sent = tokio::join!(billing.send_emails(), billing.send_emails());
    assert_eq!(sent.0.unwrap().done + sent.1.unwrap().done, 5);
    assert_eq!(mailbox(&scene).await.len(), 5);
}

/// A mail server that does as it is told.
#[derive(Default)]
struct Script {
    answers: Mutex<Vec<Result<(), MailError>>>,
    seen: Mutex<Vec<EmailId>>,
    /// The store goes down as soon as an email is taken.
    breaks: AtomicBool,
    store: MemoryStore,
}

#[async_trait]
impl Mailer for Script {
    fn name(&self) -> &'static str {
        "smtp"
    }

    async fn send(&self, message: &Message) -> Result<(), MailError> {
        self.seen.lock().unwrap().push(message.id);
        if self.breaks.swap(false, Ordering::SeqCst) {
            self.store.go_down();
        }
        self.answers.lock().unwrap().pop().unwrap_or(Ok(()))
    }
}

struct Post {
    scene: Scene,
    script: Arc<Script>,
}

impl Post {
    fn new(answers: Vec<Result<(), MailError>>) -> Self {
        let clock = Arc::new(Stopped::default());
        let store = MemoryStore::selling(the_default_catalogue());
        let fake = Arc::new(FakeGateway::new(clock.clone()));
        let script = Arc::new(Script {
            answers: Mutex::new(answers),
            store: store.clone(),
            ..Script::default()
        });
        let gateway = Arc::new(crate::watched::Watched::new(fake, store.clone()));
        let mut ports = ports(&store, gateway.clone() as Arc<dyn PaymentGateway>, &clock);
        ports.mail = MailPorts { mailer: Some(script.clone()), mailbox: None, ..ports.mail };
        let billing = Arc::new(Billing::new(ports, settings()));
        Self { scene: Scene { billing, store, gateway, clock }, script }
    }

    async fn told(&self) -> OrganizationId {
        let organization = self.scene.acme().await;
        happens(&self.scene, organization, low()).await;
        while self.scene.billing.relay_emails().await.unwrap() > 0 {}
        organization
    }

    async fn status(&self) -> (EmailId, EmailStatus, i32) {
        let page = Page { after: None, limit: 1 };
        let rows = self.scene.billing.list_emails(&EmailFilter::default(), page).await.unwrap();
        (rows[0].id, rows[0].status, rows[0].attempts)
    }
}

fn later() -> Result<(), MailError> {
    Err(MailError::Passing("451 later".to_owned()))
}

#[tokio::test]
async fn what_is_not_taken_is_sent_later_and_is_dead_after_a_day() {
    let post = Post::new((0..12).map(|_| later()).collect());
    post.told().await;
    let billing = &post.scene.billing;
    for attempts in 1..=12 {
        let progress = billing.send_emails().await.unwrap();
        assert_eq!((progress.done, progress.failed), (0, 1));
        assert!(!billing.send_emails().await.unwrap().any(), "it is not due yet");
        let status = if attempts < 12 { EmailStatus::Retrying } else { EmailStatus::Dead };
        let (_, now_is, tried) = post.status().await;
        assert_eq!((now_is, tried), (status, attempts));
        post.scene.clock.advance_wall(Duration::hours(11));
    }
    let (id, ..) = post.status().await;
    billing.retry_email(id, mended()).await.unwrap();
    assert_eq!(billing.send_emails().await.unwrap().done, 1);
    let (detail, written) = billing.inspect_email(id).await.unwrap();
    assert_eq!((detail.row.status, detail.tries.len()), (EmailStatus::Sent, 13));
    assert_eq!((detail.actions.len(), written.subject.as_str()), (1, "en credits_low"));
    let seen = post.script.seen.lock().unwrap();
    assert!(seen.iter().all(|one| *one == id), "it is the same one at every try");
}

#[tokio::test]
async fn what_is_refused_is_dead_at_once() {
    let post = Post::new(vec![Err(MailError::Refused("550 no such mailbox".to_owned()))]);
    post.told().await;
    post.scene.billing.send_emails().await.unwrap();
    let (id, status, _) = post.status().await;
    assert_eq!(status, EmailStatus::Dead);
    assert_eq!(post.scene.billing.email_health().await.unwrap().dead, 1);
    let dead = EmailFilter { status: Some(status), ..EmailFilter::default() };
    let (matched, rows) = post.scene.billing.retry_emails(&dead, 10, None).await.unwrap();
    assert_eq!((matched, rows[0].id), (1, id));
    let (matched, _) = post.scene.billing.retry_emails(&dead, 10, Some(mended())).await.unwrap();
    assert_eq!((matched, post.status().await.1), (1, EmailStatus::Queued));
}

#[tokio::test]
async fn who_dies_after_sending_sends_once_more_under_the_same_id() {
    let post = Post::new(Vec::new());
    post.told().await;
    post.script.breaks.store(true, Ordering::SeqCst);
    fails!(post.scene.billing.send_emails().await, Error::Unavailable { .. });
    post.scene.store.come_back();
    assert!(!post.scene.billing.send_emails().await.unwrap().any(), "the claim still runs");
    post.scene.clock.advance_wall(Duration::minutes(4));
    assert_eq!(post.scene.billing.send_emails().await.unwrap().done, 1);
    post.scene.clock.advance_wall(Duration::minutes(4));
    assert!(!post.scene.billing.send_emails().await.unwrap().any());
    let seen = post.script.seen.lock().unwrap();
    assert_eq!((seen.len(), seen[0]), (2, seen[1]));
}

#[tokio::test]
async fn without_a_way_to_send_them_emails_are_kept() {
    let clock = Arc::new(Stopped::default());
    let store = MemoryStore::selling(the_default_catalogue());
    let fake = Arc::new(FakeGateway::new(clock.clone()));
    let gateway = Arc::new(crate::watched::Watched::new(fake, store.clone()));
    let mut ports = ports(&store, gateway.clone() as Arc<dyn PaymentGateway>, &clock);
    ports.mail = MailPorts { mailer: None, mailbox: None, ..ports.mail };
    let billing = Arc::new(Billing::new(ports, settings()));
    let scene = Scene { billing, store, gateway, clock };
    let organization = scene.acme().await;
    happens(&scene, organization, low()).await;
    send_all(&scene.billing).await;
    let health = scene.billing.email_health().await.unwrap();
    assert_eq!((health.pending, health.unsent), (0, 1));
    let rows = scene.billing.list_emails(&EmailFilter::default(), everything()).await.unwrap();
    let again = scene.billing.retry_email(rows[0].id, mended()).await;
    fails!(again, Error::Refused(Refusal::NoMailer));
    fails!(scene.billing.sandbox_mailbox(everything()).await, Error::Refused(Refusal::NoMailbox));
}
