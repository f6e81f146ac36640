//! Keys of the API: made, shown once, revoked.

use billing_domain::id::{ApiKeyId, OrganizationId};

use crate::{
    Billing, Error, Missing,
    ports::{ApiKey, Page, Scope, Scopes},
    token::Token,
};

/// A key to make.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewApiKey {
    /// What people call it.
    pub name: String,
    /// What it may do.
    pub scopes: Scopes,
    /// The one organization it is for; nothing for all.
    pub organization_id: Option<OrganizationId>,
}

/// A key that was made.
#[derive(Clone, PartialEq, Eq)]
pub struct NewKey {
    /// What is kept of it.
    pub key: ApiKey,
    /// The key itself: it is shown now and never again.
    pub token: String,
}

impl Billing {
    /// Makes a key.
    pub async fn create_api_key(&self, new: NewApiKey) -> Result<NewKey, Error> {
        if new.name.trim().is_empty() || new.name.chars().count() > 100 {
            return Err(Error::invalid("name", "must have 1 to 100 characters"));
        }
        if new.scopes == Scopes::NONE {
            return Err(Error::invalid("scopes", "must name at least one of read, write, admin"));
        }
        if new.scopes.admin && new.organization_id.is_some() {
            return Err(Error::invalid("scopes", "a key of one organization cannot be `admin`"));
        }
        if let Some(id) = new.organization_id {
            let found = self.ports.organizations.organization(id).await?;
            found.ok_or(Error::NotFound(Missing::Organization))?;
        }
        let secrets = &self.ports.secrets;
        let token = Token::new(&secrets.random(), &secrets.random());
        let key = ApiKey {
            id: ApiKeyId(self.ports.ids.next()),
            name: new.name,
            public: token.public.clone(),
            digest: secrets.digest(token.secret.as_bytes()),
            scopes: new.scopes,
            organization_id: new.organization_id,
            created_at: self.ports.clock.wall(),
            revoked_at: None,
        };
        let mut work = self.ports.store.begin(Scope::Operator).await?;
        work.access_keys().insert(&key).await?;
        work.commit().await?;
        Ok(NewKey { key, token: token.shown(self.settings.environment) })
    }

    /// Ends a key. Ending it twice is harmless.
    pub async fn revoke_api_key(&self, id: ApiKeyId) -> Result<ApiKey, Error> {
        let mut work = self.ports.store.begin(Scope::Operator).await?;
        let revoked = work.access_keys().revoke(id, self.ports.clock.wall()).await?;
        let committed = work.commit().await;
        // Also where the outcome is unknown.
        self.api_keys_changed();
        committed?;
        revoked.ok_or(Error::NotFound(Missing::ApiKey))
    }

    /// All keys, the newest first.
    pub async fn api_keys(&self, page: Page<ApiKeyId>) -> Result<Vec<ApiKey>, Error> {
        self.ports.access.api_keys(page).await
    }
}
