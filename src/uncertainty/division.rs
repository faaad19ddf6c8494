//! The division of a method's refits: a range of them that is computed apart, and refits that are already known.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use crate::numerics::Points;

/// Which refits a method computes. Refit `i` of a purpose has the same result in any division, since its random
/// numbers come from `i` alone.
#[derive(Clone, Copy, Debug, Default)]
pub enum Division<'a> {
    /// All refits.
    #[default]
    Whole,
    /// The refits of a range, which are recorded.
    Range(&'a Recorder),
    /// All refits, of which these are known and not computed again.
    Known(&'a [Batch]),
}

impl<'a> Division<'a> {
    /// The numbers of the refits to go through, of `count` in all.
    pub(super) fn numbers(self, count: usize) -> Range<usize> {
        match self {
            Self::Range(Recorder { numbers, .. }) => numbers.start.min(count)..numbers.end.min(count),
            Self::Whole | Self::Known(_) => 0..count,
        }
    }

    /// The known refits of a purpose, for points with `size` coordinates.
    pub(super) fn known(self, purpose: &str, size: usize) -> Known<'a> {
        let all = match self {
            Self::Known(batches) => batches,
            Self::Whole | Self::Range(_) => &[],
        };
        let is_of = |batch: &&Batch| batch.purpose == purpose && batch.size() == size;
        let mut batches: Vec<&Batch> = all.iter().filter(is_of).collect();
        batches.sort_by_key(|batch| batch.from);
        Known { batches }
    }

    /// Whether refits are recorded.
    pub(super) const fn is_recorded(self) -> bool {
        matches!(self, Self::Range(_))
    }

    /// Records refits of a range.
    pub(super) fn record(self, batch: Batch) {
        if let Self::Range(recorder) = self {
            recorder.batches.lock().unwrap_or_else(PoisonError::into_inner).push(batch);
        }
    }
}

/// A range of refits, and those that a method computed of it.
#[derive(Debug)]
pub struct Recorder {
    numbers: Range<usize>,
    batches: Mutex<Vec<Batch>>,
}

impl Recorder {
    /// A recorder of the refits with these numbers.
    pub const fn new(numbers: Range<usize>) -> Self {
        Self { numbers, batches: Mutex::new(Vec::new()) }
    }

    /// The recorded refits, in the order in which the method computed them.
    pub fn batches(self) -> Vec<Batch> {
        self.batches.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How a refit ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// The objective is not finite.
    NotFinite,
    /// The refit stopped before it converged.
    Stopped,
    /// The refit converged.
    Converged,
}

impl Ending {
    const fn number(self) -> f64 {
        match self {
            Self::NotFinite => 0.0,
            Self::Stopped => 1.0,
            Self::Converged => 2.0,
        }
    }

    fn of_number(number: f64) -> Self {
        [Self::Converged, Self::Stopped].into_iter().find(|one| one.number() == number).unwrap_or(Self::NotFinite)
    }
}

/// What a method keeps of a refit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Kept<'a> {
    pub(super) ending: Ending,
    /// The scatter of a new row that belongs to it, relative to that of the fit.
    pub(super) scatter: f64,
    /// The logarithm of its weight, for methods that weigh refits.
    pub(super) weight: f64,
    pub(super) point: &'a [f64],
}

/// Number of values in a batch before the coordinates of a refit: its ending, scatter and weight.
const HEAD: usize = 3;

/// Consecutive refits of one purpose.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// The purpose of their random numbers.
    purpose: String,
    /// Number of the first one.
    from: usize,
    /// For each refit its ending, scatter, weight and coordinates.
    refits: Points,
}

impl Batch {
    /// An empty batch for `count` refits with `size` coordinates, of which the first has the number `from`.
    pub(super) fn new(purpose: &str, from: usize, size: usize, count: usize) -> Self {
        Self { purpose: purpose.to_owned(), from, refits: Points::with_capacity(HEAD + size, count) }
    }

    /// A batch from its [values](Self::values); `None` where their number is not that of refits with `size`
    /// coordinates.
    pub fn of_values(purpose: String, from: usize, size: usize, values: &[f64]) -> Option<Self> {
        let width = size.checked_add(HEAD)?;
        let refits = values.chunks_exact(width);
        if !refits.remainder().is_empty() {
            return None;
        }
        let mut points = Points::with_capacity(width, values.len() / width);
        refits.for_each(|refit| points.push(refit));
        Some(Self { purpose, from, refits: points })
    }

    /// The purpose of their random numbers.
    pub fn purpose(&self) -> &str {
        &self.purpose
    }

    /// The number of the first refit.
    pub const fn from(&self) -> usize {
        self.from
    }

    /// Number of coordinates of a refit.
    pub fn size(&self) -> usize {
        self.refits.size() - HEAD
    }

    /// Number of refits.
    pub fn len(&self) -> usize {
        self.refits.len()
    }

    /// Whether there are no refits.
    pub const fn is_empty(&self) -> bool {
        self.refits.is_empty()
    }

    /// All numbers: for each refit its ending, scatter, weight and coordinates.
    pub fn values(&self) -> impl Iterator<Item = f64> {
        self.refits.iter().flatten().copied()
    }

    /// Adds the next refit.
    pub(super) fn push(&mut self, kept: Kept<'_>) {
        let mut refit = vec![kept.ending.number(), kept.scatter, kept.weight];
        refit.extend_from_slice(kept.point);
        self.refits.push(&refit);
    }

    /// The refit with a number, if it is in the batch.
    fn get(&self, number: usize) -> Option<Kept<'_>> {
        let place = number.checked_sub(self.from).filter(|place| *place < self.len())?;
        let (head, point) = self.refits[place].split_at(HEAD);
        Some(Kept { ending: Ending::of_number(head[0]), scatter: head[1], weight: head[2], point })
    }
}

/// The known refits of one purpose.
pub(super) struct Known<'a> {
    /// In the order of their numbers.
    batches: Vec<&'a Batch>,
}

impl<'a> Known<'a> {
    /// The refit with a number, if it is known.
    pub(super) fn get(&self, number: usize) -> Option<Kept<'a>> {
        let after = self.batches.partition_point(|batch| batch.from <= number);
        self.batches.get(after.checked_sub(1)?)?.get(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(from: usize, endings: &[Ending]) -> Batch {
        let mut batch = Batch::new("test", from, 2, endings.len());
        for (place, &ending) in endings.iter().enumerate() {
            let number = (from + place) as f64;
            batch.push(Kept { ending, scatter: 1.5, weight: -number, point: &[number, f64::NAN] });
        }
        batch
    }

    #[test]
    fn a_batch_comes_back_from_its_values_to_the_bit() {
        let made = batch(7, &[Ending::Converged, Ending::Stopped, Ending::NotFinite]);
        let values: Vec<f64> = made.values().collect();
        let read = Batch::of_values("test".to_owned(), 7, 2, &values).unwrap();
        let bits = |batch: &Batch| batch.values().map(f64::to_bits).collect::<Vec<_>>();
        assert_eq!((bits(&read), read.len(), read.size()), (bits(&made), 3, 2));
        assert_eq!(read.get(8).unwrap().ending, Ending::Stopped);
        assert!(Batch::of_values("test".to_owned(), 7, 2, &values[1..]).is_none());
    }

    #[test]
    fn a_refit_is_known_if_a_batch_of_its_purpose_and_size_holds_its_number() {
        let batches = [batch(10, &[Ending::Converged; 3]), batch(0, &[Ending::Converged; 4])];
        let division = Division::Known(&batches);
        let known = division.known("test", 2);
        let numbers: Vec<usize> = (0..20).filter(|&number| known.get(number).is_some()).collect();
        assert_eq!(numbers, [0, 1, 2, 3, 10, 11, 12]);
        assert_eq!(known.get(11).unwrap().point[0], 11.0);
        assert!(division.known("other", 2).get(0).is_none());
        assert!(division.known("test", 3).get(0).is_none());
        assert!(Division::Whole.known("test", 2).get(0).is_none());
    }

    #[test]
    fn a_range_ends_with_the_refits_of_the_method() {
        let recorder = Recorder::new(300..500);
        assert_eq!(Division::Range(&recorder).numbers(1000), 300..500);
        assert_eq!(Division::Range(&recorder).numbers(400), 300..400);
        assert!(Division::Range(&recorder).numbers(100).is_empty());
        assert_eq!(Division::Whole.numbers(100), 0..100);
    }
}
