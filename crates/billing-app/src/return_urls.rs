//! Where a payer is sent afterwards.

use crate::Error;

/// Where the payer goes afterwards.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReturnUrls {
    /// When it is paid.
    pub success: String,
    /// When it is not.
    pub cancel: String,
}

impl ReturnUrls {
    pub(crate) fn checked(&self) -> Result<(), Error> {
        for (field, url) in [("success_url", &self.success), ("cancel_url", &self.cancel)] {
            check_url(field, url)?;
        }
        Ok(())
    }
}

/// Refuses what a browser could not be sent to.
pub(crate) fn check_url(field: &'static str, url: &str) -> Result<(), Error> {
    let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let named = host.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'));
    let plain = url.chars().all(|c| !c.is_whitespace() && !c.is_control());
    if named && plain && url.len() <= 2000 {
        return Ok(());
    }
    Err(Error::invalid(
        field,
        "must be an absolute http or https address of 2000 characters at most",
    ))
}
