//! What happened goes out: events become deliveries, and deliveries are sent, side by side.

use std::{sync::Arc, time::Duration};

use billing_app::{
    Billing, Error,
    ports::{ClaimedDelivery, EndedDelivery},
};
use tokio::{
    sync::{Notify, watch},
    task::{JoinError, JoinSet},
    time::sleep,
};

/// How often is looked for new events: a message is on its way within a second of its commit.
const LOOK: Duration = Duration::from_millis(500);
/// How often is looked for deliveries that are due by themselves.
const LOOK_FOR_DUE: Duration = Duration::from_secs(1);
/// How long to wait after a failure of the database.
const BREATH: Duration = Duration::from_secs(2);
/// How many messages are on their way at once, and to endpoints that only fail at the moment: these
/// may take long, and hold up no other.
const ON_THEIR_WAY: usize = 128;
const TO_FAILING: usize = 48;

type Stopped = watch::Receiver<bool>;
type Sent = (ClaimedDelivery, EndedDelivery);
type Sending = JoinSet<Sent>;
type Joined = Result<Sent, JoinError>;

/// Turns events into deliveries, and tells when there are some.
pub(crate) async fn hand_on_events(billing: Arc<Billing>, wake: Arc<Notify>, mut stopped: Stopped) {
    while !*stopped.borrow() {
        match one_round(&billing).await {
            Ok(0) => wait(LOOK, &mut stopped).await,
            Ok(_) => wake.notify_one(),
            Err(error) => {
                tracing::warn!(error = error.in_full(), "cannot hand events on now");
                wait(BREATH, &mut stopped).await;
            }
        }
    }
}

/// Nothing is begun while the clock of a sandbox is moved.
async fn one_round(billing: &Billing) -> Result<usize, Error> {
    let _pass = billing.enter().await?;
    billing.hand_on_events().await
}

/// Claims as many as there is room for, lets each go its way, and records those that ended, all that
/// have by then at once. What is under way ends, also when the server stops.
pub(crate) async fn deliver(billing: Arc<Billing>, wake: Arc<Notify>, mut stopped: Stopped) {
    let mut sending = Sending::new();
    let failing = Failing::default();
    while !*stopped.borrow() {
        if let Err(error) = begin(&billing, &mut sending, &failing).await {
            tracing::warn!(error = error.in_full(), "cannot claim deliveries now");
            wait(BREATH, &mut stopped).await;
        }
        let full = sending.len() >= ON_THEIR_WAY;
        tokio::select! {
            Some(first) = sending.join_next() => record(&billing, first, &mut sending).await,
            () = wake.notified(), if !full => {}
            () = sleep(LOOK_FOR_DUE), if !full => {}
            _ = stopped.changed() => {}
        }
    }
    while let Some(first) = sending.join_next().await {
        record(&billing, first, &mut sending).await;
    }
}

/// Who is on the way to an endpoint that only fails holds a clone.
type Failing = Arc<()>;

async fn begin(
    billing: &Arc<Billing>,
    sending: &mut Sending,
    failing: &Failing,
) -> Result<(), Error> {
    let room = |most: usize, now: usize| i64::try_from(most.saturating_sub(now)).unwrap_or(0);
    let all = room(ON_THEIR_WAY, sending.len());
    if all == 0 {
        return Ok(());
    }
    let to_failing = room(TO_FAILING, Arc::strong_count(failing) - 1);
    for claimed in billing.claim_deliveries(all, to_failing).await? {
        let place = claimed.endpoint.failing_since.map(|_| failing.clone());
        let billing = billing.clone();
        sending.spawn(async move {
            let ended = billing.send_delivery(&claimed).await;
            drop(place);
            (claimed, ended)
        });
    }
    Ok(())
}

/// Records one that ended, with all that have ended too. What cannot be recorded is sent again when
/// its claim has lapsed.
async fn record(billing: &Billing, first: Joined, sending: &mut Sending) {
    let mut ended = Vec::new();
    let mut next = Some(first);
    while let Some(joined) = next {
        match joined {
            Ok(sent) => ended.push(sent),
            Err(died) => tracing::error!(error = %died, "a sender of webhooks has died"),
        }
        next = sending.try_join_next();
    }
    if let Err(error) = billing.record_deliveries(&ended).await {
        tracing::warn!(error = error.in_full(), "cannot record what became of deliveries");
    }
}

async fn wait(time: Duration, stopped: &mut Stopped) {
    tokio::select! {
        () = sleep(time) => {}
        _ = stopped.changed() => {}
    }
}
