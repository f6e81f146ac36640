//! Discounts and their uses as rows.

use anyhow::Context;
use billing_app::Error;
use billing_domain::{
    currency::Currency,
    discount::{Conditions, Discount, Lasts, Off, Redemption, RedemptionState},
    id::{CheckoutId, DiscountId, OrganizationId},
    money::Money,
};
use diesel::prelude::*;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::schema::{discount_redemptions, discounts};

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = discounts, check_for_backend(diesel::pg::Pg))]
pub(super) struct DiscountRow {
    discount_id: Uuid,
    code: String,
    name: String,
    percent: Option<i16>,
    amount: Option<i64>,
    lasts: String,
    periods: Option<i16>,
    max_redemptions: Option<i64>,
    once_per_customer: bool,
    first_time_only: bool,
    minimum: Option<i64>,
    currency: Option<String>,
    plans: Vec<String>,
    starts_at: Option<OffsetDateTime>,
    ends_at: Option<OffsetDateTime>,
    active: bool,
    taken: i64,
    created_at: OffsetDateTime,
}

impl From<&Discount> for DiscountRow {
    fn from(it: &Discount) -> Self {
        let Discount { id, code, name, off, lasts, conditions, active, taken, created_at } = it;
        let Conditions {
            max_redemptions,
            once_per_customer,
            first_time_only,
            minimum,
            plans,
            starts_at,
            ends_at,
        } = conditions;
        let (percent, amount) = match off {
            Off::Percent(percent) => (Some(i16::from(*percent)), None),
            Off::Amount(amount) => (None, Some(*amount)),
        };
        let periods = match lasts {
            Lasts::Repeating(periods) => i16::try_from(*periods).ok(),
            Lasts::Once | Lasts::Forever => None,
        };
        Self {
            discount_id: id.0,
            code: code.to_string(),
            name: name.clone(),
            percent,
            amount: amount.map(Money::minor),
            lasts: lasts.name().to_owned(),
            periods,
            max_redemptions: max_redemptions.map(i64::from),
            once_per_customer: *once_per_customer,
            first_time_only: *first_time_only,
            minimum: minimum.map(Money::minor),
            currency: amount.or(*minimum).map(|it| it.currency().to_string()),
            plans: plans.clone(),
            starts_at: *starts_at,
            ends_at: *ends_at,
            active: *active,
            taken: i64::from(*taken),
            created_at: *created_at,
        }
    }
}

impl TryFrom<DiscountRow> for Discount {
    type Error = Error;

    fn try_from(row: DiscountRow) -> Result<Self, Error> {
        let id = row.discount_id;
        let read = move || -> anyhow::Result<Self> {
            let currency = row.currency.map(|it| it.parse::<Currency>()).transpose()?;
            let money = |minor: Option<i64>| minor.zip(currency).map(|(it, of)| Money::new(it, of));
            let off = match row.percent {
                Some(percent) => Off::Percent(u8::try_from(percent)?),
                None => Off::Amount(money(row.amount).context("amount")?),
            };
            let lasts = match row.lasts.as_str() {
                "once" => Lasts::Once,
                "repeating" => Lasts::Repeating(u16::try_from(row.periods.context("periods")?)?),
                _ => Lasts::Forever,
            };
            Ok(Self {
                id: DiscountId(row.discount_id),
                code: row.code.parse()?,
                name: row.name,
                off,
                lasts,
                conditions: Conditions {
                    max_redemptions: row.max_redemptions.map(u32::try_from).transpose()?,
                    once_per_customer: row.once_per_customer,
                    first_time_only: row.first_time_only,
                    minimum: money(row.minimum),
                    plans: row.plans,
                    starts_at: row.starts_at,
                    ends_at: row.ends_at,
                },
                active: row.active,
                taken: u32::try_from(row.taken)?,
                created_at: row.created_at,
            })
        };
        Ok(read().with_context(|| format!("the discount {id} cannot be read"))?)
    }
}

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = discount_redemptions, check_for_backend(diesel::pg::Pg))]
pub(super) struct RedemptionRow {
    organization_id: Uuid,
    checkout_id: Uuid,
    discount_id: Uuid,
    status: String,
    status_at: OffsetDateTime,
    created_at: OffsetDateTime,
}

impl From<&Redemption> for RedemptionRow {
    fn from(it: &Redemption) -> Self {
        let Redemption { organization_id, checkout_id, discount_id, state, created_at } = it;
        Self {
            organization_id: organization_id.0,
            checkout_id: checkout_id.0,
            discount_id: discount_id.0,
            status: state.name().to_owned(),
            status_at: state.instant(),
            created_at: *created_at,
        }
    }
}

impl TryFrom<RedemptionRow> for Redemption {
    type Error = Error;

    fn try_from(row: RedemptionRow) -> Result<Self, Error> {
        let at = row.status_at;
        let state = match row.status.as_str() {
            "reserved" => RedemptionState::Reserved { until: at },
            "redeemed" => RedemptionState::Redeemed { at },
            _ => RedemptionState::Released { at },
        };
        Ok(Self {
            organization_id: OrganizationId(row.organization_id),
            checkout_id: CheckoutId(row.checkout_id),
            discount_id: DiscountId(row.discount_id),
            state,
            created_at: row.created_at,
        })
    }
}
