//! Discount codes: made and ended by operators, looked at by those who would use one.

use billing_domain::{
    currency::Currency,
    discount::{
        Conditions, CustomerHistory, Discount, DiscountCode, DiscountedSale, InvalidDiscount,
        Lasts, Off,
    },
    id::{DiscountId, OrganizationId},
    money::Money,
    period::Interval,
};

use crate::{
    Billing, Error, Mandate, Missing, Refusal,
    ports::{CatalogueChange, Page, Scope},
    start_subscription::Pick,
};

/// A code to be made. Its terms never change afterwards.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewDiscount {
    /// What is typed in, in any case.
    pub code: String,
    /// What stands on pages and invoices; by default the code.
    pub name: Option<String>,
    /// How much it takes off.
    pub off: Off,
    /// For how many periods.
    pub lasts: Lasts,
    /// Who may use it, for what, and when.
    pub conditions: Conditions,
}

/// A code that somebody would like to use for a plan.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CheckDiscount {
    /// Who.
    pub organization_id: OrganizationId,
    /// Which code.
    pub code: String,
    /// The plan's key.
    pub plan: String,
    /// How often to pay.
    pub interval: Interval,
    /// In what; by default the organization's currency, or dollars where that has no price.
    pub currency: Option<Currency>,
}

/// What a code comes to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CheckedDiscount {
    /// Which discount.
    pub discount: Discount,
    /// What a period costs without it.
    pub price: Money,
    /// What it takes off the first period.
    pub off: Money,
    /// What is left to pay for it.
    pub total: Money,
}

impl Billing {
    /// Makes a discount code. `Refused(DiscountCodeTaken)` when there is one already.
    pub async fn make_discount(
        &self,
        new: NewDiscount,
        mandate: Mandate,
    ) -> Result<Discount, Error> {
        let NewDiscount { code, name, off, lasts, conditions } = new;
        let code: DiscountCode =
            code.parse().map_err(|wrong| Error::invalid("code", format!("{wrong}")))?;
        let catalogue = self.catalogue().await?;
        if let Some(unknown) = conditions.plans.iter().find(|key| catalogue.plan(key).is_none()) {
            return Err(Error::invalid("plans", format!("names `{unknown}`, which is no plan")));
        }
        let discount = Discount {
            id: DiscountId(self.ports.ids.next()),
            name: name.unwrap_or_else(|| code.as_str().to_owned()),
            code,
            off,
            lasts,
            conditions,
            active: true,
            taken: 0,
            created_at: self.ports.clock.now(),
        };
        let discount = discount.checked()?;
        let said = format!("+ discount {}: {:?}, {:?}", discount.code, off, lasts);
        let change = self.catalogue_change(mandate, ("discount", vec![said]))?;
        let mut work = self.ports.store.begin(Scope::Operator).await?;
        work.discounts().insert(&discount).await?;
        work.catalogue().record(&change).await?;
        work.commit().await?;
        Ok(discount)
    }

    /// Ends a code: nobody else may use it. Who has it keeps it. Doing so twice changes nothing.
    pub async fn deactivate_discount(
        &self,
        id: DiscountId,
        mandate: Mandate,
    ) -> Result<Discount, Error> {
        let mut work = self.ports.store.begin(Scope::Operator).await?;
        let found = work.discounts().find(id).await?;
        let mut discount = found.ok_or(Error::NotFound(Missing::Discount))?;
        let said = format!("- discount {}", discount.code);
        let change = self.catalogue_change(mandate, ("discount", vec![said]))?;
        if discount.active {
            discount.active = false;
            work.discounts().save(&discount).await?;
            work.catalogue().record(&change).await?;
            work.commit().await?;
        }
        Ok(discount)
    }

    /// All codes, the newest first.
    pub async fn list_discounts(&self, page: Page<DiscountId>) -> Result<Vec<Discount>, Error> {
        self.ports.catalogue.discounts(page).await
    }

    /// What people did to the catalogue, the latest first.
    pub async fn catalogue_changes(
        &self,
        page: Page<uuid::Uuid>,
    ) -> Result<Vec<CatalogueChange>, Error> {
        self.ports.catalogue.catalogue_changes(page).await
    }

    /// What a code would come to for a plan, or why it would not. Nothing is reserved.
    pub async fn check_discount(&self, wanted: &CheckDiscount) -> Result<CheckedDiscount, Error> {
        let CheckDiscount { organization_id, code, plan, interval, currency } = wanted;
        let catalogue = self.catalogue().await?;
        let organization = self.organization(*organization_id).await?;
        let pick = Pick { plan, interval: *interval, currency: *currency };
        let (plan, _, price) = pick.of(&catalogue, &organization)?;
        let discount = self.discount(code).await?;
        let customer = self.customer_history(organization.id, discount.id).await?;
        let sale = DiscountedSale { plan: &plan.key, price: price.amount, customer };
        let off = discount.applied_to(&sale, self.ports.clock.now()).map_err(Refusal::from)?;
        let total = price.amount.minus(off)?;
        Ok(CheckedDiscount { discount, price: price.amount, off, total })
    }

    /// The discount of a code; what can be no code names nothing.
    pub(crate) async fn discount(&self, code: &str) -> Result<Discount, Error> {
        let found = match code.parse::<DiscountCode>() {
            Ok(code) => self.ports.catalogue.discount(&code).await?,
            Err(_) => None,
        };
        found.ok_or(Error::NotFound(Missing::Discount))
    }

    async fn customer_history(
        &self,
        organization: OrganizationId,
        discount: DiscountId,
    ) -> Result<CustomerHistory, Error> {
        let mut work = self.ports.store.begin(Scope::Organization(organization)).await?;
        work.discounts().history(organization, discount).await
    }

    /// What somebody does to the catalogue, to be kept.
    pub(crate) fn catalogue_change(
        &self,
        mandate: Mandate,
        (what, lines): (&str, Vec<String>),
    ) -> Result<CatalogueChange, Error> {
        let Mandate { actor, reason } = mandate.checked()?;
        let (id, at) = (self.ports.ids.next(), self.ports.clock.now());
        Ok(CatalogueChange { id, at, actor, reason, what: what.to_owned(), lines })
    }
}

impl From<InvalidDiscount> for Error {
    fn from(error: InvalidDiscount) -> Self {
        let field = match error {
            InvalidDiscount::Percent => "percent",
            InvalidDiscount::Amount => "amount",
            InvalidDiscount::Periods => "periods",
            InvalidDiscount::MaxRedemptions => "max_redemptions",
            InvalidDiscount::Minimum | InvalidDiscount::MinimumCurrency => "minimum",
            InvalidDiscount::Validity => "ends_at",
            InvalidDiscount::Name => "name",
        };
        Self::invalid(field, error.to_string())
    }
}
