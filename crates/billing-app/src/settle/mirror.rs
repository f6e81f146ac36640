//! Copies of the invoices of gateways.

use billing_domain::{
    catalogue::Catalogue,
    event::{Event, What},
    gateway::GatewayRef,
    id::{InvoiceId, OrganizationId, PriceId},
    invoice::{Bill, Billed, InvalidBill, Invoice, Issuer},
    payment::{ChargeFailure, Payment, PaymentStatus},
    subscription::Subscription,
};

use super::Unsettled;
use crate::{
    Billing, Error,
    gateway_facts::GatewayFacts,
    ports::{SeenDocument, SeenInvoice, SeenPayment, UnitOfWork},
};

impl Billing {
    /// Makes our copy of an invoice agree with the gateway's.
    pub(super) async fn settle_invoice(
        &self,
        work: &mut dyn UnitOfWork,
        catalogue: &Catalogue,
        (organization, seen): (OrganizationId, &SeenInvoice),
        facts: &GatewayFacts,
    ) -> Result<(), Unsettled> {
        let Some(document) = &seen.document else { return Ok(()) };
        let gateway = seen.reference.gateway;
        let subscription = match &seen.subscription {
            Some(id) => {
                work.subscriptions().by_reference(&GatewayRef::new(gateway, id.as_str())).await?
            }
            None => None,
        };
        let payment = match &seen.payment {
            Some(payment) => work.payments().by_reference(&payment.reference).await?,
            None => None,
        };
        let known = work.invoices().by_reference(&seen.reference).await?;
        let priced = |gateway_price: &str| {
            // What was traced once stays so, whatever the subscription costs now.
            let before = known.as_ref().and_then(|known| priced_before(known, gateway_price));
            before.or_else(|| price(catalogue, gateway_price, facts))
        };
        let bill = traced(&document.bill, subscription.as_ref(), priced);
        let bill = bill.map_err(|error| Error::Internal(error.into()))?;
        let reported = Invoice {
            subscription_id: subscription.map(|it| it.id),
            payment_id: payment.map(|it| it.id),
            ..self.copied(organization, (seen, document), bill, facts)
        };
        let (invoice, news) = match known {
            Some(mut known) => {
                let before = known.clone();
                let news = known.observe(&reported);
                if known == before {
                    return Ok(());
                }
                (known, news)
            }
            None => (reported, true),
        };
        let told = news.then(|| self.invoice_told(&invoice));
        work.invoices().save(&invoice, told.as_slice()).await?;
        Ok(())
    }

    /// Tells of a payment of a gateway's invoice that failed, and of one that came after that: when
    /// it is tried again is the gateway's business.
    pub(super) async fn follow_gateway(
        &self,
        work: &mut dyn UnitOfWork,
        facts: &GatewayFacts,
        (payment, seen, before): (&Payment, &SeenPayment, Option<PaymentStatus>),
    ) -> Result<(), Unsettled> {
        let paid_by = |it: &&SeenInvoice| {
            it.payment.as_ref().is_some_and(|it| it.reference == payment.reference)
        };
        let Some(invoice) = facts.invoices.iter().find(paid_by) else { return Ok(()) };
        let failed_before = before == Some(PaymentStatus::Failed);
        let fails = payment.status == PaymentStatus::Failed && !failed_before;
        let recovers = failed_before && payment.status.captured();
        if !fails && !recovers {
            return Ok(());
        }
        let Some(copy) = work.invoices().by_reference(&invoice.reference).await? else {
            return Ok(());
        };
        let (invoice_id, subscription_id) = (copy.id, copy.subscription_id);
        let reason = seen.failed_as.unwrap_or(ChargeFailure::Declined);
        let what = if fails {
            What::PaymentFailed {
                invoice_id,
                subscription_id,
                payment_id: Some(payment.id),
                amount: payment.amount,
                reason,
                kind: reason.kind(),
                attempts: None,
                next_try_at: None,
            }
        } else {
            What::PaymentRecovered {
                invoice_id,
                subscription_id,
                payment_id: payment.id,
                amount: payment.amount,
                attempts: None,
            }
        };
        let told = self.what(copy.organization_id, self.ports.clock.now(), what);
        work.invoices().save(&copy, &[told]).await?;
        Ok(())
    }

    fn copied(
        &self,
        organization_id: OrganizationId,
        (seen, document): (&SeenInvoice, &SeenDocument),
        bill: Bill,
        facts: &GatewayFacts,
    ) -> Invoice {
        let SeenDocument {
            number,
            status,
            bill: _,
            amount_paid,
            seller,
            buyer,
            hosted_url,
            pdf_url,
            created_at,
            issued_at,
            due_at,
            paid_at,
        } = document.clone();
        Invoice {
            id: InvoiceId(self.ports.ids.next()),
            organization_id,
            issuer: Issuer::Gateway {
                reference: seen.reference.clone(),
                hosted_url,
                pdf_url,
                observed_at: facts.asked_at,
            },
            number,
            status,
            bill,
            paid: amount_paid,
            seller,
            buyer,
            no_tax: None,
            subscription_id: None,
            payment_id: None,
            checkout_id: None,
            period: seen.period,
            created_at,
            issued_at,
            due_at,
            paid_at,
        }
    }

    /// What others are told of an invoice.
    pub(crate) fn invoice_told(&self, invoice: &Invoice) -> Event {
        let what = What::InvoiceUpdated {
            invoice_id: invoice.id,
            number: invoice.number.clone(),
            status: invoice.status,
            total: invoice.bill.total(),
        };
        self.what(invoice.organization_id, self.ports.clock.now(), what)
    }
}

/// Our price behind a gateway's, as it was found for a line of the same invoice before.
fn priced_before(known: &Invoice, wanted: &str) -> Option<PriceId> {
    known.bill.parts().lines.iter().find_map(|line| match &line.bills {
        Billed::Subscription { price_id, gateway_price, .. } => {
            price_id.filter(|_| gateway_price.as_deref() == Some(wanted))
        }
        Billed::Nothing | Billed::Credits { .. } | Billed::Use { .. } => None,
    })
}

/// Our price behind a gateway's: pushed there, or that of the subscription that is reported along.
fn price(catalogue: &Catalogue, gateway_price: &str, facts: &GatewayFacts) -> Option<PriceId> {
    let versions = catalogue.plans.iter().flat_map(|plan| &plan.versions);
    let mut prices = versions.flat_map(|version| &version.prices);
    let pushed = prices.find(|it| it.stripe_price.as_deref() == Some(gateway_price));
    let reported = || {
        let price = &facts.subscription.as_ref()?.price;
        price.price_id.filter(|_| price.gateway_price == gateway_price)
    };
    pushed.map(|it| it.id).or_else(reported)
}

/// The same bill, with our names of what its lines are for.
fn traced(
    bill: &Bill,
    subscription: Option<&Subscription>,
    priced: impl Fn(&str) -> Option<PriceId>,
) -> Result<Bill, InvalidBill> {
    let mut parts = bill.parts().clone();
    for line in &mut parts.lines {
        match &mut line.bills {
            Billed::Subscription { subscription_id, price_id, gateway_price } => {
                *subscription_id = subscription.map(|it| it.id);
                *price_id = gateway_price.as_deref().and_then(&priced);
            }
            Billed::Nothing | Billed::Credits { .. } | Billed::Use { .. } => {}
        }
    }
    Bill::new(parts)
}
