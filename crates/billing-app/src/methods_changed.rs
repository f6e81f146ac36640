//! A customer has another payment method: what waits for one is charged at once.

use billing_domain::{gateway::GatewayRef, id::OrganizationId};

use crate::{
    Billing, Error,
    ports::{PaymentGateway, UnitOfWork},
};

impl Billing {
    /// The method that would be charged now for a customer, where something waits for another one:
    /// asked before the unit of work in which that is looked at again.
    pub(crate) async fn method_of(
        &self,
        gateway: &dyn PaymentGateway,
        customer: &str,
    ) -> Result<Option<GatewayRef>, crate::ports::GatewayError> {
        match gateway.charges() {
            Some(charges) => charges.saved_method(customer).await,
            None => Ok(None),
        }
    }

    /// Whatever failed with another method than this, or for want of one, is tried at once.
    pub(crate) async fn method_arrived(
        &self,
        work: &mut dyn UnitOfWork,
        organization: OrganizationId,
        method: &GatewayRef,
    ) -> Result<(), Error> {
        let now = self.ports.clock.now();
        for mut collection in work.collections().open(organization).await? {
            if collection.method_arrived(method, now) {
                work.collections().save(&collection, &[]).await?;
            }
        }
        Ok(())
    }
}
