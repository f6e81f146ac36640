//! The sandbox, by an operator: its clock and its mailbox.

use billing_app::{Advance, Advanced, Billing, ClockStands};
use clap::Subcommand;
use time::Duration;

use crate::{banner::say, jobs_command::shown, mail_command::MailboxCommand};

/// What to do about the sandbox.
#[derive(Subcommand)]
pub(crate) enum SandboxCommand {
    /// The business clock, by which periods, grants and ledgers are dated.
    #[command(subcommand)]
    Clock(ClockCommand),
    /// Emails that were kept instead of being sent.
    #[command(subcommand)]
    Mailbox(MailboxCommand),
}

/// What to do about the clock.
#[derive(Subcommand)]
pub(crate) enum ClockCommand {
    /// Say how it stands.
    Show,
    /// Move it forward, and do on the way what becomes due: `31d`, `3h`, `2w`, `1d12h`, or
    /// `to 2027-01-01T00:00Z`.
    Advance {
        /// How far.
        #[arg(required = true, num_args = 1..=2, value_name = "LENGTH | to INSTANT")]
        how_far: Vec<String>,
    },
}

impl SandboxCommand {
    /// Does it.
    pub(crate) async fn run(self, billing: &Billing) -> anyhow::Result<()> {
        match self {
            Self::Clock(ClockCommand::Show) => show(billing),
            Self::Clock(ClockCommand::Advance { how_far }) => advance(billing, &how_far).await,
            Self::Mailbox(command) => command.run(billing).await,
        }
    }
}

fn show(billing: &Billing) -> anyhow::Result<()> {
    let stands = billing.clock_stands()?;
    let ClockStands { now, wall } = stands;
    // The clocks are read one after the other.
    let ahead = Duration::seconds(stands.ahead().whole_seconds());
    say(&format!("now    {}\nwall   {}\nahead  {}", shown(now), shown(wall), ahead));
    Ok(())
}

async fn advance(billing: &Billing, how_far: &[String]) -> anyhow::Result<()> {
    let advance = match how_far {
        [to, instant] if to == "to" => match instant.parse()? {
            to @ Advance::To(_) => to,
            Advance::By(_) => anyhow::bail!("`to` is followed by an instant"),
        },
        [length] => length.parse()?,
        _ => anyhow::bail!("say `31d`, or `to 2027-01-01T00:00Z`"),
    };
    let Advanced { from, now, stops, done } = billing.advance_clock(advance).await?;
    say(&format!("{} → {}: {stops} stops, {done} done", shown(from), shown(now)));
    Ok(())
}
