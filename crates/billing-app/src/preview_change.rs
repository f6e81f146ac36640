//! What a change of a subscription would cost, and when: with a token by which exactly that is
//! done.
//!
//! Nothing is kept of a preview. The token names the instant for which it was computed, and a
//! digest of all that it said: the same asked again for the same instant must come to the same.

use std::fmt::Write as _;

use billing_domain::{
    id::OrganizationId,
    invoice::{LineKind, Parts},
    money::Money,
    period::Period,
    subscription::{Resumption, When, Wish},
};
use time::{Duration, OffsetDateTime};

use crate::{
    Billing, Error, Refusal,
    change_subscription::{Asked, bill::ChangeBill, considering::Considered, whole_second},
    clear_duplicates::subscriptions,
    open_checkout::gateway_failed,
    ports::{PreviewOf, Scope, SeenLine, SeenPreview},
};

/// How long exactly what was shown can be had.
const VALID: Duration = Duration::minutes(10);

/// What a change would come to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ChangePreview {
    /// What would be done.
    pub wish: Wish,
    /// When it would take effect, and be charged.
    pub effective_at: OffsetDateTime,
    /// The lines of its invoice.
    pub lines: Vec<SeenLine>,
    /// The sum of the lines with tax; below zero, what is credited.
    pub total: Money,
    /// What would be charged, after the customer's credit.
    pub amount_due: Money,
    /// With it the change does exactly this.
    pub token: String,
    /// Until when.
    pub valid_until: OffsetDateTime,
}

impl Billing {
    /// Says what a change of a subscription would come to. Nothing is changed.
    pub async fn preview_change(
        &self,
        id: OrganizationId,
        asked: &Asked,
    ) -> Result<ChangePreview, Error> {
        let considered = self.consider_change(id, asked).await?;
        self.preview_at(&considered, whole_second(self.ports.clock.now())).await
    }

    /// The instant for which a preview was computed, if what it said still holds.
    pub(crate) async fn previewed(
        &self,
        considered: &Considered,
        token: &str,
    ) -> Result<OffsetDateTime, Error> {
        let at = token.split_once('.').and_then(|(seconds, _)| seconds.parse().ok());
        let at = at.and_then(|at| OffsetDateTime::from_unix_timestamp(at).ok());
        let at = at.ok_or_else(|| Error::invalid("preview_token", "is not of a preview"))?;
        let age = self.ports.clock.now() - at;
        if !(Duration::ZERO..VALID).contains(&age)
            || self.preview_at(considered, at).await?.token != token
        {
            return Err(Refusal::PreviewStale.into());
        }
        Ok(at)
    }

    async fn preview_at(
        &self,
        considered: &Considered,
        at: OffsetDateTime,
    ) -> Result<ChangePreview, Error> {
        let SeenPreview { lines, total, amount_due } = self.invoice_of(considered, at).await?;
        let period_end = considered.subscription.period.end;
        let effective_at = match considered.wish {
            Wish::Change { when: When::PeriodEnd, .. } | Wish::Cancel { when: When::PeriodEnd } => {
                period_end
            }
            Wish::Change { when: When::Now, .. }
            | Wish::Cancel { when: When::Now }
            | Wish::Pause { .. }
            | Wish::Resume(_) => at,
        };
        let mut preview = ChangePreview {
            wish: considered.wish,
            effective_at,
            lines,
            total,
            amount_due,
            token: String::new(),
            valid_until: at + VALID,
        };
        let said = format!("{preview:?} {:?}", considered.subscription.snapshot());
        let mut token = format!("{}.", at.unix_timestamp());
        for byte in self.ports.secrets.digest(said.as_bytes()) {
            write!(token, "{byte:02x}").map_err(anyhow::Error::from)?;
        }
        preview.token = token;
        Ok(preview)
    }

    /// The invoice that a wish makes; an empty one where it makes none.
    async fn invoice_of(
        &self,
        considered: &Considered,
        at: OffsetDateTime,
    ) -> Result<SeenPreview, Error> {
        let subscription = &considered.subscription;
        let Some(reference) = subscription.billed_by.reference() else {
            return self.invoice_of_ours(considered, at).await;
        };
        let nothing = Money::zero(considered.price.currency());
        let of = match considered.wish {
            Wish::Change { when, .. } => {
                let Some(to) = considered.to()? else {
                    return Err(Refusal::NothingToChange.into());
                };
                PreviewOf::Change { to, when, proration_at: at }
            }
            Wish::Resume(Resumption::Pause) if subscription.period.end <= at => {
                PreviewOf::NewPeriod
            }
            Wish::Cancel { .. } | Wish::Pause { .. } | Wish::Resume(_) => {
                return Ok(SeenPreview { lines: Vec::new(), total: nothing, amount_due: nothing });
            }
        };
        let gateway = self.gateway(Some(reference.gateway))?;
        let seen = subscriptions(gateway)?.preview(&reference.id, &of).await;
        seen.map_err(|error| gateway_failed(gateway, error))
    }

    /// The same where our engine bills: what has waited for an invoice stands on it too. What makes
    /// none is shown alone, as it will wait for the next one.
    async fn invoice_of_ours(
        &self,
        considered: &Considered,
        at: OffsetDateTime,
    ) -> Result<SeenPreview, Error> {
        let Considered { catalogue, subscription, wish, .. } = considered;
        let (owner, id) = (subscription.organization_id, subscription.id);
        let mut work = self.ports.store.begin(Scope::Organization(owner)).await?;
        self.refuse_while_unpaid(&mut *work, considered).await?;
        let bill = self.change_bill(&mut *work, catalogue, (subscription, wish), at).await?;
        let waiting = work.pending_items().waiting(owner, id).await?;
        drop(work);
        let ChangeBill { mut parts, period } = bill;
        let mut invoiced = parts.clone();
        if !parts.lines.is_empty() {
            // What is too much is a line of the invoice: it comes to nothing at most.
            let _left = invoiced.take_in(&waiting, id)?;
        }
        let amount_due = invoiced.due()?;
        if amount_due.minor() > 0 || period.is_some() {
            parts = invoiced;
        }
        let total = parts.due()?;
        let Parts { lines, discounts, .. } = parts;
        let off = discounts.into_iter().map(|off| SeenLine {
            description: off.description,
            amount: Money::new(off.amount.minor().saturating_neg(), off.amount.currency()),
            period: Period { start: at, end: at },
            proration: false,
        });
        let lines = lines.into_iter().map(|line| SeenLine {
            description: line.description,
            amount: line.amount,
            period: line.period.unwrap_or(Period { start: at, end: at }),
            proration: line.kind == LineKind::Proration,
        });
        Ok(SeenPreview { lines: lines.chain(off).collect(), total, amount_due })
    }
}
