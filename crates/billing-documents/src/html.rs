//! A page to read and to print.

use anyhow::Context as _;
use askama::Template;

use crate::document::{Block, Document};

/// The style that stands in every page, so that a policy can name it by its digest.
pub const STYLE: &str = include_str!("../templates/invoice.css");

#[derive(Template)]
#[template(path = "invoice.html")]
struct Page<'a> {
    document: &'a Document,
    blocks: [&'a Block; 2],
    style: &'static str,
}

/// A whole page of HTML.
pub fn html(document: &Document) -> anyhow::Result<String> {
    let page = Page { document, blocks: [&document.seller, &document.buyer], style: STYLE };
    page.render().context("an invoice cannot be shown as HTML")
}
