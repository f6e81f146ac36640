//! An operator gives credits to many organizations at once.

use billing_domain::{credits::GrantKind, id::OrganizationId};
use futures_util::future::join_all;
use time::OffsetDateTime;

use crate::{Billing, Error, GrantCredits};

/// The most organizations in one request.
const MOST: usize = 10_000;
/// How many are under way at once; the ledger commits them together.
const AT_ONCE: usize = 256;

/// The same credits for each of many.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GrantToMany {
    /// To whom.
    pub organizations: Vec<OrganizationId>,
    /// Why: promotional or adjustment.
    pub kind: GrantKind,
    /// How many to each.
    pub amount: i64,
    /// From when; now by default.
    pub starts_at: Option<OffsetDateTime>,
    /// Before when they must be used; by default they never expire.
    pub expires_at: Option<OffsetDateTime>,
    /// Given once per key and organization, so that a request that broke off can be sent again.
    pub key: String,
}

/// What became of it.
#[derive(Debug, Default)]
pub struct GrantedToMany {
    /// To how many it was given now.
    pub given: usize,
    /// To how many it had been given before, under this key.
    pub already: usize,
    /// To whom it was not given, by their place in the request, and why.
    pub failed: Vec<(usize, OrganizationId, Error)>,
}

impl Billing {
    /// Gives the same credits to each of many organizations. One that cannot be given to holds up
    /// no other.
    pub async fn grant_to_many(&self, request: GrantToMany) -> Result<GrantedToMany, Error> {
        let GrantToMany { organizations, kind, amount, starts_at, expires_at, key } = request;
        if organizations.is_empty() || organizations.len() > MOST {
            return Err(Error::invalid("organization_ids", "must be from 1 to 10000"));
        }
        let mut granted = GrantedToMany::default();
        let numbered: Vec<_> = organizations.into_iter().enumerate().collect();
        for some in numbered.chunks(AT_ONCE) {
            let each = some.iter().map(|(_, organization_id)| {
                self.grant_credits(GrantCredits {
                    organization_id: *organization_id,
                    kind,
                    amount,
                    starts_at,
                    expires_at,
                    key: Some(key.clone()),
                })
            });
            for ((place, organization), outcome) in some.iter().zip(join_all(each).await) {
                match outcome {
                    Ok((_, false)) => granted.given += 1,
                    Ok((_, true)) => granted.already += 1,
                    // What is wrong for all is said once.
                    Err(error @ Error::Invalid { .. }) => return Err(error),
                    Err(error) => granted.failed.push((*place, *organization, error)),
                }
            }
        }
        Ok(granted)
    }
}
