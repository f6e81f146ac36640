//! Emails that wait are sent: each claimed by one worker, taken by the server, then marked.
//!
//! Whoever dies between the two sends it once more when its claim has lapsed, under the same
//! message id: one email may come twice for each such death, and never gets lost.

use std::time::Duration;

use billing_domain::{event::INSTALLATION, id::OrganizationId, letter::Letter, locale::Locale};
use futures_util::future::join_all;

use crate::{
    Billing, Error, Progress,
    ports::{Addressee, ClaimedEmail, FailedEmail, MailError, Mailer, Message, Tried, Written},
};

/// How long a claim lasts: longer than a mail server may take.
const LEASE: Duration = Duration::from_secs(180);
/// How many are sent side by side.
const AT_ONCE: i64 = 16;
/// Minutes before each retry, a day in all; after the last one it is dead.
const RETRY_AFTER_MINUTES: [i64; 11] = [1, 2, 4, 8, 16, 32, 60, 120, 240, 480, 480];

impl Billing {
    /// Sends emails that are due, some of them side by side. Without a way to send them nothing is
    /// done.
    pub async fn send_emails(&self) -> Result<Progress, Error> {
        let Some(mailer) = &self.ports.mail.mailer else { return Ok(Progress::default()) };
        let wall = self.ports.clock.wall();
        let claimed = self.ports.mail.queue.claim(wall, LEASE, AT_ONCE).await?;
        let sending = claimed.iter().map(|email| self.send_email(&**mailer, email));
        let mut progress = Progress::default();
        for sent in join_all(sending).await {
            if sent? {
                progress.done += 1;
            } else {
                progress.failed += 1;
            }
        }
        Ok(progress)
    }

    /// Whether it is sent; if not, it will be tried again, or waits for a person.
    async fn send_email(&self, mailer: &dyn Mailer, email: &ClaimedEmail) -> Result<bool, Error> {
        let began_at = self.ports.clock.wall();
        let taken = self.hand_over(mailer, email).await;
        let tried = Tried { began_at, ended_at: self.ports.clock.wall() };
        let error = match taken {
            Ok(()) => return self.ports.mail.queue.sent(email.claim, tried).await,
            Err(error) => error,
        };
        let again_at = match &error {
            MailError::Refused(_) => None,
            MailError::Passing(_) => self.retry_at(&RETRY_AFTER_MINUTES, email.attempts),
        };
        let (id, letter) = (email.claim.id, email.letter.name());
        match again_at {
            Some(at) => {
                tracing::warn!(email = %id, letter, %error, %at, "an email was not sent, and will be again")
            }
            None => tracing::error!(email = %id, letter, %error, "an email cannot be sent"),
        }
        let failed = FailedEmail { claim: email.claim, tried, error: error.to_string(), again_at };
        self.ports.mail.queue.fail(&failed).await?;
        Ok(false)
    }

    async fn hand_over(&self, mailer: &dyn Mailer, email: &ClaimedEmail) -> Result<(), MailError> {
        let tries = usize::try_from(email.attempts).unwrap_or_default();
        if tries > RETRY_AFTER_MINUTES.len() {
            let error = format!("it was tried {tries} times, and nobody saw the end of the last");
            return Err(MailError::Refused(error));
        }
        let written = self.put_into_words(email.claim.organization_id, &email.letter, email.locale);
        let written = written.await.map_err(|error| MailError::Passing(error.in_full()))?;
        let message = Message {
            id: email.claim.id,
            to: email.recipient.clone(),
            date: email.created_at,
            written,
        };
        mailer.send(&message).await
    }

    /// A letter as its addressee reads it, by what is known now.
    pub(crate) async fn put_into_words(
        &self,
        organization_id: OrganizationId,
        letter: &Letter,
        locale: Locale,
    ) -> Result<Written, Error> {
        let organization = match organization_id {
            INSTALLATION => None,
            id => self.ports.organizations.organization(id).await?,
        };
        let to = Addressee {
            organization: organization.filter(|_| !letter.is_alert()).map(|it| it.name),
            locale,
            seller: self.settings.seller.name.clone(),
            contact: self.settings.seller.email.clone(),
            billing_page: self.settings.billing_page.clone(),
        };
        let invoice = match letter.invoice() {
            Some(id) => Some(self.invoice(organization_id, id).await?),
            None => None,
        };
        Ok(self.ports.mail.letters.write(letter, &to, invoice).await?)
    }
}
