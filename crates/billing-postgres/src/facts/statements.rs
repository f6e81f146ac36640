//! The SQL of facts. Every statement names its organizations.

use diesel::sql_types::{Array, Bool, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use uuid::Uuid;

use crate::statement::statement;

statement! {
    /// Organizations, as a row of them has its columns.
    Organizations<'a> { organizations: &'a [Uuid] } -> (
        SqlUuid, Nullable<Text>, Text, Nullable<Text>, Nullable<Text>, Text, Timestamptz,
        Nullable<Text>, Text
    );
    "SELECT organization_id, external_id, name, billing_email, country, currency, created_at, \
     tax_id, locale FROM organizations WHERE organization_id = ANY(" [organizations: Array<SqlUuid>] ")"
}

statement! {
    /// The live subscription of each product group, else the one that ended last, as a row of
    /// subscriptions has its columns.
    CurrentSubscriptions<'a> { organizations: &'a [Uuid] } -> (
        SqlUuid, SqlUuid, Text, SqlUuid, SqlUuid, Text, Integer, Text, Nullable<Timestamptz>,
        Timestamptz, Timestamptz, Bool, Nullable<Text>, Nullable<Text>, Timestamptz, Timestamptz
    );
    "SELECT DISTINCT ON (organization_id, product_group) organization_id, subscription_id, \
     product_group, plan_version_id, price_id, interval, quantity, status, status_at, \
     period_start, period_end, cancel_at_period_end, gateway, gateway_id, created_at, observed_at \
     FROM subscriptions WHERE organization_id = ANY(" [organizations: Array<SqlUuid>]
    ") ORDER BY organization_id, product_group, status NOT IN ('cancelled', 'expired') DESC, \
     status_at DESC, subscription_id DESC"
}
