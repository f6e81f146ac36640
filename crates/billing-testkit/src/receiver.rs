//! Receivers of outgoing webhooks, in memory.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use billing_app::ports::{NotSent, OutgoingWebhook, WebhookAnswer, WebhookSender};

/// Receivers that accept everything, until they are told otherwise. Addresses in `.internal` are
/// forbidden.
#[derive(Default)]
pub struct FakeReceivers {
    got: Mutex<Vec<OutgoingWebhook>>,
    answers: Mutex<BTreeMap<String, Result<WebhookAnswer, NotSent>>>,
}

impl FakeReceivers {
    /// All that was sent, in order.
    pub fn got(&self) -> Vec<OutgoingWebhook> {
        self.got.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// From now on the receiver at an address answers with this status.
    pub fn answer(&self, url: &str, status: u16, retry_after: Option<Duration>) {
        let text = format!("answered with {status}");
        self.behave(url, Ok(WebhookAnswer { status, retry_after, text }));
    }

    /// From now on nobody answers there.
    pub fn go_down(&self, url: &str) {
        self.behave(url, Err(NotSent::Failed("nobody answers".to_owned())));
    }

    fn behave(&self, url: &str, answer: Result<WebhookAnswer, NotSent>) {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        answers.insert(url.to_owned(), answer);
    }
}

#[async_trait]
impl WebhookSender for FakeReceivers {
    async fn check(&self, url: &str) -> Result<(), NotSent> {
        if url.starts_with("https://") && !url.contains(".internal") {
            return Ok(());
        }
        Err(NotSent::Forbidden("is not an address to which webhooks are sent".to_owned()))
    }

    async fn send(&self, webhook: &OutgoingWebhook) -> Result<WebhookAnswer, NotSent> {
        self.check(&webhook.url).await?;
        self.got.lock().unwrap_or_else(PoisonError::into_inner).push(webhook.clone());
        let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let well = WebhookAnswer { status: 200, retry_after: None, text: "ok".to_owned() };
        answers.get(&webhook.url).cloned().unwrap_or(Ok(well))
    }
}
