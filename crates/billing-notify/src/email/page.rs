//! How an email looks: one plain design for all, as HTML and as text.

use anyhow::Context as _;
use askama::Template;
use billing_app::ports::Addressee;
use billing_domain::locale::Locale;

/// What stands in an email, in words.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Page {
    /// The subject, which is the heading too.
    pub(super) subject: String,
    /// What is said, a paragraph each.
    pub(super) paragraphs: Vec<String>,
    /// What there is to know at a glance.
    pub(super) facts: Vec<Fact>,
    /// Where to go.
    pub(super) action: Option<Action>,
}

/// Something that has a name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Fact {
    pub(super) name: &'static str,
    pub(super) value: String,
}

/// Where to go.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Action {
    pub(super) label: &'static str,
    pub(super) url: String,
}

#[derive(Template)]
#[template(path = "email.html")]
struct Html<'a> {
    page: &'a Page,
    to: &'a Addressee,
    footer: &'a str,
    direction: &'static str,
    side: &'static str,
}

#[derive(Template)]
#[template(path = "email.txt")]
struct Text<'a> {
    page: &'a Page,
    to: &'a Addressee,
    footer: &'a str,
}

impl Page {
    /// The page as HTML and as text.
    pub(super) fn shown(&self, to: &Addressee, footer: &str) -> anyhow::Result<(String, String)> {
        let (direction, side) = match to.locale {
            Locale::En => ("ltr", "left"),
            Locale::Ar => ("rtl", "right"),
        };
        let html = Html { page: self, to, footer, direction, side }.render();
        let text = Text { page: self, to, footer }.render();
        let html = html.context("an email cannot be shown as HTML")?;
        Ok((html, text.context("an email cannot be shown as text")?))
    }
}
