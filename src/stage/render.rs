//! Render: writes results, fits and rows as files for readers.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::design::{LAUNCHED, launched_as};
use super::results::RESULTS;
use super::{Failure, Inputs, Laws, Stage, WrittenStage};
use crate::answer::Answer;
use crate::artifact::{Digest, Outputs};
use crate::fit::Fit;
use crate::report::{
    Described, FIGURE, FIGURES, Figures, FitData, Page, ReportOptions, Results, Study, TABLE, files_of, has_figures,
    names_of, shows_rows, write,
};
use crate::watch::Watch;

/// The stage that writes the report.
#[derive(Clone, Debug)]
pub struct RenderReport {
    /// Names and descriptions from the spec.
    pub described: Arc<Described>,
    /// Options of the report.
    pub options: ReportOptions,
    /// Designs whose runs are published for launchers.
    pub designs: Vec<String>,
}

impl Stage for RenderReport {
    fn kind(&self) -> &'static str {
        "render"
    }

    fn impl_rev(&self) -> u32 {
        12
    }

    fn settings(&self) -> serde_json::Value {
        serde_json::json!({ "described": self.described.fingerprint_of_render(), "options": self.options, "designs": self.designs })
    }

    fn is_locked(&self) -> bool {
        false
    }

    fn ends_study(&self) -> bool {
        true
    }

    fn written(&self, _: &mut Laws) -> Option<WrittenStage> {
        None
    }

    fn produces(&self, roles: &[&str]) -> bool {
        let (files, names) = (files_of(&self.options.formats), names_of(&self.options.formats));
        // The number of figures depends on the fits.
        let launched: Vec<String> = self.launched().collect();
        let is_launched = |role: &str| launched.iter().any(|file| file == role);
        files.iter().all(|file| roles.contains(file))
            && launched.iter().all(|file| roles.contains(&file.as_str()))
            && roles.iter().all(|role| names.contains(role) || is_launched(role) || self.is_of_figure(role))
    }

    fn run(&self, inputs: &Inputs, _: &Watch<'_>) -> Result<Outputs, Failure> {
        let results: Results = inputs.json(RESULTS)?;
        let has_figures = !self.options.figures.is_empty() || has_figures(&self.options.formats);
        let fits = if has_figures || shows_rows(&self.options.formats) { fits(inputs)? } else { BTreeMap::new() };
        let Figures { figures, undrawn, runs } = if has_figures {
            let study = Study {
                described: &self.described,
                results: &results,
                fits: &fits,
                answers: &inputs.named::<Answer>("answer.")?,
                column_width: self.options.column_width,
            };
            study.draw()
        } else {
            Figures::default()
        };
        let page = Page {
            results,
            figures,
            undrawn,
            runs,
            fits: if shows_rows(&self.options.formats) { fits.into_values().flatten().collect() } else { Vec::new() },
            described: Arc::clone(&self.described),
            digests: inputs.artifacts.iter().map(|(role, bytes)| (role.clone(), Digest::of(bytes))).collect(),
            options: self.options.clone(),
        };
        let mut files = write(&page).map_err(|error| Failure::internal(error.to_string()))?;
        for file in self.launched() {
            let bytes = Arc::clone(inputs.bytes(&file)?);
            files.insert(file, bytes);
        }
        Ok(files)
    }
}

impl RenderReport {
    /// The names of the files for launchers.
    fn launched(&self) -> impl Iterator<Item = String> {
        self.designs.iter().flat_map(|design| LAUNCHED.map(|role| launched_as(design, role)))
    }

    /// Whether a role is the file of a figure or of its data.
    fn is_of_figure(&self, role: &str) -> bool {
        let mut endings = [FIGURE, TABLE].into_iter().chain(self.options.figures.iter().map(|f| f.member().ending()));
        role.starts_with(FIGURES) && endings.any(|ending| role.ends_with(ending))
    }
}

/// Every fit, or each of its groups, with its rows and draws.
fn fits(inputs: &Inputs) -> Result<BTreeMap<String, Vec<FitData>>, Failure> {
    let fits: BTreeMap<String, Fit> = inputs.named("fit.")?;
    let members = fits.into_iter().map(|(name, mut fit)| {
        let rows = inputs.table(&format!("rows.{name}"))?;
        let draws = fit.read_draws(inputs.bytes(&format!("draws.{name}"))?);
        let members = FitData::of_members(&name, &fit, &rows, draws);
        Ok((name, members))
    });
    members.collect()
}
