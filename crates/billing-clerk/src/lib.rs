#![doc = include_str!("../README.md")]

mod signature;
mod wire;

use billing_app::ports::{Delivery, Forged, IdentityWebhooks, Told, Unreadable};
use billing_domain::identity::IdentityProvider;
use secrecy::SecretString;
use time::OffsetDateTime;

pub use self::signature::InvalidSecret;
use self::signature::Signatures;

/// Clerk, as it sends us webhooks.
pub struct Clerk {
    signatures: Signatures,
}

impl Clerk {
    /// Believes what one of these secrets has signed: `whsec_` and Base64. Several, while they are
    /// rotated.
    pub fn new(secrets: &[SecretString]) -> Result<Self, InvalidSecret> {
        Ok(Self { signatures: Signatures::new(secrets)? })
    }
}

impl IdentityWebhooks for Clerk {
    fn provider(&self) -> IdentityProvider {
        IdentityProvider::Clerk
    }

    fn verify(&self, delivery: &Delivery<'_>, wall: OffsetDateTime) -> Result<String, Forged> {
        self.signatures.verify(delivery, wall)
    }

    fn read(&self, body: &[u8]) -> Result<Told, Unreadable> {
        wire::read(body)
    }
}
