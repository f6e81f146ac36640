//! How all organizations use their meters.

use core::ops::RangeInclusive;
use std::{collections::BTreeMap, sync::Arc};

use billing_domain::{
    catalogue::{Amount, Catalogue, Meter},
    id::OrganizationId,
    usage::{Percentiles, limit_share},
};
use time::{Date, OffsetDateTime};

use crate::{
    Billing, Error, UsageSpan,
    ports::{DayOfAll, Page},
};

/// How many organizations are looked at at once.
const BATCH: i64 = 500;
/// From which part of the limit on somebody is named, in hundredths of a percent.
const NEAR: i64 = 8_000;
/// How many are named.
const MOST_NAMED: usize = 100;

/// How all organizations use their meters.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UsageMetrics {
    /// The days that are looked at.
    pub days: RangeInclusive<Date>,
    /// All that was recorded before is in it.
    pub as_of: OffsetDateTime,
    /// How many organizations used something on these days.
    pub organizations: u64,
    /// The meters.
    pub meters: Vec<MeterMetrics>,
}

/// How all organizations use a meter.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MeterMetrics {
    /// The meter.
    pub meter: Meter,
    /// Days on which something was used.
    pub days: Vec<DayOfAll>,
    /// How many of the organizations that used something have a limit on it.
    pub limited: u64,
    /// Which part of their limits they use now.
    pub shares: Option<Percentiles>,
    /// How many of them use more than 80 % of it.
    pub near: u64,
    /// Who: the nearest to their limit first, at most a hundred.
    pub nearest: Vec<NearLimit>,
}

/// An organization near its limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NearLimit {
    /// Which one.
    pub organization_id: OrganizationId,
    /// What it has used in the window as it stands now.
    pub used: u64,
    /// What its plan allows.
    pub limit: u64,
    /// The one as a part of the other, in hundredths of a percent.
    pub share: i64,
}

impl Billing {
    /// How all organizations used their meters, by day, and how near they are to their limits.
    ///
    /// Who used something on these days is looked at one after the other: with many organizations
    /// it takes its time.
    pub async fn measure_usage(&self, span: &UsageSpan) -> Result<UsageMetrics, Error> {
        let now = self.ports.clock.now();
        let catalogue = self.catalogue().await?;
        let (days, meters) = span.resolve(&catalogue.meters, now.date())?;
        let meter = span.meter.as_deref();
        let rolled = self.ports.usage_days.days_of_all(meter, days.clone()).await?;
        let mut standings: BTreeMap<&str, Vec<NearLimit>> = BTreeMap::new();
        let (mut organizations, mut after) = (0, None);
        loop {
            let page = Page { after, limit: BATCH };
            let users = self.ports.usage_days.users(meter, days.clone(), page).await?;
            let Some(last) = users.last() else { break };
            after = Some(*last);
            organizations += u64::try_from(users.len()).unwrap_or_default();
            for (key, standing) in self.standings(&users, &meters, &catalogue, now).await? {
                standings.entry(key).or_default().push(standing);
            }
        }
        let measured = meters.iter().map(|meter| {
            let of_it = rolled.days.iter().filter(|one| one.meter == meter.key);
            let days = of_it.map(|one| one.of_use).collect();
            let standings = standings.remove(meter.key.as_str()).unwrap_or_default();
            MeterMetrics::of(meter.clone(), days, standings)
        });
        let meters = measured.collect();
        Ok(UsageMetrics { days, as_of: rolled.until.unwrap_or(now), organizations, meters })
    }

    /// Where these organizations stand on these meters, as far as they have limits.
    async fn standings<'a>(
        &self,
        users: &[OrganizationId],
        meters: &'a [Meter],
        catalogue: &Arc<Catalogue>,
        now: OffsetDateTime,
    ) -> Result<Vec<(&'a str, NearLimit)>, Error> {
        let (mut asked, mut keys) = (Vec::new(), Vec::new());
        for subscriber in self.ports.facts.subscribers(users).await?.into_iter().flatten() {
            let entitlement = self.entitled(subscriber, catalogue.clone(), now)?;
            let (_, version) = entitlement.plan()?;
            for meter in meters.iter().filter(|meter| version.limit(&meter.key).is_some()) {
                asked.push(entitlement.quota_question(&meter.key, now)?);
                keys.push(meter.key.as_str());
            }
        }
        let quotas = self.ports.facts.quotas(&asked, now).await?;
        let mut standings = Vec::new();
        for ((key, asked), quota) in keys.into_iter().zip(&asked).zip(quotas) {
            let (used, organization_id) = (quota.used, asked.organization_id);
            let Amount::AtMost(limit) = quota.limit else { continue };
            let share = limit_share(i64::try_from(used).unwrap_or(i64::MAX), limit);
            standings.extend(
                share.map(|share| (key, NearLimit { organization_id, used, limit, share })),
            );
        }
        Ok(standings)
    }
}

impl MeterMetrics {
    fn of(meter: Meter, days: Vec<DayOfAll>, standings: Vec<NearLimit>) -> Self {
        let limited = u64::try_from(standings.len()).unwrap_or_default();
        let shares = Percentiles::of(standings.iter().map(|it| it.share).collect());
        let mut nearest = standings;
        nearest.retain(|it| it.share > NEAR);
        nearest.sort_by_key(|it| (core::cmp::Reverse(it.share), it.organization_id));
        let near = u64::try_from(nearest.len()).unwrap_or_default();
        nearest.truncate(MOST_NAMED);
        Self { meter, days, limited, shares, near, nearest }
    }
}
