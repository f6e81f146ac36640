//! Customers.

use async_trait::async_trait;
use billing_app::ports::{CustomerAccounts, GatewayError, NewCustomer};
use billing_domain::gateway::GatewayRef;

use crate::{Stripe, form::Form, reference, wire::Identified};

#[async_trait]
impl CustomerAccounts for Stripe {
    async fn create(&self, customer: &NewCustomer) -> Result<GatewayRef, GatewayError> {
        let form = Form::new()
            .with("name", &customer.name)
            .with_some("email", customer.email.as_deref())
            .with_some("address[country]", customer.country.as_deref())
            .with("metadata[organization_id]", customer.organization_id);
        let key = format!("customer_{}", customer.organization_id);
        let made: Identified = self.client.post("/v1/customers", &form, &key).await?;
        Ok(reference(&made.id))
    }
}
