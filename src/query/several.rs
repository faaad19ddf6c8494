//! Several laws that answer a question together: one law gives the estimate, and each draw is a draw of one of the laws.

use super::{Kind, Limits, Ready};
use crate::fit::Fit;
use crate::law::Law;
use crate::numerics::{Points, chosen};

/// One of several laws that answer together.
#[derive(Clone, Debug)]
pub struct WeightedLaw {
    /// The law as the question uses it.
    pub law: Law,
    /// The values of its free parameters.
    pub free: Vec<f64>,
    /// Draws of them; without draws, the values count as known.
    pub draws: Points,
    /// The part of all draws that are draws of this law.
    pub share: f64,
}

/// Several laws that answer together.
#[derive(Clone, Debug)]
pub struct SeveralLaws {
    /// The law of the estimate.
    pub law: Law,
    /// The fit of that law. Its level is that of the intervals.
    pub fit: Fit,
    /// The laws of the draws.
    pub laws: Vec<WeightedLaw>,
    /// The number of draws over all laws.
    pub count: usize,
}

/// Irrational numbers whose multiples choose the law of each draw. The first draws of any number are divided in the
/// proportion of the shares, and the choices for the two fits of a comparison are unrelated.
const GOLDEN: f64 = 0.618_033_988_749_894_9;
const ROOT_TWO: f64 = 0.414_213_562_373_095_03;

/// The laws of the draws, prepared for a question.
pub(super) struct WeightedLaws<'a> {
    own: Vec<(&'a WeightedLaw, Ready<'a>)>,
    /// The laws of the other fit of a comparison.
    other: Vec<(&'a WeightedLaw, Ready<'a>)>,
    /// The number of draws.
    pub(super) count: usize,
}

/// A law at one of its parameter vectors.
pub(super) struct LawAt<'a> {
    /// The index of the law.
    pub(super) index: usize,
    pub(super) ready: &'a Ready<'a>,
    pub(super) parameters: &'a [f64],
}

/// The law of a fit, and that of the other fit of a comparison.
pub(super) type Pair<'a> = (LawAt<'a>, Option<LawAt<'a>>);

impl<'a> WeightedLaws<'a> {
    /// Prepares the laws for a kind of question; `other` is the other fit of a comparison.
    pub(super) fn new(
        kind: &dyn Kind,
        limits: Option<&'a Limits>,
        own: &'a SeveralLaws,
        other: Option<&'a SeveralLaws>,
    ) -> Self {
        let prepared = |together: &'a SeveralLaws| {
            let ready = |law: &'a WeightedLaw| {
                let moves = kind.moves(&law.law);
                (law, Ready::new(&law.law, &together.fit.spans, moves.as_ref()).within(limits))
            };
            together.laws.iter().map(ready).collect()
        };
        Self { own: prepared(own), other: other.map(prepared).unwrap_or_default(), count: own.count }
    }

    /// The laws of a draw; `None` if there are none.
    pub(super) fn of_draw(&self, draw: usize) -> Option<Pair<'_>> {
        let place = |all: &[(&WeightedLaw, Ready<'_>)], step: f64| {
            let index = chosen(all.iter().map(|(law, _)| law.share), ((draw as f64 + 0.5) * step).fract())?;
            let draws = &all[index].0.draws;
            Some((index, (!draws.is_empty()).then(|| draw % draws.len())))
        };
        let (own, own_draw) = place(&self.own, GOLDEN)?;
        let other = place(&self.other, ROOT_TWO);
        Some((at(&self.own, own, own_draw), other.map(|(index, draw)| at(&self.other, index, draw))))
    }

    /// The laws at their estimates, by their indices; an index beyond the last law is that of the last.
    pub(super) fn at_estimates(&self, own: usize, other: usize) -> Option<Pair<'_>> {
        let within =
            |index: usize, all: &[(&WeightedLaw, Ready<'_>)]| all.len().checked_sub(1).map(|last| index.min(last));
        let other = within(other, &self.other).map(|index| at(&self.other, index, None));
        Some((at(&self.own, within(own, &self.own)?, None), other))
    }

    /// The numbers of laws of both fits.
    pub(super) fn counts(&self) -> [usize; 2] {
        [self.own.len(), self.other.len()]
    }
}

/// A law at a draw, or at its estimate.
fn at<'b>(all: &'b [(&'b WeightedLaw, Ready<'b>)], index: usize, draw: Option<usize>) -> LawAt<'b> {
    let (law, ready) = &all[index];
    let parameters = draw.map_or(law.free.as_slice(), |draw| &law.draws[draw]);
    LawAt { index, ready, parameters }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_divided_in_the_proportion_of_the_shares_and_a_share_of_zero_has_none() {
        let shares = [0.7, 0.0, 0.3];
        let count = |wanted: usize| {
            let position = |draw: usize| ((draw as f64 + 0.5) * GOLDEN).fract();
            (0..1000).filter(|draw| chosen(shares.into_iter(), position(*draw)) == Some(wanted)).count()
        };
        assert_eq!(count(1), 0);
        assert!((695..=705).contains(&count(0)) && count(0) + count(2) == 1000, "{}", count(0));
        assert_eq!(chosen([0.0, 0.0].into_iter(), 0.5), None);
    }
}
