//! Lists of what Stripe keeps, the newest first.

use async_trait::async_trait;
use billing_app::ports::{
    GatewayError, Listed, ListedPage, Listings, SeenCheckout, SeenPayment, Sighting,
};
use billing_domain::gateway::GatewayRef;
use serde::{Deserialize, de::DeserializeOwned};
use time::OffsetDateTime;

use crate::{
    Stripe,
    checkouts::{SESSIONS, status},
    client::is_id,
    documents,
    failure::unreadable,
    form::Form,
    money::from_wire,
    payments::{Occasion, seen_payment},
    reference,
    subscriptions::{SUBSCRIPTIONS, seen_subscription},
    wire::{Invoice, Link, List, PaymentIntent, Session, Subscription},
};

/// As many as Stripe gives at once.
const PAGE: usize = 100;
/// How the cursor begins of those subscriptions that began lately, live or not. They come after
/// those that are live, of which a list is by itself.
const BEGUN: &str = "begun:";

#[async_trait]
impl Listings for Stripe {
    async fn page(
        &self,
        sort: Listed,
        since: OffsetDateTime,
        after: Option<&str>,
    ) -> Result<ListedPage, GatewayError> {
        let made = Form::new().with("created[gte]", since.unix_timestamp());
        match sort {
            Listed::Subscriptions => self.subscriptions_page(made, after).await,
            Listed::Checkouts => self.listed(SESSIONS, made, after, sighted_session).await,
            Listed::Payments => {
                let whole = made.with("expand[0]", "data.latest_charge");
                self.listed("/v1/payment_intents", whole, after, sighted_payment).await
            }
            Listed::Refunds => self.listed("/v1/refunds", made, after, sighted_return).await,
            Listed::Disputes => self.listed("/v1/disputes", made, after, sighted_return).await,
            Listed::Invoices => self.listed("/v1/invoices", made, after, sighted_invoice).await,
        }
    }
}

/// A thing that is listed, by the id at which a list goes on.
trait Row {
    fn id(&self) -> &str;
}

macro_rules! rows {
    ($($row:ident)*) => {$(
        impl Row for $row {
            fn id(&self) -> &str {
                &self.id
            }
        }
    )*};
}
rows! { Subscription Session PaymentIntent MoneyBack Invoice }

/// A refund or a dispute.
#[derive(Deserialize)]
struct MoneyBack {
    id: String,
    payment_intent: Option<Link>,
    charge: Option<Link>,
}

impl Stripe {
    /// A page of a list; what is not ours to compare is left out.
    async fn listed<T: DeserializeOwned + Row>(
        &self,
        path: &str,
        query: Form,
        after: Option<&str>,
        sighted: fn(&T) -> Result<Option<Sighting>, GatewayError>,
    ) -> Result<ListedPage, GatewayError> {
        let after = after.filter(|after| is_id(after));
        let query = query.with("limit", PAGE).with_some("starting_after", after);
        let page: List<T> = self.client.get(path, &query).await?;
        let last = page.data.last().filter(|_| page.has_more);
        let next = last.map(|last| last.id().to_owned());
        let mut sightings = Vec::new();
        for row in &page.data {
            sightings.extend(sighted(row)?);
        }
        Ok(ListedPage { sightings, next })
    }

    async fn subscriptions_page(
        &self,
        made: Form,
        after: Option<&str>,
    ) -> Result<ListedPage, GatewayError> {
        if let Some(begun) = after.and_then(|after| after.strip_prefix(BEGUN)) {
            let all = made.with("status", "all");
            let page = self.listed(SUBSCRIPTIONS, all, Some(begun), sighted_subscription).await?;
            let next = page.next.map(|next| format!("{BEGUN}{next}"));
            return Ok(ListedPage { next, ..page });
        }
        // Without a status Stripe lists those that have not ended.
        let page = self.listed(SUBSCRIPTIONS, Form::new(), after, sighted_subscription).await?;
        Ok(ListedPage { next: Some(page.next.unwrap_or_else(|| BEGUN.to_owned())), ..page })
    }
}

/// What is none of ours may be in states, or of shapes, that we do not know.
fn sighted_subscription(row: &Subscription) -> Result<Option<Sighting>, GatewayError> {
    let seen = seen_subscription(row, None).map_err(unreadable)?;
    Ok(Some(Sighting::Subscription(Box::new(seen))))
}

fn sighted_session(row: &Session) -> Result<Option<Sighting>, GatewayError> {
    let Some(checkout_id) = row.checkout_id() else { return Ok(None) };
    Ok(Some(Sighting::Checkout(Box::new(SeenCheckout {
        session: reference(&row.id),
        checkout_id: Some(checkout_id),
        status: status(row)?,
        paid: matches!(row.payment_status.as_str(), "paid" | "no_payment_required"),
        subscription: row.subscription.as_ref().map(|link| link.0.clone()),
        payment: None,
    }))))
}

fn sighted_payment(row: &PaymentIntent) -> Result<Option<Sighting>, GatewayError> {
    let seen: SeenPayment = seen_payment(row, Occasion::default())?;
    Ok(Some(Sighting::Payment(Box::new(seen))))
}

fn sighted_return(row: &MoneyBack) -> Result<Option<Sighting>, GatewayError> {
    let of = row.payment_intent.as_ref().or(row.charge.as_ref());
    Ok(of.map(|payment| Sighting::MoneyBack(payment.0.clone())))
}

fn sighted_invoice(row: &Invoice) -> Result<Option<Sighting>, GatewayError> {
    let Some(currency) = row.currency.as_deref() else { return Ok(None) };
    let status = documents::status(row);
    let reference: GatewayRef = reference(&row.id);
    let paid = from_wire(documents::paid(row, status), currency)?;
    Ok(Some(Sighting::Invoice { reference, status, paid }))
}
