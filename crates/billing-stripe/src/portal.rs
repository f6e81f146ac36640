//! Stripe's page for its customers.

use async_trait::async_trait;
use billing_app::ports::{GatewayError, PortalSessions};

use crate::{Stripe, failure::unknown, form::Form, retry::random, wire::Page};

#[async_trait]
impl PortalSessions for Stripe {
    async fn open(&self, customer: &str, return_url: &str) -> Result<String, GatewayError> {
        let form = Form::new().with("customer", customer).with("return_url", return_url);
        let key = fresh_key("portal")?;
        let page: Page = self.client.post("/v1/billing_portal/sessions", &form, &key).await?;
        Ok(page.url)
    }
}

/// A key that is made up: each visit needs an address of its own, which works for a few minutes
/// only, and each preview shows what is so now. Nothing is paid twice when there are two.
pub(crate) fn fresh_key(what: &str) -> Result<String, GatewayError> {
    let part = || random().map_err(unknown);
    Ok(format!("{what}_{:016x}{:016x}", part()?, part()?))
}
