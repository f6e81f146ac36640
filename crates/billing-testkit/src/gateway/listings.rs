//! Lists of what the gateway keeps: two to a page, so that tests meet more than one.

use async_trait::async_trait;
use billing_app::ports::{GatewayError, Listed, ListedPage, Listings, Sighting};
use billing_domain::payment::PaymentStatus;
use time::OffsetDateTime;

use super::{Call, FakeGateway, books::Books, named};

const PAGE: usize = 2;

#[async_trait]
impl Listings for FakeGateway {
    async fn page(
        &self,
        sort: Listed,
        since: OffsetDateTime,
        after: Option<&str>,
    ) -> Result<ListedPage, GatewayError> {
        let now = self.clock.now();
        self.look(Call::List, |books| {
            let all = books.listed(sort, since, now);
            let mut rest =
                all.into_iter().skip_while(|(id, _)| after.is_some_and(|it| id.as_str() <= it));
            let mut page: Vec<_> = rest.by_ref().take(PAGE).collect();
            let next = rest.next().and_then(|_| page.last().map(|(id, _)| id.clone()));
            let sightings = page.drain(..).map(|(_, sighting)| sighting).collect();
            ListedPage { sightings, next }
        })
    }
}

impl Books {
    /// All that is listed, the oldest first.
    fn listed(
        &self,
        sort: Listed,
        since: OffsetDateTime,
        now: OffsetDateTime,
    ) -> Vec<(String, Sighting)> {
        match sort {
            Listed::Subscriptions => {
                let here = |(id, it): (&String, &super::books::Billed)| {
                    let wanted = it.status.is_live() || it.created_at >= since;
                    let mut seen = self.seen_subscription(id).filter(|_| wanted)?;
                    seen.latest_invoice = None;
                    Some((id.clone(), Sighting::Subscription(Box::new(seen))))
                };
                self.subscriptions.iter().filter_map(here).collect()
            }
            Listed::Checkouts => {
                let here = |id: &String| {
                    let mut seen = self.seen_checkout(id, now)?;
                    seen.payment = None;
                    Some((id.clone(), Sighting::Checkout(Box::new(seen))))
                };
                // Pages live for a day.
                let lately = self
                    .pages
                    .iter()
                    .filter(|(_, it)| it.page.expires_at - time::Duration::DAY >= since);
                lately.filter_map(|(id, _)| here(id)).collect()
            }
            Listed::Payments => {
                let lately = self.payments.iter().filter(|(_, it)| it.created_at >= since);
                lately
                    .map(|(id, it)| (id.clone(), Sighting::Payment(Box::new(it.clone()))))
                    .collect()
            }
            // It does not remember when money went back, so it lists all of it.
            Listed::Refunds => {
                let all = self.payments.iter().filter(|(_, it)| !it.refunded.is_zero());
                all.map(|(id, _)| (id.clone(), Sighting::MoneyBack(id.clone()))).collect()
            }
            Listed::Disputes => {
                let disputed = |it: &PaymentStatus| *it == PaymentStatus::Disputed;
                let all = self.payments.iter().filter(|(_, it)| disputed(&it.status));
                all.map(|(id, _)| (id.clone(), Sighting::MoneyBack(id.clone()))).collect()
            }
            Listed::Invoices => {
                let lately = self.invoices.iter().filter(|(_, it)| it.created_at >= since);
                let here = |(id, _): (&String, &super::books::Invoice)| {
                    let document = self.seen_invoice(id)?.document?;
                    let (status, paid) = (document.status, document.amount_paid);
                    Some((id.clone(), Sighting::Invoice { reference: named(id), status, paid }))
                };
                lately.filter_map(here).collect()
            }
        }
    }
}
