//! Live sources: what `lawfit update` reads and pins, and that a run reads the snapshot alone.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::histories::{close, of_two_rows, through};
use crate::sources::study_of;
use crate::world::World;

/// A request to a server of a test.
struct Request {
    /// The method and the path with its query: `GET /runs.csv?page=2`.
    line: String,
    /// The header that says who asks.
    authorization: Option<String>,
    /// The header that says where the address was found.
    referer: Option<String>,
    body: Value,
}

/// In place of a status: the server closes the connection without an answer.
const HANG_UP: u16 = 0;
/// In place of a status: the server closes the connection ten bytes before the end of the body that it promised.
const TRUNCATED: u16 = 1;

type Handler = dyn Fn(&Request) -> (u16, String) + Send + Sync;

/// A web server that answers by a function and keeps what it was asked.
struct Server {
    url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn start(handler: impl Fn(&Request) -> (u16, String) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (log, handler): (_, Arc<Handler>) = (Arc::clone(&asked), Arc::new(handler));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (log, handler) = (Arc::clone(&log), Arc::clone(&handler));
                std::thread::spawn(move || answer(stream, &log, handler.as_ref()));
            }
        });
        Self { url, asked }
    }

    fn count(&self) -> usize {
        self.asked.lock().unwrap().len()
    }

    fn asked(&self, part: &str) -> usize {
        self.asked.lock().unwrap().iter().filter(|line| line.contains(part)).count()
    }
}

fn answer(mut stream: TcpStream, log: &Mutex<Vec<String>>, handler: &Handler) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let line = line.trim_end().trim_end_matches(" HTTP/1.1").to_owned();
    let (mut length, mut authorization, mut referer, mut header) = (0, None, None, String::new());
    while reader.read_line(&mut header).ok()? > 2 {
        let (name, value) = header.split_once(':')?;
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().ok()?,
            "authorization" => authorization = Some(value.trim().to_owned()),
            "referer" => referer = Some(value.trim().to_owned()),
            _ => {}
        }
        header.clear();
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    log.lock().ok()?.push(line.clone());
    let request = Request { line, authorization, referer, body: serde_json::from_slice(&body).unwrap_or_default() };
    let (status, body) = handler(&request);
    let head = match status {
        HANG_UP => return None,
        TRUNCATED => format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len() + 10),
        301 => format!("HTTP/1.1 301 Moved\r\nLocation: {body}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"),
        _ => format!("HTTP/1.1 {status} Said\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len()),
    };
    stream.write_all(head.as_bytes()).ok()
}

/// A number of a run that tests log: a loss that falls with the run's size and the step.
fn loss(run: usize, step: usize) -> f64 {
    4.0 - run as f64 + 10.0 / step as f64
}

/// The law through the two rows of the study, after a run.
fn rows_of(world: &World) -> [f64; 2] {
    of_two_rows(&world.run("study.toml")["results"])
}

/// Every file below a folder with its bytes.
fn all_files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(all_files(&path));
        } else {
            all.push((path.display().to_string(), std::fs::read(&path).unwrap()));
        }
    }
    all
}

/// A study of the source `runs` whose two runs have sizes and losses.
fn study(source: &str) -> String {
    study_of(
        source,
        "N = { column = \"params.size\", unit = \"parameters\" }\nL = { column = \"metrics.loss\", unit = \"nats\" }\n",
    )
}

/// What an MLflow server of a test answers, with pages of two entries.
fn mlflow(request: &Request, runs: &[Value]) -> (u16, String) {
    let page = |list: &str, all: &[Value], token: Option<&str>| {
        let from: usize = token.and_then(|token| token.parse().ok()).unwrap_or(0);
        let mut answer = json!({ list: all.iter().skip(from).take(2).collect::<Vec<_>>() });
        if from + 2 < all.len() {
            answer["next_page_token"] = json!((from + 2).to_string());
        }
        (200, answer.to_string())
    };
    let token = request.body.get("page_token").and_then(Value::as_str);
    if request.line.ends_with("experiments/search") {
        let all: Vec<Value> =
            (0..3).map(|id| json!({ "experiment_id": id.to_string(), "name": format!("sweep-{id}") })).collect();
        return page("experiments", &all, token);
    }
    if request.line.ends_with("runs/search") {
        let ids = request.body["experiment_ids"].as_array().unwrap();
        let all: Vec<Value> = runs.iter().filter(|run| ids.contains(&run["info"]["experiment_id"])).cloned().collect();
        return page("runs", &all, token);
    }
    let query: BTreeMap<&str, &str> =
        request.line.split_once('?').unwrap().1.split('&').filter_map(|pair| pair.split_once('=')).collect();
    let run = runs.iter().position(|run| run["info"]["run_id"] == query["run_id"]).unwrap();
    // What is logged again at a step stands behind it in time; the server gives the latest first.
    let mut values = vec![json!({ "key": "loss", "value": 99.0, "timestamp": 1, "step": 3 })];
    values.extend(
        (1..=3).map(|step| json!({ "key": "loss", "value": loss(run, step), "timestamp": 10 + step, "step": step })),
    );
    values.reverse();
    page("metrics", &values, query.get("page_token").copied())
}

/// A run as MLflow's server describes it.
fn mlflow_run(id: &str, size: f64, stage: &str) -> Value {
    json!({
        "info": {
            "run_id": id, "run_name": id, "experiment_id": "1", "status": "FINISHED", "start_time": 5, "lifecycle_stage": stage,
        },
        "data": {
            "params": [{ "key": "size", "value": size.to_string() }],
            "metrics": [{ "key": "loss", "value": 1.0, "step": 3 }, { "key": "gpu", "value": 1.0, "step": 3 }],
        },
    })
}

#[test]
fn runs_of_an_mlflow_server_are_pinned_and_a_run_asks_nobody() {
    let runs = Arc::new(Mutex::new(vec![
        mlflow_run("a", 1e7, "active"),
        mlflow_run("b", 2e7, "active"),
        mlflow_run("x", 5e7, "deleted"),
    ]));
    let shared = Arc::clone(&runs);
    let server = Server::start(move |request| mlflow(request, &shared.lock().unwrap()));
    let source = format!("mlflow = {{ url = \"{}\", experiments = [\"sweep-1\"] }}\ntake = \"last\"\n", server.url);
    let world = World::new();
    world.write("study.toml", &study(&source));

    let refused = world.lawfit(&["run", "study.toml"]);
    assert_eq!(refused.code, 2);
    assert!(refused.stderr.contains("lawfit update study.toml runs"), "{}", refused.stderr);
    assert_eq!(server.count(), 0, "a run asks nobody");

    let updated = world.lawfit(&["update", "study.toml"]);
    assert_eq!(
        (updated.code, updated.stdout.as_str()),
        (0, "runs: 2 new, 0 changed, 0 gone; 2 runs\n"),
        "{}",
        updated.stderr
    );
    assert_eq!(server.asked("metric_key=gpu"), 0, "histories that the spec does not read are not asked for");
    let asked = server.count();
    let lock = world.read("study.lock");
    assert!(lock.contains("[pins.runs]") && lock.contains("study.live/runs.ndjson"), "{lock}");

    assert!(close(rows_of(&world), through([loss(0, 3), loss(1, 3)])), "the last value of step 3 holds");
    assert_eq!(server.count(), asked, "a run asks nobody");
    assert!(world.read("study.lock").contains("[pins.runs]"), "a run keeps what pins its snapshot");

    // Another size, a new run, and one that is deleted.
    *runs.lock().unwrap() =
        vec![mlflow_run("a", 3e7, "active"), mlflow_run("b", 2e7, "deleted"), mlflow_run("c", 2e7, "active")];
    let updated = world.lawfit(&["update", "study.toml", "runs"]);
    assert_eq!(updated.stdout, "runs: 1 new, 1 changed, 1 gone; 2 runs\n", "{}", updated.stderr);
    let again = world.lawfit(&["update", "study.toml", "runs"]);
    assert_eq!(again.stdout, "runs: 0 new, 0 changed, 0 gone; 2 runs\n", "{}", again.stderr);
    assert_eq!(world.lawfit(&["run", "--locked", "study.toml"]).code, 3, "its numbers have moved");

    // The snapshot of another question is another one.
    world.write("study.toml", &study(&source.replace("sweep-1", "sweep-2")));
    let stale = world.lawfit(&["run", "study.toml"]);
    assert!(stale.code == 2 && stale.stderr.contains("stale-snapshot"), "{}", stale.stderr);
    let missing = world.lawfit(&["update", "study.toml"]);
    assert_eq!(missing.code, 5, "no run of that experiment has such columns");
    assert!(missing.stderr.contains("there is no column `metrics.loss`"), "{}", missing.stderr);
    world.write("study.toml", &study(&source.replace("sweep-1", "swep-1")));
    let unknown = world.lawfit(&["update", "study.toml"]);
    assert!(unknown.code == 5 && unknown.stderr.contains("did you mean `sweep-1`?"), "{}", unknown.stderr);
}

#[test]
fn a_snapshot_is_read_from_the_cache_where_its_file_is_lost_and_never_believed_without_its_digest() {
    let server =
        Server::start(|request| mlflow(request, &[mlflow_run("a", 1e7, "active"), mlflow_run("b", 2e7, "active")]));
    let world = World::new();
    world.write("study.toml", &study(&format!("mlflow = {{ url = \"{}\" }}\ntake = \"last\"\n", server.url)));
    assert_eq!(world.lawfit(&["update", "study.toml"]).code, 0);
    let first = world.run("study.toml");
    world.write(
        "study.live/runs.ndjson",
        &world.read("study.live/runs.ndjson").replace("\"params.size\":1", "\"params.size\":2"),
    );
    assert_eq!(world.run("study.toml")["results"], first["results"], "an edited snapshot is none");
    std::fs::remove_dir_all(world.path(".lawfit")).unwrap();
    let lost = world.lawfit(&["run", "study.toml"]);
    assert_eq!(lost.code, 5);
    assert!(lost.stderr.contains("no-snapshot") && lost.stderr.contains("lawfit update"), "{}", lost.stderr);
}

/// The credential of the tests, and a part of every spelling of it in base64.
const SECRET: &str = "s3cr3t/7f41";
const ENCODED: [&str; 3] = ["czNjcjN0", "MzY3IzdC", "M2NyM3Qv"];

/// Every variable from which a credential is read.
const SECRETS: [(&str, &str); 10] = [
    ("MLFLOW_TRACKING_USERNAME", "me"),
    ("MLFLOW_TRACKING_PASSWORD", SECRET),
    ("MLFLOW_TRACKING_TOKEN", SECRET),
    ("WANDB_API_KEY", SECRET),
    ("HF_TOKEN", SECRET),
    ("AWS_ACCESS_KEY_ID", SECRET),
    ("AWS_SECRET_ACCESS_KEY", SECRET),
    ("AWS_SESSION_TOKEN", SECRET),
    ("AZURE_STORAGE_SAS_KEY", SECRET),
    ("RUNS_TOKEN", SECRET),
];

/// Runs commands on `study.toml` with all credentials in the environment, and checks that neither what they print nor any
/// file that they write contains one.
fn keeps_secrets(world: &World, kind: &str, variables: &[(&str, &str)], commands: &[(&str, i32)]) {
    let variables: Vec<(&str, &str)> = SECRETS.iter().chain(variables).copied().collect();
    let is_free = |text: &[u8]| {
        let holds = |part: &str| text.windows(part.len()).any(|window| window == part.as_bytes());
        ![SECRET, "s3cr3t"].into_iter().chain(ENCODED).any(holds)
    };
    for (command, code) in commands {
        let arguments: Vec<&str> = command.split(' ').chain(["study.toml"]).collect();
        let outcome = world.lawfit_with(&arguments, &variables);
        assert_eq!(outcome.code, *code, "{kind}, {command}: {}", outcome.stderr);
        assert!(
            is_free((outcome.stdout.clone() + &outcome.stderr).as_bytes()),
            "{kind}, {command}: {}",
            outcome.stderr
        );
    }
    for (name, bytes) in all_files(&world.path("")) {
        assert!(is_free(&bytes), "{kind}: {name} contains the credential");
    }
}

/// All that a user does with a live source.
const COMMANDS: [(&str, i32); 4] = [("update", 0), ("run", 0), ("explain ingest.runs", 0), ("plan", 0)];

#[test]
fn credentials_of_mlflow_come_from_the_environment_and_are_written_nowhere() {
    let runs = [mlflow_run("a", 1e7, "active"), mlflow_run("b", 2e7, "active")];
    let refuses = Arc::new(Mutex::new(false));
    let shared = Arc::clone(&refuses);
    let server = Server::start(move |request| match &request.authorization {
        None => (401, json!({ "message": "who are you?" }).to_string()),
        Some(_) if *shared.lock().unwrap() => (403, json!({ "message": format!("not with {SECRET}") }).to_string()),
        Some(who) => {
            assert!(who.starts_with("Basic ") || who.ends_with(SECRET), "{who}");
            mlflow(request, &runs)
        }
    });
    let world = World::new();
    world.write("study.toml", &study(&format!("mlflow = {{ url = \"{}\" }}\ntake = \"last\"\n", server.url)));
    let denied = world.lawfit(&["update", "study.toml"]);
    assert_eq!(denied.code, 5);
    assert!(denied.stderr.contains("MLFLOW_TRACKING_TOKEN") && denied.stderr.contains("401"), "{}", denied.stderr);
    assert!(!world.path("study.lock").exists(), "what was refused is not pinned");
    for variables in [&[][..], &[("MLFLOW_TRACKING_USERNAME", "")]] {
        keeps_secrets(&world, "mlflow", variables, &COMMANDS);
    }
    assert!(all_files(&world.path("")).len() > 10, "cache, reports, snapshot and lock are there");
    *refuses.lock().unwrap() = true;
    keeps_secrets(&world, "mlflow that repeats the password", &[], &[("update", 5)]);
}

#[test]
fn credentials_of_wandb_are_written_nowhere() {
    let refuses = Arc::new(Mutex::new(false));
    let shared = Arc::clone(&refuses);
    let server = Server::start(move |request| {
        assert!(request.authorization.as_ref().is_some_and(|who| who.starts_with("Basic ")));
        if *shared.lock().unwrap() {
            return (401, json!({ "message": format!("{SECRET} is no key") }).to_string());
        }
        wandb(request, &[3, 3], false)
    });
    let world = World::new();
    let source = format!("wandb = {{ project = \"team/scaling\", url = \"{}\" }}\ntake = \"last\"\n", server.url);
    let columns =
        "N = { column = \"config.size\", unit = \"parameters\" }\nL = { column = \"val.loss\", unit = \"nats\" }\n";
    world.write("study.toml", &study_of(&source, columns));
    keeps_secrets(&world, "wandb", &[], &COMMANDS);
    *refuses.lock().unwrap() = true;
    keeps_secrets(&world, "wandb that repeats the key", &[], &[("update", 5)]);
}

#[test]
fn credentials_in_the_url_of_a_file_are_names_of_variables_and_are_written_nowhere() {
    const RUNS: &str = "n,l\n1e7,4\n2e7,3\n";
    let other = Server::start(|request| {
        assert_eq!((&request.referer, &request.authorization), (&None, &None), "another host is told nothing");
        (200, RUNS.to_owned())
    });
    let elsewhere = format!("{}/runs.csv", other.url);
    let server = Server::start(move |request| {
        let by_query = request.line.contains("token=s3cr3t%2F7f41");
        let by_header = request.authorization.as_ref().is_some_and(|who| who.starts_with("Basic "));
        match request.line.as_str() {
            _ if !by_query && !by_header => (401, json!({ "message": "who are you?" }).to_string()),
            line if line.contains("moved") => (301, elsewhere.clone()),
            line if line.contains("refused") => {
                (403, json!({ "message": format!("not with {SECRET} or s3cr3t%2F7f41") }).to_string())
            }
            _ => (200, RUNS.to_owned()),
        }
    });
    let with_user = server.url.replace("//", "//me:$RUNS_TOKEN@").replace("me:", "$MLFLOW_TRACKING_USERNAME:");
    let sha256 = lawfit::artifact::sha256(RUNS.as_bytes());
    for (source, commands) in [
        (format!("url = \"{}/runs.csv?page=1&token=$RUNS_TOKEN\"", server.url), &COMMANDS[..]),
        (format!("url = \"{}/moved.csv?token=$RUNS_TOKEN\"", server.url), &COMMANDS),
        (format!("url = \"{with_user}/runs.csv\""), &COMMANDS),
        (format!("url = \"{with_user}/moved.csv\""), &COMMANDS),
        (format!("url = \"{}/runs.csv?token=$RUNS_TOKEN\"\nsha256 = \"{sha256}\"", server.url), &COMMANDS[1..]),
        (format!("url = \"{}/refused.csv?token=$RUNS_TOKEN\"", server.url), &[("update", 5)]),
        (format!("url = \"{}/refused.csv?token=$RUNS_TOKEN\"\nsha256 = \"{sha256}\"", server.url), &[("run", 5)]),
    ] {
        let world = World::new();
        world.write("study.toml", &plain(&source));
        keeps_secrets(&world, &source, &[], commands);
    }
    let world = World::new();
    world.write("study.toml", &plain(&format!("url = \"{}/runs.csv?token=$NO_SUCH_TOKEN\"", server.url)));
    let unset = world.lawfit(&["update", "study.toml"]);
    assert!(unset.code == 5 && unset.stderr.contains("`NO_SUCH_TOKEN` is not set"), "{}", unset.stderr);
}

#[test]
fn credentials_of_a_bucket_are_written_nowhere() {
    let refuses = Arc::new(Mutex::new(false));
    let shared = Arc::clone(&refuses);
    let server = Server::start(move |request| {
        assert!(request.authorization.as_ref().is_some_and(|who| who.starts_with("AWS4-HMAC-SHA256")));
        assert!(request.line.contains("/bucket/runs.csv"), "{}", request.line);
        if *shared.lock().unwrap() {
            return (403, format!("<Error><Message>{SECRET} has no access</Message></Error>"));
        }
        (200, "n,l\n1e7,4\n2e7,3\n".to_owned())
    });
    let world = World::new();
    world.write("study.toml", &plain("url = \"s3://bucket/runs.csv\""));
    let endpoint = [("AWS_ENDPOINT", server.url.as_str()), ("AWS_ALLOW_HTTP", "true"), ("AWS_REGION", "eu-west-1")];
    keeps_secrets(&world, "bucket", &endpoint, &COMMANDS);
    *refuses.lock().unwrap() = true;
    keeps_secrets(&world, "bucket that repeats the key", &endpoint, &[("update", 5)]);
}

#[cfg(feature = "sqlite")]
#[test]
fn credentials_of_the_environment_stay_out_of_what_a_database_gives() {
    let world = World::new();
    let runs = rusqlite::Connection::open(world.path("runs.db")).unwrap();
    runs.execute_batch("CREATE TABLE runs (n, l); INSERT INTO runs VALUES (1e7, 4), (2e7, 3);").unwrap();
    world.write("study.toml", &plain("path = \"runs.db\"\nlive = true"));
    keeps_secrets(&world, "database", &[], &COMMANDS);
}

#[test]
fn a_url_with_a_credential_in_it_is_refused_and_not_shown() {
    let world = World::new();
    let sha256 = "0".repeat(64);
    for (source, hint) in [
        ("url = \"https://me:pa55word@example.org/runs.csv\"".to_owned(), "$PASSWORD"),
        ("url = \"https://example.org/runs.csv?token=pa55word\"".to_owned(), "?token=$NAME"),
        (format!("url = \"https://example.org/runs.csv?token=pa55word\"\nsha256 = \"{sha256}\""), "?token=$NAME"),
        ("url = \"s3://me:pa55word@bucket/runs.csv\"".to_owned(), "the guide to live sources"),
        (
            "mlflow = { url = \"http://me:pa55word@localhost\" }\ntake = \"last\"".to_owned(),
            "the guide to live sources",
        ),
        ("mlflow = { url = \"http://$A:$B@localhost\" }\ntake = \"last\"".to_owned(), "the guide to live sources"),
        (
            "wandb = { project = \"a/b\", url = \"http://localhost?api_key=pa55word\" }\ntake = \"last\"".to_owned(),
            "the guide to live sources",
        ),
    ] {
        world.write("study.toml", &study(&source));
        let commands = if source.contains("sha256") { &["run", "plan"][..] } else { &["update", "run", "plan"] };
        for command in commands {
            let outcome = world.lawfit(&[command, "study.toml"]);
            assert_eq!(outcome.code, 2, "{source}");
            assert!(outcome.stderr.contains("secret-in-url") && outcome.stderr.contains(hint), "{}", outcome.stderr);
            assert!(!(outcome.stdout + &outcome.stderr).contains("pa55word"), "{}", outcome.stderr);
        }
    }
}

/// A study of a file of two columns.
fn plain(source: &str) -> String {
    study_of(source, "N = { column = \"n\", unit = \"parameters\" }\nL = { column = \"l\", unit = \"nats\" }\n")
}

#[test]
fn a_file_on_the_web_without_a_digest_is_live() {
    let text = Arc::new(Mutex::new("n,l\n1e7,4\n2e7,3\n".to_owned()));
    let shared = Arc::clone(&text);
    let server = Server::start(move |_| (200, shared.lock().unwrap().clone()));
    let world = World::new();
    world.write("study.toml", &plain(&format!("url = \"{}/runs.csv\"", server.url)));
    assert_eq!(world.lawfit(&["update", "study.toml"]).stdout, "runs: 2 new, 0 changed, 0 gone; 2 rows\n");
    assert!(close(rows_of(&world), through([4.0, 3.0])));
    *text.lock().unwrap() = "n,l\n1e7,4.5\n2e7,3\n4e7,2\n".to_owned();
    assert!(close(rows_of(&world), through([4.0, 3.0])), "a run reads the snapshot");
    assert_eq!(world.lawfit(&["update", "study.toml"]).stdout, "runs: 1 new, 1 changed, 0 gone; 3 rows\n");
    // With a key, a row is the same wherever it stands.
    world.write("study.toml", &plain(&format!("url = \"{}/runs.csv\"\nkey = [\"n\"]", server.url)));
    *text.lock().unwrap() = "n,l\n4e7,2\n1e7,4.25\n".to_owned();
    assert_eq!(world.lawfit(&["update", "study.toml"]).stdout, "runs: 0 new, 1 changed, 1 gone; 2 rows\n");
}

#[test]
fn headings_are_refused_for_a_source_whose_snapshot_is_a_table() {
    let world = World::new();
    for source in [
        "mlflow = { url = \"http://127.0.0.1:9\", experiments = [\"sweep-1\"] }\ntake = \"last\"",
        #[cfg(feature = "sqlite")]
        "path = \"runs.db\"\nlive = true",
    ] {
        world.write("study.toml", &plain(&format!("{source}\nheadings = \"(?<run>.+) - loss\"")));
        for command in ["update", "plan"] {
            let outcome = world.lawfit(&[command, "study.toml"]);
            assert_eq!(outcome.code, 2, "{source}");
            assert!(outcome.stderr.contains("snapshot of this source is a table"), "{}", outcome.stderr);
        }
    }
}

#[test]
fn what_a_server_answers_wrongly_is_told_and_the_snapshot_before_stays() {
    let state = Arc::new(Mutex::new((200, "n,l\n1e7,4\n2e7,3\n".to_owned())));
    let shared = Arc::clone(&state);
    let server = Server::start(move |_| shared.lock().unwrap().clone());
    let world = World::new();
    world.write("study.toml", &plain(&format!("url = \"{}/runs.csv\"", server.url)));
    assert_eq!(world.lawfit(&["update", "study.toml"]).code, 0);
    let (lock, files) = (world.read("study.lock"), world.files("study.live"));
    let cached = world.files(".lawfit/cache/v1/cas");
    for (answer, said) in [
        ((404, String::new()), "404"),
        ((HANG_UP, String::new()), "connection closed before message completed"),
        ((TRUNCATED, "n,l\n1e7,4\n".to_owned()), "end of file before message length reached"),
        ((301, "file:///etc/hosts".to_owned()), "redirects from http to another scheme, file"),
        ((301, "ftp://127.0.0.1/runs.csv".to_owned()), "redirects from http to another scheme, ftp"),
        ((200, "<!DOCTYPE html>\n<html>sign in</html>".to_owned()), "the file is a web page"),
        ((200, "n,loss\n1e7,4\n".to_owned()), "there is no column `l`"),
    ] {
        *state.lock().unwrap() = answer.clone();
        let outcome = world.lawfit(&["update", "study.toml"]);
        assert_eq!(outcome.code, 5, "{answer:?}: {}", outcome.stderr);
        assert!(outcome.stderr.contains(said), "{answer:?}: {}", outcome.stderr);
        assert_eq!(world.read("study.lock"), lock, "{answer:?}");
        assert_eq!(world.files("study.live"), files, "{answer:?}");
        assert_eq!(world.files(".lawfit/cache/v1/cas"), cached, "{answer:?}");
    }
    assert!(close(rows_of(&world), through([4.0, 3.0])), "a run still uses the snapshot");
}

#[test]
fn a_broken_answer_of_an_mlflow_server_is_not_taken() {
    let broken = Arc::new(Mutex::new((200, String::new())));
    let shared = Arc::clone(&broken);
    let runs = [mlflow_run("a", 1e7, "active"), mlflow_run("b", 2e7, "active")];
    let server = Server::start(move |request| {
        // Histories are the last thing that is asked for.
        if request.line.contains("get-history") { shared.lock().unwrap().clone() } else { mlflow(request, &runs) }
    });
    let world = World::new();
    world.write("study.toml", &study(&format!("mlflow = {{ url = \"{}\" }}\ntake = \"last\"\n", server.url)));
    for (answer, said) in [
        ((404, json!({ "message": "no such run" }).to_string()), "404 Not Found: no such run"),
        ((HANG_UP, String::new()), "the MLflow server gives no answer"),
        ((TRUNCATED, "{\"metrics\": []".to_owned()), "end of file before message length reached"),
        ((200, "{\"metrics\": [".to_owned()), "is not JSON"),
        ((301, "ftp://127.0.0.1/".to_owned()), "redirects from http to another scheme, ftp"),
    ] {
        *broken.lock().unwrap() = answer.clone();
        let outcome = world.lawfit(&["update", "study.toml"]);
        assert_eq!(outcome.code, 5, "{answer:?}: {}", outcome.stderr);
        assert!(outcome.stderr.contains(said), "{answer:?}: {}", outcome.stderr);
        assert!(!world.path("study.lock").exists() && !world.path("study.live").exists(), "{answer:?}");
    }
}

#[test]
fn files_that_are_written_to_are_copied_and_their_names_still_tell() {
    let world = World::new();
    for (size, loss) in [("10M", 4.0), ("20M", 3.0)] {
        world.write(&format!("logs/run-{size}.csv"), &format!("l\n{loss}\n"));
    }
    let columns = "N = { column = \"size\", unit = \"parameters\" }\nL = { column = \"l\", unit = \"nats\" }\n";
    world.write("study.toml", &study_of("path = \"logs/run-{size}.csv\"\nlive = true", columns));
    assert_eq!(world.lawfit(&["update", "study.toml"]).stdout, "runs: 2 new, 0 changed, 0 gone; 2 rows\n");
    world.write("logs/run-20M.csv", "l\n2.5\n");
    assert!(close(rows_of(&world), through([4.0, 3.0])), "a run reads the snapshot");
    std::fs::remove_dir_all(world.path("logs")).unwrap();
    assert!(close(rows_of(&world), through([4.0, 3.0])));
}

#[cfg(feature = "sqlite")]
#[test]
fn a_query_to_a_database_that_is_written_to_sees_what_stands_in_its_log() {
    let world = World::new();
    let path = world.path("runs.db");
    let writer = rusqlite::Connection::open(&path).unwrap();
    writer
        .execute_batch(
            "PRAGMA journal_mode = wal; PRAGMA wal_autocheckpoint = 0; CREATE TABLE runs (n, l, state); \
             INSERT INTO runs VALUES (1e7, 4, 'done'), (2e7, 3, 'done'), (4e7, 9, 'failed');",
        )
        .unwrap();
    let query = "path = \"runs.db\"\nlive = true\nquery = \"SELECT n, l FROM runs WHERE state = 'done'\"";
    world.write("study.toml", &plain(query));
    assert_eq!(world.lawfit(&["update", "study.toml"]).stdout, "runs: 2 new, 0 changed, 0 gone; 2 rows\n");
    writer.execute_batch("UPDATE runs SET l = 3.5 WHERE n = 2e7;").unwrap();
    assert!(close(rows_of(&world), through([4.0, 3.0])), "a run reads the snapshot");
    assert_eq!(world.lawfit(&["update", "study.toml"]).stdout, "runs: 0 new, 1 changed, 0 gone; 2 rows\n");
    assert!(close(rows_of(&world), through([4.0, 3.5])));
    assert_eq!(world.read("study.live/runs.ndjson"), "{\"l\":4.0,\"n\":10000000.0}\n{\"l\":3.5,\"n\":20000000.0}\n");
}

/// What a W&B server of a test answers: runs of so many steps, one run a page.
fn wandb(request: &Request, steps: &[usize], sampled: bool) -> (u16, String) {
    let variables = &request.body["variables"];
    assert_eq!((&variables["entity"], &variables["project"]), (&json!("team"), &json!("scaling")));
    let project = if request.body["query"].as_str().unwrap().contains("HistoryPage") {
        let whole = |key: &str| variables[key].as_i64().unwrap();
        let run: usize = variables["run"].as_str().unwrap().trim_start_matches("run").parse().unwrap();
        let window = (0..steps[run] as i64).filter(|step| (whole("minStep")..=whole("maxStep")).contains(step));
        let lines = window
            .step_by(if sampled { 2 } else { 1 })
            .map(|step| json!({ "_step": step, "val": { "loss": loss(run, step as usize + 1) } }).to_string());
        json!({ "run": { "history": lines.collect::<Vec<_>>() } })
    } else {
        let at: usize = variables["cursor"].as_str().map_or(0, |cursor| cursor.parse().unwrap());
        let config = json!({ "size": { "desc": null, "value": if at == 0 { 1e7 } else { 2e7 } } });
        let node = json!({
            "name": format!("run{at}"), "displayName": "swift-fox", "state": "finished", "config": config.to_string(),
            "historyLineCount": steps[at], "historyKeys": { "lastStep": steps[at] as i64 - 1 },
        });
        let page = json!({ "endCursor": (at + 1).to_string(), "hasNextPage": at + 1 < steps.len() });
        json!({ "runs": { "edges": [{ "node": node }], "pageInfo": page } })
    };
    (200, json!({ "data": { "project": project } }).to_string())
}

#[test]
fn whole_histories_of_a_wandb_project_are_read_and_sampled_ones_are_refused() {
    let sampled = Arc::new(Mutex::new(false));
    let shared = Arc::clone(&sampled);
    let server = Server::start(move |request| {
        assert_eq!(request.authorization.as_deref(), Some("Basic YXBpOmtleQ=="), "`api:key`");
        wandb(request, &[2500, 3], *shared.lock().unwrap())
    });
    let source = format!("wandb = {{ project = \"team/scaling\", url = \"{}\" }}\ntake = \"last\"\n", server.url);
    let columns =
        "N = { column = \"config.size\", unit = \"parameters\" }\nL = { column = \"val.loss\", unit = \"nats\" }\n";
    let world = World::new();
    world.write("study.toml", &study_of(&source, columns));
    let key = [("WANDB_API_KEY", "key")];
    let updated = world.lawfit_with(&["update", "study.toml"], &key);
    assert_eq!(updated.stdout, "runs: 2 new, 0 changed, 0 gone; 2 runs\n", "{}", updated.stderr);
    assert_eq!(world.read("study.live/runs.ndjson").lines().count(), 2503, "every step is there once");
    assert!(close(rows_of(&world), through([loss(0, 2500), loss(1, 3)])));
    *sampled.lock().unwrap() = true;
    let refused = world.lawfit_with(&["update", "study.toml"], &key);
    assert!(refused.code == 5 && refused.stderr.contains("of the 2500 lines"), "{}", refused.stderr);
}

/// The program of MLflow: named by `LAWFIT_MLFLOW`, or on the path.
fn real_mlflow() -> Option<String> {
    let program = std::env::var("LAWFIT_MLFLOW").unwrap_or_else(|_| "mlflow".to_owned());
    let answers =
        std::process::Command::new(&program).arg("--version").output().is_ok_and(|output| output.status.success());
    answers.then_some(program)
}

/// A process that ends with the test.
struct Ended(std::process::Child);

impl Drop for Ended {
    fn drop(&mut self) {
        // A worker of the server outlives it unless the whole group is asked.
        let _ = std::process::Command::new("kill").args(["--", &format!("-{}", self.0.id())]).status();
        let _ = self.0.wait();
    }
}

/// What a server logs when it answers: uvicorn's words, and those of the servers of MLflow before it.
const READY: [&str; 2] = ["startup complete", "Listening at"];
/// Maximum number of lines that a server logs before it answers.
const MOST_LINES: usize = 1000;

/// Starts a server and waits until it says that it is ready.
fn begin_mlflow(program: &str, folder: &Path) -> (Ended, String) {
    use std::os::unix::process::CommandExt;
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let mut command = std::process::Command::new(program);
    command.args([
        "server",
        "--backend-store-uri",
        "sqlite:///mlflow.db",
        "--host",
        "127.0.0.1",
        "--port",
        &port,
        "--workers",
        "1",
    ]);
    command.current_dir(folder).env("MLFLOW_DISABLE_TELEMETRY", "true").process_group(0);
    command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::piped());
    let mut server = Ended(command.spawn().unwrap());
    let mut log = BufReader::new(server.0.stderr.take().unwrap()).lines().map_while(Result::ok);
    let before: Vec<String> =
        log.by_ref().take(MOST_LINES).take_while(|line| !READY.iter().any(|ready| line.contains(ready))).collect();
    // The pipe is read to its end, since a server waits for room in a full one.
    let rest = std::thread::spawn(move || log.count());
    assert!(!rest.is_finished() && before.len() < MOST_LINES, "the server does not start: {}", before.join("\n"));
    (server, format!("http://127.0.0.1:{port}"))
}

#[cfg(feature = "sqlite")]
#[test]
fn a_real_mlflow_server_gives_what_its_store_holds() {
    let Some(program) = real_mlflow() else {
        println!(
            "a_real_mlflow_server_gives_what_its_store_holds: skipped, there is no `mlflow`; LAWFIT_MLFLOW names one"
        );
        return;
    };
    let world = World::new();
    let (server, url) = begin_mlflow(&program, world.path("").as_path());
    let web = lawfit::web::Web::new(lawfit::web::Credentials::None).unwrap();
    let api = |path: &str, body: Value| -> Value {
        let answer = web.post(&format!("{url}/api/2.0/mlflow/{path}"), &body, 1 << 20);
        serde_json::from_slice(&answer.unwrap()).unwrap_or_default()
    };
    let experiment = api("experiments/create", json!({ "name": "sweep" }))["experiment_id"].clone();
    let mut ids = Vec::new();
    for run in 0..3 {
        let created = api(
            "runs/create",
            json!({ "experiment_id": experiment, "run_name": format!("r{run}"), "start_time": 1000 + run }),
        );
        let id = created["run"]["info"]["run_id"].as_str().unwrap().to_owned();
        let size = [1e7, 2e7, 5e7][run];
        // More values than a page has, so that the server is asked for more than one.
        for batch in 0..3 {
            let values = (0..500).map(|at| {
                let step = 500 * batch + at + 1;
                json!({ "key": "loss", "value": loss(run, step), "timestamp": 2000 + step, "step": step })
            });
            let mut metrics: Vec<Value> = values.collect();
            if batch == 2 {
                metrics.push(json!({ "key": "grad", "value": "NaN", "timestamp": 1, "step": 1500 }));
            }
            let params = if batch == 0 { json!([{ "key": "size", "value": size.to_string() }]) } else { json!([]) };
            api("runs/log-batch", json!({ "run_id": id, "metrics": metrics, "params": params }));
        }
        ids.push(id);
    }
    api("runs/delete", json!({ "run_id": ids[2] }));
    let columns =
        "N = { column = \"params.size\", unit = \"parameters\" }\nL = { column = \"metrics.loss\", unit = \"nats\" }\n";
    let grad = "G = \"metrics.grad\"\n";
    let rest = format!("mlflow = {{ url = \"{url}\", experiments = [\"sweep\"] }}\ntake = \"last\"\n");
    world.write("rest.toml", &study_of(&rest, columns));
    let updated = world.lawfit(&["update", "rest.toml"]);
    assert_eq!(updated.stdout, "runs: 2 new, 0 changed, 0 gone; 2 runs\n", "{}", updated.stderr);
    assert_eq!(world.read("rest.live/runs.ndjson").lines().count(), 3000, "both runs with all their steps");
    let by_rest = world.run("rest.toml");
    assert!(close(of_two_rows(&by_rest["results"]), through([loss(0, 1500), loss(1, 1500)])));
    // What is no number is told, and not read as 0.
    world.write("nan.toml", &study_of(&rest, &format!("{columns}{grad}")));
    assert_eq!(world.lawfit(&["update", "nan.toml"]).code, 0);
    assert!(world.read("nan.live/runs.ndjson").contains("\"metrics.grad\":\"NaN\""));
    drop(server);
    let store = "path = \"mlflow.db\"\nformat = \"mlflow\"\ntake = \"last\"\n";
    world.write("store.toml", &study_of(store, columns));
    let by_store = world.run("store.toml");
    assert_eq!(by_rest["results"]["fits"], by_store["results"]["fits"], "the server and its store say the same");
}
