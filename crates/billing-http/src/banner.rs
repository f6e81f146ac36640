//! What people read on standard output.

use std::io::{Write, stderr, stdout};

/// Prints a line. A closed standard output is nobody's fault.
pub(crate) fn say(line: &str) {
    drop(writeln!(stdout().lock(), "{line}"));
}

/// Prints what went wrong, with its causes.
pub(crate) fn complain(error: &anyhow::Error) {
    drop(writeln!(stderr().lock(), "billing: {error:#}"));
}

/// What a new user needs: where everything is, a key, and three lines to try.
pub(crate) struct Welcome<'a> {
    /// Where the API is.
    pub(crate) api: &'a str,
    /// Where the sandbox is, if it plays the gateways.
    pub(crate) sandbox: Option<&'a str>,
    /// Where the records are.
    pub(crate) database: &'a str,
    /// A key and an organization to try, in the sandbox.
    pub(crate) trial: Option<(&'a str, billing_domain::id::OrganizationId)>,
}

impl Welcome<'_> {
    /// Prints it.
    pub(crate) fn print(&self) {
        let api = self.api;
        say(&format!("billing is ready\n\n  API        {api}\n  Reference  {api}/docs"));
        if let Some(sandbox) = self.sandbox {
            say(&format!("  Sandbox    {sandbox}"));
        }
        say(&format!("  Database   {}", self.database));
        let Some((key, organization)) = self.trial else { return };
        say(&format!(
            "  API key    {key}\n\nTry it:\n\n\
             curl -s {api}/api/billing/summary/{organization} -H 'Authorization: Bearer {key}'\n\n\
             curl -s {api}/api/billing/subscription/checkout -H 'Authorization: Bearer {key}' \
             -H 'Content-Type: application/json' -d '{{\"organization_id\":\"{organization}\",\
             \"plan\":\"starter\",\"success_url\":\"{api}/docs\",\"cancel_url\":\"{api}/docs\"}}'\n\n\
             curl -s {api}/api/billing/credits/consume -H 'Authorization: Bearer {key}' \
             -H 'Content-Type: application/json' -d '{{\"organization_id\":\"{organization}\",\
             \"event\":\"ai_inference\"}}'\n"
        ));
    }
}
