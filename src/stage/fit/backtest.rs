//! Backtest: fits the rows up to an origin and forecasts all later rows, at several origins.

use super::super::Failure;
use super::FitLaw;
use super::holdout::{Miss, summary};
use super::origins::Origins;
use super::parts::{Place, Posed, Work};
use super::rows::{Group, Rows, numbers};
use crate::dataset::Dataset;
use crate::fit::{Backtest, Distance, Fold, Noise, Past};
use crate::forecast::{MOST_SIZES, Measured, as_size, forecast};
use crate::numerics::{ln, median};

/// Limits of the distance classes, as multiples of the largest known value.
const DISTANCES: [f64; 4] = [1.0, 2.0, 4.0, 10.0];
/// Coverage of a forecast by several laws, if the fit has no intervals.
const LEVEL: f64 = 0.9;

/// A forecast error and its distance.
type Placed = (f64, Miss);

impl FitLaw {
    /// Forecasts from each origin of a group; `None` if no origin leaves enough rows on both sides.
    pub(super) fn backtest(
        &self,
        origins: &Origins,
        rows: &Rows,
        (index, group): (usize, &Group),
        work: Work<'_>,
    ) -> Result<Option<Backtest>, Failure> {
        let all = rows.data.select(&group.fitted);
        let along = numbers(&all, &origins.along)?;
        let mut folds = Vec::new();
        let (mut by_law, mut by_several) = (Vec::new(), Some(Vec::new()));
        for (number, up_to) in self.cuts(origins, &along).into_iter().enumerate() {
            let (known, later): (Vec<usize>, Vec<usize>) = (0..along.len()).partition(|&row| along[row] <= up_to);
            let distance: Vec<f64> = later.iter().map(|&row| along[row] / up_to).collect();
            let test = all.select(&later);
            let place = |misses: Vec<Miss>| distance.iter().copied().zip(misses).collect::<Vec<Placed>>();
            let before = group.with_fitted(known.iter().map(|&row| group.fitted[row]).collect());
            let posed = self.pose(rows, Place { origin: Some(number), group: index }, &before)?;
            let misses = self.forecast_by_law(rows, &before, &posed, &test, work)?;
            folds.push(Fold { up_to, fitted: known.len(), scored: summary(&misses) });
            by_law.extend(place(misses));
            let several = self.forecast_by_several(&all.select(&known), &test)?;
            by_several = by_several.zip(several).map(|(mut all, misses)| {
                all.extend(place(misses));
                all
            });
        }
        if folds.is_empty() {
            return Ok(None);
        }
        let several_laws = by_several.as_deref().map(past);
        Ok(Some(Backtest { along: origins.along.clone(), folds, law: past(&by_law), several_laws }))
    }

    fn forecast_by_law(
        &self,
        rows: &Rows,
        known: &Group,
        posed: &Posed,
        test: &Dataset,
        work: Work<'_>,
    ) -> Result<Vec<Miss>, Failure> {
        let found = self.found(posed, work)?;
        let best = &found.best(self)?.point;
        let draws = self.draw(posed, &found, work)?;
        let problem = &posed.problem;
        let noise = Noise { scatter: draws.scatter, ..self.noise(rows, &[known], problem, best)? };
        let draws = draws.points.moved(|draw| problem.parameters(draw));
        let level = self.method.uncertainty.as_ref().map(|u| u.member().level());
        self.misses(test, &problem.parameters(best), &draws, &noise, level)
    }

    /// Forecast errors by several laws; `None` if they have no forecast for these sizes or rows.
    fn forecast_by_several(&self, known: &Dataset, test: &Dataset) -> Result<Option<Vec<Miss>>, Failure> {
        let names: Vec<&str> = self.law.variables.iter().map(|v| v.name.as_str()).collect();
        if names.len() > MOST_SIZES {
            return Ok(None);
        }
        let sizes = |data: &Dataset| -> Result<Vec<Vec<f64>>, Failure> {
            let columns = self.variables(data)?.into_iter().zip(&names);
            Ok(columns
                .map(|(column, name)| column.iter().map(|&x| as_size(**name == self.law.roles.compute, x)).collect())
                .collect())
        };
        let (columns, ahead) = (sizes(known)?, sizes(test)?);
        let views: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
        let whole = self.range(known)?.map(|[_, most]| most);
        let measured = Measured { sizes: &views, responses: self.response(known)?, ceiling: None, whole };
        let targets: Vec<Vec<f64>> =
            (0..test.rows()).map(|row| ahead.iter().map(|column| column[row]).collect()).collect();
        let level = self.method.uncertainty.as_ref().map_or(LEVEL, |u| u.member().level());
        let Ok((predictions, _)) = forecast(&measured, &targets, level) else { return Ok(None) };
        let observed = self.response(test)?;
        let misses = predictions.iter().zip(observed).map(|(p, &y)| Miss {
            log: ln(p.value / y),
            relative: p.value / y - 1.0,
            interval: Some((p.lower <= y && y <= p.upper, 0.5 * ln(p.upper / p.lower))),
        });
        Ok(Some(misses.collect()))
    }
}

fn past(placed: &[Placed]) -> Past {
    let misses = |from: f64, to: f64| -> Vec<Miss> {
        placed.iter().filter(|(distance, _)| from <= *distance && *distance < to).map(|(_, miss)| *miss).collect()
    };
    let ends = DISTANCES.iter().skip(1).copied().map(Some).chain([None]);
    let by_distance = DISTANCES.iter().zip(ends).filter_map(|(&from, to)| {
        let own = misses(from, to.unwrap_or(f64::INFINITY));
        let widths: Vec<f64> = own.iter().filter_map(|miss| Some(miss.interval?.1)).collect();
        (!own.is_empty()).then(|| Distance {
            from,
            to,
            scored: summary(&own),
            half_width: (!widths.is_empty()).then(|| median(&widths)),
        })
    });
    Past {
        overall: summary(&placed.iter().map(|(_, miss)| *miss).collect::<Vec<_>>()),
        by_distance: by_distance.collect(),
        points: placed.iter().map(|(distance, miss)| (*distance, miss.log, miss.interval.map(|i| i.1))).collect(),
    }
}
