//! W&B projects: runs with all steps of their histories, read through the GraphQL API.
//!
//! The queries are those of the `wandb` client (wandb/apis/public: `Runs.QUERY`, `HistoryScan.QUERY`). A history is read in
//! windows of steps that are no wider than the number of rows requested, so that the server has no reason to sample. The
//! number of rows is compared with the server's own count.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Asked, Live, LiveError, Taken, TrackerServer, text, variable, whole};
use crate::source::{Cell, History, SourceError, flattened};
use crate::web::{Credentials, Web};

/// Runs of a project on a W&B server, read by `lawfit update`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Wandb {
    /// The entity and the project: "team/scaling".
    pub project: String,
    /// Address of the server.
    #[serde(default = "public_server")]
    pub url: String,
    /// A filter of runs in W&B's syntax: `{ state = "finished", tags = "sweep-3" }`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<Value>,
}

fn public_server() -> String {
    "https://api.wandb.ai".to_owned()
}

/// Runs of one page.
const RUNS: usize = 50;
/// Steps of one window of a history.
const STEPS: i64 = 1000;
/// Maximum number of pages or windows of one list.
const MOST_PAGES: usize = 100_000;

const RUNS_QUERY: &str = "query Runs($project: String!, $entity: String!, $cursor: String, $perPage: Int!, $order: String, \
    $filters: JSONString) { project(name: $project, entityName: $entity) { \
    runs(filters: $filters, after: $cursor, first: $perPage, order: $order) { \
    edges { node { name displayName state config summaryMetrics group jobType sweepName historyLineCount historyKeys } } \
    pageInfo { endCursor hasNextPage } } } }";
const HISTORY_QUERY: &str = "query HistoryPage($entity: String!, $project: String!, $run: String!, $minStep: Int64!, \
    $maxStep: Int64!, $pageSize: Int!) { project(name: $project, entityName: $entity) { run(name: $run) { \
    history(minStep: $minStep, maxStep: $maxStep, samples: $pageSize) } } }";

impl TrackerServer for Wandb {
    fn url(&self) -> &str {
        &self.url
    }
}

impl Live for Wandb {
    fn location(&self) -> String {
        match &self.filter {
            Some(filter) => format!("W&B project {} at {}, where {filter}", self.project, self.url),
            None => format!("W&B project {} at {}", self.project, self.url),
        }
    }

    fn is_table(&self) -> bool {
        true
    }

    fn read(&self, asked: &Asked<'_>) -> Result<Vec<Taken>, LiveError> {
        let (entity, project) = self.project.split_once('/').ok_or_else(|| {
            LiveError::new(format!("`{}` is no project: it is written `entity/project`", self.project))
        })?;
        let credentials =
            variable("WANDB_API_KEY").map_or(Credentials::None, |key| Credentials::Basic("api".to_owned(), key));
        let server = Server {
            web: Web::new(credentials)?,
            url: format!("{}/graphql", self.url.trim_end_matches('/')),
            entity,
            project,
            asked,
        };
        let mut history = History::default();
        for run in server.runs(self.filter.as_ref())? {
            server.enter(&run, &mut history)?;
        }
        let columns = history.table(asked.columns, asked.limits)?;
        Ok(vec![Taken::table(format!("W&B project {}", self.project), asked.columns, &columns)])
    }
}

/// A server and the project to read from it.
struct Server<'a> {
    web: Web,
    url: String,
    entity: &'a str,
    project: &'a str,
    asked: &'a Asked<'a>,
}

impl Server<'_> {
    /// What a query gives below `data.project`.
    fn ask(&self, query: &str, mut variables: Value) -> Result<Value, LiveError> {
        variables["entity"] = json!(self.entity);
        variables["project"] = json!(self.project);
        let body = json!({ "query": query, "variables": variables });
        let denied = |error: LiveError| error.hint("the key is read from WANDB_API_KEY");
        let bytes = self.web.post(&self.url, &body, self.asked.limits.bytes).map_err(|error| {
            let is_denied = error.0.contains(" 401 ") || error.0.contains(" 403 ");
            let error = LiveError::new(format!("the W&B server gives no answer: {error}"));
            if is_denied { denied(error) } else { error }
        })?;
        let mut answer = super::json(&bytes).map_err(|error| error.hint("is this the address of a W&B server?"))?;
        if let Some(message) = answer.get("errors").and_then(|errors| text(errors.get(0)?, &["message"])) {
            let message = message.lines().next().unwrap_or_default();
            return Err(LiveError::new(format!("the W&B server refuses: {message}")));
        }
        match answer.get_mut("data").and_then(|data| data.get_mut("project")).map(Value::take) {
            Some(project) if !project.is_null() => Ok(project),
            _ => {
                let message =
                    format!("the W&B server has no project `{}/{}`, or not for this key", self.entity, self.project);
                Err(denied(LiveError::new(message)))
            }
        }
    }

    /// The runs of the project, the earliest first.
    fn runs(&self, filter: Option<&Value>) -> Result<Vec<Value>, LiveError> {
        let filters = filter.map_or_else(|| "{}".to_owned(), Value::to_string);
        let mut all: Vec<Value> = Vec::new();
        let mut cursor: Option<String> = None;
        for _ in 0..MOST_PAGES {
            let variables = json!({ "cursor": cursor, "perPage": RUNS, "order": "+created_at", "filters": filters });
            let mut answer = self.ask(RUNS_QUERY, variables)?;
            let mut runs = answer.get_mut("runs").map(Value::take).unwrap_or_default();
            let edges = runs.get_mut("edges").and_then(Value::as_array_mut).map(std::mem::take).unwrap_or_default();
            all.extend(edges.into_iter().filter_map(|mut edge| edge.get_mut("node").map(Value::take)));
            let page = runs.get("pageInfo");
            let has_next = page.and_then(|page| page.get("hasNextPage")?.as_bool()).unwrap_or_default();
            let next = page.and_then(|page| text(page, &["endCursor"])).map(str::to_owned);
            match next.filter(|next| has_next && cursor.as_ref() != Some(next)) {
                Some(next) => cursor = Some(next),
                None if has_next => break,
                None => return Ok(all),
            }
        }
        Err(LiveError::new("the server's list of runs does not end"))
    }

    /// Enters a run: its settings as `config.lr`, its summary as `summary.accuracy`, and what it logged at each step.
    fn enter(&self, run: &Value, history: &mut History) -> Result<(), LiveError> {
        let id = text(run, &["name"]).ok_or_else(|| LiveError::new("a run of the server has no name"))?;
        let place = history.run(id);
        for (key, name) in [
            ("displayName", "name"),
            ("state", "state"),
            ("group", "group"),
            ("jobType", "job_type"),
            ("sweepName", "sweep"),
        ] {
            if let Some(value) = text(run, &[key]).filter(|value| !value.is_empty()) {
                history.fact(place, name, Cell::Text(value.to_owned()));
            }
        }
        let config = text(run, &["config"]).map(|config| super::json(config.as_bytes())).transpose()?;
        for (key, entry) in config.as_ref().and_then(Value::as_object).into_iter().flatten() {
            // The server puts each setting into an object with a description.
            let value = entry.get("value").unwrap_or(entry);
            for (path, cell) in flattened(value, &format!("config.{key}")) {
                history.fact(place, &path, cell);
            }
        }
        let summary = text(run, &["summaryMetrics"]).map(|summary| super::json(summary.as_bytes())).transpose()?;
        for (path, cell) in summary.iter().flat_map(|summary| flattened(summary, "summary")) {
            history.fact(place, &path, cell);
        }
        self.steps(id, run, place, history)
    }

    /// Reads a run's history, window by window.
    fn steps(&self, id: &str, run: &Value, place: usize, history: &mut History) -> Result<(), LiveError> {
        let lines = run.get("historyLineCount").and_then(whole);
        let last = run.get("historyKeys").and_then(|keys| whole(keys.get("lastStep")?));
        let Some(last) = last.or_else(|| lines.map(|lines| lines - 1)).filter(|last| *last >= 0) else { return Ok(()) };
        if last / STEPS >= MOST_PAGES as i64 {
            return Err(SourceError::TooLarge(format!("run {id} has {last} steps")).into());
        }
        let mut read = 0;
        for start in (0..=last).step_by(STEPS as usize) {
            let variables = json!({ "run": id, "minStep": start, "maxStep": start + STEPS, "pageSize": STEPS });
            let answer = self.ask(HISTORY_QUERY, variables)?;
            let rows = answer.get("run").and_then(|run| run.get("history")?.as_array()).into_iter().flatten();
            for row in rows.filter_map(Value::as_str) {
                let row = super::json(row.as_bytes())?;
                let Some(step) = row.get("_step").and_then(whole) else { continue };
                // A window may hold its end, too.
                if !(start..start + STEPS).contains(&step) {
                    continue;
                }
                read += 1;
                for (name, cell) in flattened(&row, "") {
                    if self.asked.columns.contains(&name) {
                        history.log(place, step, &name, cell, self.asked.limits)?;
                    }
                }
            }
        }
        match lines.filter(|lines| read < *lines) {
            // What a running run logs meanwhile is more, never less.
            Some(lines) => Err(LiveError::new(format!(
                "the server gives {read} of the {lines} lines of the history of run {id}; what is missing cannot be told"
            ))
            .hint("export the runs' `history` artifacts, or read their `.wandb` files: `format = \"wandb\"`")),
            None => Ok(()),
        }
    }
}
