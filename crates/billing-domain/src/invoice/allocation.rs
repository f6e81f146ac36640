//! Amounts in shares that lose nothing.

use crate::money::Money;

/// An amount in shares by weight that sum to the whole: each is rounded down, and what is left goes
/// to the largest remainders, the first of equals first. Where nothing has weight all weigh the
/// same; without weights there are no shares.
pub fn allocate(amount: Money, weights: &[u64]) -> Vec<Money> {
    let sum: u128 = weights.iter().copied().map(u128::from).sum();
    let weighed = |weight: u64| if sum == 0 { 1 } else { u128::from(weight) };
    let whole = if sum == 0 { u128::try_from(weights.len()).unwrap_or(1) } else { sum };
    let total = u128::from(amount.minor().unsigned_abs());
    let mut shares: Vec<(u128, u128)> = weights
        .iter()
        .map(|weight| {
            let exact = total * weighed(*weight);
            (exact / whole, exact % whole)
        })
        .collect();
    let given: u128 = shares.iter().map(|(share, _)| share).sum();
    let mut order: Vec<usize> = (0..shares.len()).collect();
    order.sort_by_key(|at| core::cmp::Reverse(shares.get(*at).map(|(_, rest)| *rest)));
    let left = usize::try_from(total - given).unwrap_or_default();
    for at in order.into_iter().take(left) {
        if let Some((share, _)) = shares.get_mut(at) {
            *share += 1;
        }
    }
    let signed = |share: u128| {
        let share = i128::try_from(share).unwrap_or_default();
        let share = if amount.minor() < 0 { -share } else { share };
        i64::try_from(share).unwrap_or_default()
    };
    shares.into_iter().map(|(share, _)| Money::new(signed(share), amount.currency())).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::currency::Currency;

    fn shares(minor: i64, weights: &[u64]) -> Vec<i64> {
        let shares = allocate(Money::new(minor, Currency::EUR), weights);
        shares.into_iter().map(Money::minor).collect()
    }

    #[test]
    fn what_is_left_goes_to_the_largest_remainder() {
        assert_eq!(shares(100, &[1, 1, 1]), [34, 33, 33]);
        assert_eq!(shares(-100, &[1, 1, 1]), [-34, -33, -33]);
        assert_eq!(shares(10, &[1, 6, 3]), [1, 6, 3]);
        assert_eq!(shares(7, &[1, 2, 4]), [1, 2, 4]);
        assert_eq!(shares(8, &[10, 19, 40]), [1, 2, 5]);
        assert_eq!(shares(5, &[0, 0]), [3, 2]);
        assert_eq!(shares(5, &[]), Vec::<i64>::new());
        assert_eq!(shares(i64::MIN, &[u64::MAX]), [i64::MIN]);
    }

    proptest! {
        #[test]
        fn shares_sum_to_the_whole_and_are_next_to_exact(
            minor: i64,
            weights in prop::collection::vec(any::<u64>(), 1..12),
        ) {
            let shares = shares(minor, &weights);
            let sum: i128 = shares.iter().map(|share| i128::from(*share)).sum();
            prop_assert_eq!(sum, i128::from(minor));
            let whole: u128 = weights.iter().map(|weight| u128::from(*weight)).sum();
            for (share, weight) in shares.iter().zip(&weights) {
                prop_assume!(whole > 0);
                let exact = u128::from(minor.unsigned_abs()) * u128::from(*weight) / whole;
                let got = u128::from(share.unsigned_abs());
                prop_assert!(got == exact || got == exact + 1, "{} of {}", got, exact);
            }
        }
    }
}
