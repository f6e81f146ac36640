//! Pages on which text is set from the side where reading begins.

use std::collections::BTreeMap;

use harfrust::ShapeError;
use pdf_writer::{Content, Name, Str};
use subsetter::GlyphRemapper;

use super::{
    faces::{FaceId, Faces},
    shaping::{Glyph, Style, shape},
};

/// A4, in twentieths of a point.
pub(super) const PAGE: (i32, i32) = (11_906, 16_838);

/// Pages, and the glyphs that they use.
pub(super) struct Canvas<'a> {
    pub(super) faces: &'a Faces,
    pub(super) right_to_left: bool,
    pub(super) pages: Vec<Content>,
    pub(super) used: BTreeMap<FaceId, Used>,
}

/// The glyphs of a font that are used, with their new names, and what they stand for.
#[derive(Default)]
pub(super) struct Used {
    pub(super) names: GlyphRemapper,
    pub(super) texts: BTreeMap<u16, String>,
}

/// To which side of a place text is set.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// It begins there.
    After,
    /// It ends there.
    Before,
}

impl<'a> Canvas<'a> {
    pub(super) fn new(faces: &'a Faces, right_to_left: bool) -> Self {
        Self { faces, right_to_left, pages: vec![a_page()], used: BTreeMap::new() }
    }

    pub(super) fn new_page(&mut self) {
        self.pages.push(a_page());
    }

    /// How wide a line of text is.
    pub(super) fn width(&self, text: &str, style: Style) -> Result<i32, ShapeError> {
        Ok(style.width(&shape(self.faces, text, style.bold)?))
    }

    /// Sets a line of text on the last page. `x` is counted from the side where reading begins,
    /// `y` from above to the line on which letters stand.
    pub(super) fn text(
        &mut self,
        place: (i32, i32),
        side: Side,
        style: Style,
        text: &str,
    ) -> Result<(), ShapeError> {
        let last = self.pages.len().saturating_sub(1);
        self.text_on(last, place, side, (style, text))
    }

    /// The same on any page.
    pub(super) fn text_on(
        &mut self,
        page: usize,
        (x, y): (i32, i32),
        side: Side,
        (style, text): (Style, &str),
    ) -> Result<(), ShapeError> {
        let glyphs = shape(self.faces, text, style.bold)?;
        let width = style.width(&glyphs);
        let x = if self.right_to_left { PAGE.0 - x } else { x };
        // Seen from the left, text goes before its place when exactly one of both is turned.
        let left = if (side == Side::Before) == self.right_to_left { x } else { x - width };
        let Some(content) = self.pages.get_mut(page) else { return Ok(()) };
        content.begin_text();
        content.set_text_matrix([1.0, 0.0, 0.0, 1.0, number(left), number(PAGE.1 - y)]);
        let alike =
            |one: &Glyph, other: &Glyph| one.face == other.face && one.offset.1 == other.offset.1;
        for run in glyphs.chunk_by(alike) {
            let Some(Glyph { face, offset: (_, rise), .. }) = run.first() else { continue };
            content.set_font(Name(face.key()), number(style.size));
            content.set_rise(number(style.scaled(*rise)));
            show(self.faces, content, self.used.entry(*face).or_default(), run);
        }
        content.end_text();
        Ok(())
    }

    /// Draws a thin line.
    pub(super) fn rule(&mut self, (from, to): (i32, i32), y: i32) {
        let seen = |x: i32| number(if self.right_to_left { PAGE.0 - x } else { x });
        let (from, to, y) = (seen(from), seen(to), number(PAGE.1 - y));
        let Some(content) = self.pages.last_mut() else { return };
        content.move_to(from, y).line_to(to, y).stroke();
    }
}

fn a_page() -> Content {
    let mut content = Content::new();
    // From here on a unit is a twentieth of a point.
    content.transform([0.05, 0.0, 0.0, 0.05, 0.0, 0.0]);
    content.set_line_width(number(10));
    content
}

/// Shows glyphs of one font. A distance that is not the font's own is said as a correction.
fn show(faces: &Faces, content: &mut Content, used: &mut Used, glyphs: &[Glyph]) {
    let Some(face) = glyphs.first().map(|glyph| faces.get(glyph.face)) else { return };
    let mut shown = content.show_positioned();
    let mut items = shown.items();
    for glyph in glyphs {
        let name = used.names.remap(glyph.id);
        if !glyph.text.is_empty() {
            used.texts.entry(name).or_insert_with(|| glyph.text.clone());
        }
        let right = glyph.offset.0;
        let before = -right;
        let after = face.advance(glyph.id) - glyph.advance + right;
        if before != 0 {
            items.adjust(number(before));
        }
        items.show(Str(&name.to_be_bytes()));
        if after != 0 {
            items.adjust(number(after));
        }
    }
}

/// A whole number as PDF writes it. No place on a page is further away than this.
pub(super) fn number(units: i32) -> f32 {
    f32::from(i16::try_from(units.clamp(-32_000, 32_000)).unwrap_or_default())
}
