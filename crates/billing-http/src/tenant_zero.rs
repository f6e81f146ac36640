//! An organization and a key to try things with, in the sandbox.

use std::{
    fs::{self, OpenOptions},
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use anyhow::Context;
use billing_app::{Billing, Error, NewApiKey, NewOrganization, Refusal, ports::Scopes};
use billing_domain::{id::OrganizationId, locale::Locale, organization::Organization};

/// The product's own id of the organization.
const EXTERNAL_ID: &str = "demo";
/// What the key is called in lists.
const KEY_NAME: &str = "sandbox";

/// A key and an organization to try.
pub(crate) struct TenantZero {
    /// A key that may do everything.
    pub(crate) key: String,
    /// The organization.
    pub(crate) organization_id: OrganizationId,
}

impl TenantZero {
    /// Finds them, or makes them. The key is kept in a file that only its owner can read, because
    /// the database keeps nothing from which it could be shown again.
    pub(crate) async fn find(billing: &Billing, data_dir: &Path) -> anyhow::Result<Self> {
        let organization = organization(billing).await?;
        let file = data_dir.join("sandbox-api-key");
        let kept = fs::read_to_string(&file).unwrap_or_default();
        let key = match billing.authenticate(kept.trim()).await {
            Ok(_) => kept.trim().to_owned(),
            Err(Error::Unauthenticated(_)) => {
                let scopes = Scopes::ALL;
                let name = KEY_NAME.to_owned();
                let new = NewApiKey { name, scopes, organization_id: None };
                let made = billing.create_api_key(new).await?;
                keep(&file, &made.token)?;
                made.token
            }
            Err(error) => return Err(error.into()),
        };
        Ok(Self { key, organization_id: organization.id })
    }
}

async fn organization(billing: &Billing) -> anyhow::Result<Organization> {
    let new = NewOrganization {
        name: "Demo organization".to_owned(),
        external_id: Some(EXTERNAL_ID.to_owned()),
        billing_email: Some("billing@demo.example".to_owned()),
        country: None,
        currency: None,
        tax_id: None,
        locale: Locale::En,
    };
    match billing.register_organization(new).await {
        Ok(organization) => Ok(organization),
        Err(Error::Refused(Refusal::ExternalIdTaken(_))) => {
            Ok(billing.organization_of(EXTERNAL_ID).await?)
        }
        Err(error) => Err(error.into()),
    }
}

fn keep(file: &Path, key: &str) -> anyhow::Result<()> {
    let folder = file.parent().context("the key has no folder")?;
    fs::create_dir_all(folder)?;
    let mut options = OpenOptions::new();
    let options = options.write(true).create(true).truncate(true).mode(0o600);
    let mut open =
        options.open(file).with_context(|| format!("cannot write {}", file.display()))?;
    Ok(writeln!(open, "{key}")?)
}
