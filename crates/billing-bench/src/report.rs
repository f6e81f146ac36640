//! What a run found, as Markdown.

use std::fmt::Display;

use crate::load::Measured;

/// Between these lines of a document stands the report.
const BEGIN: &str = "<!-- written by `just bench` -->";
const END: &str = "<!-- until here -->";

const HEAD: &str = "\
| load | req/s | p50 ms | p99 ms | errors | of hello | server MB |
|---|--:|--:|--:|--:|--:|--:|
";

/// A run.
pub(crate) struct Report {
    /// What is true of the run as a whole, a line each.
    pub(crate) notes: Vec<String>,
    /// One for each load; the first one is hello.
    pub(crate) rows: Vec<Row>,
}

/// A load.
pub(crate) struct Row {
    name: &'static str,
    per_second: u128,
    p50_us: u32,
    p99_us: u32,
    errors: u64,
    resident_kb: Option<u64>,
}

impl Row {
    /// The figures of a load, and the memory of the server after it.
    pub(crate) fn new(name: &'static str, measured: &Measured, resident_kb: Option<u64>) -> Self {
        let [p50_us, p99_us] = [50, 99].map(|percent| measured.percentile_us(percent));
        let (per_second, errors) = (measured.per_second(), measured.errors);
        Self { name, per_second, p50_us, p99_us, errors, resident_kb }
    }
}

impl Report {
    /// The table, and the notes under it.
    pub(crate) fn markdown(&self) -> String {
        let hello = self.rows.first().map_or(0, |row| row.per_second);
        let mut text = HEAD.to_owned();
        for Row { name, per_second, p50_us, p99_us, errors, resident_kb } in &self.rows {
            let rate = grouped(*per_second);
            let (p50, p99) = (hundredths(p50_us / 10), hundredths(p99_us / 10));
            let ratio = (per_second * 100).checked_div(hello).map_or_else(missing, hundredths);
            let memory = resident_kb.map_or_else(missing, |kb| (kb / 1024).to_string());
            let row = [(*name).to_owned(), rate, p50, p99, errors.to_string(), ratio, memory];
            text += &format!("| {} |\n", row.join(" | "));
        }
        text += "\n";
        for note in &self.notes {
            text += &format!("- {note}\n");
        }
        text
    }
}

/// A document with the report where the last one stood, or at its end.
pub(crate) fn replaced(document: &str, report: &str) -> String {
    let around = document
        .split_once(BEGIN)
        .and_then(|(before, rest)| Some((before, rest.split_once(END)?.1)));
    let (before, after) = around.unwrap_or((document, "\n"));
    format!("{before}{BEGIN}\n\n{report}\n{END}{after}")
}

/// A number with a comma before each three digits.
pub(crate) fn grouped(number: impl Display) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (nth, digit) in digits.chars().enumerate() {
        if nth > 0 && (digits.len() - nth).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn hundredths(number: impl Into<u128>) -> String {
    let number = number.into();
    format!("{}.{:02}", number / 100, number % 100)
}

fn missing() -> String {
    "–".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_compares_with_its_first_row() {
        let row = |name, per_second, resident_kb| Row {
            name,
            per_second,
            p50_us: 1_234,
            p99_us: 56_789,
            errors: 0,
            resident_kb,
        };
        let rows = vec![row("hello", 20_000, Some(102_400)), row("consume", 6_100, None)];
        let text = Report { notes: vec!["2 cores".to_owned()], rows }.markdown();
        let expected = "\
            | hello | 20,000 | 1.23 | 56.78 | 0 | 1.00 | 100 |\n\
            | consume | 6,100 | 1.23 | 56.78 | 0 | 0.30 | – |\n\
            \n\
            - 2 cores\n";
        assert_eq!(text.strip_prefix(HEAD), Some(expected));
    }

    #[test]
    fn numbers_are_grouped_and_cut() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([0_u32, 7, 100, 1_205].map(hundredths), ["0.00", "0.07", "1.00", "12.05"]);
    }

    #[test]
    fn a_report_takes_the_place_of_the_last_one() {
        let first = replaced("# Title\n\n", "one\n");
        let second = replaced(&format!("{first}After.\n"), "two\n");
        assert_eq!(second, format!("# Title\n\n{BEGIN}\n\ntwo\n\n{END}\nAfter.\n"));
    }
}
