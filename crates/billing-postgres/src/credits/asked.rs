//! What commands name, so that it is known before they are decided.

use billing_domain::credits::{CreditCommand, IdempotencyKey};
use diesel::QueryResult;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use time::{Duration, OffsetDateTime};
use tokio::try_join;
use uuid::Uuid;

use super::{
    Accounts,
    reads::{DecidedKeys, Draws, GrantsOfDraws, GrantsOfSources, Holds, OpenGrants},
    rows::{DrawRow, GrantRow, HoldRow, KeyRow, named_draw},
};
use crate::{door::Order, partitions::known_keys, statement::unless};

/// How long a key stands for what was decided under it.
const KEYS_KEPT: Duration = Duration::days(30);

/// What commands name.
#[derive(Default)]
pub(super) struct Asked<'a> {
    pub(super) organizations: Vec<Uuid>,
    key_owners: Vec<Uuid>,
    keys: Vec<&'a str>,
    decided: Option<[OffsetDateTime; 2]>,
    source_owners: Vec<Uuid>,
    source_kinds: Vec<&'a str>,
    source_ids: Vec<&'a str>,
    draw_owners: Vec<Uuid>,
    draw_seqs: Vec<Option<i64>>,
    draw_decisions: Vec<Option<Uuid>>,
    hold_owners: Vec<Uuid>,
    holds: Vec<Uuid>,
    now: Option<OffsetDateTime>,
}

/// What is known of it.
#[derive(Default)]
pub(super) struct Rows {
    pub(super) grants: Vec<GrantRow>,
    pub(super) draws: Vec<DrawRow>,
    pub(super) keys: Vec<KeyRow>,
}

impl<'a> Asked<'a> {
    pub(super) fn of(orders: &'a [Order<'_, CreditCommand>]) -> Self {
        let mut organizations: Vec<Uuid> = orders.iter().map(|it| it.organization.0).collect();
        organizations.sort_unstable();
        organizations.dedup();
        let mut asked = Self { organizations, ..Self::default() };
        asked.now = orders.iter().map(|order| order.now).max();
        asked.decided = Some(known_keys(KEYS_KEPT, orders.iter().map(|order| order.now)));
        for order in orders {
            asked.add(order);
        }
        asked
    }

    fn add(&mut self, order: &'a Order<'_, CreditCommand>) {
        let owner = order.organization.0;
        match order.command {
            CreditCommand::Consume(it) => self.key(&it.key, it.decision.0, order),
            CreditCommand::Hold(it) => self.key(&it.key, it.id.0, order),
            CreditCommand::Send(it) => self.key(&it.key, it.decision.0, order),
            CreditCommand::Settle(it) => self.hold(owner, it.hold.0),
            CreditCommand::Release(hold) => self.hold(owner, hold.0),
            CreditCommand::Grant(it) => self.source(owner, &it.source.kind, &it.source.id),
            CreditCommand::Revoke(it) => self.source(owner, &it.source.kind, &it.source.id),
            CreditCommand::Refund(it) => {
                self.key(&it.key, it.decision.0, order);
                let (seq, decision) = named_draw(it.draw);
                self.draw_owners.push(owner);
                self.draw_seqs.push(seq);
                self.draw_decisions.push(decision);
            }
            CreditCommand::Configure(_) | CreditCommand::BookDue => {}
        }
    }

    /// A key that was made for this very command cannot be known before it was sent.
    fn key(&mut self, key: &'a IdempotencyKey, decision: Uuid, order: &Order<'_, CreditCommand>) {
        let mut text = Uuid::encode_buffer();
        if order.again || key.as_str() != decision.hyphenated().encode_lower(&mut text) {
            self.key_owners.push(order.organization.0);
            self.keys.push(key.as_str());
        }
    }

    fn hold(&mut self, owner: Uuid, hold: Uuid) {
        self.hold_owners.push(owner);
        self.holds.push(hold);
    }

    fn source(&mut self, owner: Uuid, kind: &'a str, id: &'a str) {
        self.source_owners.push(owner);
        self.source_kinds.push(kind);
        self.source_ids.push(id);
    }

    /// Reads it in one flight.
    pub(super) async fn read(&self, connection: &AsyncPgConnection) -> QueryResult<Rows> {
        let (owners, seqs) = (self.draw_owners.as_slice(), self.draw_seqs.as_slice());
        let decisions = self.draw_decisions.as_slice();
        let no_draws = owners.is_empty();
        let (mut grants, of_sources, of_draws, draws, keys) = try_join!(
            biased;
            async {
                let open = OpenGrants { organizations: &self.organizations };
                open.load(&mut { connection }).await
            },
            some(self.source_ids.is_empty(), async {
                self.sources().load(&mut { connection }).await
            }),
            some(no_draws, async {
                GrantsOfDraws { owners, seqs, decisions }.load(&mut { connection }).await
            }),
            some(no_draws, async {
                Draws { owners, seqs, decisions }.load(&mut { connection }).await
            }),
            some(self.keys.is_empty(), async { self.keys().load(&mut { connection }).await }),
        )?;
        grants.extend(of_sources);
        grants.extend(of_draws);
        Ok(Rows { grants, draws, keys })
    }

    /// Reads holds, where some are named or accounts hold something: most hold nothing, and then
    /// nobody waits for this.
    pub(super) async fn read_holds(
        &self,
        connection: &AsyncPgConnection,
        accounts: &Accounts,
    ) -> QueryResult<Vec<HoldRow>> {
        let now = self.now.unwrap_or(OffsetDateTime::UNIX_EPOCH);
        let (holding, instants): (Vec<_>, Vec<_>) = accounts
            .values()
            .filter(|account| account.held > 0)
            .map(|account| (account.organization_id.0, account.last_at.max(now)))
            .unzip();
        some(self.holds.is_empty() && holding.is_empty(), async {
            self.holds(&holding, &instants).load(&mut { connection }).await
        })
        .await
    }

    fn sources(&self) -> GrantsOfSources<'_> {
        let Self { source_owners, source_kinds, source_ids, .. } = self;
        GrantsOfSources { owners: source_owners, kinds: source_kinds, ids: source_ids }
    }

    fn holds<'b>(&'b self, holding: &'b [Uuid], instants: &'b [OffsetDateTime]) -> Holds<'b> {
        Holds { owners: &self.hold_owners, named: &self.holds, holding, instants }
    }

    fn keys(&self) -> DecidedKeys<'_> {
        let never = [OffsetDateTime::UNIX_EPOCH; 2];
        let [since, until] = self.decided.unwrap_or(never);
        DecidedKeys { owners: &self.key_owners, keys: &self.keys, since, until }
    }

    /// Prepares every statement.
    pub(super) async fn prepare(connection: &AsyncPgConnection) -> QueryResult<()> {
        let none = Self::default();
        let (owners, seqs, decisions) = (&[][..], &[][..], &[][..]);
        unless(false, connection, none.sources()).await?;
        unless(false, connection, GrantsOfDraws { owners, seqs, decisions }).await?;
        unless(false, connection, Draws { owners, seqs, decisions }).await?;
        unless(false, connection, none.keys()).await?;
        unless(false, connection, none.holds(&[], &[])).await?;
        none.read(connection).await.map(drop)
    }
}

/// The rows of a query, unless there is nothing to ask for.
async fn some<R>(
    nothing: bool,
    rows: impl Future<Output = QueryResult<Vec<R>>>,
) -> QueryResult<Vec<R>> {
    if nothing { Ok(Vec::new()) } else { rows.await }
}
