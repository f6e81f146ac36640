//! Invoices that a change would make.

use anyhow::Context as _;
use billing_app::ports::{GatewayError, NewPrice, PreviewOf, SeenLine, SeenPreview};
use billing_domain::{money::Money, period::Period, subscription::When};

use crate::{
    Stripe,
    changes::gone,
    failure::unreadable,
    form::Form,
    money::from_wire,
    portal::fresh_key,
    wire::{Preview, PreviewLine, Subscription},
};

impl Stripe {
    pub(crate) async fn preview_of(
        &self,
        id: &str,
        of: &PreviewOf,
    ) -> Result<SeenPreview, GatewayError> {
        let subscription = self.subscription(id).await?.ok_or_else(gone)?;
        let form = Form::new().with("subscription", id);
        let form = match of {
            // Nothing is charged for a trial, whatever it is to.
            PreviewOf::Change { to, when: When::Now, .. } if subscription.status == "trialing" => {
                let (lines, nothing) = (Vec::new(), Money::zero(to.amount.currency()));
                return Ok(SeenPreview { lines, total: nothing, amount_due: nothing });
            }
            PreviewOf::Change { to, when: When::Now, proration_at } => self
                .with_item(form, &subscription, to)
                .await?
                .with("subscription_details[proration_behavior]", "always_invoice")
                .with("subscription_details[proration_date]", proration_at.unix_timestamp()),
            PreviewOf::Change { to, when: When::PeriodEnd, .. } => self
                .with_item(form, &subscription, to)
                .await?
                .with("subscription_details[proration_behavior]", "none")
                .with("preview_mode", "recurring"),
            PreviewOf::NewPeriod => form
                .with("subscription_details[resume_at]", "now")
                .with("subscription_details[billing_cycle_anchor][type]", "now"),
        };
        let path = "/v1/invoices/create_preview";
        let preview: Preview = self.client.post(path, &form, &fresh_key("preview")?).await?;
        seen_preview(&preview)
    }

    async fn with_item(
        &self,
        form: Form,
        subscription: &Subscription,
        to: &NewPrice,
    ) -> Result<Form, GatewayError> {
        let item = subscription.item().context("a subscription of nothing").map_err(unreadable)?;
        Ok(form
            .with("subscription_details[items][0][id]", &item.id)
            .with("subscription_details[items][0][price]", self.price(to).await?)
            .with("subscription_details[items][0][quantity]", to.quantity))
    }
}

fn seen_preview(preview: &Preview) -> Result<SeenPreview, GatewayError> {
    let money = |minor| from_wire(minor, &preview.currency);
    let line = |line: &PreviewLine| {
        Ok(SeenLine {
            description: line.description.clone().unwrap_or_default(),
            amount: money(line.amount)?,
            period: Period { start: line.period.start, end: line.period.end },
            proration: line.is_proration(),
        })
    };
    Ok(SeenPreview {
        lines: preview.lines.data.iter().map(line).collect::<Result<_, GatewayError>>()?,
        total: money(preview.total)?,
        amount_due: money(preview.amount_due)?,
    })
}
