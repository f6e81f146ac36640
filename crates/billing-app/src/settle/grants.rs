//! What was paid for in credits: given once, and taken back with the money.

use billing_domain::{
    catalogue::Catalogue,
    checkout::Purpose,
    credits::{CreditCommand, CreditOutcome, GrantKind, MOST_CREDITS, NewGrant, Revoke, Source},
    id::{CheckoutId, GrantId, OrganizationId},
    payment::{Payment, PaymentStatus},
    period::{Anchor, Interval, Period},
    subscription::{Status, Subscription},
};

use time::OffsetDateTime;

use super::Unsettled;
use crate::{Billing, Error, ports::UnitOfWork};

impl Billing {
    /// Grants the credits of the running period, once it is paid or on trial.
    pub(crate) async fn grant_period(
        &self,
        work: &mut dyn UnitOfWork,
        catalogue: &Catalogue,
        (subscription, paid): (&Subscription, bool),
    ) -> Result<(), Error> {
        let months = match subscription.status {
            Status::Trialing { .. } => 1,
            Status::Active if paid => i64::from(subscription.interval.months()),
            Status::Incomplete
            | Status::Active
            | Status::PastDue { .. }
            | Status::Paused { .. }
            | Status::Cancelled { .. }
            | Status::Expired { .. } => return Ok(()),
        };
        let version = catalogue.version(subscription.plan_version_id);
        let monthly = version.map_or(0, |(_, version)| version.included_credits);
        if monthly == 0 {
            return Ok(());
        }
        let credits = |month: &Month| NewGrant {
            id: GrantId(self.ports.ids.next()),
            kind: GrantKind::Subscription,
            amount: monthly.saturating_mul(month.months),
            starts_at: month.period.start,
            expires_at: Some(month.period.end),
            source: month.source.clone(),
        };
        let months = self.months(subscription, months);
        // Whether a period comes at once or by months may be set otherwise than when it began.
        if !self.given_otherwise(work, subscription, &months).await? {
            for month in &months {
                self.give(work, subscription.organization_id, credits(month)).await?;
            }
        }
        Ok(())
    }

    /// Whether the credits of the period have come the other way: at once, or by months.
    async fn given_otherwise(
        &self,
        work: &mut dyn UnitOfWork,
        subscription: &Subscription,
        months: &[Month],
    ) -> Result<bool, Error> {
        if subscription.interval.months() == 1 {
            return Ok(false);
        }
        let whole = whole(subscription);
        let other = if months.iter().any(|month| month.source == whole) {
            nth(subscription, 0)
        } else {
            whole
        };
        // Nothing of it is taken back by this: the answer tells whether it was ever given.
        let ask = CreditCommand::Revoke(Revoke { source: other, total: 0 });
        let now = self.ports.clock.now();
        let known = work.credits().apply(subscription.organization_id, &ask, now).await?;
        Ok(known != CreditOutcome::Revoked(None))
    }

    /// Takes back the months that have not begun when a subscription ends before its period does.
    pub(crate) async fn end_period(
        &self,
        work: &mut dyn UnitOfWork,
        subscription: &Subscription,
    ) -> Result<(), Error> {
        let (Status::Cancelled { at } | Status::Expired { at }) = subscription.status else {
            return Ok(());
        };
        self.end_months(work, subscription, at).await
    }

    /// Takes back the months of the running period that have not begun at an instant.
    pub(crate) async fn end_months(
        &self,
        work: &mut dyn UnitOfWork,
        subscription: &Subscription,
        at: OffsetDateTime,
    ) -> Result<(), Error> {
        let months = i64::from(subscription.interval.months());
        for month in self.months(subscription, months) {
            if month.period.start > at {
                let taken_back = Revoke { source: month.source, total: MOST_CREDITS };
                self.change_credits(
                    work,
                    subscription.organization_id,
                    CreditCommand::Revoke(taken_back),
                )
                .await?;
            }
        }
        Ok(())
    }

    /// When the credits of a period come: month by month, or all at its start.
    fn months(&self, subscription: &Subscription, months: i64) -> Vec<Month> {
        let period = subscription.period;
        if months == 1 || !self.settings.monthly_credits {
            return vec![Month { months, period, source: whole(subscription) }];
        }
        let anchor = Anchor(period.start);
        let month = |n: i32| {
            let month = anchor.period(Interval::Month, n);
            let period = Period { start: month.start, end: month.end.min(period.end) };
            let source = nth(subscription, n);
            (period.start < period.end).then_some(Month { months: 1, period, source })
        };
        (0..i32::try_from(months).unwrap_or_default()).filter_map(month).collect()
    }

    /// Grants the credits of a pack, once it is paid.
    pub(super) async fn grant_pack(
        &self,
        work: &mut dyn UnitOfWork,
        organization: OrganizationId,
        id: CheckoutId,
    ) -> Result<(), Unsettled> {
        let Some(checkout) = work.checkouts().find(organization, id).await? else { return Ok(()) };
        let Purpose::Credits { credits, .. } = checkout.purpose else { return Ok(()) };
        let grant = NewGrant {
            id: GrantId(self.ports.ids.next()),
            kind: GrantKind::Purchased,
            amount: credits,
            starts_at: self.ports.clock.now(),
            expires_at: None,
            source: Source::new("checkout", id.to_string()),
        };
        Ok(self.give(work, organization, grant).await?)
    }

    /// Takes back what a pack gave, as far as its payment was given back; all of it while the
    /// payer disputes it.
    pub(super) async fn revoke_pack(
        &self,
        work: &mut dyn UnitOfWork,
        payment: &Payment,
        id: CheckoutId,
    ) -> Result<(), Unsettled> {
        let organization = payment.organization_id;
        let Some(checkout) = work.checkouts().find(organization, id).await? else { return Ok(()) };
        let Purpose::Credits { credits, .. } = checkout.purpose else { return Ok(()) };
        let share = i128::from(credits) * i128::from(payment.refunded.minor());
        let total = match payment.status {
            PaymentStatus::Disputed => credits,
            PaymentStatus::Pending
            | PaymentStatus::Unknown
            | PaymentStatus::Failed
            | PaymentStatus::Completed
            | PaymentStatus::PartiallyRefunded
            | PaymentStatus::Refunded => share
                .checked_div(payment.amount.minor().into())
                .and_then(|total| i64::try_from(total).ok())
                .unwrap_or_default(),
        };
        let revoke = Revoke { source: Source::new("checkout", id.to_string()), total };
        Ok(self.change_credits(work, organization, CreditCommand::Revoke(revoke)).await?)
    }

    pub(crate) async fn give(
        &self,
        work: &mut dyn UnitOfWork,
        organization: OrganizationId,
        grant: NewGrant,
    ) -> Result<(), Error> {
        self.change_credits(work, organization, CreditCommand::Grant(grant)).await
    }

    pub(crate) async fn change_credits(
        &self,
        work: &mut dyn UnitOfWork,
        organization: OrganizationId,
        command: CreditCommand,
    ) -> Result<(), Error> {
        work.credits().apply(organization, &command, self.ports.clock.now()).await?;
        Ok(())
    }
}

/// Credits of a plan that come at once.
struct Month {
    /// For how many months.
    months: i64,
    period: Period,
    source: Source,
}

/// The source of a whole period's credits.
pub(crate) fn whole(subscription: &Subscription) -> Source {
    let start = subscription.period.start.unix_timestamp();
    Source::new("period", format!("{}:{start}", subscription.id))
}

/// The source of the credits of a month of a period.
fn nth(subscription: &Subscription, n: i32) -> Source {
    let Source { kind, id } = whole(subscription);
    Source { kind, id: format!("{id}:{n}") }
}
