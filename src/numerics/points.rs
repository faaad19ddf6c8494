//! Points with equally many coordinates in one block of memory.

use std::ops::Index;
use std::slice::ChunksExact;

use rayon::prelude::*;

/// Points of one space, in order. There may be millions, so they share one allocation.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Points {
    /// Number of coordinates per point. Points without coordinates are not counted.
    size: usize,
    values: Vec<f64>,
}

impl Points {
    /// An empty list of points with `size` coordinates.
    pub const fn new(size: usize) -> Self {
        Self { size, values: Vec::new() }
    }

    /// An empty list with capacity for `count` points of `size` coordinates.
    pub fn with_capacity(size: usize, count: usize) -> Self {
        Self { size, values: Vec::with_capacity(size.saturating_mul(count)) }
    }

    /// Adds a point. Extra coordinates are dropped, and missing ones are 0.
    pub fn push(&mut self, point: &[f64]) {
        debug_assert_eq!(point.len(), self.size, "a point of another space");
        self.values.extend(point.iter().copied().chain(std::iter::repeat(0.0)).take(self.size));
    }

    /// Adds the points of another list.
    pub fn append(&mut self, other: &Self) {
        other.iter().for_each(|point| self.push(point));
    }

    /// Number of coordinates per point.
    pub const fn size(&self) -> usize {
        self.size
    }

    /// Number of points.
    pub fn len(&self) -> usize {
        self.values.len() / self.size.max(1)
    }

    /// Whether the list is empty.
    pub const fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The points, in order.
    pub fn iter(&self) -> ChunksExact<'_, f64> {
        self.values.chunks_exact(self.size.max(1))
    }

    /// The points, in order, as a parallel iterator.
    pub fn par_iter(&self) -> rayon::slice::ChunksExact<'_, f64> {
        self.values.par_chunks_exact(self.size.max(1))
    }

    /// Replaces each point by another point of the same space.
    #[must_use]
    pub fn moved(mut self, to: impl Fn(&[f64]) -> Vec<f64>) -> Self {
        for point in self.values.chunks_exact_mut(self.size.max(1)) {
            let moved = to(point);
            point.iter_mut().zip(moved).for_each(|(value, new)| *value = new);
        }
        self
    }
}

impl Index<usize> for Points {
    type Output = [f64];

    fn index(&self, place: usize) -> &[f64] {
        &self.values[place * self.size..(place + 1) * self.size]
    }
}

impl<'a> IntoIterator for &'a Points {
    type Item = &'a [f64];
    type IntoIter = ChunksExact<'a, f64>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// The number of coordinates is that of the first point.
impl FromIterator<Vec<f64>> for Points {
    fn from_iter<I: IntoIterator<Item = Vec<f64>>>(points: I) -> Self {
        let mut points = points.into_iter();
        let Some(first) = points.next() else { return Self::default() };
        let mut all = Self::with_capacity(first.len(), 1 + points.size_hint().0);
        all.push(&first);
        points.for_each(|point| all.push(&point));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_come_back_in_their_order_however_they_were_put_in() {
        let mut points = Points::new(2);
        assert!(points.is_empty());
        points.push(&[1.0, 2.0]);
        points.append(&[vec![3.0, 4.0], vec![5.0, 6.0]].into_iter().collect());
        assert_eq!(points.len(), 3);
        assert_eq!(points.iter().collect::<Vec<_>>(), [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]);
        assert_eq!(points.par_iter().map(|point| point[1]).collect::<Vec<_>>(), [2.0, 4.0, 6.0]);
        assert_eq!(points[1], [3.0, 4.0]);
    }

    #[test]
    fn a_moved_point_takes_the_place_of_the_point_it_was() {
        let points: Points = [vec![1.0, 2.0], vec![3.0, 4.0]].into_iter().collect();
        let doubled = points.moved(|point| point.iter().map(|value| 2.0 * value).collect());
        assert_eq!(doubled.iter().collect::<Vec<_>>(), [[2.0, 4.0], [6.0, 8.0]]);
    }

    #[test]
    fn points_without_coordinates_are_none() {
        let mut points = Points::new(0);
        points.push(&[]);
        assert_eq!((points.len(), points.iter().count(), points.is_empty()), (0, 0, true));
    }
}
