//! Subscriptions at a payment gateway: changed, stopped, ended; and money given back.

use anyhow::Context;
use billing_app::ports::{
    Cancellation, CheckoutItem, CheckoutRequest, GatewayError, GatewaySubscriptions, GoingOn,
    NewPrice, NewRefund, Outcome, PreviewOf, PriceChange, SeenSubscription,
};
use billing_domain::{
    catalogue::Offer,
    currency::Currency,
    id::ChangeId,
    money::Money,
    payment::PaymentStatus,
    period::Interval,
    subscription::{Resumption, Status, When},
};

use super::{
    Promise,
    gateway::{a_pack, a_request, pay},
};
use crate::{
    GatewaySubject,
    builders::{a_fresh_id, a_price_of},
};

/// A plan that was paid, and the role that bills it.
struct Live<'a> {
    role: &'a dyn GatewaySubscriptions,
    id: String,
    customer: String,
}

impl Live<'_> {
    async fn seen(&self) -> anyhow::Result<SeenSubscription> {
        self.role.find(&self.id).await?.context("the subscription is gone")
    }

    async fn invoice(&self) -> anyhow::Result<String> {
        let invoice = self.seen().await?.latest_invoice.context("there is no invoice")?;
        Ok(invoice.reference.id)
    }
}

async fn live(subject: &GatewaySubject) -> anyhow::Result<Option<Live<'_>>> {
    let Some(role) = subject.gateway.subscriptions() else { return Ok(None) };
    let (_, request) = a_request(subject).await?;
    let customer = request.customer.clone();
    let seen = pay(subject, &request).await?;
    let id = seen.subscription.context("no subscription began")?;
    Ok(Some(Live { role, id, customer }))
}

/// A price of a plan of the default catalogue, monthly in dollars.
fn to(plan: &str, quantity: u32) -> NewPrice {
    every(Interval::Month, plan, quantity)
}

fn every(interval: Interval, plan: &str, quantity: u32) -> NewPrice {
    let (version, _) = a_price_of(plan);
    let offer = Offer { currency: Currency::USD, interval };
    let price = version.price_for(&offer).expect("it has a price in dollars");
    NewPrice {
        price_id: price.id,
        gateway_price: None,
        name: plan.to_owned(),
        amount: price.amount,
        interval: price.interval,
        quantity,
    }
}

async fn changed(
    live: &Live<'_>,
    new: NewPrice,
    when: When,
) -> anyhow::Result<(PriceChange, Outcome)> {
    let proration_at = live.seen().await?.period.start;
    let from = to("growth", 1);
    let change = PriceChange { change_id: a_fresh_id(), from, to: new, when, proration_at };
    let outcome = live.role.change(&live.id, &change).await?;
    Ok((change, outcome))
}

/// A dearer price is charged at once, exactly as was said before; asked twice, once.
pub async fn an_upgrade_costs_what_its_preview_said(subject: &GatewaySubject) -> Promise {
    let Some(live) = live(subject).await? else { return Ok(()) };
    let (proration_at, new) = (live.seen().await?.period.start, to("scale", 2));
    let of = PreviewOf::Change { to: new.clone(), when: When::Now, proration_at };
    let preview = live.role.preview(&live.id, &of).await?;
    let before = live.seen().await?;
    let minor: i64 = preview.lines.iter().map(|line| line.amount.minor()).sum();
    assert_eq!(minor, preview.total.minor(), "{preview:?}");
    assert_eq!(preview.total, preview.amount_due);
    assert!(preview.total.minor() > 0 && preview.lines.iter().all(|line| line.proration));
    assert_eq!(live.role.preview(&live.id, &of).await?, preview, "asking changes nothing");
    assert_eq!(live.seen().await?, before);

    let (change, outcome) = changed(&live, new.clone(), When::Now).await?;
    assert_eq!(outcome, Outcome::Done);
    let seen = live.seen().await?;
    assert_eq!((seen.price.price_id, seen.quantity), (Some(new.price_id), 2));
    assert_eq!((seen.period, seen.status), (before.period, Status::Active));
    let invoice = seen.latest_invoice.context("there is no invoice")?;
    assert!(invoice.paid);
    assert_eq!(invoice.payment.context("nothing was paid")?.amount, preview.amount_due);
    assert_eq!(live.role.change(&live.id, &change).await?, Outcome::Done);
    assert_eq!(live.invoice().await?, invoice.reference.id, "it is charged once");
    Ok(())
}

/// A change that cannot be paid for has not happened.
pub async fn a_declined_upgrade_changes_nothing(subject: &GatewaySubject) -> Promise {
    let Some(live) = live(subject).await? else { return Ok(()) };
    let before = live.seen().await?;
    subject.payer.refuse(&live.customer).await;
    let (_, outcome) = changed(&live, to("scale", 1), When::Now).await?;
    assert!(matches!(outcome, Outcome::Declined(_)), "{outcome:?}");
    assert_eq!(live.seen().await?, before);
    Ok(())
}

/// A cheaper price now leaves a credit, which the next change uses up.
pub async fn what_is_left_of_a_dearer_price_is_credited(subject: &GatewaySubject) -> Promise {
    let Some(live) = live(subject).await? else { return Ok(()) };
    let proration_at = live.seen().await?.period.start;
    let down = PreviewOf::Change { to: to("starter", 1), when: When::Now, proration_at };
    let preview = live.role.preview(&live.id, &down).await?;
    assert!(preview.total.minor() < 0, "{preview:?}");
    assert!(preview.amount_due.is_zero());
    let (_, outcome) = changed(&live, to("starter", 1), When::Now).await?;
    assert_eq!(outcome, Outcome::Done);
    let seen = live.seen().await?;
    assert_eq!(seen.price.price_id, Some(to("starter", 1).price_id));
    let up = PreviewOf::Change { to: to("scale", 1), when: When::Now, proration_at };
    let next = live.role.preview(&live.id, &up).await?;
    assert_eq!(next.amount_due.minor(), next.total.minor() + preview.total.minor());
    Ok(())
}

/// A change at the end of the period costs nothing before, is shown as planned, and can be taken
/// back.
pub async fn a_planned_change_is_shown_and_taken_back(subject: &GatewaySubject) -> Promise {
    let Some(live) = live(subject).await? else { return Ok(()) };
    let before = live.seen().await?;
    // The gateway may know the same price by another name.
    let named = before.price.gateway_price.clone();
    let at_the_same_price = |mut seen: SeenSubscription| {
        seen.price.gateway_price.clone_from(&named);
        seen
    };
    for interval in [Interval::Month, Interval::Year] {
        let new = every(interval, "starter", 1);
        let of = PreviewOf::Change {
            to: new.clone(),
            when: When::PeriodEnd,
            proration_at: before.period.start,
        };
        let preview = live.role.preview(&live.id, &of).await?;
        assert_eq!(preview.total, new.amount);
        let begins = preview.lines.first().map(|line| line.period.start);
        assert_eq!(begins, Some(before.period.end), "{preview:?}");
        let (change, outcome) = changed(&live, new, When::PeriodEnd).await?;
        assert_eq!(outcome, Outcome::Done);
        assert_eq!(live.role.change(&live.id, &change).await?, Outcome::Done);
        let planned = live.seen().await?;
        assert_eq!(planned.planned_change, Some(change.change_id));
        let unplanned = SeenSubscription { planned_change: None, ..planned };
        assert_eq!(at_the_same_price(unplanned), before, "nothing else has changed");
        let (change_id, takes_back) = (a_fresh_id(), Resumption::ScheduledChange);
        let back = GoingOn { change_id, takes_back, new_period: false };
        for _ in 0..2 {
            assert_eq!(live.role.resume(&live.id, &back).await?, Outcome::Done);
            assert_eq!(at_the_same_price(live.seen().await?), before);
        }
    }
    Ok(())
}

/// An end with the period is shown, and can be taken back; an end now is the end.
pub async fn a_subscription_is_cancelled(subject: &GatewaySubject) -> Promise {
    let Some(live) = live(subject).await? else { return Ok(()) };
    let end = |when| Cancellation { change_id: a_fresh_id(), when };
    live.role.cancel(&live.id, &end(When::PeriodEnd)).await?;
    let seen = live.seen().await?;
    assert_eq!((seen.status, seen.cancel_at_period_end), (Status::Active, true));
    let (change_id, takes_back) = (a_fresh_id(), Resumption::Cancellation);
    let back = GoingOn { change_id, takes_back, new_period: false };
    assert_eq!(live.role.resume(&live.id, &back).await?, Outcome::Done);
    assert!(!live.seen().await?.cancel_at_period_end);

    for _ in 0..2 {
        live.role.cancel(&live.id, &end(When::Now)).await?;
        let seen = live.seen().await?;
        assert!(matches!(seen.status, Status::Cancelled { .. }), "{:?}", seen.status);
    }
    let change = PriceChange {
        change_id: a_fresh_id(),
        from: to("growth", 1),
        to: to("scale", 1),
        when: When::Now,
        proration_at: seen.period.start,
    };
    let late = live.role.change(&live.id, &change).await;
    assert!(matches!(late, Err(GatewayError::Refused { .. })), "{late:?}");
    Ok(())
}

/// A planned change does not keep a subscription from its end.
pub async fn a_planned_change_ends_with_the_subscription(subject: &GatewaySubject) -> Promise {
    let Some(live) = live(subject).await? else { return Ok(()) };
    let (_, outcome) = changed(&live, to("starter", 1), When::PeriodEnd).await?;
    assert_eq!(outcome, Outcome::Done);
    let end = Cancellation { change_id: a_fresh_id(), when: When::Now };
    live.role.cancel(&live.id, &end).await?;
    let seen = live.seen().await?;
    assert!(matches!(seen.status, Status::Cancelled { .. }), "{:?}", seen.status);
    assert_eq!(seen.planned_change, None);
    Ok(())
}

/// Paused, it goes on where it stopped while what was paid lasts, and else in a new period.
pub async fn a_subscription_is_paused_and_goes_on(subject: &GatewaySubject) -> Promise {
    let Some(live) = live(subject).await? else { return Ok(()) };
    let before = live.seen().await?;
    let pause: ChangeId = a_fresh_id();
    for _ in 0..2 {
        live.role.pause(&live.id, pause).await?;
        let seen = live.seen().await?;
        assert!(matches!(seen.status, Status::Paused { .. }), "{:?}", seen.status);
        assert_eq!(seen.period, before.period);
    }
    let go_on = |new_period| {
        let (change_id, takes_back) = (a_fresh_id(), Resumption::Pause);
        GoingOn { change_id, takes_back, new_period }
    };
    assert_eq!(live.role.resume(&live.id, &go_on(false)).await?, Outcome::Done);
    assert_eq!(live.seen().await?, before, "nothing is charged twice");

    live.role.pause(&live.id, a_fresh_id()).await?;
    let preview = live.role.preview(&live.id, &PreviewOf::NewPeriod).await?;
    assert_eq!(preview.total, a_price_of("growth").1.amount);
    assert_eq!(live.role.resume(&live.id, &go_on(true)).await?, Outcome::Done);
    let seen = live.seen().await?;
    assert_eq!(seen.status, Status::Active);
    let invoice = seen.latest_invoice.context("there is no invoice")?;
    assert_ne!(Some(&invoice.reference), before.latest_invoice.as_ref().map(|it| &it.reference));
    assert_eq!(invoice.payment.context("nothing was paid")?.amount, preview.total);

    live.role.pause(&live.id, a_fresh_id()).await?;
    subject.payer.refuse(&live.customer).await;
    let declined = live.role.resume(&live.id, &go_on(true)).await?;
    assert!(matches!(declined, Outcome::Declined(_)), "{declined:?}");
    let seen = live.seen().await?;
    assert!(matches!(seen.status, Status::Paused { .. }), "it stays paused: {:?}", seen.status);
    Ok(())
}

/// Money is given back once for a refund of ours, and never more than was paid.
pub async fn money_is_given_back_once(subject: &GatewaySubject) -> Promise {
    let Some(role) = subject.gateway.refunds() else { return Ok(()) };
    let (_, request) = a_request(subject).await?;
    let item: CheckoutItem = a_pack();
    let seen = pay(subject, &CheckoutRequest { item, ..request }).await?;
    let paid = seen.payment.context("nothing was paid")?;
    let part = NewRefund {
        refund_id: a_fresh_id(),
        payment: paid.reference.id.clone(),
        amount: Money::new(1_000, paid.amount.currency()),
    };
    for _ in 0..2 {
        role.refund(&part).await?;
        let seen = subject.gateway.payments().find(&part.payment).await?;
        let seen = seen.context("the payment is gone")?;
        assert_eq!(seen.refunded, part.amount);
        assert_eq!(seen.status, PaymentStatus::PartiallyRefunded);
    }
    let left = paid.amount.minus(part.amount)?;
    let more = Money::new(left.minor() + 1, left.currency());
    let too_much = NewRefund { refund_id: a_fresh_id(), amount: more, ..part.clone() };
    let answer = role.refund(&too_much).await;
    assert!(matches!(answer, Err(GatewayError::Refused { .. })), "{answer:?}");
    role.refund(&NewRefund { refund_id: a_fresh_id(), amount: left, ..part.clone() }).await?;
    let seen = subject.gateway.payments().find(&part.payment).await?;
    assert_eq!(seen.context("the payment is gone")?.status, PaymentStatus::Refunded);
    Ok(())
}
