//! What decisions rest on, read for many at once.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use async_trait::async_trait;
use billing_app::{
    Error,
    ports::{Facts, QuotaQuestion, Subscriber},
};
use billing_domain::{
    id::OrganizationId,
    organization::Organization,
    quota::Quota,
    subscription::Subscription,
    usage::{CounterKey, UsageAccount},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use time::OffsetDateTime;
use tokio::try_join;
use uuid::Uuid;

use self::statements::{CurrentSubscriptions, Organizations};
use crate::{
    Database,
    door::Frame,
    error::failed,
    organizations::OrganizationRow,
    reader::{Question, Reader, close, open},
    subscriptions::SubscriptionRow,
    usage::{
        asked::CountersAsked,
        known::{BonusRow, CounterRow, bonus, counter},
        statements::Bonuses,
    },
};

mod statements;

/// The facts in a database, with the readers of them.
#[derive(Clone)]
pub struct FactReaders {
    subscribers: Reader<WhoIs>,
    uses: Reader<HowMuch>,
}

impl FactReaders {
    /// Starts the readers on the current runtime. They end when the last clone is dropped.
    pub fn start(database: &Database) -> Self {
        Self { subscribers: Reader::start(database), uses: Reader::start(database) }
    }
}

#[async_trait]
impl Facts for FactReaders {
    async fn subscribers(&self, ids: &[OrganizationId]) -> Result<Vec<Option<Subscriber>>, Error> {
        self.subscribers.ask(ids.iter().copied().map(WhoIs).collect()).await
    }

    async fn quotas(
        &self,
        asked: &[QuotaQuestion],
        now: OffsetDateTime,
    ) -> Result<Vec<Quota>, Error> {
        let questions = asked.iter().map(|asked| HowMuch {
            organization: asked.organization_id,
            counters: CounterKey::all_of(&asked.meter.as_str().into(), &asked.rule, now),
            now,
        });
        let accounts = self.uses.ask(questions.collect()).await?;
        let decided = asked.iter().zip(accounts);
        Ok(decided.map(|(it, account)| account.quota(&it.meter, &it.rule, now)).collect())
    }
}

/// Who an organization is, and what it subscribes to.
struct WhoIs(OrganizationId);

impl Question for WhoIs {
    type Answer = Option<Subscriber>;

    async fn answer(
        connection: &AsyncPgConnection,
        questions: &[&Self],
        frame: Option<Frame>,
    ) -> Result<Vec<Option<Subscriber>>, Error> {
        let ids: BTreeSet<Uuid> = questions.iter().map(|question| question.0.0).collect();
        let ids: Vec<Uuid> = ids.into_iter().collect();
        let organizations = ids.as_slice();
        let ((), found, subscribed, ()) = try_join!(
            biased;
            open(connection, frame),
            async { Organizations { organizations }.load::<OrganizationRow>(&mut { connection }).await },
            async { CurrentSubscriptions { organizations }.load::<SubscriptionRow>(&mut { connection }).await },
            close(connection, frame),
        )
        .map_err(failed)?;
        let mut subscriptions: HashMap<OrganizationId, Vec<Subscription>> = HashMap::new();
        for row in subscribed {
            let one = Subscription::try_from(row)?;
            subscriptions.entry(one.organization_id).or_default().push(one);
        }
        let mut known = HashMap::with_capacity(ids.len());
        for row in found {
            let organization = Organization::try_from(row)?;
            let subscriptions = subscriptions.remove(&organization.id).unwrap_or_default();
            known.insert(organization.id, Subscriber { organization, subscriptions });
        }
        Ok(questions.iter().map(|question| known.get(&question.0).cloned()).collect())
    }
}

/// What stands in these counters of an organization, and what bonuses are left.
struct HowMuch {
    organization: OrganizationId,
    counters: Vec<CounterKey>,
    now: OffsetDateTime,
}

impl Question for HowMuch {
    type Answer = Arc<UsageAccount>;

    async fn answer(
        connection: &AsyncPgConnection,
        questions: &[&Self],
        frame: Option<Frame>,
    ) -> Result<Vec<Arc<UsageAccount>>, Error> {
        let named: BTreeSet<(Uuid, &CounterKey)> = questions
            .iter()
            .flat_map(|it| it.counters.iter().map(|key| (it.organization.0, key)))
            .collect();
        let asked = CountersAsked::of(named.iter().copied());
        let mut organizations: Vec<Uuid> = named.iter().map(|(owner, _)| *owner).collect();
        organizations.dedup();
        let counters = asked.statement(&organizations);
        let earliest = questions.iter().map(|question| question.now).min();
        let now = earliest.unwrap_or(OffsetDateTime::UNIX_EPOCH);
        let bonuses = Bonuses { organizations: &organizations, now };
        let ((), counters, bonuses, ()) = try_join!(
            biased;
            open(connection, frame),
            async { counters.load::<CounterRow>(&mut { connection }).await },
            async { bonuses.load::<BonusRow>(&mut { connection }).await },
            close(connection, frame),
        )
        .map_err(failed)?;
        let new = |id: &Uuid| (OrganizationId(*id), UsageAccount::new(OrganizationId(*id)));
        let mut accounts: HashMap<_, _> = organizations.iter().map(new).collect();
        for row in counters {
            let (organization, key, used) = counter(row)?;
            if let Some(account) = accounts.get_mut(&organization) {
                account.know_counter(key, used);
            }
        }
        for row in bonuses {
            let (organization, bonus) = bonus(row)?;
            if let Some(account) = accounts.get_mut(&organization) {
                account.know_bonus(bonus);
            }
        }
        let accounts: HashMap<_, _> =
            accounts.into_iter().map(|(id, account)| (id, Arc::new(account))).collect();
        let nothing = |id| Arc::new(UsageAccount::new(id));
        let answer = |it: &&Self| accounts.get(&it.organization).cloned();
        Ok(questions
            .iter()
            .map(|it| answer(it).unwrap_or_else(|| nothing(it.organization)))
            .collect())
    }
}
