//! The fonts: letters of Europe and of Arabic, regular and bold.

use anyhow::Context as _;
use harfrust::{Font, GlyphId, ShaperFont};

/// How thousandths of a font's size are counted: all our fonts have so many units.
pub(super) const UNITS: i32 = 1_000;

/// A font.
pub(super) struct Face {
    /// What it is called.
    pub(super) name: &'static str,
    /// The whole file.
    pub(super) file: &'static [u8],
    /// Left, bottom, right and top of the box into which all glyphs fit, in units.
    pub(super) bounds: [i16; 4],
    /// How far it goes above the line, and below, in units.
    pub(super) reach: [i16; 2],
    pub(super) font: Font,
}

/// Which font, by its place.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum FaceId {
    Latin,
    LatinBold,
    Arabic,
    ArabicBold,
}

impl FaceId {
    /// What it is called within the file.
    pub(super) const fn key(self) -> &'static [u8] {
        match self {
            Self::Latin => b"F0",
            Self::LatinBold => b"F1",
            Self::Arabic => b"F2",
            Self::ArabicBold => b"F3",
        }
    }

    /// The font of letters that stand alone.
    pub(super) const fn latin(bold: bool) -> Self {
        if bold { Self::LatinBold } else { Self::Latin }
    }

    /// The font that has a letter; nothing for signs that go with the letters around them.
    pub(super) const fn having(letter: char, bold: bool) -> Option<Self> {
        match letter {
            ' ' | '\u{200C}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' => {
                None
            }
            '\u{600}'..='\u{6FF}' | '\u{750}'..='\u{77F}' | '\u{FDFC}' => {
                Some(if bold { Self::ArabicBold } else { Self::Arabic })
            }
            _ => Some(Self::latin(bold)),
        }
    }
}

/// All fonts.
pub(super) struct Faces([Face; 4]);

impl Faces {
    pub(super) fn load() -> anyhow::Result<Self> {
        let latin = [1_069, -293];
        let arabic = [1_374, -738];
        Ok(Self([
            face(
                ("NotoSans-Regular", include_bytes!("../../fonts/NotoSans-Regular.ttf")),
                ([-621, -389, 2_800, 1_067], latin),
            )?,
            face(
                ("NotoSans-Bold", include_bytes!("../../fonts/NotoSans-Bold.ttf")),
                ([-644, -389, 2_800, 1_069], latin),
            )?,
            face(
                (
                    "NotoSansArabic-Regular",
                    include_bytes!("../../fonts/NotoSansArabic-Regular.ttf"),
                ),
                ([-220, -548, 7_175, 1_359], arabic),
            )?,
            face(
                ("NotoSansArabic-Bold", include_bytes!("../../fonts/NotoSansArabic-Bold.ttf")),
                ([-220, -616, 7_840, 1_358], arabic),
            )?,
        ]))
    }

    pub(super) const fn get(&self, id: FaceId) -> &Face {
        let [latin, latin_bold, arabic, arabic_bold] = &self.0;
        match id {
            FaceId::Latin => latin,
            FaceId::LatinBold => latin_bold,
            FaceId::Arabic => arabic,
            FaceId::ArabicBold => arabic_bold,
        }
    }
}

impl Face {
    /// How far the next glyph is, in units.
    pub(super) fn advance(&self, glyph: u16) -> i32 {
        ShaperFont::new(&self.font).glyph_h_advance(GlyphId::new(u32::from(glyph)))
    }
}

fn face(
    (name, file): (&'static str, &'static [u8]),
    (bounds, reach): ([i16; 4], [i16; 2]),
) -> anyhow::Result<Face> {
    let font = Font::new(file, 0).with_context(|| format!("{name} cannot be read"))?;
    Ok(Face { name, file, bounds, reach, font })
}
