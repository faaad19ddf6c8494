//! Design: plans the next runs from fits, decisions and limits.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::fit::numbers;
use super::{External, Failure, Inputs, Laws, Stage, WrittenStage, json_bytes};
use crate::artifact::Outputs;
use crate::dataset::Dataset;
use crate::design::{
    Belief, Beliefs, Candidates, Decision, FEWEST_DRAWS, Given, Open, Pool, Results, Settings, csv, drift, json,
    left_open, yaml,
};
use crate::fit::Fit;
use crate::law::Law;
use crate::numerics::{Points, median};
use crate::query::Question;
use crate::watch::Watch;

/// The stage that plans runs.
#[derive(Clone, Debug)]
pub struct DesignRuns {
    /// The laws of the fits, in order.
    pub laws: Vec<Arc<Law>>,
    /// Settings of the spec.
    pub settings: Settings,
    /// The decisions that the runs should improve.
    pub judging: Vec<Judging>,
    /// A table of results from earlier runs.
    pub results: Vec<External>,
    /// Whether an input lists the candidate runs.
    pub has_pool: bool,
}

/// A query and its weight.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Judging {
    /// The query.
    pub question: Question,
    /// The weight.
    pub weight: f64,
}

/// The role of the input that lists the candidate runs.
pub const POOL: &str = "candidates";
/// Coverage of intervals where the fit defines none.
const LEVEL: f64 = 0.9;

impl Stage for DesignRuns {
    fn kind(&self) -> &'static str {
        "design"
    }

    fn impl_rev(&self) -> u32 {
        10
    }

    fn settings(&self) -> serde_json::Value {
        serde_json::json!({
            "laws": self.laws.iter().map(|law| law.form_fingerprint()).collect::<Vec<_>>(),
            "settings": self.settings,
            "judging": self.judging,
            "results": !self.results.is_empty(),
            "numerics": crate::numerics::NUMERICS_REV,
        })
    }

    fn externals(&self) -> &[External] {
        &self.results
    }

    fn ends_study(&self) -> bool {
        true
    }

    fn written(&self, _: &mut Laws) -> Option<WrittenStage> {
        None
    }

    fn produces(&self, roles: &[&str]) -> bool {
        roles == ["advice", "runs.csv", "runs.json", "runs.yaml"]
    }

    fn run(&self, inputs: &Inputs, _: &Watch<'_>) -> Result<Outputs, Failure> {
        let decisions = self.decisions();
        let mut fits: Vec<(Fit, Points, Option<Open>)> = Vec::new();
        for index in 0..self.laws.len() {
            let mut fit: Fit = inputs.json(&format!("fit.{index}"))?;
            let draws = fit.read_draws(inputs.bytes(&format!("draws.{index}"))?).into_iter().next().unwrap_or_default();
            let open = match left_open(&self.laws[index], &fit, &draws, &decisions) {
                Some(reason) => {
                    let rows = inputs.table(&format!("rows.{index}"))?;
                    let open = Open::of(&self.laws[index], &fit, &rows, reason, self.settings.seed);
                    Some(open.map_err(|message| Failure::new("no-draws", message))?)
                }
                None if draws.len() < FEWEST_DRAWS => return Err(without_draws(&fit)),
                None => None,
            };
            fits.push((fit, draws, open));
        }
        let failed = |message: String| Failure::new("no-design", message);
        let pool = if self.has_pool { Some(self.pool(&inputs.table(POOL)?)?) } else { None };
        let hold = self.held(pool.as_ref());
        let members: Vec<Belief<'_>> = self
            .laws
            .iter()
            .zip(&fits)
            .map(|(law, (fit, draws, open))| match open {
                Some(open) => Belief::opened(law, fit, open, &hold),
                None => Belief::new(law, fit, draws, &hold),
            })
            .collect::<Result<_, _>>()
            .map_err(failed)?;
        let level = fits.iter().find_map(|(fit, ..)| fit.level).unwrap_or(LEVEL);
        let results = inputs.files.first().map(|bytes| {
            let (sizes, response) = self.names();
            Results::read(Arc::clone(bytes), sizes, response)
        });
        let beliefs = Beliefs::new(members);
        // A law that the rows reject gives no information on small models, because they depart from it like all
        // others.
        let place_of = |belief: &Belief<'_>| fits.iter().position(|(fit, ..)| std::ptr::eq(fit, belief.fit));
        let drift = match beliefs
            .most_believed()
            .filter(|_| !beliefs.is_open())
            .and_then(|belief| Some((belief, place_of(belief)?)))
        {
            Some((belief, place)) => drift(belief, &inputs.table(&format!("rows.{place}"))?),
            None => None,
        };
        let given = Given {
            settings: &self.settings,
            beliefs: &beliefs,
            decisions,
            drift,
            results: results.transpose().map_err(|message| Failure::new("bad-results", message))?,
            pool,
            level,
        };
        let advice = given.advise().map_err(failed)?;
        let text = |text: String| Arc::new(text.into_bytes());
        Ok(BTreeMap::from([
            ("runs.csv".to_owned(), text(csv(&advice))),
            ("runs.json".to_owned(), text(json(&advice))),
            ("runs.yaml".to_owned(), text(yaml(&advice))),
            ("advice".to_owned(), json_bytes(&advice)?),
        ]))
    }
}

/// The formats in which the runs are published for launchers.
pub const LAUNCHED: [&str; 3] = ["runs.csv", "runs.json", "runs.yaml"];

/// The file name under which the runs of a design are published.
pub fn launched_as(design: &str, role: &str) -> String {
    let plain = |c: char| if c.is_alphanumeric() || matches!(c, '_' | '.' | '=' | ',') { c } else { '-' };
    format!("design-{}.{role}", design.chars().map(plain).collect::<String>())
}

/// The failure of a fit without draws and without free parameters.
fn without_draws(fit: &Fit) -> Failure {
    let message = format!("the fit of `{}` has no draws of its parameters, so their uncertainty is unknown", fit.law);
    let hint = match fit.evidence.warnings.first() {
        Some(warning) => format!("the fit says: {warning}"),
        None => "give the fit an `uncertainty`".to_owned(),
    };
    Failure::new("no-draws", message).hint(hint)
}

impl DesignRuns {
    /// One decision for each row of each query.
    fn decisions(&self) -> Vec<Decision> {
        let of = |judging: &Judging| -> Vec<Decision> {
            let rows = self.laws.first().map(|law| judging.question.member().rows(&law.roles)).unwrap_or_default();
            rows.into_iter()
                .map(|inputs| Decision { question: judging.question.clone(), inputs, weight: judging.weight })
                .collect()
        };
        self.judging.iter().flat_map(of).collect()
    }

    /// The column names of model size and data, unless only names identify runs, and of the response in a table of
    /// results.
    fn names(&self) -> (Option<[&str; 2]>, &str) {
        let Some(law) = self.laws.first() else { return (None, "response") };
        let [size, data, _] = law.roles.decided();
        ((!self.has_pool).then_some([size, data]), law.response.as_str())
    }

    /// The candidate runs of a table.
    fn pool(&self, table: &Dataset) -> Result<Pool, Failure> {
        let of_laws = self.laws.iter().flat_map(|law| &law.variables);
        let column = |name: &str| Some((name.to_owned(), table.numbers(name)?.to_vec()));
        let Candidates { cost, name, .. } = &self.settings.candidates;
        Ok(Pool {
            variables: of_laws.filter_map(|variable| column(&variable.name)).collect(),
            flop: cost.as_deref().map(|cost| numbers(table, cost)).transpose()?,
            names: name.as_deref().map(|name| (0..table.rows()).map(|row| table.text(name, row)).collect()),
        })
    }

    /// The values of variables that are neither model size nor data nor compute, where no run gives them: those of the
    /// spec, else the middle of the candidates.
    fn held(&self, pool: Option<&Pool>) -> BTreeMap<String, f64> {
        let middle = |column: &[f64]| median(&column.iter().copied().filter(|x| x.is_finite()).collect::<Vec<_>>());
        let of_pool = pool.iter().flat_map(|pool| &pool.variables).map(|(name, column)| (name.clone(), middle(column)));
        let of_spec = self.settings.candidates.hold.iter().map(|(name, value)| (name.clone(), value.0));
        of_pool.chain(of_spec).collect()
    }
}
