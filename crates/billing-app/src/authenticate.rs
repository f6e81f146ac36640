//! Who asks, and what they may do.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use billing_domain::id::{ApiKeyId, OrganizationId};
use time::OffsetDateTime;

use crate::{
    Billing, Error, Missing,
    freshness::{RENEW_AFTER, is_fresh},
    ports::{ApiKey, Scopes},
    token::Token,
};

/// More keys than are in use at once; beyond it the memory starts anew.
const MOST_KNOWN: usize = 10_000;

/// Who asks, proven.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Caller {
    /// The key.
    pub key: ApiKeyId,
    /// Its public part, for logs.
    pub public: String,
    /// What it may do.
    pub scopes: Scopes,
    /// The one organization it is for; nothing for all.
    pub organization_id: Option<OrganizationId>,
}

impl Caller {
    /// Refuses a caller whose key may not look.
    pub fn may_read(&self) -> Result<(), Error> {
        self.must("read", self.scopes.read || self.scopes.write || self.scopes.admin)
    }

    /// Refuses a caller whose key may not act.
    pub fn may_write(&self) -> Result<(), Error> {
        self.must("write", self.scopes.write || self.scopes.admin)
    }

    /// Refuses a caller who does not administer the installation.
    pub fn may_administer(&self) -> Result<(), Error> {
        self.must("admin", self.scopes.admin && self.organization_id.is_none())
    }

    /// Refuses a caller who is somebody else: for them the organization is not there.
    pub fn may_see(&self, organization: OrganizationId) -> Result<(), Error> {
        match self.organization_id {
            Some(own) if own != organization => Err(Error::NotFound(Missing::Organization)),
            Some(_) | None => Ok(()),
        }
    }

    fn must(&self, scope: &'static str, may: bool) -> Result<(), Error> {
        if may { Ok(()) } else { Err(Error::Forbidden(scope)) }
    }
}

/// Keys that were read before.
#[derive(Default)]
pub(crate) struct KnownKeys(Mutex<Known>);

#[derive(Default)]
struct Known {
    keys: HashMap<String, Kept>,
    /// How often anything has changed.
    changes: u64,
}

struct Kept {
    key: Arc<ApiKey>,
    read_at: OffsetDateTime,
    /// Whether somebody is reading it anew.
    renewing: bool,
}

/// How often keys had changed when a read began.
struct Reading(u64);

impl KnownKeys {
    /// A key that is known and fresh; for the one who is to read it anew, the beginning of that.
    fn get(&self, public: &str, wall: OffsetDateTime) -> Result<Arc<ApiKey>, Reading> {
        let mut known = self.known();
        let reading = Reading(known.changes);
        let kept = known.keys.get_mut(public).filter(|kept| is_fresh(kept.read_at, wall));
        let Some(kept) = kept else { return Err(reading) };
        if !kept.renewing && wall - kept.read_at >= RENEW_AFTER {
            kept.renewing = true;
            return Err(reading);
        }
        Ok(kept.key.clone())
    }

    /// Keeps what was read, unless something has changed since the read began.
    fn put(&self, wall: OffsetDateTime, key: &Arc<ApiKey>, reading: Reading) {
        let mut known = self.known();
        if known.changes != reading.0 {
            return;
        }
        if known.keys.len() >= MOST_KNOWN {
            known.keys.clear();
        }
        let kept = Kept { key: key.clone(), read_at: wall, renewing: false };
        known.keys.insert(key.public.clone(), kept);
    }

    pub(crate) fn forget_all(&self) {
        let mut known = self.known();
        known.changes += 1;
        known.keys.clear();
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Billing {
    /// Who presents this key. A revoked key is believed for a second at most.
    pub async fn authenticate(&self, token: &str) -> Result<Caller, Error> {
        const UNKNOWN: Error = Error::Unauthenticated("the API key is not valid");
        let token = Token::parse(token, self.settings.environment).ok_or(UNKNOWN)?;
        let wall = self.ports.clock.wall();
        let key = match self.known_keys.get(&token.public, wall) {
            Ok(key) => key,
            Err(reading) => {
                let key = self.ports.access.api_key(&token.public).await?.ok_or(UNKNOWN)?;
                let key = Arc::new(key);
                self.known_keys.put(wall, &key, reading);
                key
            }
        };
        // Digests of 256 random bits: comparing them tells nothing about the secret.
        if self.ports.secrets.digest(token.secret.as_bytes()) != key.digest {
            return Err(UNKNOWN);
        }
        if key.revoked_at.is_some() {
            return Err(Error::Unauthenticated("the API key was revoked"));
        }
        Ok(Caller {
            key: key.id,
            public: key.public.clone(),
            scopes: key.scopes,
            organization_id: key.organization_id,
        })
    }
}
