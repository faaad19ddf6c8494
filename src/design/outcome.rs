//! Results of runs: reads them from a table, compares them with forecasts, and updates the joint distribution.

use std::sync::Arc;

use super::advice::{Believed, Outcome, Outcomes};
use super::beliefs::Beliefs;
use super::candidates::Candidate;
use super::state::State;
use crate::diagnostic::numbered;
use crate::numerics::normal_quantile;
use crate::query::RunCost;
use crate::source::{Cell, Decimal, Format, Limits, Options, read, written_number};
use crate::uncertainty::chi_square_quantile;

/// The status of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// The run has a response.
    Done,
    /// The run ended without a response and may be tried again.
    Failed,
    /// The run cannot be trained with these settings.
    Diverged,
    /// The run has no result yet.
    Missing,
}

impl Status {
    const fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Diverged => "diverged",
            Self::Missing => "missing",
        }
    }

    /// Parses a status, given the response in the same line.
    fn of(word: &str, response: Option<f64>) -> Result<Self, String> {
        let told = match word.trim().to_ascii_lowercase().as_str() {
            "" | "done" | "ok" | "finished" | "completed" | "success" => Self::Done,
            "failed" | "crashed" | "error" | "oom" | "cancelled" | "timeout" => Self::Failed,
            "diverged" | "nan" => Self::Diverged,
            "missing" | "pending" | "running" | "queued" => Self::Missing,
            other => {
                return Err(format!("the status `{other}` is none of done, failed, diverged and missing"));
            }
        };
        Ok(match (told, response) {
            (Self::Done, None) if word.trim().is_empty() => Self::Missing,
            (Self::Done, None) => Self::Failed,
            (Self::Done, Some(value)) if !value.is_finite() => Self::Diverged,
            _ => told,
        })
    }
}

/// One line of a table of results.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// Name of the run, where given.
    pub name: Option<String>,
    /// Model size and data, where given.
    pub sizes: Option<(f64, f64)>,
    /// The response.
    pub response: Option<f64>,
    /// Status.
    pub status: Status,
}

/// A table of results.
#[derive(Clone, Debug, PartialEq)]
pub struct Results {
    /// The lines.
    pub runs: Vec<Line>,
    /// Whether only names identify runs.
    pub by_name_only: bool,
}

/// Rate at which results that follow the law are reported as different from their forecasts.
const CHANCE: f64 = 0.05;
/// Possible names of the column with the name of a run.
const NAMES: [&str; 2] = ["name", "run"];
/// Name of the column with the status of a run.
const STATUS: &str = "status";

impl Results {
    /// Parses a table with the columns `name` (or `run`) or those of model size and data, the response and, where
    /// runs failed, `status`. `sizes` are the columns of model size and data; `None` if only names identify runs.
    ///
    /// # Errors
    /// What is wrong.
    pub fn read(bytes: Arc<Vec<u8>>, sizes: Option<[&str; 2]>, response: &str) -> Result<Self, String> {
        let given = sizes;
        let header = String::from_utf8_lossy(&bytes);
        let header = header.trim_start_matches('\u{feff}').lines().next().unwrap_or_default();
        let there: Vec<String> = header.split(',').map(|name| name.trim().trim_matches('"').to_owned()).collect();
        let has = |name: &str| there.iter().any(|column| column == name);
        let name = NAMES.into_iter().find(|name| has(name));
        if !has(response) {
            return Err(format!("the results have no column `{response}`; their columns are {}", there.join(", ")));
        }
        let sizes = sizes.filter(|sizes| sizes.iter().all(|size| has(size)));
        if name.is_none() && sizes.is_none() {
            let wanted = match given {
                Some([size, data]) => format!("neither `name` nor `{size}` and `{data}`"),
                None => "no column `name`".to_owned(),
            };
            return Err(format!("the results have {wanted}: so lines cannot be matched to runs"));
        }
        let wanted: Vec<String> = name
            .into_iter()
            .chain(sizes.into_iter().flatten())
            .chain([response, STATUS].into_iter().filter(|column| has(column)))
            .map(str::to_owned)
            .collect();
        let cells =
            read(bytes, Format::default(), &wanted, &Options::default(), &Limits::USUAL).map_err(|e| e.to_string())?;
        let column = |name: &str| wanted.iter().position(|column| column == name).map(|index| &cells[index]);
        let number = |name: &str, row: usize| match column(name).map(|cells| &cells[row]) {
            Some(Cell::Number(value)) => Ok(Some(*value)),
            Some(Cell::Text(text)) => number_in(text)
                .map_err(|()| format!("row {} of the results: `{name}` is `{text}`, which is not a number", row + 1)),
            Some(Cell::Empty) | None => Ok(None),
        };
        let text = |name: &str, row: usize| column(name).map_or_else(String::new, |cells| cells[row].text());
        let rows = cells.first().map_or(0, Vec::len);
        if rows > MOST_RESULTS {
            return Err(format!(
                "the results have {rows} rows, and at most {MOST_RESULTS} are compared: add them to the rows of the fit instead"
            ));
        }
        let line = |row: usize| {
            let response = number(response, row)?;
            let status =
                Status::of(&text(STATUS, row), response).map_err(|e| format!("row {} of the results: {e}", row + 1))?;
            Ok(Line {
                name: name.map(|name| text(name, row)).filter(|name| !name.is_empty()),
                sizes: match sizes {
                    Some([size, data]) => number(size, row)?.zip(number(data, row)?),
                    None => None,
                },
                response: response.filter(|_| status == Status::Done),
                status,
            })
        };
        (0..rows).map(line).collect::<Result<_, String>>().map(|runs| Self { runs, by_name_only: given.is_none() })
    }
}

/// The number in a cell as people write it, such as `1.77B`; `None` if the cell says that there is none.
fn number_in(text: &str) -> Result<Option<f64>, ()> {
    match text.trim().to_ascii_lowercase().as_str() {
        "" | "-" | "na" | "n/a" | "none" | "null" => Ok(None),
        "nan" | "inf" | "-inf" => Ok(Some(f64::NAN)),
        // A decimal comma or a separator of thousands.
        one if one.matches(',').count() == 1 => Err(()),
        _ => written_number(text, Decimal::Point, None).map(Some).ok_or(()),
    }
}

/// Results matched with runs.
pub struct Matched {
    /// The runs, each with its status and response.
    pub runs: Vec<(String, Candidate, Status, Option<f64>)>,
}

impl Results {
    /// Whether a later line with the same name replaces this one, as in a file to which states are appended. A failed
    /// attempt stays, because it has cost compute.
    fn is_replaced(&self, place: usize) -> bool {
        let line = &self.runs[place];
        let is_attempt = matches!(line.status, Status::Failed | Status::Diverged);
        line.name.is_some() && !is_attempt && self.runs[place + 1..].iter().any(|later| later.name == line.name)
    }

    /// A warning about lines that later ones replace.
    pub(super) fn replaced(&self) -> Option<String> {
        let replaced: Vec<usize> = (0..self.runs.len()).filter(|&place| self.is_replaced(place)).collect();
        let name = self.runs[*replaced.first()?].name.as_deref()?;
        Some(format!(
            "The results have {} of runs that have another line further down, such as `{name}`: the last line of a run \
             counts. A second run of a configuration needs a name of its own: `{name}-2`.",
            numbered(replaced.len(), "line")
        ))
    }

    /// Matches each line with a run, by sizes or else by name. Of several lines with one name, the last one counts.
    ///
    /// # Errors
    /// A line matches no run.
    pub fn matched(&self, candidates: &[Candidate], cost: &RunCost) -> Result<Matched, String> {
        let plain = |name: &str| name.strip_suffix("-2").unwrap_or(name).to_owned();
        let find = |(place, line): (usize, &Line)| {
            let called = |name: &str| candidates.iter().find(|c| c.name(1) == name);
            let named = line.name.as_ref().and_then(|name| called(name).or_else(|| called(&plain(name))));
            let sized = line.sizes.map(|(size, data)| {
                let flop = cost.flop(size, data);
                // A run that the design does not contain shares no trunk.
                let same = candidates.iter().find(|c| c.size == size && c.data == data);
                same.cloned().unwrap_or(Candidate {
                    size,
                    data,
                    flop,
                    trunk: usize::MAX - place,
                    ..Candidate::default()
                })
            });
            let run = sized.filter(|run| run.flop > 0.0).or_else(|| named.cloned());
            let name = line.name.clone();
            match run {
                Some(run) => Ok((name.unwrap_or_else(|| run.name(1)), run, line.status, line.response)),
                None => Err(match name {
                    Some(name) => {
                        let sizes = if self.by_name_only { "" } else { ": give its sizes too" };
                        format!("the results name the run `{name}`, which the design does not know{sizes}")
                    }
                    None => format!("row {} of the results has neither a name nor sizes", place + 1),
                }),
            }
        };
        let current = self.runs.iter().enumerate().filter(|(place, _)| !self.is_replaced(*place));
        current.map(find).collect::<Result<_, String>>().map(|runs| Matched { runs })
    }
}

/// Distance from a forecast, in its standard deviations, at which a result is a mistake in the table or refutes the law.
const IMPOSSIBLE: f64 = 20.0;
/// Largest number of lines of a table of results. Each updates the forecasts of all others.
const MOST_RESULTS: usize = 2000;

/// Compares results with forecasts and updates the joint distribution. `joint` has the columns of all matched runs
/// followed by those of `state`; the updated columns replace those of `state`.
///
/// # Errors
/// A result is no value of the response, or impossible under its forecast.
pub(super) fn learn(
    matched: &Matched,
    beliefs: &Beliefs<'_>,
    mut joint: State,
    level: f64,
    missing: usize,
) -> Result<(State, Outcomes), String> {
    let z = normal_quantile(f64::midpoint(1.0, level));
    let count = matched.runs.len();
    let (scale, is_told) = (beliefs.scale, !beliefs.is_open());
    let (mut runs, mut squares, mut done) = (Vec::new(), 0.0, 0_usize);
    let before = joint.clone();
    for (column, (name, _, status, response)) in matched.runs.iter().enumerate() {
        let (middle, sd) = (before.mean(column), (before.variance(column) + before.noise(column)).sqrt());
        let forecast = Believed {
            value: scale.value(middle),
            lower: scale.value(middle - z * sd),
            upper: scale.value(middle + z * sd),
            waste: None,
        };
        let placed = response.map(|response| scale.place(response));
        if let Some((response, value)) = response.zip(placed) {
            if !value.is_finite() {
                return Err(format!("the result of `{name}` is {response}, and the fitted response is above zero"));
            }
            let z = (value - middle) / sd;
            if is_told && z.abs() > IMPOSSIBLE {
                return Err(format!(
                    "the result of `{name}` is {response}, {:.0} standard deviations from its forecast, {:.4} ({:.4} to {:.4}): check its unit, which is that of the fit, and its decimal point. If it is right, the law is wrong there: add the run to the rows and fit again",
                    z.abs(),
                    forecast.value,
                    forecast.lower,
                    forecast.upper
                ));
            }
            let innovation = value - joint.mean(column);
            squares += innovation * innovation / (joint.variance(column) + joint.noise(column));
            done += 1;
            joint.learn(column, value);
        }
        runs.push(Outcome {
            name: name.clone(),
            status: status.word().to_owned(),
            response: *response,
            forecast: Some(forecast).filter(|_| is_told),
            z: placed.filter(|_| is_told).map(|value| (value - middle) / sd),
        });
    }
    let rest: Vec<usize> = (count..joint.columns()).collect();
    let of_each = |sum: f64| (done > 0 && is_told).then(|| sum / done as f64);
    let (surprise, limit) = (of_each(squares), chi_square_quantile(1.0 - CHANCE, done as f64));
    Ok((joint.only(&rest), Outcomes { runs, missing, surprise, surprise_limit: of_each(limit) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn results(text: &str) -> Result<Results, String> {
        Results::read(Arc::new(text.as_bytes().to_vec()), Some(["N", "D"]), "L")
    }

    #[test]
    fn a_line_without_a_response_is_missing_or_failed_if_it_says_done() {
        let read = results("name,L,status\na,2.5,done\nb,,\nc,,done\nd,nan,diverged\ne,,crashed\n").unwrap();
        let found: Vec<Status> = read.runs.iter().map(|run| run.status).collect();
        assert_eq!(found, [Status::Done, Status::Missing, Status::Failed, Status::Diverged, Status::Failed]);
    }

    #[test]
    fn cells_are_read_as_people_write_them_and_no_cell_is_missing_silently() {
        let read = results("N,D,L\n1.77B,35B,2.5\n1e9,2e10,-\n").unwrap();
        assert_eq!(read.runs[0].sizes, Some((1.77e9, 3.5e10)));
        assert_eq!(read.runs[1].status, Status::Missing);
        for cell in ["abc", "2.951 nats", "\"2,951\""] {
            let error = results(&format!("N,D,L\n1e9,2e10,{cell}\n")).unwrap_err();
            assert!(error.contains("row 1") && error.contains("not a number"), "{cell}: {error}");
        }
    }

    #[test]
    fn the_last_line_of_a_run_counts_and_failed_attempts_stay() {
        let read = results("name,L,status\na,,failed\na,2.5,done\na,2.5,done\nb,2.4,done\n").unwrap();
        let kept: Vec<usize> = (0..4).filter(|&place| !read.is_replaced(place)).collect();
        assert_eq!(kept, [0, 2, 3]);
        assert!(read.replaced().unwrap().contains("1 line of runs that have another line further down, such as `a`"));
        assert_eq!(results("name,L\na,2.5\na-2,2.5\n").unwrap().replaced(), None);
    }

    #[test]
    fn results_without_a_run_or_a_response_column_are_refused() {
        assert!(results("N,L\n1e8,2.5\n").unwrap_err().contains("neither `name` nor"));
        assert!(results("N,D,loss\n1e8,1e9,2.5\n").unwrap_err().contains("no column `L`"));
        assert!(results("name,L,status\na,2.5,odd\n").unwrap_err().contains("row 1"));
    }
}
