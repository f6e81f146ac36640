//! What happened becomes emails: which, to whom, and what they say.

mod facts;

use billing_domain::{
    event::INSTALLATION,
    id::{EmailId, InvoiceId, OrganizationId},
    invoice::Invoice,
    letter::Letter,
    locale::Locale,
    organization::Organization,
    subscription::{BilledBy, Subscription},
};
use time::Duration;

use self::facts::Facts;
use crate::{
    Billing, Error,
    ports::{EventSubscriber, NewEmail, Scope, ToldEvent},
};

/// An invoice that is due later than this after its issue is paid by hand: so it is sent when it is
/// open. One that is charged is sent when it is paid.
const BY_HAND: Duration = Duration::DAY;

/// How many events are handed on in one unit.
const BATCH: i64 = 200;

/// A letter, and what it is about where that is not the event itself.
struct Composed {
    letter: Letter,
    about: Option<String>,
}

impl From<Letter> for Composed {
    fn from(letter: Letter) -> Self {
        Self { letter, about: None }
    }
}

impl Billing {
    /// Turns the next events of the outbox into emails: in one unit with the cursor, so each event
    /// once. How many events; who comes second in this hands on none.
    pub async fn relay_emails(&self) -> Result<usize, Error> {
        let batch = self.ports.outbox.next(EventSubscriber::Emails, BATCH).await?;
        if batch.events.is_empty() {
            return Ok(0);
        }
        let mut emails = Vec::new();
        for event in &batch.events {
            emails.extend(self.compose_emails(event).await?);
        }
        let mut work = self.ports.store.begin(Scope::Engine).await?;
        match work.outbox().handed_on(&batch).await {
            Ok(()) => {}
            Err(Error::Conflict(_)) => return Ok(0),
            Err(error) => return Err(error),
        }
        work.emails().queue(&emails).await?;
        work.commit().await?;
        Ok(batch.events.len())
    }

    /// The emails that an event makes: one for each who is to hear of it. Reads only; they are
    /// written down in the unit that hears of the event.
    async fn compose_emails(&self, happened: &ToldEvent) -> Result<Vec<NewEmail>, Error> {
        if !is_told(&happened.kind) {
            return Ok(Vec::new());
        }
        let id = happened.organization_id;
        let organization = match id {
            INSTALLATION => None,
            id => self.ports.organizations.organization(id).await?,
        };
        let composed = self.composed(happened, organization.as_ref()).await?;
        let Some(Composed { letter, about }) = composed else { return Ok(Vec::new()) };
        let (recipients, locale) = self.recipients(&letter, organization.as_ref());
        let about = about.unwrap_or_else(|| happened.id.to_string());
        let emails = recipients.iter().map(|recipient| NewEmail {
            id: EmailId(self.ports.ids.next()),
            organization_id: id,
            event_id: happened.id,
            about: about.clone(),
            recipient: recipient.clone(),
            locale,
            letter: letter.clone(),
            created_at: self.ports.clock.wall(),
            queued: self.ports.mail.mailer.is_some(),
        });
        Ok(emails.collect())
    }

    fn recipients(
        &self,
        letter: &Letter,
        organization: Option<&Organization>,
    ) -> (Vec<String>, Locale) {
        if letter.is_alert() {
            return (self.settings.admin_emails.clone(), Locale::En);
        }
        let own = organization.and_then(|it| it.billing_email.clone());
        (own.into_iter().collect(), organization.map(|it| it.locale).unwrap_or_default())
    }

    async fn composed(
        &self,
        happened: &ToldEvent,
        organization: Option<&Organization>,
    ) -> Result<Option<Composed>, Error> {
        let facts = Facts(&happened.data);
        if happened.kind == "invoice.updated" {
            return self.invoice_letter(happened.organization_id, facts).await;
        }
        if let Some(letter) = facts.alone(&happened.kind) {
            return Ok(Some(letter.into()));
        }
        let name = organization.map(|it| it.name.clone()).unwrap_or_default();
        if let Some(composed) = alert(&happened.kind, facts, name) {
            return Ok(Some(composed));
        }
        let whose = happened.organization_id;
        let subscription = match facts.id("subscription_id") {
            Some(id) => self.ports.subscriptions.subscription(whose, id).await?,
            None => None,
        };
        let plan = match &subscription {
            Some(subscription) => self.plan_name(subscription).await?,
            None => self.invoice_number(whose, facts).await?,
        };
        if let Some(letter) = facts.of_collection(&happened.kind, &plan) {
            return Ok(Some(letter.into()));
        }
        let Some(subscription) = subscription else { return Ok(None) };
        Ok(facts.of_subscription(&happened.kind, &subscription, plan).map(Composed::from))
    }

    async fn plan_name(&self, subscription: &Subscription) -> Result<String, Error> {
        let catalogue = self.catalogue().await?;
        let version = catalogue.version(subscription.plan_version_id);
        Ok(version.map(|(plan, _)| plan.name.clone()).unwrap_or_default())
    }

    /// What is paid that is no subscription goes by the number of its invoice.
    async fn invoice_number(
        &self,
        organization: OrganizationId,
        facts: Facts<'_>,
    ) -> Result<String, Error> {
        let Some(id) = facts.id("invoice_id") else { return Ok(String::new()) };
        let invoice = self.ports.money.invoice(organization, id).await?;
        Ok(invoice.and_then(|it| it.number).unwrap_or_default())
    }

    async fn invoice_letter(
        &self,
        organization: OrganizationId,
        facts: Facts<'_>,
    ) -> Result<Option<Composed>, Error> {
        let Some(id) = facts.id::<InvoiceId>("invoice_id") else { return Ok(None) };
        let paid = facts.text("status") == "paid";
        if !paid && facts.text("status") != "open" {
            return Ok(None);
        }
        let found = self.ports.money.invoice(organization, id).await?;
        let Some(invoice) = found.filter(|it| !it.bill.total().is_zero()) else { return Ok(None) };
        if !paid && !is_paid_by_hand(&invoice) {
            return Ok(None);
        }
        let number = invoice.number.clone().unwrap_or_else(|| id.to_string());
        let letter = Letter::Invoice { invoice_id: id, number, total: invoice.bill.total(), paid };
        // It changes again and again; that it is open, or paid, is told once.
        let about = format!("invoice {id} {}", facts.text("status"));
        Ok(Some(Composed { letter, about: Some(about) }))
    }
}

/// Whether events of a type may make an email: most of them do not, and are not looked into.
fn is_told(kind: &str) -> bool {
    matches!(
        kind,
        "trial.reminder"
            | "payment.updated"
            | "payment.failed"
            | "payment.recovered"
            | "invoice.updated"
            | "invoice.uncollectible"
            | "bonus.expiring"
            | "quota.warning"
            | "webhook.failed"
    ) || kind.starts_with("subscription.")
        || kind.starts_with("credits.")
}

fn is_paid_by_hand(invoice: &Invoice) -> bool {
    invoice.due_at.zip(invoice.issued_at).is_some_and(|(due, issued)| due - issued >= BY_HAND)
}

/// What administrators hear of.
fn alert(kind: &str, facts: Facts<'_>, organization: String) -> Option<Composed> {
    match kind {
        "payment.updated" if facts.text("status") == "disputed" => {
            let payment_id = facts.id("payment_id")?;
            let letter =
                Letter::Disputed { organization, payment_id, amount: facts.money("amount")? };
            Some(Composed { letter, about: Some(format!("payment {payment_id} disputed")) })
        }
        "credits.unusual" => {
            let (in_hour, hourly_mean) = (facts.number("in_hour"), facts.number("hourly_mean"));
            Some(Letter::CreditsUnusual { organization, in_hour, hourly_mean }.into())
        }
        _ => None,
    }
}

impl Facts<'_> {
    /// What is told of a subscription.
    fn of_subscription(
        self,
        kind: &str,
        subscription: &Subscription,
        plan: String,
    ) -> Option<Letter> {
        match kind {
            "trial.reminder" => {
                let days = u8::try_from(self.number("days")).ok()?;
                Some(Letter::TrialEnds { plan, days, ends_at: self.instant("ends_at")? })
            }
            "subscription.cancelled" => Some(Letter::SubscriptionCancelled { plan }),
            "subscription.change_failed" => Some(Letter::SubscriptionChangeFailed { plan }),
            "subscription.change_scheduled" => {
                Some(Letter::SubscriptionWillChange { plan, at: self.instant("at")? })
            }
            "subscription.updated" => self.updated(subscription, plan),
            _ => None,
        }
    }

    /// The one thing that matters most of all that changed at once.
    fn updated(self, subscription: &Subscription, plan: String) -> Option<Letter> {
        let changed = |part: &str| self.text("changed").split(',').any(|it| it == part);
        let (from, status) = (self.text("from"), self.text("status"));
        // Of what our engine bills, the collection of its invoices tells.
        let failed = matches!(subscription.billed_by, BilledBy::Gateway(_));
        match (from, status) {
            ("past_due", "past_due") => {}
            (_, "past_due") => {
                return failed.then_some(Letter::PaymentFailed {
                    plan,
                    amount: None,
                    again_at: None,
                });
            }
            (_, "expired") => return Some(Letter::SubscriptionExpired { plan }),
            ("past_due", "active") => return failed.then_some(Letter::PaymentRecovered { plan }),
            ("paused", "active") => return Some(Letter::SubscriptionResumed { plan }),
            (_, "paused") if changed("status") => {
                return Some(Letter::SubscriptionPaused { plan });
            }
            _ => {}
        }
        let ends = subscription.cancel_at_period_end;
        if ["plan", "price", "quantity"].into_iter().any(changed) {
            return Some(Letter::SubscriptionChanged { plan, quantity: subscription.quantity });
        }
        match (changed("cancel_at_period_end"), ends) {
            (true, true) => Some(Letter::SubscriptionWillEnd { plan, at: subscription.period.end }),
            (true, false) => Some(Letter::SubscriptionContinues { plan }),
            (false, _) => None,
        }
    }
}
