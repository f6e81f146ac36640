//! A payment gateway in memory.

mod books;
mod charging;
mod coupons;
mod lifecycle;
mod listings;
mod paying;
mod roles;
mod webhooks;

use std::sync::{Arc, Mutex};

use billing_app::ports::{
    ChargeRequest, Charges, CheckoutRequest, Circuit, Clock, Coupons, CustomerAccounts,
    GatewayError, GatewayPayments, GatewaySubscriptions, HostedCheckouts, Listings, PaymentGateway,
    PortalSessions, Refunds, Webhooks,
};
use billing_domain::{
    gateway::{Gateway, GatewayRef},
    payment::ChargeFailure,
};

use self::books::Books;

/// A payment gateway in memory, with every role. It behaves as Stripe does; payers, cards and the
/// course of time are moved by its own methods.
pub struct FakeGateway {
    clock: Arc<dyn Clock>,
    books: Mutex<Books>,
}

/// What can be asked of a gateway.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Call {
    /// Make a customer.
    CreateCustomer,
    /// Open a page.
    OpenCheckout,
    /// Make a coupon.
    EnsureCoupon,
    /// Look at a page.
    FindCheckout,
    /// Close a page.
    ExpireCheckout,
    /// Look at a subscription.
    FindSubscription,
    /// Look what a change of a subscription would cost.
    PreviewChange,
    /// Change the price of a subscription.
    ChangeSubscription,
    /// End a subscription.
    CancelSubscription,
    /// Let a subscription go on.
    ResumeSubscription,
    /// Stop a subscription for a while.
    PauseSubscription,
    /// Give money back.
    Refund,
    /// Look at a payment.
    FindPayment,
    /// Look at an invoice.
    FindInvoice,
    /// Open the portal.
    OpenPortal,
    /// Look which method to charge.
    FindSavedMethod,
    /// Charge a method.
    Charge,
    /// Look at the payment of a charge.
    FindCharge,
    /// Look at a list.
    List,
}

/// How the gateway behaves.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Mood {
    #[default]
    Working,
    Declining,
    Refusing,
    Down,
    TimingOut,
}

impl FakeGateway {
    /// A gateway of its own, at which nothing has happened.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, books: Mutex::default() }
    }

    /// From now on everything works.
    pub fn working(&self) {
        self.change(|books| books.mood = Mood::Working);
    }

    /// From now on every card is declined; requests are answered as ever.
    pub fn declining(&self) {
        self.change(|books| books.mood = Mood::Declining);
    }

    /// From now on every write is `Refused`.
    pub fn refusing(&self) {
        self.change(|books| books.mood = Mood::Refusing);
    }

    /// From now on every call is `Unknown`, and nothing is done.
    pub fn down(&self) {
        self.change(|books| books.mood = Mood::Down);
    }

    /// From now on every write is done, but is `Unknown` to the caller; reads are answered.
    pub fn timing_out_after_accepting(&self) {
        self.change(|books| books.mood = Mood::TimingOut);
    }

    /// How often something was asked, whatever the answer.
    pub fn calls(&self, call: Call) -> usize {
        self.change(|books| books.calls.get(&call).copied().unwrap_or_default())
    }

    /// The pages that were opened, the oldest first; each once, however often it was asked for.
    pub fn opened(&self) -> Vec<CheckoutRequest> {
        self.change(|books| books.pages.values().map(|page| page.request.clone()).collect())
    }

    /// The charges that were asked for, each once however often it was asked for.
    pub fn charged(&self) -> Vec<ChargeRequest> {
        self.change(|books| books.charges.values().map(|(request, _)| request.clone()).collect())
    }

    /// Keeps a method for a customer, as a page does that saves it.
    pub fn save_method(&self, customer: &str) {
        self.change(|books| books.save_method(customer));
    }

    /// Removes all methods of a customer.
    pub fn forget_methods(&self, customer: &str) {
        self.change(|books| books.methods.retain(|(owner, _)| owner != customer));
    }

    /// From now on the bank of a customer says no, and not why.
    pub fn refuse(&self, customer: &str) {
        self.refuse_as(customer, ChargeFailure::Declined);
    }

    /// From now on the bank of a customer says no, for a reason.
    pub fn refuse_as(&self, customer: &str, why: ChargeFailure) {
        self.change(|books| books.refused.insert(customer.to_owned(), why));
    }

    /// From now on the bank of a customer pays again.
    pub fn relent(&self, customer: &str) {
        self.change(|books| books.refused.remove(customer));
    }

    /// How many customers there are.
    pub fn customer_count(&self) -> usize {
        self.change(|books| books.customers.len())
    }

    fn change<T>(&self, work: impl FnOnce(&mut Books) -> T) -> T {
        work(&mut self.books.lock().expect("nobody panics while holding the books"))
    }

    /// Answers a call that changes nothing.
    fn look<T>(&self, call: Call, look: impl FnOnce(&Books) -> T) -> Result<T, GatewayError> {
        self.change(|books| {
            books.count(call);
            match books.mood {
                Mood::Down => Err(unknown("connection refused")),
                Mood::Working | Mood::Declining | Mood::Refusing | Mood::TimingOut => {
                    Ok(look(books))
                }
            }
        })
    }

    /// Answers a call that changes something.
    fn act<T>(
        &self,
        call: Call,
        act: impl FnOnce(&mut Books) -> Result<T, GatewayError>,
    ) -> Result<T, GatewayError> {
        self.change(|books| {
            books.count(call);
            match books.mood {
                Mood::Working | Mood::Declining => act(books),
                Mood::Refusing => Err(refused("the account is restricted")),
                Mood::Down => Err(unknown("connection refused")),
                Mood::TimingOut => act(books).and(Err(unknown("no answer in time"))),
            }
        })
    }
}

impl PaymentGateway for FakeGateway {
    fn gateway(&self) -> Gateway {
        Gateway::Stripe
    }

    fn circuit(&self) -> Circuit {
        Circuit::Closed
    }

    fn customers(&self) -> &dyn CustomerAccounts {
        self
    }

    fn checkouts(&self) -> &dyn HostedCheckouts {
        self
    }

    fn payments(&self) -> &dyn GatewayPayments {
        self
    }

    fn webhooks(&self) -> &dyn Webhooks {
        self
    }

    fn subscriptions(&self) -> Option<&dyn GatewaySubscriptions> {
        Some(self)
    }

    fn portal(&self) -> Option<&dyn PortalSessions> {
        Some(self)
    }

    fn refunds(&self) -> Option<&dyn Refunds> {
        Some(self)
    }

    fn coupons(&self) -> Option<&dyn Coupons> {
        Some(self)
    }

    fn charges(&self) -> Option<&dyn Charges> {
        Some(self)
    }

    fn listings(&self) -> Option<&dyn Listings> {
        Some(self)
    }
}

fn named(id: &str) -> GatewayRef {
    GatewayRef::new(Gateway::Stripe, id)
}

fn refused(message: &str) -> GatewayError {
    GatewayError::Refused { message: message.to_owned() }
}

fn unknown(cause: &'static str) -> GatewayError {
    GatewayError::Unknown(anyhow::Error::msg(cause))
}
