//! Use over months, and an installation that archives it.

use std::sync::Arc;

use billing_app::{
    Billing, Ports, Settings,
    ports::{ArchiveFolder, Scope, Store, UsageLedger},
};
use billing_domain::{
    catalogue::{Aggregation, Meter, Rolling, Window},
    id::OrganizationId,
    period::{Anchor, Interval},
    usage::{Effect, UsageCommand, UsageOperation, UsageRule, Use},
};
use billing_postgres::{Database, UsageWriters};
use billing_testkit::{
    Counting, MemoryStore, NOON, Stopped,
    builders::{a_usage_rule, a_use, an_organization},
};
use diesel::{QueryableByName, sql_query, sql_types::BigInt};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use time::{Duration, OffsetDateTime};

use crate::{ports::ports, scratch::Scratch, seeds::Dice};

const WINDOWS: [Window; 5] = [
    Window::BillingPeriod,
    Window::CalendarMonth,
    Window::Lifetime,
    Window::Rolling(Rolling::Hours(36)),
    Window::Rolling(Rolling::Days(60)),
];

/// Use over five months, and an installation that archives it.
pub(super) struct Installation {
    pub(super) database: Database,
    pub(super) folder: MemoryStore,
    pub(super) organizations: Vec<OrganizationId>,
    clock: Arc<Stopped>,
    scratch: Scratch,
}

impl Installation {
    pub(super) async fn with_use(seed: u64) -> Self {
        let scratch = Scratch::new().await;
        let database = scratch.database();
        let clock = Arc::new(Stopped::default());
        let folder = MemoryStore::new();
        let mut organizations = Vec::new();
        for _ in 0..3 {
            organizations.push(registered(&database).await);
        }
        let writers = UsageWriters::start(&database);
        let mut dice = Dice(seed);
        for round in 0..24 {
            let now = NOON + Duration::days(round * 5);
            database.ensure_partitions(now).await.unwrap();
            for organization in &organizations {
                let uses = (0..12).map(|n| any_use(&mut dice, &format!("{round} {n}"), now));
                let batch = vec![(*organization, uses.collect())];
                writers.apply_all(batch, now).await.pop().unwrap().unwrap();
            }
        }
        // February to May are over for ninety days.
        clock.advance(Duration::days(175));
        Self { scratch, database, folder, clock, organizations }
    }

    /// One process of it, with a folder.
    pub(super) fn billing(&self, archive_folder: Option<Arc<dyn ArchiveFolder>>) -> Billing {
        let ids = Arc::new(Counting::new());
        let ports = Ports { archive_folder, ..ports(&self.database, self.clock.clone(), ids) };
        Billing::new(ports, Settings::default())
    }

    pub(super) fn archiving(&self) -> Billing {
        self.billing(Some(Arc::new(self.folder.clone())))
    }

    pub(super) async fn admin(&self) -> AsyncPgConnection {
        AsyncPgConnection::establish(&self.scratch.admin_url).await.unwrap()
    }

    pub(super) async fn number(&self, sql: &str) -> i64 {
        let found: Number = sql_query(sql).get_result(&mut self.admin().await).await.unwrap();
        found.number
    }

    /// Counting anew finds nothing to correct, of so many events; all that must hold does.
    pub(super) async fn is_as_it_was(&self, billing: &Billing, events: u64) {
        for organization in &self.organizations {
            let rebuilt = billing.rebuild_usage(*organization).await.unwrap();
            assert!(rebuilt.is_as_before(), "{rebuilt:?}");
            assert_eq!(rebuilt.events, events);
        }
        assert_eq!(self.database.violations().await.unwrap(), []);
    }
}

#[derive(QueryableByName)]
pub(super) struct Number {
    #[diesel(sql_type = BigInt)]
    pub(super) number: i64,
}

async fn registered(database: &Database) -> OrganizationId {
    let organization = an_organization();
    let mut work = database.begin(Scope::Operator).await.unwrap();
    for (key, aggregation) in [
        ("calls", Aggregation::Count),
        ("storage", Aggregation::Sum),
        ("people", Aggregation::Unique("user".to_owned())),
        ("peak", Aggregation::Max),
        ("disk", Aggregation::Latest),
    ] {
        let (key, name) = (key.to_owned(), key.to_owned());
        work.catalogue().add_meter(&Meter { key, name, aggregation }).await.unwrap();
    }
    work.organizations().insert(&organization, &[]).await.unwrap();
    work.commit().await.unwrap();
    organization.id
}

/// Use of any meter in any window, up to 35 days late.
fn any_use(dice: &mut Dice, key: &str, now: OffsetDateTime) -> UsageCommand {
    let mut roll = |sides: usize| u64::try_from(dice.below(sides)).unwrap();
    let at = now - Duration::minutes(i64::try_from(roll(35 * 24 * 60)).unwrap());
    let user = ["\"ann\"", "1", "\"1\"", "true", "1.5"][usize::try_from(roll(5)).unwrap()];
    let quantity = roll(9) + 1;
    let (meter, effect, quantity, windows) = match roll(6) {
        0 => ("calls", Effect::Add, 1, 5),
        1 | 2 => ("storage", Effect::Add, quantity, 5),
        3 => ("storage", Effect::Remove, quantity + 4, 5),
        4 => ("people", Effect::See(user.to_owned()), 1, 3),
        _ if roll(2) == 0 => ("peak", Effect::Raise, quantity, 3),
        _ => ("disk", Effect::Set, quantity, 3),
    };
    let window = WINDOWS[usize::try_from(roll(windows)).unwrap()];
    let billed = Some((Anchor(NOON).period(Interval::Month, 0), Interval::Month));
    let rule = UsageRule { window, period: window.around(at, billed), ..a_usage_rule(10) };
    let properties = Some(format!("{{\"user\":{user},\"large\":123456789012345678901234567890}}"));
    let operation = UsageOperation::Track;
    let (meter, key) = (meter.into(), a_use(key, 10));
    Use { meter, effect, quantity, at, rule, properties, operation, ..key }.into()
}
