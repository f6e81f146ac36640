//! Numbers without gaps.

use core::fmt;

/// What is numbered on its own.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Series {
    /// Invoices of ours.
    Invoice,
    /// Credit notes.
    CreditNote,
}

impl Series {
    /// Every series.
    pub const ALL: [Self; 2] = [Self::Invoice, Self::CreditNote];

    /// Its name in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Invoice => "invoice",
            Self::CreditNote => "credit_note",
        }
    }
}

/// A number of a document: unique, and without gaps within its series and year.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct DocumentNumber {
    /// Of what.
    pub series: Series,
    /// In which year, by UTC.
    pub year: i32,
    /// From 1.
    pub sequence: i64,
}

/// `2026-000123`, and for a credit note `CN-2026-000123`.
impl fmt::Display for DocumentNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let prefix = match self.series {
            Series::Invoice => "",
            Series::CreditNote => "CN-",
        };
        write!(f, "{prefix}{}-{:06}", self.year, self.sequence)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_by_people() {
        let number = |series, sequence| DocumentNumber { series, year: 2026, sequence }.to_string();
        assert_eq!(number(Series::Invoice, 123), "2026-000123");
        assert_eq!(number(Series::CreditNote, 7), "CN-2026-000007");
        assert_eq!(number(Series::Invoice, 1_234_567), "2026-1234567");
    }
}
