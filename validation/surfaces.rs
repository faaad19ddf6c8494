//! Published loss surfaces as the truth, unchanged or with a departure from the law.

use lawfit::numerics::{Random, exp, ln};

/// Scatter of ln L.
const NOISE: f64 = 0.004;
/// Interaction of the two terms in the coupled world.
const COUPLED: f64 = 0.6;
/// Size below which models are worse than the law.
const SMALL: f64 = 1e9;

/// L = E + A / N^alpha + B / D^beta: the source, E, A, alpha, B, beta.
pub(crate) const SURFACES: [(&str, [f64; 5]); 10] = [
    ("Hoffmann et al. 2022, equation 10", [1.69, 406.4, 0.34, 410.7, 0.28]),
    ("Hoffmann et al. 2022, source", [1.693_37, 406.403, 0.339_17, 410.722, 0.284_91]),
    ("Besiroglu et al. 2024", [1.816_86, 482.005_72, 0.347_81, 2_085.434_2, 0.365_85]),
    ("Besiroglu et al. 2024, least squares, C < 1e21", [1.905_09, 511.05, 0.351_058, 14_133.7, 0.458_742]),
    ("Llama 3, raw losses", [0.604_67, 59.1411, 0.310_006, 155.1142, 0.313_643]),
    ("Llama 3, exponentiated", [1.840_546, 261.652, 0.348_063, 870.216, 0.359_083]),
    ("ml-scalefit", [1.917_587, 974.067, 0.388_457, 8518.31, 0.433_447]),
    ("Epoch, least squares", [2.061_831, 2219.62, 0.433_62, 843_188.0, 0.650_668]),
    ("Muennighoff et al. 2023", [1.869_15, 520.83, 0.352_66, 1487.7, 0.352_66]),
    ("Krajewski et al. 2024, dense", [0.47, 16.3, 0.126, 26.7, 0.127]),
];

/// The departure of the truth from the surface.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// No departure.
    Right,
    /// The two terms interact: (A / N^alpha)^(1/k) + (B / D^beta)^(1/k), to the power of k.
    Coupled,
    /// Small models are worse by this amount of ln L for each factor of e in size.
    Small(f64),
}

/// The surface that the runs follow.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Truth {
    pub(crate) surface: [f64; 5],
    pub(crate) kind: Kind,
}

impl Truth {
    pub(crate) fn loss(&self, size: f64, data: f64) -> f64 {
        let [floor, a, alpha, b, beta] = self.surface;
        let terms = [ln(a) - alpha * ln(size), ln(b) - beta * ln(data)];
        match self.kind {
            Kind::Right => floor + exp(terms[0]) + exp(terms[1]),
            Kind::Coupled => floor + exp(COUPLED * ln(terms.iter().map(|t| exp(t / COUPLED)).sum::<f64>())),
            Kind::Small(by) => (floor + exp(terms[0]) + exp(terms[1])) * exp(by * ln(SMALL / size).max(0.0)),
        }
    }

    /// The best size of a budget and its loss, by golden section over its logarithm.
    pub(crate) fn best(&self, flop: f64) -> (f64, f64) {
        let at = |log: f64| self.loss(exp(log), flop / (6.0 * exp(log)));
        let (mut low, mut high) = (ln(1e5), ln(flop / 6e6));
        let step = 0.618_033_988_749_895;
        for _ in 0..60 {
            let (one, other) = (high - step * (high - low), low + step * (high - low));
            if at(one) < at(other) { high = other } else { low = one }
        }
        let log = f64::midpoint(low, high);
        (exp(log), at(log))
    }

    /// The waste of a size at a budget: the budget divided by the one whose best split reaches the same loss, minus
    /// one.
    pub(crate) fn waste(&self, flop: f64, size: f64) -> f64 {
        let loss = self.loss(size, flop / (6.0 * size));
        let (mut low, mut high) = (ln(flop) - 12.0, ln(flop));
        for _ in 0..50 {
            let middle = f64::midpoint(low, high);
            if self.best(exp(middle)).1 > loss { low = middle } else { high = middle }
        }
        flop / exp(high) - 1.0
    }

    /// The loss of a run of a size and data, with noise.
    pub(crate) fn run(&self, size: f64, data: f64, random: &mut Random) -> f64 {
        self.loss(size, data) * random.log_normal(NOISE)
    }
}
