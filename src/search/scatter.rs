//! Points that fill a cube evenly: Sobol's sequence.
//!
//! The direction numbers for the first 21 dimensions are those of Joe and Kuo (2008, doi:10.1137/070709359). Further
//! dimensions use the additive recurrence of the generalised golden ratio (Roberts 2018).

/// Degree, coefficients and first direction numbers of the primitive polynomials, from the second dimension on.
const JOE_KUO: [(u32, u32, &[u32]); 20] = [
    (1, 0, &[1]),
    (2, 1, &[1, 3]),
    (3, 1, &[1, 3, 1]),
    (3, 2, &[1, 1, 1]),
    (4, 1, &[1, 1, 3, 3]),
    (4, 4, &[1, 3, 5, 13]),
    (5, 2, &[1, 1, 5, 5, 17]),
    (5, 4, &[1, 1, 5, 5, 5]),
    (5, 7, &[1, 1, 7, 11, 19]),
    (5, 11, &[1, 1, 5, 1, 1]),
    (5, 13, &[1, 1, 1, 3, 11]),
    (5, 14, &[1, 3, 5, 5, 31]),
    (6, 1, &[1, 3, 3, 9, 7, 49]),
    (6, 13, &[1, 1, 1, 15, 21, 21]),
    (6, 16, &[1, 3, 1, 13, 27, 49]),
    (6, 19, &[1, 1, 1, 15, 7, 5]),
    (6, 22, &[1, 3, 1, 15, 13, 25]),
    (6, 25, &[1, 1, 5, 5, 19, 61]),
    (7, 1, &[1, 3, 7, 11, 23, 15, 103]),
    (7, 4, &[1, 3, 7, 13, 13, 15, 69]),
];

/// Bits of a coordinate.
const BITS: u32 = 32;

/// The direction numbers of a dimension; `None` for a dimension outside the table.
fn directions(dimension: usize) -> Option<[u32; BITS as usize]> {
    let mut v = [0; BITS as usize];
    let Some(row) = dimension.checked_sub(1) else {
        (0..BITS).for_each(|i| v[i as usize] = 1 << (BITS - 1 - i));
        return Some(v);
    };
    let (degree, coefficients, first) = JOE_KUO.get(row)?;
    let s = *degree as usize;
    for i in 0..BITS as usize {
        v[i] = if i < s {
            first[i] << (BITS - 1 - i as u32)
        } else {
            let mut next = v[i - s] ^ (v[i - s] >> s);
            for k in 1..s {
                next ^= ((coefficients >> (s - 1 - k)) & 1) * v[i - k];
            }
            next
        };
    }
    Some(v)
}

/// The first `count` points after the origin in a cube with the given number of dimensions. Each coordinate is in (0,
/// 1).
pub(super) fn points(dimensions: usize, count: usize) -> impl Iterator<Item = Vec<f64>> {
    let table: Vec<Option<[u32; BITS as usize]>> = (0..dimensions).map(directions).collect();
    let golden = golden_ratio(dimensions);
    (1..=count).map(move |i| {
        let gray = i ^ (i >> 1);
        let coordinate = |(dimension, v): (usize, &Option<[u32; BITS as usize]>)| match v {
            Some(v) => {
                let bits = (0..BITS as usize).filter(|b| (gray >> b) & 1 == 1).fold(0, |x, b| x ^ v[b]);
                (f64::from(bits) + 0.5) / 4_294_967_296.0
            }
            None => (0.5 + libm::pow(golden, -(dimension as f64 + 1.0)) * i as f64).fract(),
        };
        table.iter().enumerate().map(coordinate).collect()
    })
}

/// The root of x^(d+1) = x + 1 that is greater than one.
fn golden_ratio(dimensions: usize) -> f64 {
    (0..64).fold(2.0, |ratio, _| libm::pow(1.0 + ratio, 1.0 / (dimensions as f64 + 1.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_points_agree_with_the_published_sequence() {
        // The first seven points in three dimensions, in Gray-code order.
        let known = [
            [0.5, 0.5, 0.5],
            [0.75, 0.25, 0.25],
            [0.25, 0.75, 0.75],
            [0.375, 0.375, 0.625],
            [0.875, 0.875, 0.125],
            [0.625, 0.125, 0.875],
            [0.125, 0.625, 0.375],
        ];
        for (point, known) in points(3, 7).zip(known) {
            point.iter().zip(known).for_each(|(x, k)| assert!((x - k).abs() < 1e-9, "{point:?} {known:?}"));
        }
    }

    #[test]
    fn late_points_of_the_last_dimensions_agree_with_the_published_table() {
        let all: Vec<Vec<f64>> = points(21, 200).collect();
        assert!((all[199][19] - 0.175_781_25).abs() < 1e-9 && (all[199][20] - 0.363_281_25).abs() < 1e-9);
        assert!((all[4][9] - 0.125).abs() < 1e-9 && (all[4][18] - 0.375).abs() < 1e-9);
    }

    #[test]
    fn a_power_of_two_of_points_fills_each_coordinate_evenly() {
        for dimensions in [1, 7, 21] {
            let all: Vec<Vec<f64>> = points(dimensions, 255).collect();
            for j in 0..dimensions {
                let mut cells: Vec<usize> = all.iter().map(|p| (p[j] * 256.0) as usize).collect();
                cells.sort_unstable();
                cells.dedup();
                assert_eq!(cells.len(), 255, "dimension {j} of {dimensions}");
            }
        }
    }
}
