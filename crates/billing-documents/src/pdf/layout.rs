//! Where things stand.

use harfrust::ShapeError;

use super::{
    canvas::{Canvas, PAGE, Side},
    shaping::Style,
};
use crate::document::{Block, Document, Fact, Row};

/// The edge of all pages, in twentieths of a point: 20 mm.
const EDGE: i32 = 1_134;
const INNER: i32 = PAGE.0 - 2 * EDGE;
/// Where the last line of a page may stand.
const BOTTOM: i32 = PAGE.1 - EDGE - 400;
/// From one line to the next.
const STEP: i32 = 290;

const TITLE: Style = Style { size: 440, bold: true };
const PLAIN: Style = Style { size: 190, bold: false };
const STRONG: Style = Style { size: 190, bold: true };
const SMALL: Style = Style { size: 160, bold: false };

/// Where the descriptions end, and the three columns of figures.
const DESCRIPTION: i32 = EDGE + 4_500;
const COLUMNS: [i32; 3] = [EDGE + 5_300, EDGE + 7_450, EDGE + INNER];
/// Where the values of the facts begin, and the second of two blocks.
const VALUES: i32 = EDGE + 2_200;
const MIDDLE: i32 = EDGE + INNER / 2;

/// A page that is being filled.
struct Pen<'c, 'f> {
    canvas: &'c mut Canvas<'f>,
    y: i32,
}

/// Sets a document on as many pages as it needs.
pub(super) fn lay_out(canvas: &mut Canvas<'_>, document: &Document) -> Result<(), ShapeError> {
    let mut pen = Pen { canvas, y: EDGE + 400 };
    pen.canvas.text((EDGE, pen.y), Side::After, TITLE, document.title)?;
    pen.y += 500;
    for Fact { name, value, .. } in &document.facts {
        pen.canvas.text((EDGE, pen.y), Side::After, PLAIN, name)?;
        pen.canvas.text((VALUES, pen.y), Side::After, PLAIN, value)?;
        pen.y += STEP;
    }
    pen.y += STEP;
    pen.blocks([&document.seller, &document.buyer])?;
    pen.y += STEP;
    pen.head(document.head)?;
    for row in &document.rows {
        pen.row(document.head, row)?;
    }
    pen.y += STEP / 2;
    pen.make_room(STEP * lines(document.sums.len()));
    for sum in &document.sums {
        pen.sum(sum)?;
    }
    pen.y += STEP;
    for note in &document.notes {
        for line in pen.wrapped(note, PLAIN, INNER)? {
            pen.make_room(STEP);
            pen.canvas.text((EDGE, pen.y), Side::After, PLAIN, &line)?;
            pen.y += STEP;
        }
    }
    number_pages(pen.canvas)
}

fn number_pages(canvas: &mut Canvas<'_>) -> Result<(), ShapeError> {
    let count = canvas.pages.len();
    for page in 0..count {
        let text = format!("{} / {count}", page + 1);
        let place = (EDGE + INNER, PAGE.1 - EDGE);
        canvas.text_on(page, place, Side::Before, (SMALL, &text))?;
    }
    Ok(())
}

impl Pen<'_, '_> {
    /// Goes on on a new page where there is no room.
    fn make_room(&mut self, height: i32) -> bool {
        let full = self.y + height > BOTTOM && self.y > EDGE + 400;
        if full {
            self.canvas.new_page();
            self.y = EDGE + 400;
        }
        full
    }

    /// Two blocks beside each other.
    fn blocks(&mut self, blocks: [&Block; 2]) -> Result<(), ShapeError> {
        let top = self.y;
        let mut lowest = top;
        for (block, x) in blocks.into_iter().zip([EDGE, MIDDLE]) {
            let mut y = top;
            self.canvas.text((x, y), Side::After, STRONG, block.heading)?;
            for line in &block.lines {
                for part in self.wrapped(line, PLAIN, INNER / 2 - 200)? {
                    y += STEP;
                    self.canvas.text((x, y), Side::After, PLAIN, &part)?;
                }
            }
            lowest = lowest.max(y);
        }
        self.y = lowest + STEP;
        Ok(())
    }

    fn head(&mut self, head: [&str; 4]) -> Result<(), ShapeError> {
        let [description, columns @ ..] = head;
        self.canvas.text((EDGE, self.y), Side::After, STRONG, description)?;
        for (name, x) in columns.into_iter().zip(COLUMNS) {
            self.canvas.text((x, self.y), Side::Before, STRONG, name)?;
        }
        self.canvas.rule((EDGE, EDGE + INNER), self.y + 110);
        self.y += STEP + 110;
        Ok(())
    }

    fn row(&mut self, head: [&str; 4], row: &Row) -> Result<(), ShapeError> {
        let room = DESCRIPTION - EDGE;
        let description = self.wrapped(&row.description, PLAIN, room)?;
        let period = self.wrapped(row.period.as_deref().unwrap_or_default(), SMALL, room)?;
        let height = STEP * lines(description.len() + period.len());
        if self.make_room(height) {
            self.head(head)?;
        }
        for (value, x) in [&row.quantity, &row.unit_price, &row.amount].into_iter().zip(COLUMNS) {
            self.canvas.text((x, self.y), Side::Before, PLAIN, value)?;
        }
        let styled = description.iter().map(|line| (line, PLAIN));
        for (line, style) in styled.chain(period.iter().map(|line| (line, SMALL))) {
            self.canvas.text((EDGE, self.y), Side::After, style, line)?;
            self.y += STEP;
        }
        self.canvas.rule((EDGE, EDGE + INNER), self.y - 180);
        self.y += 110;
        Ok(())
    }

    fn sum(&mut self, sum: &Fact) -> Result<(), ShapeError> {
        let style = if sum.strong { STRONG } else { PLAIN };
        self.canvas.text((MIDDLE, self.y), Side::After, style, &sum.name)?;
        self.canvas.text((EDGE + INNER, self.y), Side::Before, style, &sum.value)?;
        self.y += STEP;
        Ok(())
    }

    /// Text in lines that are not wider than this; a word that is gets broken.
    fn wrapped(&self, text: &str, style: Style, width: i32) -> Result<Vec<String>, ShapeError> {
        let fits = |line: &str| Ok(self.canvas.width(line, style)? <= width);
        let mut lines = vec![String::new()];
        for word in text.split_whitespace() {
            let Some(line) = lines.last_mut() else { break };
            let longer = if line.is_empty() { word.to_owned() } else { format!("{line} {word}") };
            if fits(&longer)? {
                *line = longer;
            } else if fits(word)? {
                lines.push(word.to_owned());
            } else {
                for letter in word.chars() {
                    let Some(line) = lines.last_mut() else { break };
                    if fits(&format!("{line}{letter}"))? {
                        line.push(letter);
                    } else {
                        lines.push(letter.to_string());
                    }
                }
            }
        }
        lines.retain(|line| !line.is_empty());
        Ok(lines)
    }
}

fn lines(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX / STEP)
}
