//! A webhook comes in: believed, kept, acknowledged. The work comes later.

use std::collections::BTreeMap;

use billing_domain::{gateway::Gateway, id::WebhookId};

use crate::{
    Billing, Error,
    ports::{Delivery, NewWebhook},
};

/// What became of a delivery.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Received {
    /// It is kept, and will be processed.
    New,
    /// It was kept before.
    Duplicate,
}

impl Billing {
    /// Keeps a webhook that proves where it comes from. Nothing else leaves a trace.
    pub async fn receive_webhook(
        &self,
        gateway: Gateway,
        headers: &BTreeMap<String, String>,
        body: &[u8],
    ) -> Result<Received, Error> {
        let adapter = self.gateway(Some(gateway))?;
        let wall = self.ports.clock.wall();
        let verified = adapter.webhooks().verify(&Delivery { headers, body }, wall);
        verified.map_err(|forged| Error::invalid("signature", forged.to_string()))?;
        let notice = adapter.webhooks().read(body);
        let notice = notice.map_err(|unreadable| Error::invalid("body", unreadable.to_string()))?;
        let webhook = NewWebhook {
            id: WebhookId(self.ports.ids.next()),
            gateway,
            event_id: notice.event_id,
            kind: notice.kind,
            subject: notice.subject,
            body: body.to_vec(),
            received_at: wall,
        };
        let new = self.ports.inbox.receive(&webhook).await?;
        Ok(if new { Received::New } else { Received::Duplicate })
    }
}
