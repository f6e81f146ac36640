//! The book: runs, and what they found.

use anyhow::Context;
use billing_app::{
    Error,
    ports::{
        AskedBy, DifferenceFilter, DifferenceStatus, Extent, FoundDifference, Look, NewDifference,
        NewReconciliation, Page, Reconciliation, ReconciliationEnd, ReconciliationTally, Scope,
    },
};
use billing_domain::{
    id::{DifferenceId, OrganizationId, ReconciliationId},
    reconciliation::{Difference, DifferenceKind, Thing},
};
use diesel::sql_types::{
    Array, BigInt, Bool, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid,
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    Database,
    error::failed,
    outbox::EventColumns,
    statement::{statement, unless},
};

statement! {
    /// A run begins.
    Begin<'a> {
        id: Uuid, gateway: &'a str, extent: &'a str, asked_by: &'a str, dry_run: bool,
        since: OffsetDateTime, at: OffsetDateTime,
    } -> Integer;
    "INSERT INTO reconciliations \
     (reconciliation_id, gateway, extent, asked_by, dry_run, since, started_at) VALUES ("
    [id: SqlUuid] ", " [gateway: Text] ", " [extent: Text] ", " [asked_by: Text] ", "
    [dry_run: Bool] ", " [since: Timestamptz] ", " [at: Timestamptz] ")"
}

statement! {
    /// A run ends.
    End<'a> {
        id: Uuid, at: OffsetDateTime, compared: i64, found: i64, healed: i64, differing: i64,
        unanswered: i64, error: Option<&'a str>,
    } -> Integer;
    "UPDATE reconciliations SET ended_at = " [at: Timestamptz] ", compared = " [compared: BigInt]
    ", found = " [found: BigInt] ", healed = " [healed: BigInt] ", differing = "
    [differing: BigInt] ", unanswered = " [unanswered: BigInt] ", error = "
    [error: Nullable<Text>] " WHERE ended_at IS NULL AND reconciliation_id = " [id: SqlUuid]
}

statement! {
    /// Open differences of things that were looked at, held: all that are to be healed now.
    Opened<'a> {
        gateway: &'a str, things: &'a [&'a str], ids: &'a [&'a str], kinds: &'a [&'a str],
    } -> (SqlUuid, Text, Text, Text);
    "SELECT difference_id, thing, object_id, kind FROM reconciliation_differences \
     WHERE status = 'open' AND gateway = " [gateway: Text] " AND kind = ANY("
    [kinds: Array<Text>] ") AND (thing, object_id) IN (SELECT * FROM unnest("
    [things: Array<Text>] ", " [ids: Array<Text>] ")) ORDER BY difference_id FOR UPDATE"
}

statement! {
    /// Differences heal.
    Heal<'a> { ids: &'a [Uuid], at: OffsetDateTime } -> Integer;
    "UPDATE reconciliation_differences SET status = 'healed', healed_at = " [at: Timestamptz]
    " WHERE difference_id = ANY(" [ids: Array<SqlUuid>] ")"
}

statement! {
    /// Writes a difference down; one that is open already stays as it is.
    Note<'a> {
        id: Uuid, run: Uuid, gateway: &'a str, organization: Option<Uuid>, thing: &'a str,
        object: &'a str, kind: &'a str, ours: Option<&'a str>, theirs: Option<&'a str>,
        status: &'a str, why: Option<&'a str>, at: OffsetDateTime,
        healed_at: Option<OffsetDateTime>,
    } -> Integer;
    "INSERT INTO reconciliation_differences (difference_id, found_in, gateway, organization_id, \
     thing, object_id, kind, ours, theirs, status, why, found_at, healed_at) VALUES ("
    [id: SqlUuid] ", " [run: SqlUuid] ", " [gateway: Text] ", " [organization: Nullable<SqlUuid>]
    ", " [thing: Text] ", " [object: Text] ", " [kind: Text] ", " [ours: Nullable<Text>] ", "
    [theirs: Nullable<Text>] ", " [status: Text] ", " [why: Nullable<Text>] ", "
    [at: Timestamptz] ", " [healed_at: Nullable<Timestamptz>] ") ON CONFLICT DO NOTHING"
}

statement! {
    /// Runs, the newest first.
    Runs { one: Option<Uuid>, before: Uuid, limit: i64 } -> (
        (SqlUuid, Text, Text, Text, Bool, Timestamptz, Timestamptz),
        (Nullable<Timestamptz>, BigInt, BigInt, BigInt, BigInt, BigInt, Nullable<Text>)
    );
    "SELECT reconciliation_id, gateway, extent, asked_by, dry_run, since, started_at, ended_at, \
     compared, found, healed, differing, unanswered, error FROM reconciliations WHERE ("
    [one: Nullable<SqlUuid>] " IS NULL OR reconciliation_id = " [one: Nullable<SqlUuid>]
    ") AND reconciliation_id < " [before: SqlUuid] " ORDER BY reconciliation_id DESC LIMIT "
    [limit: BigInt]
}

statement! {
    /// Differences, the newest first.
    Differences { run: Option<Uuid>, status: Option<&'static str>, before: Uuid, limit: i64 } -> (
        (SqlUuid, SqlUuid, Text, Nullable<SqlUuid>, Text, Text, Text),
        (Nullable<Text>, Nullable<Text>, Text, Nullable<Text>, Timestamptz, Nullable<Timestamptz>)
    );
    "SELECT difference_id, found_in, gateway, organization_id, thing, object_id, kind, ours, \
     theirs, status, why, found_at, healed_at FROM reconciliation_differences WHERE ("
    [run: Nullable<SqlUuid>] " IS NULL OR found_in = " [run: Nullable<SqlUuid>] ") AND ("
    [status: Nullable<Text>] " IS NULL OR status = " [status: Nullable<Text>]
    ") AND difference_id < " [before: SqlUuid] " ORDER BY difference_id DESC LIMIT "
    [limit: BigInt]
}

statement! {
    /// How many are open, as far as it is worth counting.
    OpenCount {} -> BigInt;
    "SELECT count(*) FROM (SELECT FROM reconciliation_differences WHERE status = 'open' \
     LIMIT 10000) open"
}

pub(super) async fn begin(database: &Database, run: &NewReconciliation) -> Result<(), Error> {
    let NewReconciliation { id, gateway, extent, asked_by, dry_run, since, started_at } = run;
    let begin = Begin {
        id: id.0,
        gateway: gateway.name(),
        extent: extent.name(),
        asked_by: asked_by.name(),
        dry_run: *dry_run,
        since: *since,
        at: *started_at,
    };
    let mut session = database.session(Scope::Engine).await?;
    begin.execute(session.connection()).await.map_err(failed)?;
    session.commit().await
}

pub(super) async fn end(
    database: &Database,
    run: ReconciliationId,
    ended: &ReconciliationEnd,
) -> Result<(), Error> {
    let ReconciliationEnd { ended_at, tally, error } = ended;
    let ReconciliationTally { compared, found, healed, left, unanswered } = *tally;
    let count = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    let end = End {
        id: run.0,
        at: *ended_at,
        compared: count(compared),
        found: count(found),
        healed: count(healed),
        differing: count(left),
        unanswered: count(unanswered),
        error: error.as_deref(),
    };
    let mut session = database.session(Scope::Engine).await?;
    end.execute(session.connection()).await.map_err(failed)?;
    session.commit().await
}

/// What makes an open difference the same.
type Key<'a> = (&'a str, &'a str, &'a str);

fn key(it: &Difference) -> Key<'_> {
    (it.thing.name(), it.id.as_str(), it.kind.name())
}

pub(super) async fn record(database: &Database, look: &Look) -> Result<usize, Error> {
    let mut session = database.session(Scope::Engine).await?;
    if look.dry_run {
        for new in look.healed.iter().chain(&look.left) {
            note(session.connection(), look, (new, DifferenceStatus::Seen)).await?;
        }
        return session.commit().await.map(|()| 0);
    }
    let things: Vec<&str> = look.at.iter().map(|(thing, _)| thing.name()).collect();
    let ids: Vec<&str> = look.at.iter().map(|(_, id)| id.as_str()).collect();
    let kinds: Vec<&str> = look.sees.iter().map(|kind| kind.name()).collect();
    let opened = Opened { gateway: look.gateway.name(), things: &things, ids: &ids, kinds: &kinds };
    let opened: Vec<(Uuid, String, String, String)> =
        opened.load(session.connection()).await.map_err(failed)?;
    let was_open = |wanted: Key<'_>| {
        opened.iter().any(|(_, thing, id, kind)| (thing.as_str(), &**id, &**kind) == wanted)
    };
    let is_left = |wanted: Key<'_>| look.left.iter().any(|new| key(&new.difference) == wanted);
    let over = opened.iter().filter(|(_, thing, id, kind)| !is_left((thing, id, kind)));
    let over: Vec<Uuid> = over.map(|(id, ..)| *id).collect();
    let heal = Heal { ids: &over, at: look.looked_at };
    unless(over.is_empty(), session.connection(), heal).await.map_err(failed)?;
    for new in look.healed.iter().filter(|new| !was_open(key(&new.difference))) {
        note(session.connection(), look, (new, DifferenceStatus::Healed)).await?;
    }
    let (mut count, mut alerts) = (0, EventColumns::default());
    for new in look.left.iter().filter(|new| !was_open(key(&new.difference))) {
        // Another run may have opened it meanwhile.
        if note(session.connection(), look, (new, DifferenceStatus::Open)).await? {
            alerts.add(new.alert.as_slice())?;
            count += 1;
        }
    }
    let told = unless(alerts.is_empty(), session.connection(), alerts.statement()).await;
    told.map_err(failed)?;
    session.commit().await?;
    Ok(count)
}

/// Whether it was new.
async fn note(
    connection: &mut AsyncPgConnection,
    look: &Look,
    (new, status): (&NewDifference, DifferenceStatus),
) -> Result<bool, Error> {
    let NewDifference { id, organization_id, difference, why, alert: _ } = new;
    let healed = status == DifferenceStatus::Healed;
    let note = Note {
        id: id.0,
        run: look.run.0,
        gateway: look.gateway.name(),
        organization: organization_id.map(|id| id.0),
        thing: difference.thing.name(),
        object: &difference.id,
        kind: difference.kind.name(),
        ours: difference.ours.as_deref(),
        theirs: difference.theirs.as_deref(),
        status: status.name(),
        why: why.as_deref().filter(|_| !healed),
        at: look.looked_at,
        healed_at: healed.then_some(look.looked_at),
    };
    Ok(note.execute(connection).await.map_err(failed)? > 0)
}

type Began = (Uuid, String, String, String, bool, OffsetDateTime, OffsetDateTime);
type Went = (Option<OffsetDateTime>, i64, i64, i64, i64, i64, Option<String>);

pub(super) async fn runs(
    database: &Database,
    page: Page<ReconciliationId>,
) -> Result<Vec<Reconciliation>, Error> {
    let before = page.after.map_or(Uuid::max(), |id| id.0);
    read_runs(database, Runs { one: None, before, limit: page.limit }).await
}

pub(super) async fn run(
    database: &Database,
    id: ReconciliationId,
) -> Result<Option<Reconciliation>, Error> {
    let query = Runs { one: Some(id.0), before: Uuid::max(), limit: 1 };
    Ok(read_runs(database, query).await?.pop())
}

async fn read_runs(database: &Database, query: Runs) -> Result<Vec<Reconciliation>, Error> {
    let rows: Vec<(Began, Went)> = database.rows(Scope::Operator, query).await?;
    let read: anyhow::Result<_> = rows.into_iter().map(reconciliation).collect();
    Ok(read?)
}

fn reconciliation((began, went): (Began, Went)) -> anyhow::Result<Reconciliation> {
    let (id, gateway, extent, asked_by, dry_run, since, started_at) = began;
    let (ended_at, compared, found, healed, left, unanswered, error) = went;
    let extent = Extent::ALL.into_iter().find(|it| it.name() == extent);
    let asked_by = AskedBy::ALL.into_iter().find(|it| it.name() == asked_by);
    let began = NewReconciliation {
        id: ReconciliationId(id),
        gateway: gateway.parse()?,
        extent: extent.context("its extent is unknown")?,
        asked_by: asked_by.context("nobody knows who asked")?,
        dry_run,
        since,
        started_at,
    };
    let tally = ReconciliationTally {
        compared: u64::try_from(compared)?,
        found: u64::try_from(found)?,
        healed: u64::try_from(healed)?,
        left: u64::try_from(left)?,
        unanswered: u64::try_from(unanswered)?,
    };
    let ended = ended_at.map(|ended_at| ReconciliationEnd { ended_at, tally, error });
    Ok(Reconciliation { began, ended })
}

type What = (Uuid, Uuid, String, Option<Uuid>, String, String, String);
type Stands = (
    Option<String>,
    Option<String>,
    String,
    Option<String>,
    OffsetDateTime,
    Option<OffsetDateTime>,
);

pub(super) async fn differences(
    database: &Database,
    filter: DifferenceFilter,
    page: Page<DifferenceId>,
) -> Result<Vec<FoundDifference>, Error> {
    let query = Differences {
        run: filter.found_in.map(|id| id.0),
        status: filter.status.map(DifferenceStatus::name),
        before: page.after.map_or(Uuid::max(), |id| id.0),
        limit: page.limit,
    };
    let rows: Vec<(What, Stands)> = database.rows(Scope::Operator, query).await?;
    let read: anyhow::Result<_> = rows.into_iter().map(difference).collect();
    Ok(read?)
}

fn difference((what, stands): (What, Stands)) -> anyhow::Result<FoundDifference> {
    let (id, found_in, gateway, organization, thing, object, kind) = what;
    let (ours, theirs, status, why, found_at, healed_at) = stands;
    let (thing, kind): (Thing, DifferenceKind) = (thing.parse()?, kind.parse()?);
    Ok(FoundDifference {
        id: DifferenceId(id),
        found_in: ReconciliationId(found_in),
        gateway: gateway.parse()?,
        organization_id: organization.map(OrganizationId),
        difference: Difference { thing, id: object, kind, ours, theirs },
        status: status.parse()?,
        why,
        found_at,
        healed_at,
    })
}

pub(super) async fn open_count(database: &Database) -> Result<i64, Error> {
    Ok(database.row(Scope::Operator, OpenCount {}).await?.unwrap_or_default())
}
