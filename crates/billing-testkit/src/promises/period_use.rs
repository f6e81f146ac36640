//! Use of billing periods: what was counted, and what was billed of it.

use billing_app::ports::Scope;
use billing_domain::{
    catalogue::{Aggregation, Meter, Window},
    id::{OrganizationId, PriceId},
    invoice::{Billed, BilledUse, Invoice, InvoiceStatus, Issuer, Line, LineKind},
    money::Money,
    period::{Anchor, Interval, Period},
    subscription::Subscription,
    usage::{Effect, UsageOperation, UsageRule, Use},
};

use super::Promise;
use crate::{
    NOON, Subject,
    builders::{
        a_bill, a_fresh_id, a_payment, a_usage_rule, a_use, an_active_subscription, an_invoice,
    },
};

fn month(n: i32) -> Period {
    Anchor(NOON).period(Interval::Month, n)
}

impl Subject {
    async fn save(&self, invoice: &Invoice) -> Promise {
        let mut work = self.engine().await?;
        work.invoices().save(invoice, &[]).await?;
        work.commit().await?;
        Ok(())
    }

    async fn track(&self, organization: OrganizationId, usage: Use) -> Promise {
        let usage = Use { operation: UsageOperation::Track, ..usage };
        self.usage.apply(organization, usage.into(), NOON).await?;
        Ok(())
    }
}

fn a_line(
    of: &Subscription,
    (meter, price_id): (&str, PriceId),
    (n, used, amount): (i32, u64, i64),
) -> Line {
    Line {
        kind: LineKind::Metered,
        description: "Use".to_owned(),
        quantity: 1,
        unit_amount: None,
        amount: Money::new(amount, a_payment().amount.currency()),
        period: Some(month(n)),
        bills: Billed::Use {
            subscription_id: Some(of.id),
            price_id: Some(price_id),
            meter: meter.to_owned(),
            window: month(n),
            used,
        },
    }
}

fn ours(organization_id: OrganizationId, status: InvoiceStatus, lines: Vec<Line>) -> Invoice {
    let is_final = status != InvoiceStatus::Draft;
    Invoice {
        organization_id,
        issuer: Issuer::Us,
        number: is_final.then(|| "2026-1".to_owned()),
        issued_at: is_final.then_some(NOON),
        status,
        bill: a_bill(lines),
        ..an_invoice()
    }
}

/// By meter, price and window, on invoices of ours that are not void, of one subscription.
pub async fn use_that_was_billed_is_summed(subject: &Subject) -> Promise {
    let organization_id = subject.registered().await?;
    let subscription = Subscription { organization_id, ..an_active_subscription() };
    subject.save_subscription(&subscription).await?;
    let (price, other): (PriceId, PriceId) = (a_fresh_id(), a_fresh_id());
    let line = |meter: &str, price_id, n, used, amount| {
        a_line(&subscription, (meter, price_id), (n, used, amount))
    };
    let first = vec![line("calls", price, 0, 10, 100), line("calls", price, 0, 5, 25)];
    let late = vec![line("calls", price, 0, 1, -5), line("calls", other, 0, 2, 50)];
    let next = vec![line("mails", price, 1, 0, 0), line("calls", price, 1, 7, 70)];
    let void = vec![line("calls", price, 0, 99, 990)];
    let mut foreign = line("calls", price, 0, 99, 990);
    if let Billed::Use { subscription_id, .. } = &mut foreign.bills {
        *subscription_id = None;
    }
    for (status, lines) in [
        (InvoiceStatus::Paid, first),
        (InvoiceStatus::Open, late),
        (InvoiceStatus::Draft, next),
        (InvoiceStatus::Void, void.clone()),
        (InvoiceStatus::Paid, vec![foreign]),
    ] {
        let lines = lines.into_iter().chain([line("base", price, -9, 0, 5_000)]);
        subject.save(&ours(organization_id, status, lines.collect())).await?;
    }
    let copied = Invoice { organization_id, bill: a_bill(void), ..an_invoice() };
    subject.save(&copied).await?;
    let mut work = subject.engine().await?;
    let mut found =
        work.invoices().billed_use(organization_id, subscription.id, month(0).start).await?;
    found.sort_by_key(|it| (it.window, it.meter.clone(), it.used));
    let of = |meter: &str, price_id, n, used, amount| BilledUse {
        meter: meter.to_owned(),
        price_id,
        window: month(n),
        used,
        amount: Money::new(amount, a_payment().amount.currency()),
    };
    let expected = [
        of("calls", other, 0, 2, 50),
        of("calls", price, 0, 16, 120),
        of("calls", price, 1, 7, 70),
        of("mails", price, 1, 0, 0),
    ];
    assert_eq!(found, expected);
    let since = work.invoices().billed_use(organization_id, subscription.id, month(0).end).await?;
    assert_eq!(since, expected[2..], "what ended before is left out");
    drop(work);
    let mut work = subject.store.begin(Scope::Organization(a_fresh_id())).await?;
    let none = work.invoices().billed_use(organization_id, subscription.id, month(0).start).await;
    assert!(none.map_or(true, |found| found.is_empty()), "it is nobody else's");
    Ok(())
}

fn rule(n: i32) -> UsageRule {
    UsageRule { window: Window::BillingPeriod, period: month(n), ..a_usage_rule(1_000) }
}

fn meter(key: &str, aggregation: Aggregation) -> Meter {
    Meter { key: key.to_owned(), name: key.to_owned(), aggregation }
}

/// In each way in which a meter counts; windows of other kinds are not in it.
pub async fn use_is_counted_by_period(subject: &Subject) -> Promise {
    let (own, other) = subject.two_registered().await?;
    for (key, effect, quantity, n) in
        [("a", Effect::Add, 5, 0), ("b", Effect::Add, 7, 1), ("c", Effect::Add, 90, 2)]
    {
        let usage = Use { effect, quantity, rule: rule(n), at: month(n).start, ..a_use(key, 1) };
        subject.track(own, usage.clone()).await?;
        let elsewhere = Use { id: a_fresh_id(), quantity: 1_000, ..usage };
        subject.track(other, elsewhere).await?;
    }
    let by_calendar = Use { quantity: 500, ..a_use("d", 1) };
    subject.track(own, by_calendar).await?;
    let mails = Use { meter: "mails".into(), quantity: 40, rule: rule(0), ..a_use("e", 1) };
    subject.track(own, mails).await?;
    let mut work = subject.engine().await?;
    let starts = [month(0).start, month(1).start];
    for (aggregation, used) in
        [(Aggregation::Sum, 12), (Aggregation::Count, 12), (Aggregation::Max, 7)]
    {
        let meter = meter("api_calls", aggregation);
        assert_eq!(work.usage().counted(own, &meter, &starts).await?.used, used, "{meter:?}");
        assert_eq!(work.usage().counted(own, &meter, &starts[..1]).await?.used, 5, "{meter:?}");
        assert_eq!(work.usage().counted(own, &meter, &[]).await?.used, 0, "{meter:?}");
    }
    drop(work);
    for (key, quantity, n) in [("f", 9, 1), ("g", 3, 0)] {
        let usage = Use {
            meter: "level".into(),
            effect: Effect::Set,
            quantity,
            rule: rule(n),
            at: month(n).start,
            ..a_use(key, 1)
        };
        subject.track(own, usage).await?;
    }
    let mut work = subject.engine().await?;
    let level = meter("level", Aggregation::Latest);
    assert_eq!(work.usage().counted(own, &level, &starts).await?.used, 9, "the later one");
    Ok(())
}

/// A value that was seen in two of the periods is one.
pub async fn distinct_values_of_a_period_count_once(subject: &Subject) -> Promise {
    let own = subject.registered().await?;
    for (key, value, n) in [("a", "ann", 0), ("b", "bob", 0), ("c", "ann", 1), ("d", "eve", 2)] {
        let effect = Effect::See(value.to_owned());
        let usage = Use { meter: "people".into(), effect, rule: rule(n), ..a_use(key, 1) };
        subject.track(own, Use { at: month(n).start, ..usage }).await?;
    }
    let people = meter("people", Aggregation::Unique("user".to_owned()));
    let mut work = subject.engine().await?;
    let starts = [month(0).start, month(1).start];
    assert_eq!(work.usage().counted(own, &people, &starts).await?.used, 2);
    assert_eq!(work.usage().counted(own, &people, &starts[1..]).await?.used, 1);
    Ok(())
}
