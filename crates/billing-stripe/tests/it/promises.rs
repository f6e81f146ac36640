//! The promises of a gateway, kept by the adapter in front of the sandbox.

use std::sync::Arc;

use async_trait::async_trait;
use billing_testkit::{GatewaySubject, Payer};

use crate::shop::Shop;

billing_testkit::gateway_conformance!(async { a_subject().await });

async fn a_subject() -> GatewaySubject {
    let shop = Arc::new(Shop::open().await);
    GatewaySubject { gateway: shop.stripe.clone(), payer: shop.clone(), guard: Box::new(shop) }
}

#[async_trait]
impl Payer for Shop {
    async fn pay(&self, session: &str) {
        let path = format!("/sandbox/checkout/{session}/complete");
        self.tell(&path, "application/json", r#"{"outcome":"success"}"#.to_owned()).await;
    }

    async fn refuse(&self, customer: &str) {
        let path = format!("/sandbox/customers/{customer}");
        let body = r#"{"payments":"insufficient_funds"}"#.to_owned();
        self.tell(&path, "application/json", body).await;
    }
}
