//! Pages and fonts become a file.

use std::io::Write as _;

use anyhow::Context as _;
use flate2::{Compression, write::ZlibEncoder};
use pdf_writer::{
    Filter, Finish as _, Name, Pdf, Rect, Ref, Str, TextStr,
    types::{CidFontType, FontFlags, SystemInfo, UnicodeCmap},
};
use subsetter::subset;

use super::{
    canvas::{Canvas, PAGE, Used, number},
    faces::{Face, FaceId},
};
use crate::document::Document;

/// Glyphs are named by two bytes, which are their place in the font.
const NAMES: Name<'_> = Name(b"Identity-H");
const SYSTEM: SystemInfo<'_> =
    SystemInfo { registry: Str(b"Adobe"), ordering: Str(b"Identity"), supplement: 0 };

/// Numbers of objects, each given once.
struct Refs(i32);

impl Refs {
    fn next(&mut self) -> Ref {
        self.0 += 1;
        Ref::new(self.0)
    }
}

pub(super) fn write(canvas: Canvas<'_>, document: &Document) -> anyhow::Result<Vec<u8>> {
    let mut pdf = Pdf::new();
    let mut refs = Refs(0);
    let (catalog, tree, info) = (refs.next(), refs.next(), refs.next());
    pdf.catalog(catalog).pages(tree).lang(TextStr(document.locale.name()));
    let number_of_it = document.facts.first().map(|fact| fact.value.as_str()).unwrap_or_default();
    pdf.document_info(info).title(TextStr(&format!("{} {number_of_it}", document.title)));
    let mut fonts = Vec::new();
    for (id, used) in &canvas.used {
        let font = refs.next();
        embed(&mut pdf, (&mut refs, font), canvas.faces.get(*id), used)?;
        fonts.push((*id, font));
    }
    let mut kids = Vec::new();
    for content in canvas.pages {
        let (page, stream) = (refs.next(), refs.next());
        add_page(&mut pdf, (page, tree, stream), &fonts);
        let bytes = squeezed(&content.finish())?;
        pdf.stream(stream, &bytes).filter(Filter::FlateDecode);
        kids.push(page);
    }
    let count = i32::try_from(kids.len()).context("too many pages")?;
    pdf.pages(tree).kids(kids).count(count);
    Ok(pdf.finish())
}

fn add_page(pdf: &mut Pdf, (page, tree, stream): (Ref, Ref, Ref), fonts: &[(FaceId, Ref)]) {
    let mut page = pdf.page(page);
    page.parent(tree).contents(stream);
    page.media_box(Rect::new(0.0, 0.0, points(PAGE.0), points(PAGE.1)));
    let mut resources = page.resources();
    let mut named = resources.fonts();
    for (id, font) in fonts {
        named.pair(Name(id.key()), font);
    }
    named.finish();
}

/// Whole points; what is less than one makes no difference to paper.
fn points(twentieths: i32) -> f32 {
    number(twentieths / 20)
}

/// Puts a font into the file, as far as it is used.
fn embed(
    pdf: &mut Pdf,
    (refs, font): (&mut Refs, Ref),
    face: &Face,
    used: &Used,
) -> anyhow::Result<()> {
    let (cid, descriptor, file, map) = (refs.next(), refs.next(), refs.next(), refs.next());
    // A subset is marked by six letters.
    let name = format!("BILLNG+{}", face.name);
    let name = Name(name.as_bytes());
    pdf.type0_font(font)
        .base_font(name)
        .encoding_predefined(NAMES)
        .descendant_font(cid)
        .to_unicode(map);
    let widths = used.names.remapped_gids().map(|glyph| number(face.advance(glyph)));
    let mut written = pdf.cid_font(cid);
    written.subtype(CidFontType::Type2).base_font(name).system_info(SYSTEM);
    written.font_descriptor(descriptor).default_width(0.0);
    written.cid_to_gid_map_predefined(Name(b"Identity"));
    written.widths().consecutive(0, widths);
    written.finish();
    let [left, bottom, right, top] = face.bounds.map(f32::from);
    let [ascent, descent] = face.reach.map(f32::from);
    pdf.font_descriptor(descriptor)
        .name(name)
        .flags(FontFlags::SYMBOLIC)
        .bbox(Rect::new(left, bottom, right, top))
        .italic_angle(0.0)
        .ascent(ascent)
        .descent(descent)
        .cap_height(714.0)
        .stem_v(80.0)
        .font_file2(file);
    let mut texts = UnicodeCmap::new(Name(b"Letters"), SYSTEM);
    for (glyph, text) in &used.texts {
        texts.pair_with_multiple(*glyph, text.chars());
    }
    let texts = squeezed(&texts.finish())?;
    pdf.cmap(map, &texts).filter(Filter::FlateDecode);
    let part = subset(face.file, 0, &used.names);
    let part = part.with_context(|| format!("{} cannot be cut", face.name))?;
    let length = i32::try_from(part.len()).context("a font is too large")?;
    let part = squeezed(&part)?;
    pdf.stream(file, &part).filter(Filter::FlateDecode).pair(Name(b"Length1"), length);
    Ok(())
}

fn squeezed(bytes: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut squeezed = ZlibEncoder::new(Vec::new(), Compression::default());
    squeezed.write_all(bytes)?;
    Ok(squeezed.finish()?)
}
