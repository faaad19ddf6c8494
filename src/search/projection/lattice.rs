//! The points of a grid in order, and the layout of tables over some of its dimensions.

/// A grid of points; the first dimension varies fastest.
#[derive(Clone, Debug)]
pub(super) struct Lattice {
    lengths: Vec<usize>,
}

/// Layout of a table over some dimensions of a grid.
#[derive(Clone, Debug)]
pub(super) struct Strides(Vec<usize>);

impl Strides {
    /// Position of a point's entry, given the point's index in every dimension.
    #[inline]
    pub(super) fn at(&self, index: &[usize]) -> usize {
        self.0.iter().zip(index).map(|(stride, i)| stride * i).sum()
    }
}

impl Lattice {
    pub(super) const fn new(lengths: Vec<usize>) -> Self {
        Self { lengths }
    }

    /// Number of dimensions.
    pub(super) const fn dimensions(&self) -> usize {
        self.lengths.len()
    }

    /// Number of points.
    pub(super) fn points(&self) -> usize {
        self.lengths.iter().product()
    }

    /// The index in each dimension of the point with number `at`.
    pub(super) fn index(&self, mut at: usize) -> Vec<usize> {
        let digit = |length: &usize| {
            let digit = at % length;
            at /= length;
            digit
        };
        self.lengths.iter().map(digit).collect()
    }

    /// The strides of a table over some dimensions, in ascending order; the first varies fastest.
    pub(super) fn strides(&self, places: &[usize]) -> Strides {
        let mut strides = vec![0; self.lengths.len()];
        let mut stride = 1;
        for &place in places {
            strides[place] = stride;
            stride *= self.lengths[place];
        }
        Strides(strides)
    }

    /// For each point in order, the position of its entry in a table with these strides.
    pub(super) fn places(&self, strides: &Strides) -> Vec<usize> {
        self.lengths.iter().zip(&strides.0).fold(vec![0], |before, (&length, stride)| {
            (0..length).flat_map(|i| before.iter().map(move |place| place + i * stride)).collect()
        })
    }

    /// Visits the combinations of some dimensions in the order of a table over them; the others stay at their first
    /// value.
    pub(super) fn visit(&self, places: &[usize], mut visit: impl FnMut(&[usize])) {
        let mut index = vec![0; self.lengths.len()];
        loop {
            visit(&index);
            // Like an odometer: the first dimension that is not at its end advances, and those before it return to
            // zero.
            let Some(turning) = places.iter().position(|&place| index[place] + 1 < self.lengths[place]) else { return };
            places[..turning].iter().for_each(|&place| index[place] = 0);
            index[places[turning]] += 1;
        }
    }

    /// Visits all points in order.
    pub(super) fn visit_all(&self, visit: impl FnMut(&[usize])) {
        let places: Vec<usize> = (0..self.lengths.len()).collect();
        self.visit(&places, visit);
    }

    /// Numbers of the points at which no neighbour has a lower value; `values` holds one value for each point.
    pub(super) fn low_points(&self, values: &[f64]) -> Vec<usize> {
        let (mut low, mut at) = (Vec::new(), 0);
        self.visit_all(|index| {
            let mut stride = 1;
            let is_low = self.lengths.iter().zip(index).all(|(&length, &i)| {
                let step = stride;
                stride *= length;
                (i == 0 || values[at - step] >= values[at]) && (i + 1 == length || values[at + step] >= values[at])
            });
            low.extend(is_low.then_some(at));
            at += 1;
        });
        low
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_filled_in_the_order_in_which_it_is_read() {
        let lattice = Lattice::new(vec![3, 2, 4]);
        for places in [&[0, 2][..], &[1], &[], &[0, 1, 2]] {
            let strides = lattice.strides(places);
            let mut seen = 0;
            lattice.visit(places, |index| {
                assert_eq!(strides.at(index), seen);
                seen += 1;
            });
            assert_eq!(seen, places.iter().map(|&place| lattice.lengths[place]).product::<usize>());
            let mut all = Vec::new();
            lattice.visit_all(|index| all.push(strides.at(index)));
            assert_eq!(lattice.places(&strides), all);
        }
        let mut at = 0;
        lattice.visit_all(|index| {
            assert_eq!(lattice.index(at), index);
            at += 1;
        });
    }

    #[test]
    fn a_point_is_low_where_no_neighbour_is_lower() {
        let lattice = Lattice::new(vec![3, 2]);
        assert_eq!(lattice.low_points(&[2.0, 1.0, 3.0, 0.0, 5.0, 2.0]), [1, 3, 5]);
        // Points with equal neighbours count as low; the last and first points of a row are not neighbours.
        assert_eq!(lattice.low_points(&[4.0, 3.0, 1.0, 1.0, 2.0, 1.0]), [2, 3, 5]);
    }
}
