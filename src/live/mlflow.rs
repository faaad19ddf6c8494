//! MLflow servers: active runs with parameters, tags and the metrics of every step, read through the REST API.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Asked, Live, LiveError, Taken, TrackerServer, text, variable, whole};
use crate::source::{Cell, History, RUN, STEP, SourceError, cell};
use crate::web::{Credentials, Web};

/// Runs on an MLflow server, read by `lawfit update`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(clippy::doc_markdown, reason = "the schema shows the text as it is")]
pub struct Mlflow {
    /// Address of the server: "http://localhost:5000".
    pub url: String,
    /// Names of experiments. Default: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub experiments: Vec<String>,
    /// A filter of runs in MLflow's search syntax: "tags.team = 'scaling' and attributes.status = 'FINISHED'".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
}

/// Entries of one page of an answer.
const PAGE: usize = 1000;
/// Maximum number of pages of one list.
const MOST_PAGES: usize = 100_000;
/// Prefix of columns that are metrics.
const METRICS: &str = "metrics.";

impl TrackerServer for Mlflow {
    fn url(&self) -> &str {
        &self.url
    }
}

impl Live for Mlflow {
    fn location(&self) -> String {
        let mut location = format!("MLflow at {}", self.url);
        if !self.experiments.is_empty() {
            let _ = write!(location, ", experiments {}", self.experiments.join(", "));
        }
        if let Some(filter) = &self.filter {
            let _ = write!(location, ", where {filter}");
        }
        location
    }

    fn is_table(&self) -> bool {
        true
    }

    fn read(&self, asked: &Asked<'_>) -> Result<Vec<Taken>, LiveError> {
        let server = Server::new(&self.url, asked)?;
        let experiments = server.experiments(&self.experiments)?;
        let runs = server.runs(&experiments, self.filter.as_deref())?;
        let mut history = History::default();
        let mut known: BTreeSet<String> = [RUN, STEP].map(str::to_owned).into();
        for run in &runs {
            server.enter(run, &experiments, &mut history, &mut known)?;
        }
        // The error for an unknown metric lists the known metrics, most of which are not read.
        if let Some(column) = asked.columns.iter().find(|column| !known.contains(*column)) {
            return Err(SourceError::no_column(column, known.iter().map(String::as_str)).into());
        }
        let columns = history.table(asked.columns, asked.limits)?;
        Ok(vec![Taken::table(format!("MLflow at {}", self.url), asked.columns, &columns)])
    }
}

/// A server and the request.
struct Server<'a> {
    web: Web,
    base: String,
    asked: &'a Asked<'a>,
}

/// The credentials, from the variables that MLflow's own client uses.
fn credentials() -> Credentials {
    match (
        variable("MLFLOW_TRACKING_USERNAME"),
        variable("MLFLOW_TRACKING_PASSWORD"),
        variable("MLFLOW_TRACKING_TOKEN"),
    ) {
        (Some(name), Some(password), _) => Credentials::Basic(name, password),
        (_, _, Some(token)) => Credentials::Bearer(token),
        _ => Credentials::None,
    }
}

impl<'a> Server<'a> {
    fn new(url: &str, asked: &'a Asked<'a>) -> Result<Self, LiveError> {
        let base = format!("{}/api/2.0/mlflow", url.trim_end_matches('/'));
        Ok(Self { web: Web::new(credentials())?, base, asked })
    }

    fn post(&self, path: &str, body: &Value) -> Result<Value, LiveError> {
        Self::answer(self.web.post(&format!("{}/{path}", self.base), body, self.asked.limits.bytes))
    }

    fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Value, LiveError> {
        let url = reqwest::Url::parse_with_params(&format!("{}/{path}", self.base), query)
            .map_err(|error| LiveError::new(format!("`{}` is not a URL: {error}", self.base)))?;
        Self::answer(self.web.get(url.as_str(), self.asked.limits.bytes))
    }

    fn answer(answer: Result<Vec<u8>, crate::web::WebError>) -> Result<Value, LiveError> {
        let bytes = answer.map_err(|error| {
            let is_denied = error.0.contains(" 401 ") || error.0.contains(" 403 ");
            let error = LiveError::new(format!("the MLflow server gives no answer: {error}"));
            if is_denied {
                return error.hint(
                    "credentials are read from MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or from MLFLOW_TRACKING_TOKEN",
                );
            }
            error
        })?;
        super::json(&bytes).map_err(|error| error.hint("is this the address of an MLflow server?"))
    }

    /// All entries of a list; `page` requests the page of a token.
    fn pages(
        &self,
        list: &str,
        mut page: impl FnMut(Option<&str>) -> Result<Value, LiveError>,
    ) -> Result<Vec<Value>, LiveError> {
        let mut all = Vec::new();
        let mut token: Option<String> = None;
        for _ in 0..MOST_PAGES {
            let answer = page(token.as_deref())?;
            all.extend(answer.get(list).and_then(Value::as_array).into_iter().flatten().cloned());
            if all.len() > self.asked.limits.values {
                return Err(SourceError::TooLarge(format!(
                    "the server has more than {} {list}",
                    self.asked.limits.values
                ))
                .into());
            }
            match text(&answer, &["next_page_token"]).filter(|next| !next.is_empty()) {
                Some(next) if token.as_deref() == Some(next) => break,
                Some(next) => token = Some(next.to_owned()),
                None => return Ok(all),
            }
        }
        Err(LiveError::new(format!("the server's list of {list} does not end")))
    }

    /// The names of experiments by their ids.
    fn experiments(&self, names: &[String]) -> Result<BTreeMap<String, String>, LiveError> {
        let all = self.pages("experiments", |token| {
            self.post(
                "experiments/search",
                &with_token(json!({ "max_results": PAGE, "view_type": "ACTIVE_ONLY" }), token),
            )
        })?;
        let named = |experiment: &Value| {
            Some((text(experiment, &["experiment_id"])?.to_owned(), text(experiment, &["name"])?.to_owned()))
        };
        let mut found: BTreeMap<String, String> = all.iter().filter_map(named).collect();
        if let Some(missing) = names.iter().find(|name| found.values().all(|known| known != *name)) {
            let known: Vec<&str> = found.values().map(String::as_str).collect();
            let near = crate::diagnostic::nearest(missing, known.iter().copied());
            let hint = near
                .map_or_else(|| format!("there are {}", known.join(", ")), |near| format!("did you mean `{near}`?"));
            return Err(LiveError::new(format!("the server has no experiment `{missing}`")).hint(hint));
        }
        found.retain(|_, name| names.is_empty() || names.contains(name));
        Ok(found)
    }

    /// The active runs of experiments, the earliest first.
    fn runs(&self, experiments: &BTreeMap<String, String>, filter: Option<&str>) -> Result<Vec<Value>, LiveError> {
        let ids: Vec<&String> = experiments.keys().collect();
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let mut runs = self.pages("runs", |token| {
            let body = json!({
                "experiment_ids": ids, "filter": filter.unwrap_or_default(), "run_view_type": "ACTIVE_ONLY",
                "max_results": PAGE, "order_by": ["attributes.start_time ASC"],
            });
            self.post("runs/search", &with_token(body, token))
        })?;
        runs.retain(|run| text(run, &["info", "lifecycle_stage"]).is_none_or(|stage| stage == "active"));
        runs.sort_by_key(|run| {
            let start = run.get("info").and_then(|info| info.get("start_time")).and_then(whole);
            (start.unwrap_or_default(), text(run, &["info", "run_id"]).map(str::to_owned))
        });
        Ok(runs)
    }

    /// Adds a run to the history: its settings, and the requested metrics of each step.
    fn enter(
        &self,
        run: &Value,
        experiments: &BTreeMap<String, String>,
        history: &mut History,
        known: &mut BTreeSet<String>,
    ) -> Result<(), LiveError> {
        let id = text(run, &["info", "run_id"]).ok_or_else(|| LiveError::new("a run of the server has no id"))?;
        let place = history.run(id);
        let mut fact = |name: String, value: Cell| {
            history.fact(place, &name, value);
            known.insert(name);
        };
        fact("run_id".to_owned(), Cell::Text(id.to_owned()));
        let info = |key: &str| text(run, &["info", key]).map_or(Cell::Empty, cell);
        let experiment = text(run, &["info", "experiment_id"]).and_then(|id| experiments.get(id));
        fact("run_name".to_owned(), info("run_name"));
        fact("status".to_owned(), info("status"));
        fact("experiment".to_owned(), experiment.map_or(Cell::Empty, |name| cell(name)));
        let data = |list: &str| run.get("data").and_then(|data| data.get(list)?.as_array()).into_iter().flatten();
        for list in ["params", "tags"] {
            for entry in data(list) {
                if let (Some(key), Some(value)) = (text(entry, &["key"]), text(entry, &["value"])) {
                    fact(format!("{list}.{key}"), cell(value));
                }
            }
        }
        for metric in data("metrics").filter_map(|metric| text(metric, &["key"])) {
            let column = format!("{METRICS}{metric}");
            let is_asked = self.asked.columns.contains(&column);
            known.insert(column.clone());
            if is_asked {
                for (step, value) in self.logged(id, metric)? {
                    history.log(place, step, &column, value, self.asked.limits)?;
                }
            }
        }
        Ok(())
    }

    /// The values of a metric of a run with their steps, in the order in which they were logged.
    fn logged(&self, run: &str, metric: &str) -> Result<Vec<(i64, Cell)>, LiveError> {
        let size = PAGE.to_string();
        let values = self.pages("metrics", |token| {
            let mut query = vec![("run_id", run), ("metric_key", metric), ("max_results", size.as_str())];
            query.extend(token.map(|token| ("page_token", token)));
            self.get("metrics/get-history", &query)
        })?;
        let number = |value: &Value, key: &str| value.get(key).and_then(whole).unwrap_or_default();
        let mut values: Vec<(i64, i64, Cell)> = values
            .iter()
            .map(|value| (number(value, "timestamp"), number(value, "step"), logged(value.get("value"))))
            .collect();
        values.sort_by_key(|(timestamp, step, _)| (*timestamp, *step));
        Ok(values.into_iter().map(|(_, step, value)| (step, value)).collect())
    }
}

/// A value of a metric. A value that is not a number stays a text, so that it is never read as 0.
fn logged(value: Option<&Value>) -> Cell {
    match value {
        Some(Value::Number(number)) => number.as_f64().map_or(Cell::Empty, Cell::Number),
        Some(Value::String(text)) => cell(text),
        _ => Cell::Empty,
    }
}

/// A request body for the page of a token.
fn with_token(mut body: Value, token: Option<&str>) -> Value {
    if let Some(token) = token {
        body["page_token"] = json!(token);
    }
    body
}
