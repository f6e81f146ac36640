//! Letters in words, and a mail server that takes them or does not; webhooks that go out, and only
//! to where they may.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod letters;
mod sending;
mod server;
mod smtp;
mod targets;

use std::{
    collections::VecDeque,
    io,
    net::IpAddr,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use billing_app::ports::OutgoingWebhook;
use billing_notify::webhooks::{HttpWebhooks, Lookup, TargetRules};
use time::macros::datetime;

/// Answers of a name server, each once, the last one for ever.
struct Scripted(Mutex<VecDeque<Vec<IpAddr>>>);

#[async_trait]
impl Lookup for Scripted {
    async fn lookup(&self, _: &str) -> io::Result<Vec<IpAddr>> {
        let mut answers = self.0.lock().unwrap();
        let next = answers.front().cloned().ok_or_else(|| io::Error::other("no such name"))?;
        if answers.len() > 1 {
            answers.pop_front();
        }
        Ok(next)
    }
}

/// A sender whose names have these addresses, one answer after the other.
fn sender(rules: TargetRules, answers: &[&[&str]]) -> HttpWebhooks {
    drop(rustls::crypto::ring::default_provider().install_default());
    let parsed = answers.iter().map(|all| all.iter().map(|it| it.parse().unwrap()).collect());
    HttpWebhooks::new(rules, Arc::new(Scripted(Mutex::new(parsed.collect())))).unwrap()
}

fn to(url: &str) -> OutgoingWebhook {
    OutgoingWebhook {
        url: url.to_owned(),
        id: "evt_1".to_owned(),
        at: datetime!(2026-03-14 12:00 UTC),
        secrets: vec![[1; 32], [2; 32]],
        body: br#"{"type":"trial.started"}"#.to_vec(),
    }
}
