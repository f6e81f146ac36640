//! The invoices whose money we take ourselves: what of it is due, and how it goes.

use async_trait::async_trait;
use billing_domain::{
    collection::Collection,
    currency::Currency,
    id::{InvoiceId, OrganizationId},
    money::Money,
    payment::DeclineKind,
};
use time::OffsetDateTime;

use crate::{Error, ports::Page};

/// The invoices whose money we take ourselves: what of it is due, and how it goes.
#[async_trait]
pub trait CollectionQueries: Send + Sync {
    /// Invoices for which an attempt is to be made, asked for, or given up; those that wait longest
    /// first.
    async fn collections_due(
        &self,
        now: OffsetDateTime,
        limit: i64,
    ) -> Result<Vec<(OrganizationId, InvoiceId)>, Error>;
    /// When something is due next for any of them.
    async fn next_collection_due_at(&self) -> Result<Option<OffsetDateTime>, Error>;
    /// Those whose money did not come at once, of all organizations, the newest invoice first.
    async fn failed_payments(
        &self,
        status: Option<FailedStatus>,
        page: Page<InvoiceId>,
    ) -> Result<Vec<FailedPayment>, Error>;
    /// How money came: of the attempts made and the invoices issued after an instant and until
    /// another; and what is at risk as things stand.
    async fn payment_figures(
        &self,
        since: OffsetDateTime,
        until: OffsetDateTime,
    ) -> Result<PaymentFigures, Error>;
}

/// An invoice whose money did not come at once.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FailedPayment {
    /// How its money is taken.
    pub collection: Collection,
    /// The number of the invoice.
    pub number: Option<String>,
    /// What it comes to.
    pub total: Money,
}

/// What became of money that did not come at once.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum FailedStatus {
    /// It is tried again, or waits for another method.
    AtRisk,
    /// It came after all.
    Recovered,
    /// It was given up.
    GivenUp,
    /// It is not to be paid any more: a trial that was not converted.
    Void,
}

impl FailedStatus {
    /// Every one.
    pub const ALL: [Self; 4] = [Self::AtRisk, Self::Recovered, Self::GivenUp, Self::Void];

    /// Its name in answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AtRisk => "at_risk",
            Self::Recovered => "recovered",
            Self::GivenUp => "given_up",
            Self::Void => "void",
        }
    }

    /// That of a collection that failed.
    pub fn of(collection: &Collection) -> Self {
        Self::of_state(collection.state.name())
    }

    /// That of the name of a state.
    pub fn of_state(state: &str) -> Self {
        match state {
            "collected" => Self::Recovered,
            "given_up" => Self::GivenUp,
            "void" => Self::Void,
            _ => Self::AtRisk,
        }
    }
}

/// How money came.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PaymentFigures {
    /// Attempts that brought the money.
    pub succeeded: i64,
    /// Attempts that did not, by what may be done about it; kinds that did not occur are absent.
    pub failed: Vec<(DeclineKind, i64)>,
    /// Attempts of which nobody knows yet.
    pub pending: i64,
    /// By currency, in the order of their codes.
    pub by_currency: Vec<CurrencyFigures>,
}

/// How the money of invoices in one currency came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CurrencyFigures {
    /// Which currency.
    pub currency: Currency,
    /// Invoices that were paid, and never failed.
    pub at_once: Tally,
    /// Invoices whose first attempt failed, or for which there was nothing to charge.
    pub failed_first: Tally,
    /// Those of them that were paid later.
    pub recovered: Tally,
    /// Those of them that were given up.
    pub given_up: Tally,
    /// Invoices that failed and are not given up yet, whenever they were issued.
    pub at_risk: Tally,
}

/// How many invoices, and what they come to in minor units.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Tally {
    /// How many.
    pub invoices: i64,
    /// What they come to.
    pub amount: i64,
}

impl CurrencyFigures {
    /// Nothing yet.
    pub fn none(currency: Currency) -> Self {
        let none = Tally::default();
        Self {
            currency,
            at_once: none,
            failed_first: none,
            recovered: none,
            given_up: none,
            at_risk: none,
        }
    }
}

impl Tally {
    /// So many more.
    pub fn add(&mut self, more: Self) {
        self.invoices = self.invoices.saturating_add(more.invoices);
        self.amount = self.amount.saturating_add(more.amount);
    }
}

impl PaymentFigures {
    /// All attempts that failed.
    pub fn all_failed(&self) -> i64 {
        self.failed.iter().fold(0, |sum, (_, count)| sum.saturating_add(*count))
    }

    /// Those of one currency; new ones where there are none.
    pub fn of(&mut self, currency: Currency) -> &mut CurrencyFigures {
        let at = self.by_currency.partition_point(|it| it.currency.code() < currency.code());
        if self.by_currency.get(at).is_none_or(|it| it.currency != currency) {
            self.by_currency.insert(at, CurrencyFigures::none(currency));
        }
        // It was put there.
        #[expect(clippy::indexing_slicing, reason = "it is there: it was inserted")]
        &mut self.by_currency[at]
    }

    /// Invoices in a currency of which a state is known, by whether they failed ever.
    pub fn add(&mut self, currency: Currency, (state, failed): (&str, bool), tally: Tally) {
        let figures = self.of(currency);
        match (failed, FailedStatus::of_state(state)) {
            (false, FailedStatus::Recovered) => figures.at_once.add(tally),
            (false, FailedStatus::AtRisk | FailedStatus::GivenUp | FailedStatus::Void) => {}
            (true, became) => {
                figures.failed_first.add(tally);
                match became {
                    FailedStatus::Recovered => figures.recovered.add(tally),
                    FailedStatus::GivenUp | FailedStatus::Void => figures.given_up.add(tally),
                    FailedStatus::AtRisk => {}
                }
            }
        }
    }
}
