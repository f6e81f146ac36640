//! Text becomes glyphs, in the order in which they are seen.

use std::ops::Range;

use harfrust::{Buffer, Direction, ShapeError, ShapeOptions, ShaperFont};
use unicode_bidi::{BidiInfo, Level};

use super::faces::{FaceId, Faces, UNITS};

/// A glyph, with distances in units of its font.
pub(super) struct Glyph {
    pub(super) face: FaceId,
    pub(super) id: u16,
    /// How far the next one is.
    pub(super) advance: i32,
    /// How far it is drawn from where it stands.
    pub(super) offset: (i32, i32),
    /// What it stands for.
    pub(super) text: String,
}

/// How text looks.
#[derive(Clone, Copy)]
pub(super) struct Style {
    /// In twentieths of a point.
    pub(super) size: i32,
    pub(super) bold: bool,
}

impl Style {
    /// How wide glyphs are, in twentieths of a point.
    pub(super) fn width(self, glyphs: &[Glyph]) -> i32 {
        let units: i32 = glyphs.iter().map(|glyph| glyph.advance).sum();
        self.scaled(units)
    }

    /// Units of a font in twentieths of a point.
    pub(super) const fn scaled(self, units: i32) -> i32 {
        units.saturating_mul(self.size) / UNITS
    }
}

/// One line of text, the leftmost glyph first. It is written the way of its first letter, whatever
/// language the page is in: names and addresses stay as they are.
pub(super) fn shape(faces: &Faces, text: &str, bold: bool) -> Result<Vec<Glyph>, ShapeError> {
    let plain: String = text.chars().map(|it| if it.is_control() { ' ' } else { it }).collect();
    let info = BidiInfo::new(&plain, None);
    let mut glyphs = Vec::new();
    for paragraph in &info.paragraphs {
        let (levels, runs) = info.visual_runs(paragraph, paragraph.range.clone());
        for run in runs {
            let backwards = levels.get(run.start).is_some_and(Level::is_rtl);
            let mut pieces = by_face(&plain, run, bold);
            if backwards {
                pieces.reverse();
            }
            for (face, piece) in pieces {
                let text = plain.get(piece).unwrap_or_default();
                shape_piece(faces, face, (text, backwards), &mut glyphs)?;
            }
        }
    }
    Ok(glyphs)
}

/// A run in pieces that one font has each.
fn by_face(text: &str, run: Range<usize>, bold: bool) -> Vec<(FaceId, Range<usize>)> {
    let mut pieces: Vec<(FaceId, Range<usize>)> = Vec::new();
    let letters = text.get(run.clone()).unwrap_or_default();
    let first = letters.chars().find_map(|letter| FaceId::having(letter, bold));
    let mut current = first.unwrap_or(FaceId::latin(bold));
    for (at, letter) in letters.char_indices() {
        let (start, end) = (run.start + at, run.start + at + letter.len_utf8());
        current = FaceId::having(letter, bold).unwrap_or(current);
        match pieces.last_mut() {
            Some((face, piece)) if *face == current => piece.end = end,
            Some(_) | None => pieces.push((current, start..end)),
        }
    }
    pieces
}

fn shape_piece(
    faces: &Faces,
    id: FaceId,
    (text, backwards): (&str, bool),
    glyphs: &mut Vec<Glyph>,
) -> Result<(), ShapeError> {
    let face = faces.get(id);
    let mut buffer = Buffer::new();
    buffer.push_str(text);
    buffer.set_direction(if backwards { Direction::RightToLeft } else { Direction::LeftToRight });
    buffer.guess_segment_properties();
    let font = ShaperFont::new(&face.font);
    harfrust::shape(&font, &mut buffer, ShapeOptions::default())?;
    let infos = buffer.glyph_infos();
    let mut clusters: Vec<usize> =
        infos.iter().filter_map(|it| it.cluster.try_into().ok()).collect();
    clusters.sort_unstable();
    clusters.dedup();
    let mut told = None;
    for (info, position) in infos.iter().zip(buffer.glyph_positions()) {
        let start = usize::try_from(info.cluster).unwrap_or_default();
        let end = clusters.iter().copied().find(|next| *next > start).unwrap_or(text.len());
        let stands_for = text.get(start..end).filter(|_| told != Some(start));
        told = Some(start);
        glyphs.push(Glyph {
            face: id,
            id: u16::try_from(info.glyph_id).unwrap_or_default(),
            advance: position.x_advance,
            offset: (position.x_offset, position.y_offset),
            text: stands_for.unwrap_or_default().to_owned(),
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is seen, from left to right.
    fn seen(text: &str) -> Vec<String> {
        let glyphs = shape(&Faces::load().unwrap(), text, false).unwrap();
        let texts = glyphs.into_iter().map(|glyph| glyph.text);
        texts.filter(|text| !text.is_empty()).collect()
    }

    fn width(text: &str) -> i32 {
        let style = Style { size: 200, bold: true };
        style.width(&shape(&Faces::load().unwrap(), text, true).unwrap())
    }

    #[test]
    fn arabic_is_joined_and_runs_from_right_to_left() {
        // Lam and alef are one.
        assert_eq!(seen("سلام"), ["م", "لا", "س"]);
        assert!(width("ببب") < 3 * width("ب"), "letters change when they are joined");
    }

    #[test]
    fn figures_and_names_keep_their_own_way() {
        assert_eq!(seen("20 مايو").concat(), "ويام 20");
        assert_eq!(seen("10115 Berlin").concat(), "10115 Berlin");
        assert_eq!(seen("خطة Go").concat(), "Go ةطخ");
    }

    #[test]
    fn signs_that_only_direct_take_no_room() {
        assert_eq!(width("\u{2068}EGP 5\u{2069}"), width("EGP 5"));
        assert_eq!(width(""), 0);
        assert!(width("ii") < width("WW"));
    }
}
