//! Letters become words.

use anyhow::Context as _;
use async_trait::async_trait;
use billing_app::ports::{Addressee, Attachment, Letters, Written};
use billing_documents::Document;
use billing_domain::{
    invoice::{CreditNote, Invoice, Issuer},
    letter::Letter,
    locale::Locale,
};

use super::{
    page::{Action, Fact, Page},
    phrases::{Phrases, phrases},
    values::Values,
};

/// Puts letters into words, in English and in Arabic.
#[derive(Clone, Copy, Debug, Default)]
pub struct Writer;

#[async_trait]
impl Letters for Writer {
    async fn write(
        &self,
        letter: &Letter,
        to: &Addressee,
        invoice: Option<(Invoice, Vec<CreditNote>)>,
    ) -> anyhow::Result<Written> {
        let (letter, to) = (letter.clone(), to.clone());
        // Drawing a PDF takes a while.
        let written = tokio::task::spawn_blocking(move || written(&letter, &to, invoice.as_ref()));
        written.await.context("an email could not be written")?
    }
}

fn written(
    letter: &Letter,
    to: &Addressee,
    invoice: Option<&(Invoice, Vec<CreditNote>)>,
) -> anyhow::Result<Written> {
    let hosted = invoice.and_then(|(invoice, _)| hosted_url(invoice));
    let link = hosted.or(to.billing_page.as_deref());
    let (page, footer) = in_words(letter, to, link);
    let (html, text) = page.shown(to, &footer)?;
    let attachments = invoice.map(|(invoice, notes)| pdf(invoice, notes, to.locale)).transpose()?;
    let attachments = attachments.into_iter().collect();
    Ok(Written { subject: page.subject, html, text, attachments })
}

/// What stands in an email, and below.
fn in_words(letter: &Letter, to: &Addressee, link: Option<&str>) -> (Page, String) {
    let phrases = phrases(to.locale);
    let phrase = phrases.of(letter);
    let values = Values::of(letter, to.locale);
    let facts = values.at_a_glance(&phrases.names);
    let page = Page {
        subject: one_line(&values.fill(phrase.subject)),
        paragraphs: phrase.body.iter().map(|it| values.fill(it)).collect(),
        facts: facts.into_iter().map(|(name, value)| Fact { name, value }).collect(),
        action: link
            .filter(|_| !letter.is_alert())
            .map(|url| Action { label: label(phrases, letter), url: url.to_owned() }),
    };
    let [to_organization, to_administrators] = phrases.footers;
    let footer = match &to.organization {
        Some(organization) => values.text("organization", organization).fill(to_organization),
        None => to_administrators.to_owned(),
    };
    (page, footer)
}

/// What a button says.
const fn label(phrases: &Phrases, letter: &Letter) -> &'static str {
    if letter.invoice().is_some() {
        phrases.open_invoice
    } else if letter.asks_for_a_method() {
        phrases.update_method
    } else {
        phrases.open_billing
    }
}

/// Where the gateway shows it, if the gateway issued it.
fn hosted_url(invoice: &Invoice) -> Option<&str> {
    match &invoice.issuer {
        Issuer::Gateway { hosted_url, .. } => {
            hosted_url.as_deref().filter(|url| url.starts_with("https://"))
        }
        Issuer::Us => None,
    }
}

fn pdf(invoice: &Invoice, notes: &[CreditNote], locale: Locale) -> anyhow::Result<Attachment> {
    let bytes = billing_documents::pdf(&Document::of(invoice, notes, locale))?;
    let number = invoice.number.clone().unwrap_or_else(|| invoice.id.to_string());
    // A gateway's number may be anything.
    let plain = |sign: &char| sign.is_ascii_alphanumeric() || *sign == '-';
    let name: String = number.chars().filter(plain).collect();
    Ok(Attachment { name: format!("invoice-{name}.pdf"), media_type: "application/pdf", bytes })
}

/// A subject is one line, whatever a name in it says.
fn one_line(text: &str) -> String {
    let plain: String =
        text.chars().map(|sign| if sign.is_control() { ' ' } else { sign }).collect();
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}
