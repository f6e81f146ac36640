//! Pages to keep: A4, with the fonts inside.

mod canvas;
mod faces;
mod file;
mod layout;
mod shaping;

use self::{canvas::Canvas, faces::Faces};
use crate::document::Document;

/// A PDF of its own. The same document gives the same bytes.
pub fn pdf(document: &Document) -> anyhow::Result<Vec<u8>> {
    let faces = Faces::load()?;
    let mut canvas = Canvas::new(&faces, document.is_right_to_left());
    layout::lay_out(&mut canvas, document)?;
    file::write(canvas, document)
}
