//! Money that is given back.

use async_trait::async_trait;
use billing_app::ports::{GatewayError, NewRefund, Refunds};

use crate::{Stripe, form::Form, money::to_wire, wire::Identified};

#[async_trait]
impl Refunds for Stripe {
    async fn refund(&self, refund: &NewRefund) -> Result<(), GatewayError> {
        let form = Form::new()
            .with("payment_intent", &refund.payment)
            .with("amount", to_wire(refund.amount)?)
            .with("metadata[refund_id]", refund.refund_id);
        let key = format!("refund_{}", refund.refund_id);
        self.client.post::<Identified>("/v1/refunds", &form, &key).await?;
        Ok(())
    }
}
