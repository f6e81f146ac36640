//! A gateway that does not answer is left alone for a while, so that nobody waits for it in vain.
//!
//! It stands before a gateway, whichever it is: adapters know nothing of it.

mod roles;
mod state;

use std::sync::{Arc, Mutex, PoisonError};

use billing_domain::gateway::Gateway;

use self::state::{Admission, State};
use crate::ports::{
    Charges, Circuit, Clock, Coupons, CustomerAccounts, GatewayError, GatewayPayments,
    GatewaySubscriptions, HostedCheckouts, Listings, PaymentGateway, PortalSessions, Refunds,
    Webhooks,
};

/// A gateway behind a circuit breaker.
///
/// After five failures in a row, which are answers that nobody got, it is not asked for 30 seconds
/// of the wall clock; then one call goes through, and its end decides. What is refused, declined or
/// not understood is an answer.
pub struct CircuitBreaker {
    gateway: Arc<dyn PaymentGateway>,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

/// A call that went through. Given up before its end, it says nothing of the gateway.
struct Passage<'a> {
    breaker: &'a CircuitBreaker,
    is_probe: bool,
    ended: bool,
}

impl CircuitBreaker {
    /// The gateway, behind a breaker of its own.
    pub fn before(gateway: Arc<dyn PaymentGateway>, clock: Arc<dyn Clock>) -> Self {
        Self { gateway, clock, state: Mutex::default() }
    }

    /// Asks the gateway, or says that it is not asked.
    async fn ask<T>(
        &self,
        call: impl Future<Output = Result<T, GatewayError>> + Send,
    ) -> Result<T, GatewayError> {
        let admitted = self.change(|state| state.admit(self.clock.wall()));
        let is_probe = match admitted {
            Admission::Pass => false,
            Admission::Probe => true,
            Admission::Wait(retry_after) => return Err(GatewayError::Unreached { retry_after }),
        };
        let mut passage = Passage { breaker: self, is_probe, ended: false };
        let answer = call.await;
        passage.ended = true;
        let silent = match &answer {
            Err(GatewayError::Unknown(_) | GatewayError::Unreached { .. }) => true,
            Ok(_) | Err(GatewayError::Refused { .. } | GatewayError::Unreadable(_)) => false,
        };
        let name = self.gateway.gateway();
        if silent {
            if self.change(|state| state.failed(self.clock.wall())) {
                tracing::error!(gateway = %name, "it does not answer, and is left alone for a while");
            }
        } else if self.change(State::answered) {
            tracing::warn!(gateway = %name, "it answers again");
        }
        answer
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Passage<'_> {
    fn drop(&mut self) {
        if self.is_probe && !self.ended {
            self.breaker.change(State::abandoned);
        }
    }
}

impl PaymentGateway for CircuitBreaker {
    fn gateway(&self) -> Gateway {
        self.gateway.gateway()
    }

    fn circuit(&self) -> Circuit {
        self.change(|state| state.circuit(self.clock.wall()))
    }

    fn customers(&self) -> &dyn CustomerAccounts {
        self
    }

    fn checkouts(&self) -> &dyn HostedCheckouts {
        self
    }

    fn payments(&self) -> &dyn GatewayPayments {
        self
    }

    /// It is not asked for what it has sent.
    fn webhooks(&self) -> &dyn Webhooks {
        self.gateway.webhooks()
    }

    fn subscriptions(&self) -> Option<&dyn GatewaySubscriptions> {
        self.gateway.subscriptions().map(|_| self as &dyn GatewaySubscriptions)
    }

    fn portal(&self) -> Option<&dyn PortalSessions> {
        self.gateway.portal().map(|_| self as &dyn PortalSessions)
    }

    fn refunds(&self) -> Option<&dyn Refunds> {
        self.gateway.refunds().map(|_| self as &dyn Refunds)
    }

    fn charges(&self) -> Option<&dyn Charges> {
        self.gateway.charges().map(|_| self as &dyn Charges)
    }

    fn coupons(&self) -> Option<&dyn Coupons> {
        self.gateway.coupons().map(|_| self as &dyn Coupons)
    }

    fn listings(&self) -> Option<&dyn Listings> {
        self.gateway.listings().map(|_| self as &dyn Listings)
    }
}
