//! What a run found, as Markdown.

use std::fmt::Display;

use crate::{budgets, cost::Cost, measured::Measured, schedule::Step};

/// Between these lines of a document stands the report.
const BEGIN: &str = "<!-- written by `just bench` -->";
const END: &str = "<!-- until here -->";

const HEAD: &str = "\
| load | operations/s | p50 ms | p99 ms | errors | server µs | PostgreSQL µs | load µs | WAL bytes | server MB | others |
|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|
";

/// What a step came to.
pub(crate) struct Row {
    /// Which one.
    pub(crate) step: Step,
    per_second: u128,
    operations: u128,
    p50_us: u32,
    p99_us: u32,
    errors: u64,
    cost: Cost,
    resident_kb: Option<u64>,
}

impl Row {
    /// The figures of a step, what it cost, and the memory of the servers after it.
    pub(crate) fn new(
        step: Step,
        measured: &Measured,
        (cost, resident_kb): (Cost, Option<u64>),
    ) -> Self {
        let [p50_us, p99_us] = [50, 99].map(|percent| measured.percentile_us(percent));
        let (per_second, errors) = (measured.per_second(), measured.errors);
        let operations = measured.operations();
        Self { step, per_second, operations, p50_us, p99_us, errors, cost, resident_kb }
    }

    #[cfg(test)]
    pub(crate) fn with_rate(step: Step, per_second: usize) -> Self {
        let measured = Measured {
            elapsed: std::time::Duration::from_secs(1),
            latencies_us: vec![1_234; per_second],
            per_unit: 1,
            errors: 0,
        };
        Self::new(step, &measured, (Cost::default(), None))
    }

    /// Operations in a second.
    pub(crate) const fn per_second(&self) -> u128 {
        self.per_second
    }

    /// The time in which half of the units were done, in microseconds.
    pub(crate) const fn p50_us(&self) -> u32 {
        self.p50_us
    }

    /// The memory of the servers.
    pub(crate) fn megabytes(&self) -> Option<u128> {
        self.resident_kb.map(|kb| u128::from(kb / 1024))
    }

    /// A row of the table of loads.
    pub(crate) fn markdown(&self) -> String {
        let Self { step, per_second, operations, p50_us, p99_us, errors, cost, .. } = self;
        let Cost { server_us, database_us, generator_us, wal_bytes, .. } = cost;
        let (p50, p99) = (hundredths(p50_us / 10), hundredths(p99_us / 10));
        let each = |sum: &Option<u64>| {
            let tenths = sum.and_then(|it| (u128::from(it) * 10).checked_div(*operations));
            tenths.map_or_else(missing, |it| match it {
                1_000.. => grouped(it / 10),
                _ => format!("{}.{}", it / 10, it % 10),
            })
        };
        let row = [
            step.name().to_owned(),
            grouped(*per_second),
            p50,
            p99,
            errors.to_string(),
            each(server_us),
            each(database_us),
            each(generator_us),
            each(wal_bytes),
            self.megabytes().map_or_else(missing, |it| it.to_string()),
            cost.others_percent().map_or_else(missing, |it| format!("{it} %")),
        ];
        format!("| {} |\n", row.join(" | "))
    }
}

/// The budgets, the loads in the order in which they ran, and what is true of the run as a whole.
pub(crate) fn markdown(rows: &[Row], notes: &[String]) -> String {
    let loads: String = rows.iter().map(Row::markdown).collect();
    let notes: String = notes.iter().map(|note| format!("- {note}\n")).collect();
    format!("{}\n{HEAD}{loads}\n{notes}", budgets::markdown(rows))
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

/// So many hundredths, as a decimal number.
pub(crate) fn hundredths(number: impl Into<u128>) -> String {
    let number = number.into();
    format!("{}.{:02}", number / 100, number % 100)
}

fn missing() -> String {
    "–".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::{CONSUME, HELLO};

    #[test]
    fn costs_are_of_one_operation() {
        let cost = Cost { server_us: Some(2_500), wal_bytes: Some(120_000), ..Cost::default() };
        let row = Row { cost, resident_kb: Some(102_400), ..Row::with_rate(CONSUME, 100) };
        let expected = "| consume | 100 | 1.23 | 1.23 | 0 | 25.0 | – | – | 1,200 | 100 | – |\n";
        assert_eq!(row.markdown(), expected);
        assert!(Row::with_rate(HELLO, 2).markdown().ends_with("| – | – | – | – | – | – |\n"));
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
