//! The budgets, and whether a run keeps them.

use crate::{
    report::{Row, grouped, hundredths},
    schedule::{
        BATCH, CALL_ALONE, CHECK, CLASSIC, CLASSIC_HOT, CONSUME, CONSUME_ALONE, CONSUME_BOTH,
        CONSUME_GROWN, CONSUME_HOT, HELLO, HELLO_ALONE, RECORD, SETTLE, Step, WEBHOOK,
    },
};

/// What must hold of two figures, or of one.
enum Budget {
    /// The rate of a step is at least so many hundredths of that of another one.
    Rate(Step, Step, u128),
    /// The servers have at most so many megabytes in memory after a step.
    Memory(Step, u64),
    /// Half of the operations of a step take at most so many hundredths of the time that half of
    /// those of the others take together.
    Latency(Step, [Step; 2], u128),
}

const BUDGETS: [(&str, Budget); 12] = [
    ("P1", Budget::Rate(CONSUME, CLASSIC, 400)),
    ("P1", Budget::Rate(CONSUME, HELLO, 30)),
    ("P2", Budget::Rate(CONSUME_HOT, CLASSIC_HOT, 3_000)),
    ("P3", Budget::Rate(SETTLE, CONSUME, 45)),
    ("P4", Budget::Rate(CHECK, HELLO, 70)),
    ("P5", Budget::Rate(RECORD, CONSUME, 80)),
    ("P6", Budget::Rate(BATCH, Step::Copy, 60)),
    ("P7", Budget::Rate(WEBHOOK, HELLO, 20)),
    ("P8", Budget::Rate(CONSUME_GROWN, CONSUME, 50)),
    ("P9", Budget::Memory(CONSUME, 150)),
    ("P10", Budget::Latency(CONSUME_ALONE, [HELLO_ALONE, CALL_ALONE], 150)),
    ("P11", Budget::Rate(CONSUME_BOTH, CONSUME, 100)),
];

const HEAD: &str = "\
| # | what | figure | reference | figure | ratio | budget | |
|---|---|--:|---|--:|--:|--:|---|
";

/// The budgets, a row each.
pub(crate) fn markdown(rows: &[Row]) -> String {
    BUDGETS.iter().fold(HEAD.to_owned(), |text, (name, budget)| {
        text + &format!("| {name} | {} |\n", budget.columns(rows).join(" | "))
    })
}

impl Budget {
    fn columns(&self, rows: &[Row]) -> [String; 7] {
        let none = || "–".to_owned();
        match self {
            Self::Rate(step, reference, least) => {
                let rate = |step| figure(rows, step, Row::per_second);
                let shown = |step| rate(step).map_or_else(none, |it| format!("{}/s", grouped(it)));
                let ratio = ratio(rows, *step, *reference);
                [
                    step.name().to_owned(),
                    shown(*step),
                    reference.name().to_owned(),
                    shown(*reference),
                    ratio.map_or_else(none, hundredths),
                    format!("≥ {}", hundredths(*least)),
                    verdict(ratio.map(|it| it >= *least)),
                ]
            }
            Self::Memory(step, most) => {
                let megabytes = figure(rows, *step, |row| row.megabytes().unwrap_or_default());
                let megabytes = megabytes.filter(|it| *it > 0);
                [
                    format!("memory of the server under {}", step.name()),
                    megabytes.map_or_else(none, |it| format!("{it} MB")),
                    none(),
                    none(),
                    none(),
                    format!("≤ {most} MB"),
                    verdict(megabytes.map(|it| it <= u128::from(*most))),
                ]
            }
            Self::Latency(step, references, most) => {
                let p50 = |step| figure(rows, step, |row| u128::from(row.p50_us()));
                let (own, [one, other]) = (p50(*step), references.map(p50));
                let together = one.zip(other).map(|(one, other)| one + other);
                let shown = |it: Option<u128>| it.map_or_else(none, |us| format!("{us} µs"));
                let ratio = own.zip(together);
                let ratio = ratio.and_then(|(own, all)| (own * 100).checked_div(all));
                [
                    format!("p50 of {}", step.name()),
                    shown(own),
                    references.map(Step::name).join(" + "),
                    shown(together),
                    ratio.map_or_else(none, hundredths),
                    format!("≤ {}", hundredths(*most)),
                    verdict(ratio.map(|it| it <= *most)),
                ]
            }
        }
    }
}

/// Each figure of a step against the mean of the reference before and after it, as far as they
/// stand side by side; of these ratios the median, in hundredths.
fn ratio(rows: &[Row], step: Step, reference: Step) -> Option<u128> {
    let beside = |nth: usize| {
        let before = nth.checked_sub(1).and_then(|it| rows.get(it));
        let beside = [before, rows.get(nth + 1)].into_iter().flatten();
        let rates = beside.filter(|row| row.step == reference).map(Row::per_second);
        rates.collect::<Vec<_>>()
    };
    let ratios = rows.iter().enumerate().filter(|(_, row)| row.step == step);
    median(ratios.filter_map(|(nth, row)| {
        let rates = beside(nth);
        let sum: u128 = rates.iter().sum();
        (row.per_second() * 100 * rates.len() as u128).checked_div(sum)
    }))
}

/// The median of a figure of a step.
fn figure(rows: &[Row], step: Step, of: impl Fn(&Row) -> u128) -> Option<u128> {
    median(rows.iter().filter(|row| row.step == step).map(of))
}

/// The middle one, or the mean of the two in the middle.
fn median(figures: impl Iterator<Item = u128>) -> Option<u128> {
    let mut sorted: Vec<_> = figures.collect();
    sorted.sort_unstable();
    let upper = sorted.get(sorted.len() / 2)?;
    let lower = sorted.get((sorted.len() - 1) / 2)?;
    Some(u128::midpoint(*lower, *upper))
}

fn verdict(met: Option<bool>) -> String {
    match met {
        Some(true) => "met",
        Some(false) => "**not met**",
        None => "not measured",
    }
    .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(rates: &[(Step, usize)]) -> Vec<Row> {
        rates.iter().map(|(step, rate)| Row::with_rate(*step, *rate)).collect()
    }

    #[test]
    fn a_ratio_is_made_of_neighbours() {
        let all =
            rows(&[(HELLO, 100), (CHECK, 75), (HELLO, 200), (CONSUME, 30), (CHECK, 1), (HELLO, 1)]);
        assert_eq!(ratio(&all, CONSUME, HELLO), Some(15));
        // 75 of 150, and 1 of 1.
        assert_eq!(ratio(&all, CHECK, HELLO), Some(75));
        assert_eq!(ratio(&all, SETTLE, HELLO), None);
    }

    #[test]
    fn medians_are_in_the_middle() {
        assert_eq!(median([3, 1, 2].into_iter()), Some(2));
        assert_eq!(median([4, 1, 2, 9].into_iter()), Some(3));
        assert_eq!(median([].into_iter()), None);
    }

    #[test]
    fn what_was_not_measured_is_not_met() {
        let text = markdown(&rows(&[(HELLO, 100), (CONSUME, 29), (HELLO, 100)]));
        let line = |name: &str| text.lines().find(|it| it.contains(name)).unwrap().to_owned();
        assert_eq!(
            line("| hello |"),
            "| P1 | consume | 29/s | hello | 100/s | 0.29 | ≥ 0.30 | **not met** |"
        );
        assert!(line("P7").ends_with("| not measured |"));
        assert!(line("P9").ends_with("| ≤ 150 MB | not measured |"));
    }
}
