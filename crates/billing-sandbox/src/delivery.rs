//! Posts events to the webhook target until it takes them.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use reqwest::{Client, redirect};
use rustls::{ClientConfig, RootCertStore, crypto::ring};
use time::OffsetDateTime;
use tokio::sync::watch;

use crate::{
    faults::Fault,
    outbox::{Attempt, State},
    sandbox::Sandbox,
};

const TIMEOUT: Duration = Duration::from_secs(10);
const WAIT_MAX: Duration = Duration::from_secs(60);
const GIVE_UP_AFTER: time::Duration = time::Duration::days(3);

/// Gives the header that proves where a body comes from: its secret, when, and the body.
pub(crate) type Sign = fn(&str, OffsetDateTime, &[u8]) -> (&'static str, String);

/// When to try what again.
#[derive(Default)]
struct Schedule {
    /// By event. It holds for one count of tries only: an event that is sent again by hand starts
    /// from nothing and is due at once, as is every event after a restart.
    retries: HashMap<String, (u32, Instant)>,
    /// How often in a row nobody was there.
    absences: u32,
    /// Events that a fault has befallen or spared: it does so once.
    met_fate: HashSet<String>,
    /// Until when the target is taken to be down. That is no event's fault, so none is tried.
    down_until: Option<Instant>,
}

/// The client for deliveries: it goes straight to the target, and nowhere else from there.
///
/// The target is plain http. Without this empty configuration the client would ask for a TLS
/// provider of the whole process, and panic where there is none.
pub(crate) fn client() -> anyhow::Result<Client> {
    let no_tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    Client::builder()
        .tls_backend_preconfigured(no_tls)
        .timeout(TIMEOUT)
        .no_proxy()
        .redirect(redirect::Policy::none())
        .user_agent("billing-sandbox")
        .build()
        .context("making the client for webhooks")
}

/// Delivers in order of creation, one at a time; an event that is refused waits for its next turn
/// and lets the others pass. While nobody is there, all wait, and any new event is a reason to
/// look again.
pub(crate) async fn run(
    sandbox: Arc<Sandbox>,
    client: Client,
    sign: Sign,
    mut stopped: watch::Receiver<bool>,
) {
    let mut schedule = Schedule::default();
    loop {
        match schedule.next(&sandbox, Instant::now()) {
            Next::Try(event) => {
                let struck = schedule.strike(&sandbox, &event);
                let secret = match struck {
                    Some(Fault::Drop) => {
                        lose(&sandbox, &mut schedule, event).await;
                        continue;
                    }
                    Some(Fault::Delay | Fault::Reorder) => continue,
                    Some(Fault::Missign) => "whsec_of_somebody_else",
                    Some(
                        Fault::Error
                        | Fault::RateLimit
                        | Fault::Outage
                        | Fault::Timeout
                        | Fault::SlowDrip
                        | Fault::Duplicate,
                    )
                    | None => sandbox.config.webhook.secret.as_str(),
                };
                let tried = async {
                    if struck == Some(Fault::Duplicate) {
                        attempt(&sandbox, &client, (sign, secret), &event).await;
                    }
                    attempt(&sandbox, &client, (sign, secret), &event).await
                };
                let attempt = tokio::select! {
                    _ = stopped.wait_for(|stopped| *stopped) => return,
                    attempt = tried => attempt,
                };
                settle(&sandbox, &mut schedule, event, attempt).await;
            }
            Next::Wait(wait) => tokio::select! {
                _ = stopped.wait_for(|stopped| *stopped) => return,
                () = sandbox.posted.notified() => schedule.down_until = None,
                () = tokio::time::sleep(wait) => {}
            },
        }
    }
}

enum Next {
    Try(String),
    Wait(Duration),
}

impl Schedule {
    /// The first event whose turn it is, else how long until one is.
    fn next(&self, sandbox: &Sandbox, now: Instant) -> Next {
        if let Some(until) = self.down_until.filter(|until| *until > now) {
            return Next::Wait(until.duration_since(now));
        }
        let mut wait = WAIT_MAX;
        for parcel in sandbox.store().waiting() {
            match self.retries.get(&parcel.event) {
                Some((tries, at)) if *tries == parcel.tries && *at > now => {
                    wait = wait.min(at.duration_since(now));
                }
                Some(_) | None => return Next::Try(parcel.event.clone()),
            }
        }
        Next::Wait(wait)
    }

    /// What goes wrong on purpose with an event that was never tried. One that is to wait waits.
    fn strike(&mut self, sandbox: &Sandbox, event: &str) -> Option<Fault> {
        let tries = sandbox.store().parcel(event).map_or(0, |parcel| parcel.tries);
        if tries > 0 || !self.met_fate.insert(event.to_owned()) {
            return None;
        }
        let (fault, length) = sandbox.faults().of_webhook()?;
        if matches!(fault, Fault::Delay | Fault::Reorder) {
            self.retries.insert(event.to_owned(), (tries, Instant::now() + length));
        }
        Some(fault)
    }

    /// Plans the next try of an event that was not taken.
    fn postpone(&mut self, event: &str, tries: u32, nobody_there: bool) {
        if nobody_there {
            self.absences = self.absences.saturating_add(1);
            self.down_until = Some(Instant::now() + wait_after(self.absences));
        } else {
            self.absences = 0;
            self.retries.insert(event.to_owned(), (tries, Instant::now() + wait_after(tries)));
        }
    }

    /// Forgets an event that is done with.
    fn forget(&mut self, event: &str) {
        self.absences = 0;
        self.retries.remove(event);
        self.met_fate.remove(event);
    }
}

/// Tries once; the second half says whether nobody was there to answer.
async fn attempt(
    sandbox: &Sandbox,
    client: &Client,
    (sign, secret): (Sign, &str),
    event: &str,
) -> (Attempt, bool) {
    let body = sandbox.store().parcel(event).map(|parcel| parcel.body.clone()).unwrap_or_default();
    let target = &sandbox.config.webhook;
    let (wall, began) = (sandbox.wall(), Instant::now());
    let (name, signature) = sign(secret, wall, body.as_bytes());
    let answer = client
        .post(&target.url)
        .header("content-type", "application/json; charset=utf-8")
        .header(name, signature)
        .body(body)
        .send()
        .await;
    let (status, error, nobody_there) = match answer {
        Ok(answer) => (Some(answer.status().as_u16()), None, false),
        Err(error) => (None, Some(reason(&error)), error.is_connect()),
    };
    let took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    (Attempt { at: wall.unix_timestamp(), status, error, took_ms }, nobody_there)
}

/// Writes down what came of it and when to try again.
async fn settle(
    sandbox: &Arc<Sandbox>,
    schedule: &mut Schedule,
    event: String,
    (attempt, nobody_there): (Attempt, bool),
) {
    let (tries, first_at) = match sandbox.store().parcel(&event) {
        Some(parcel) => (parcel.tries.saturating_add(1), parcel.first_at.unwrap_or(attempt.at)),
        None => return,
    };
    let too_old = attempt.at.saturating_sub(first_at) > GIVE_UP_AFTER.whole_seconds();
    let state = match (attempt.succeeded(), too_old) {
        (true, _) => State::Delivered,
        (false, true) => State::GivenUp,
        (false, false) => State::Waiting,
    };
    if state == State::Waiting {
        tracing::debug!(event, tries, status = attempt.status, "a webhook was not taken");
        schedule.postpone(&event, tries, nobody_there);
    } else {
        schedule.forget(&event);
    }
    write_down(sandbox, event, attempt, state).await;
}

/// An event is never sent, on purpose.
async fn lose(sandbox: &Arc<Sandbox>, schedule: &mut Schedule, event: String) {
    schedule.forget(&event);
    let (at, error) = (sandbox.wall().unix_timestamp(), Some("dropped on purpose".to_owned()));
    let attempt = Attempt { at, status: None, error, took_ms: 0 };
    write_down(sandbox, event, attempt, State::GivenUp).await;
}

async fn write_down(sandbox: &Arc<Sandbox>, event: String, attempt: Attempt, state: State) {
    let sandbox = Arc::clone(sandbox);
    // The result goes to the disk, which must not hold up the runtime.
    let written = tokio::task::spawn_blocking(move || sandbox.tried(&event, attempt, state)).await;
    if let Err(error) = written {
        tracing::error!(%error, "a delivery result was lost");
    }
}

/// One second, two, four, up to a minute.
fn wait_after(tries: u32) -> Duration {
    let doublings = tries.saturating_sub(1).min(6);
    Duration::from_secs(1 << doublings).min(WAIT_MAX)
}

/// The innermost cause: what a person needs to read.
fn reason(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_minute() {
        let waits: Vec<u64> = (1..=8).map(|tries| wait_after(tries).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60]);
    }
}
