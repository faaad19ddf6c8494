//! The remote cache: what it saves, and that no failure of it can change a byte or fail a run.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use crate::world::{Outcome, SPEC, World, simulated_runs};

/// The behaviour of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    Honest,
    /// Answers with status 500.
    Broken,
    /// Announces more bytes than it sends.
    Truncating,
    /// Changes one byte of every blob.
    PoisoningBlobs,
    /// Returns the record of another result for every key.
    PoisoningRecords,
    /// Accepts the connection and never answers.
    Silent,
    /// Sends without end.
    Endless,
    /// Rejects writes.
    ReadOnly,
}

/// A web server that keeps files in memory.
struct Server {
    url: String,
    files: Arc<Mutex<BTreeMap<String, Vec<u8>>>>,
}

impl Server {
    fn start(manner: Manner, files: BTreeMap<String, Vec<u8>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/lawfit", listener.local_addr().unwrap());
        let files = Arc::new(Mutex::new(files));
        let shared = Arc::clone(&files);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let files = Arc::clone(&shared);
                std::thread::spawn(move || answer(stream, manner, &files));
            }
        });
        Self { url, files }
    }

    fn count(&self) -> usize {
        self.files.lock().unwrap().len()
    }
}

fn answer(mut stream: TcpStream, manner: Manner, files: &Mutex<BTreeMap<String, Vec<u8>>>) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut first = String::new();
    reader.read_line(&mut first).ok()?;
    let (mut length, mut line) = (0, String::new());
    while reader.read_line(&mut line).ok()? > 2 {
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        line.clear();
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let mut words = first.split(' ');
    let (method, path) = (words.next()?, words.next()?.to_owned());
    let mut files = files.lock().ok()?;
    let respond = |stream: &mut TcpStream, status: &str, bytes: &[u8], promised: usize| {
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Length: {promised}\r\nLast-Modified: Mon, 01 Jan 2024 00:00:00 GMT\r\nETag: \"1\"\r\nConnection: close\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(bytes)).ok()
    };
    match (manner, method) {
        (Manner::Silent, _) => {
            drop(files);
            // Keeps the connection open until the client gives up.
            let _ = reader.read(&mut [0]);
            Some(())
        }
        (Manner::Broken, _) | (Manner::ReadOnly, "PUT") => respond(&mut stream, "403 Forbidden", b"", 0),
        (_, "PUT") => {
            files.insert(path, body);
            respond(&mut stream, "201 Created", b"", 0)
        }
        (_, "GET") => {
            let poisoned = |wanted: &str| path.contains(wanted);
            let other = files.iter().find(|(name, _)| name.contains("/ac/") && **name != path).map(|(_, b)| b.clone());
            match files.get(&path) {
                None => respond(&mut stream, "404 Not Found", b"", 0),
                Some(bytes) if manner == Manner::Truncating => {
                    respond(&mut stream, "200 OK", &bytes[..bytes.len() / 2], bytes.len())
                }
                Some(bytes) if manner == Manner::PoisoningBlobs && poisoned("/cas/") => {
                    let mut bytes = bytes.clone();
                    if let Some(byte) = bytes.last_mut() {
                        *byte ^= 1;
                    }
                    respond(&mut stream, "200 OK", &bytes, bytes.len())
                }
                Some(_) if manner == Manner::PoisoningRecords && poisoned("/ac/") => {
                    let other = other?;
                    respond(&mut stream, "200 OK", &other, other.len())
                }
                Some(_) if manner == Manner::Endless => {
                    drop(files);
                    respond(&mut stream, "200 OK", b"", 1 << 50)?;
                    while stream.write_all(&[b'x'; 8192]).is_ok() {}
                    Some(())
                }
                Some(bytes) => respond(&mut stream, "200 OK", bytes, bytes.len()),
            }
        }
        _ => respond(&mut stream, "405 Method Not Allowed", b"", 0),
    }
}

fn run(world: &World, url: &str, more: &[&str]) -> Outcome {
    world.lawfit(&[&["run", "study.toml", "--remote-cache", url, "--remote-timeout", "1"], more].concat())
}

fn fresh() -> World {
    World::with(SPEC, &simulated_runs(0.01))
}

/// The content of a server after a run that wrote to it.
fn filled() -> BTreeMap<String, Vec<u8>> {
    let server = Server::start(Manner::Honest, BTreeMap::new());
    let outcome = run(&fresh(), &server.url, &["--cache-write"]);
    assert!(outcome.stderr.contains("remote cache 0 taken, 7 written"), "{}", outcome.stderr);
    server.files.lock().unwrap().clone()
}

#[test]
fn results_of_one_machine_are_used_by_another() {
    let server = Server::start(Manner::Honest, BTreeMap::new());
    let first = fresh();
    assert_eq!(run(&first, &server.url, &[]).code, 0);
    assert_eq!(server.count(), 0, "nothing is written without --cache-write");
    let outcome = run(&fresh(), &server.url, &["--cache-write"]);
    assert!(outcome.stderr.contains("remote cache 0 taken, 7 written"), "{}", outcome.stderr);
    let second = fresh();
    let outcome = run(&second, &server.url, &["--frozen"]);
    assert!(outcome.stderr.contains("7 cached, 0 ran") && outcome.stderr.contains("7 taken"), "{}", outcome.stderr);
    let outcome = run(&second, &server.url, &[]);
    assert_eq!(outcome.code, 0);
    assert_eq!(second.files("outputs/study"), first.files("outputs/study"));
    assert!(outcome.stderr.contains("remote cache 0 taken"), "what is here is not asked for again: {}", outcome.stderr);
}

#[test]
fn a_folder_that_machines_mount_is_a_remote_cache() {
    let shared = World::new();
    let url = format!("file://{}", shared.path("shared").display());
    std::fs::create_dir(shared.path("shared")).unwrap();
    assert_eq!(run(&fresh(), &url, &["--cache-write"]).code, 0);
    let outcome = run(&fresh(), &url, &[]);
    assert!(outcome.stderr.contains("7 cached, 0 ran"), "{}", outcome.stderr);
}

#[test]
fn a_faulty_remote_cache_does_not_change_results() {
    let clean = fresh();
    clean.run("study.toml");
    let clean = clean.files("outputs/study");
    let files = filled();
    for manner in [
        Manner::Honest,
        Manner::Broken,
        Manner::Truncating,
        Manner::PoisoningBlobs,
        Manner::PoisoningRecords,
        Manner::Silent,
        Manner::Endless,
        Manner::ReadOnly,
    ] {
        let server = Server::start(manner, files.clone());
        let world = fresh();
        let outcome = run(&world, &server.url, &["--cache-write"]);
        assert_eq!(outcome.code, 0, "{manner:?}: {}", outcome.stderr);
        assert_eq!(world.files("outputs/study"), clean, "{manner:?}");
        let taken = outcome.stderr.contains("7 cached, 0 ran");
        assert_eq!(taken, matches!(manner, Manner::Honest | Manner::ReadOnly), "{manner:?}: {}", outcome.stderr);
        assert_eq!(taken, !outcome.stderr.contains("failures"), "{manner:?}: {}", outcome.stderr);
        assert_eq!(world.lawfit(&["cache", "verify"]).code, 0, "{manner:?}");
    }
    // No server listens at this address any more.
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let outcome = run(&fresh(), &format!("http://{gone}/lawfit"), &["--cache-write"]);
    assert_eq!(outcome.code, 0);
    assert!(outcome.stderr.contains("is no longer used in this run"), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("7 not written"), "{}", outcome.stderr);
}

#[test]
fn failed_writes_to_a_remote_cache_are_counted() {
    let server = Server::start(Manner::ReadOnly, BTreeMap::new());
    let outcome = run(&fresh(), &server.url, &["--cache-write"]);
    assert_eq!(outcome.code, 0);
    assert!(outcome.stderr.contains("0 written, 7 not written"), "{}", outcome.stderr);
}

#[test]
fn with_a_secret_only_sealed_results_are_used() {
    let server = Server::start(Manner::Honest, filled());
    let outcome = run(&fresh(), &server.url, &["--cache-secret", "ours", "--frozen"]);
    assert_eq!(outcome.code, 4, "what was not sealed is not believed: {}", outcome.stderr);
    let sealed = Server::start(Manner::Honest, BTreeMap::new());
    run(&fresh(), &sealed.url, &["--cache-secret", "ours", "--cache-write"]);
    let outcome = run(&fresh(), &sealed.url, &["--cache-secret", "ours"]);
    assert!(outcome.stderr.contains("7 cached, 0 ran"), "{}", outcome.stderr);
    let outcome = run(&fresh(), &sealed.url, &["--cache-secret", "theirs"]);
    assert!(outcome.stderr.contains("0 cached, 7 ran") && outcome.stderr.contains("not sealed"), "{}", outcome.stderr);
}

#[test]
fn an_invalid_url_and_offline_are_reported() {
    let outcome = run(&fresh(), "ftp://example.org/cache", &[]);
    assert_eq!(outcome.code, 2);
    assert!(outcome.stderr.contains("`ftp://` is not a remote cache"), "{}", outcome.stderr);
    let outcome = run(&fresh(), "http://127.0.0.1:9/", &["--offline"]);
    assert_eq!(outcome.code, 0);
    assert!(outcome.stderr.contains("--offline: the remote cache is not used"), "{}", outcome.stderr);
}

#[test]
fn machines_execute_the_stages_of_a_plan_through_a_cache_they_share() {
    let shared = World::new();
    std::fs::create_dir(shared.path("shared")).unwrap();
    let url = format!("file://{}", shared.path("shared").display());
    let machines = [fresh(), fresh()];
    let stages =
        ["ingest.runs", "filter.main", "fit.main", "extrapolate.budget", "extrapolate.target", "results", "render"];
    for (turn, stage) in stages.into_iter().enumerate() {
        let machine = &machines[turn % 2];
        machine.write("plan.json", &machine.lawfit(&["plan", "study.toml", "--json"]).stdout);
        let outcome = machine.lawfit(&["exec", "--plan", "plan.json", "--stage", stage, "--cache", &url]);
        assert_eq!(outcome.code, 0, "{stage}: {}", outcome.stderr);
        assert!(outcome.stdout.contains("\"status\":\"ran\""), "{stage}: {}", outcome.stdout);
    }
    let third = fresh();
    let outcome = run(&third, &url, &[]);
    assert!(outcome.stderr.contains("7 cached, 0 ran"), "{}", outcome.stderr);
}
