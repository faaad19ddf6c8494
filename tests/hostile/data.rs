//! Data files of every format: truncated, changed, packed in unusual ways, far too large, and with extreme values.

use std::fmt::Write as _;

use lawfit::numerics::Random;

use super::held::Case;
use super::packed::{gzip, gzip_bomb, ods, xlsx, zip};
use super::parquet::{Column, DOUBLE, FIXED, INT64, INT96, TEXTS, file};
use crate::sources::{ROWS, study_of};
use crate::world::{SPEC, repository, simulated_runs};

/// A valid file and the options to read it.
struct Good {
    name: &'static str,
    source: &'static str,
    columns: &'static str,
    bytes: Vec<u8>,
}

const PLAIN: &str = "N = { column = \"size\", unit = \"parameters\" }\nL = { column = \"loss\", unit = \"nats\" }\n";

/// A study of one file; rows with empty cells are dropped.
fn study(name: &str, source: &str, columns: &str) -> String {
    study_of(&format!("path = \"{name}\"\nmissing = \"drop\"\n{source}"), columns)
}

/// Every case.
pub(super) fn cases() -> Vec<Case> {
    let mut all = Vec::new();
    let good = good();
    for file in &good {
        all.push(file.with(&format!("{} as it is", file.name), &file.bytes));
        all.extend(torn(file));
    }
    all.extend(tables());
    all.extend(bombs());
    all.extend(parquets());
    all.extend(extremes());
    all
}

#[test]
fn a_file_of_every_format_is_read_before_it_is_damaged() {
    for file in good() {
        let world = crate::world::World::new();
        world.write("study.toml", &study(file.name, file.source, file.columns));
        std::fs::write(world.path(file.name), &file.bytes).unwrap();
        let outcome = world.lawfit(&["run", "study.toml"]);
        assert_eq!(outcome.code, 0, "{}: {}", file.name, outcome.stderr);
    }
}

/// The bytes of a file of `tests/fixtures`.
fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(repository().join("tests/fixtures").join(name)).unwrap()
}

/// Files with the columns `N` and `L`, by format, for the fuzz targets.
pub(super) fn seeds_of_fuzzing() -> Vec<(&'static str, Vec<u8>)> {
    let [n, l] = [ROWS.map(|row| row.0), ROWS.map(|row| row.1)];
    let texts = [Column::doubles("N", &n), Column::repeated("L", TEXTS, b"\x04\x00\x00\x002.50", 5)];
    let head = ["N", "L"].map(|name| format!("<c t=\"inlineStr\"><is><t>{name}</t></is></c>")).concat();
    vec![
        ("parquet", file(&[Column::doubles("N", &n), Column::doubles("L", &l)], 5)),
        ("parquet", file(&texts, 5)),
        ("xlsx", xlsx(&format!("<row>{head}</row><row><c><v>1</v></c><c><v>2</v></c></row>"))),
        ("arrow", fixture("types.arrow")),
        ("arrow", fixture("types.arrows")),
        ("csv", gzip(b"N,L\n1,2\n")),
        ("csv", zstd::encode_all(&b"N,L\n1,2\n"[..], 3).unwrap()),
        ("wandb", fixture("run-run0.wandb")),
        ("tensorboard", fixture("tensorboard/model-0/events.out.tfevents.1000.host")),
    ]
}

impl Good {
    fn with(&self, name: &str, bytes: &[u8]) -> Case {
        Case::new(name, study(self.name, self.source, self.columns), &[(self.name, bytes)])
    }
}

/// One file of each format.
fn good() -> Vec<Good> {
    let lines = |sign: &str| -> String {
        let rows = ROWS.map(|(n, l)| format!("{n}{sign}{l}\n")).concat();
        format!("size{sign}loss\n{rows}")
    };
    let objects = ROWS.map(|(n, l)| format!("{{\"size\": {n}, \"loss\": {l}, \"other\": {{\"deep\": [1, 2]}}}}"));
    let log = ROWS.map(|(n, l)| format!("step {n} loss {l}\nnothing\n")).concat();
    let sheet = |cell: &dyn Fn(f64) -> String| ROWS.map(|(n, l)| [cell(n), cell(l)].concat());
    let of_xlsx = |number: f64| format!("<c><v>{number}</v></c>");
    let of_ods = |number: f64| format!("<table:table-cell office:value-type=\"float\" office:value=\"{number}\"/>");
    let head_xlsx = ["size", "loss"].map(|name| format!("<c t=\"inlineStr\"><is><t>{name}</t></is></c>")).concat();
    let head_ods = ["size", "loss"]
        .map(|name| {
            format!("<table:table-cell office:value-type=\"string\"><text:p>{name}</text:p></table:table-cell>")
        })
        .concat();
    let rows_xlsx = sheet(&of_xlsx).map(|row| format!("<row>{row}</row>")).concat();
    let rows_ods = sheet(&of_ods).map(|row| format!("<table:table-row>{row}</table:table-row>")).concat();
    let trainer = ROWS.map(|(n, l)| format!("{{\"step\": {n}, \"loss\": {l}}}")).join(", ");
    let tasks = ROWS
        .map(|(n, l)| format!("\"{n}\": {{\"alias\": \"{n}\", \"acc,none\": {l}, \"acc_stderr,none\": 0.1}}"))
        .join(", ");
    let [n, l] = [ROWS.map(|row| row.0), ROWS.map(|row| row.1)];
    let steps = "N = { column = \"step\", unit = \"parameters\" }\nL = { column = \"loss\", unit = \"nats\" }\n";
    let zst = zstd::encode_all(lines(",").as_bytes(), 3).unwrap();
    let mut all = vec![
        Good { name: "r.csv", source: "", columns: PLAIN, bytes: lines(",").into() },
        Good { name: "r.tsv", source: "", columns: PLAIN, bytes: lines("\t").into() },
        Good { name: "r.json", source: "", columns: PLAIN, bytes: format!("[{}]", objects.join(",")).into() },
        Good { name: "r.ndjson", source: "", columns: PLAIN, bytes: objects.join("\n").into() },
        Good {
            name: "r.parquet",
            source: "",
            columns: PLAIN,
            bytes: file(&[Column::doubles("size", &n), Column::doubles("loss", &l)], 5),
        },
        Good { name: "r.csv.gz", source: "", columns: PLAIN, bytes: gzip(lines(",").as_bytes()) },
        Good { name: "r.csv.zst", source: "", columns: PLAIN, bytes: zst },
        Good {
            name: "r.log",
            source: "pattern = 'step (?<size>\\S+) loss (?<loss>\\S+)'",
            columns: PLAIN,
            bytes: log.into(),
        },
        Good {
            name: "run.wandb",
            source: "take = \"all\"",
            columns: "N = { column = \"tokens\", unit = \"parameters\" }\nL = { column = \"train/loss\", unit = \"nats\" }\n",
            bytes: fixture("run-run0.wandb"),
        },
        Good {
            name: "x.tfevents.1",
            source: "take = \"all\"",
            columns: "N = { column = \"step\", unit = \"parameters\" }\nL = { column = \"train/loss\", unit = \"nats\" }\n",
            bytes: fixture("tensorboard/model-0/events.out.tfevents.1000.host"),
        },
        Good {
            name: "trainer_state.json",
            source: "format = \"hf_trainer\"\ntake = \"all\"",
            columns: steps,
            bytes: format!("{{\"log_history\": [{trainer}]}}").into(),
        },
        Good {
            name: "metrics.csv",
            source: "format = \"lightning\"\ntake = \"all\"",
            columns: steps,
            bytes: format!("step,loss\n{}", ROWS.map(|(n, l)| format!("{n},{l}\n")).concat()).into(),
        },
        Good {
            name: "results.json",
            source: "format = \"lm_eval\"",
            columns: "N = { column = \"task\" }\nL = { column = \"value\" }\n",
            bytes: format!("{{\"results\": {{{tasks}}}}}").into(),
        },
    ];
    if cfg!(feature = "arrow") {
        all.push(Good { name: "r.feather", source: "", columns: PLAIN, bytes: fixture("runs.feather") });
    }
    if cfg!(feature = "spreadsheets") {
        all.push(Good {
            name: "r.xlsx",
            source: "",
            columns: PLAIN,
            bytes: xlsx(&format!("<row>{head_xlsx}</row>{rows_xlsx}")),
        });
        all.push(Good {
            name: "r.ods",
            source: "",
            columns: PLAIN,
            bytes: ods(&format!("<table:table-row>{head_ods}</table:table-row>{rows_ods}")),
        });
    }
    if cfg!(feature = "sqlite") {
        let mut database = Vec::new();
        std::io::Read::read_to_end(
            &mut flate2::read::GzDecoder::new(fixture("mlflow.db.gz").as_slice()),
            &mut database,
        )
        .unwrap();
        all.push(Good {
            name: "r.db",
            source: "format = \"sqlite\"\nquery = \"SELECT 1e7 + step AS size, value AS loss FROM metrics\"",
            columns: PLAIN,
            bytes: database.clone(),
        });
        all.push(Good { name: "mlflow.db", source: "format = \"mlflow\"\ntake = \"all\"", columns: "N = { column = \"step\", unit = \"parameters\" }\nL = { column = \"metrics.loss\", unit = \"nats\" }\n", bytes: database });
    }
    all
}

/// Truncated, changed, shuffled and packed versions of a file.
fn torn(good: &Good) -> Vec<Case> {
    let bytes = &good.bytes;
    let mut random = Random::new(11, good.name, 0);
    let mut all = vec![
        ("nothing".to_owned(), Vec::new()),
        ("half".to_owned(), bytes[..bytes.len() / 2].to_vec()),
        ("but its last byte".to_owned(), bytes[..bytes.len() - 1].to_vec()),
        ("its first bytes".to_owned(), bytes[..bytes.len().min(20)].to_vec()),
        ("twice".to_owned(), bytes.repeat(2)),
        ("zeros behind".to_owned(), [bytes.as_slice(), &[0; 5000]].concat()),
        ("packed".to_owned(), gzip(bytes)),
        ("packed twice".to_owned(), gzip(&gzip(bytes))),
        ("inside out".to_owned(), bytes.iter().rev().copied().collect()),
    ];
    for turn in 0..6 {
        let mut flipped = bytes.clone();
        for _ in 0..=turn * turn {
            let at = random.below(bytes.len());
            flipped[at] ^= 1 << random.below(8);
        }
        all.push((format!("flipped {turn}"), flipped));
    }
    for turn in 0..2 {
        let mut moved = bytes.clone();
        let [one, other] = [random.below(bytes.len()), random.below(bytes.len())];
        let length = random.below(bytes.len() - one.max(other)) + 1;
        let part = bytes[one..one + length].to_vec();
        moved[other..other + length].copy_from_slice(&part);
        all.push((format!("a part elsewhere {turn}"), moved));
    }
    all.into_iter().map(|(what, bytes)| good.with(&format!("{} {what}", good.name), &bytes)).collect()
}

fn plain(name: &str, what: &str, bytes: impl Into<Vec<u8>>) -> Case {
    Case::new(format!("{name} {what}"), study(name, "", PLAIN), &[(name, &bytes.into())])
}

/// A file that is generated when needed, because all files together would fill the memory.
macro_rules! made {
    ($name:expr, $what:expr, $bytes:expr $(,)?) => {
        Case { large: Some(($name, Box::new(move || Vec::from($bytes)))), ..plain($name, $what, "") }
    };
}

/// Unusual tables of text.
fn tables() -> Vec<Case> {
    let csv = "size,loss\n1e7,3\n2e7,2.5\n4e7,2.2\n";
    let wide = |count: usize| {
        let names: String = (0..count).map(|i| format!(",c{i}")).collect();
        let cells = ",1".repeat(count);
        format!("size,loss{names}\n1e7,3{cells}\n2e7,2.5{cells}\n4e7,2.2{cells}\n")
    };
    let deep = |depth: usize, open: &str, close: &str| {
        format!("{{\"size\": 1e7, \"loss\": 3, \"x\": {}1{}}}\n", open.repeat(depth), close.repeat(depth))
    };
    let mut all = vec![
        made!("r.csv", "headers only", "size,loss\n"),
        made!("r.csv", "headers without an end", "size,loss"),
        made!("r.csv", "one column", "size\n1\n2\n"),
        made!("r.csv", "headers twice", "size,loss,size\n1e7,3,1\n2e7,2.5,1\n4e7,2.2,1\n"),
        made!("r.csv", "headers without names", ",,\n1,2,3\n"),
        made!("r.csv", "Latin-1", b"size,loss,\xe9\n1e7,3,\xe9\n2e7,2,\xe9\n".to_vec()),
        made!("r.csv", "zeros in cells", b"size,loss\n1e7,3\0\n2e7,\x002\n".to_vec()),
        made!("r.csv", "a quote that stays open", "size,loss\n1e7,\"3\n2e7,2\n"),
        made!("r.csv", "a million quotes", "size,loss\n".to_owned() + &"\"".repeat(1_000_001)),
        made!("r.csv", "one line of 50 MB", "size,loss\n1,".to_owned() + &"9".repeat(50_000_000)),
        made!("r.csv", "20,000 columns", wide(20_000)),
        made!("r.csv", "a million columns", wide(1_000_000)),
        made!("r.csv", "a million blank lines", csv.to_owned() + &"\n".repeat(1_000_000)),
        made!("r.csv", "a million spaces", csv.replace("3\n", &format!("3{}\n", " ".repeat(1_000_000)))),
        made!("r.csv", "signs without numbers", "size,loss\n+,-\n.,e\n1e,.e1\n--1,++1\n"),
        made!(
            "r.csv",
            "numbers of every spelling",
            "size,loss\n0x10,1_000\n1e400,-1e400\nInfinity,NaN\n1e-400,٣\n１,²\n",
        ),
        made!("r.csv", "a million digits", csv.replace("2.5", &"1234567890".repeat(100_000))),
        made!("r.csv", "an exponent of a million digits", csv.replace("2.5", &format!("1e{}", "9".repeat(1_000_000)))),
        made!("r.csv", "equal rows", "size,loss\n".to_owned() + &"1e7,3\n".repeat(200_000)),
        made!(
            "r.csv",
            "300,000 rows",
            "size,loss\n".to_owned()
                + &(0..300_000)
                    .map(|i| format!("{},{}\n", 1_000_000 + i, 3.0 + f64::from(i % 7) / 10.0))
                    .collect::<String>(),
        ),
        made!(
            "r.csv",
            "another file",
            std::fs::read(env!("CARGO_BIN_EXE_lawfit")).unwrap().into_iter().take(3 << 20).collect::<Vec<u8>>(),
        ),
        made!("r.ndjson", "headers twice", "{\"size\": 1, \"size\": 2, \"loss\": 3, \"loss\": []}\n"),
        made!(
            "r.ndjson",
            "wide integers",
            "{\"size\": 123456789012345678901234567890, \"loss\": 3}\n{\"size\": -170141183460469231731687303715884105728, \"loss\": 2}\n",
        ),
        made!("r.ndjson", "numbers beyond", "{\"size\": 1e999, \"loss\": 1e-999}\n"),
        made!(
            "r.ndjson",
            "a number of a million digits",
            format!("{{\"size\": {}, \"loss\": 3}}\n", "9".repeat(1_000_000)),
        ),
        made!("r.ndjson", "no objects", "1\n2\nnull\n[]\n"),
        made!(
            "r.ndjson",
            "a key of a million letters",
            format!("{{\"{}\": 1, \"size\": 1, \"loss\": 2}}\n", "k".repeat(1_000_000)),
        ),
        made!(
            "r.ndjson",
            "500,000 keys",
            format!(
                "{{{}\"size\": 1, \"loss\": 2}}\n",
                (0..500_000).map(|i| format!("\"k{i}\": 1, ")).collect::<String>()
            ),
        ),
        made!(
            "r.json",
            "500,000 keys and not those",
            format!("{{{}\"x\": [1]}}", (0..500_000).map(|i| format!("\"k{i}\": [1], ")).collect::<String>()),
        ),
        made!("r.json", "columns of other lengths", "{\"size\": [1, 2, 3], \"loss\": [1]}"),
        made!("r.json", "a scalar", "3"),
        made!("r.json", "half a letter", b"[{\"size\": \"\\ud800\", \"loss\": 1}]".to_vec()),
        made!(
            "r.json",
            "60 MB and not the columns",
            format!("[{}]", vec!["{\"a\":1,\"b\":[1,2,3]}"; 3_000_000].join(",")),
        ),
    ];
    for depth in [127, 1000, 100_000, 10_000_000] {
        for (open, close) in [("[", "]"), ("{\"x\": ", "}")] {
            all.push(made!("r.ndjson", &format!("{depth} deep {open}"), deep(depth, open, close)));
            all.push(made!("r.json", &format!("{depth} deep {open}"), format!("[{}]", deep(depth, open, close))));
        }
        all.push(made!("r.ndjson", &format!("{depth} brackets"), "[".repeat(depth)));
        all.push(made!("r.json", &format!("{depth} brackets"), "[".repeat(depth)));
        let state = format!("{{\"log_history\": [{{\"step\": 1, \"loss\": {}}}]}}", "[".repeat(depth));
        let text = study("s.json", "format = \"hf_trainer\"\ntake = \"all\"", "N = \"step\"\nL = \"loss\"\n");
        all.push(Case::new(format!("s.json {depth} deep"), text, &[("s.json", state.as_bytes())]));
    }
    all
}

/// Files that unpack to far more than their own size.
fn bombs() -> Vec<Case> {
    let mut all = vec![
        made!("r.csv.gz", "2 GB of zeros", gzip_bomb(2048, b"\0", b"")),
        made!("r.csv.gz", "2 GB of rows", gzip_bomb(2048, b"1e7,3.25\n1e8,2.5\n2e8,2.25\n1e9,2.1", b"size,loss\n")),
        made!("r.csv.gz", "240 MB of rows", gzip_bomb(240, b"1000000000,3.2500\n", b"size,loss\n")),
        made!("r.csv.gz", "240 MB of one line", gzip_bomb(240, b"9", b"size,loss\n1,")),
        made!(
            "r.csv.gz",
            "240 MB of long texts",
            gzip_bomb(240, &[&[b'x'; 250][..], b",2.5\n"].concat(), b"size,loss\n"),
        ),
        made!("r.csv.gz", "240 MB of quotes", gzip_bomb(240, b"\"", b"size,loss\n1,")),
        made!("r.csv.gz", "240 MB of commas", gzip_bomb(240, b",", b"size,loss\n1")),
        made!("r.csv.gz", "240 MB of blank lines", gzip_bomb(240, b"\n", b"size,loss\n1,2\n")),
        made!("r.tsv.gz", "200 MB of headers", gzip_bomb(192, b"\ta", b"size\tloss")),
        made!("r.ndjson.gz", "2 GB of rows", gzip_bomb(2048, b"{\"size\":10000000,\"loss\": 3.00}\n", b"")),
        made!("r.ndjson.gz", "240 MB of rows", gzip_bomb(240, b"{\"size\":10000000,\"loss\": 3.00}\n", b"")),
        made!("r.ndjson.gz", "240 MB of brackets", gzip_bomb(240, b"[", b"{\"size\":")),
        made!("r.json.gz", "240 MB of rows", gzip_bomb(240, b"{\"size\":1000000,\"loss\": 3.00},\n", b"[")),
        made!("r.json.gz", "240 MB of one text", gzip_bomb(240, b"x", b"[{\"size\": \"")),
        made!("r.csv.gz", "gzip in gzip in gzip", gzip(&gzip(&gzip(b"size,loss\n1,2\n")))),
        made!("r.csv.gz", "a bomb in gzip", gzip(&gzip_bomb(1024, b"\0", b""))),
        made!("r.csv.gz", "a million empty parts", gzip(b"").repeat(1_000_000)),
        made!(
            "r.csv.zst",
            "2 GB of zeros",
            zstd::encode_all(std::io::Read::take(std::io::repeat(0), 2 << 30), 1).unwrap(),
        ),
        made!("r.csv.zst", "a window of 2 GB", b"\x28\xb5\x2f\xfd\x00\xa8\x01\x00\x00\x00".to_vec()),
        made!("r.csv", "a hole of 8 GB", "").with_hole("r.csv", 8 << 30),
        made!("r.csv", "a hole of 250 MB", "").with_hole("r.csv", 250 << 20),
        made!("r.parquet", "a hole of 250 MB", "").with_hole("r.parquet", 250 << 20),
    ];
    let log = study("r.log.gz", "format = \"log\"\npattern = '(?<size>[0-9]+)+x(?<loss>\\S*)'", PLAIN);
    let bytes = gzip_bomb(240, b"1234567890", b"");
    all.push(Case::new("r.log.gz 240 MB of digits", log, &[("r.log.gz", &bytes)]));
    if cfg!(feature = "spreadsheets") {
        let rows = "<row><c><v>1</v></c></row>".repeat(1 << 20);
        all.push(made!("r.xlsx", "a million rows of one", xlsx(&rows)));
        all.push(made!("r.xlsx", "a cell far away", xlsx("<row r=\"1048576\"><c r=\"XFD1048576\"><v>1</v></c></row>")));
        all.push(made!(
            "r.xlsx",
            "a cell beyond",
            xlsx("<row r=\"4294967295\"><c r=\"ZZZZZZZ99999999999\"><v>1</v></c></row>"),
        ));
        all.push(made!(
            "r.xlsx",
            "300 MB in an entry",
            zip(&[("xl/worksheets/sheet1.xml", &vec![b' '; 300 << 20])], None),
        ));
        all.push(made!(
            "r.xlsx",
            "entries that claim 4 GB",
            zip(&[("xl/workbook.xml", b"<workbook/>")], Some(u32::MAX)),
        ));
        let many: Vec<(&str, &[u8])> = vec![("a", b"b"); 60_000];
        all.push(made!("r.xlsx", "60,000 entries", zip(&many, None)));
        let cell = "<table:table-cell office:value-type=\"float\" office:value=\"1\" table:number-columns-repeated=\"2000000000\"/>";
        all.push(made!("r.ods", "2e9 columns", ods(&format!("<table:table-row>{cell}</table:table-row>"))));
        let row = "<table:table-row table:number-rows-repeated=\"2000000000\"><table:table-cell office:value-type=\"float\" office:value=\"1\"/></table:table-row>";
        all.push(made!("r.ods", "2e9 rows", ods(row)));
        let entities =
            "<!DOCTYPE x [<!ENTITY a \"xxxxxxxxxx\"><!ENTITY b \"&a;&a;&a;&a;&a;\">]><row><c><v>&b;</v></c></row>";
        all.push(made!("r.xlsx", "entities", xlsx(entities)));
    }
    if cfg!(feature = "sqlite") {
        for (what, query) in [
            (
                "endless rows",
                "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT x AS size, 1 AS loss FROM n",
            ),
            (
                "an endless count",
                "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) AS size, 1 AS loss FROM n",
            ),
            ("a large blob", "SELECT length(randomblob(900000000)) AS size, 1 AS loss"),
            (
                "large texts",
                "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 3000000) SELECT hex(zeroblob(500)) AS size, 1 AS loss FROM n",
            ),
            (
                "a sorted bomb",
                "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT x AS size, hex(zeroblob(1000)) AS loss FROM n ORDER BY -x",
            ),
            ("replaced texts", "SELECT replace(hex(zeroblob(10000)), '0', hex(zeroblob(50000))) AS size, 1 AS loss"),
            (
                "many joins",
                "SELECT count(*) AS size, 1 AS loss FROM metrics a, metrics b, metrics c, metrics d, metrics e, metrics f",
            ),
        ] {
            let source = format!("format = \"sqlite\"\nquery = \"{query}\"");
            let packed = fixture("mlflow.db.gz");
            all.push(Case::new(format!("r.db.gz {what}"), study("r.db.gz", &source, PLAIN), &[("r.db.gz", &packed)]));
        }
    }
    all
}

impl Case {
    /// Adds a sparse file of zeros, which takes no space on disk.
    fn with_hole(mut self, name: &'static str, bytes: u64) -> Self {
        self.prepare =
            Some(Box::new(move |world| std::fs::File::create(world.path(name)).unwrap().set_len(bytes).unwrap()));
        self
    }
}

/// Parquet files of every type, and files with false sizes.
fn parquets() -> Vec<Case> {
    let losses = ROWS.map(|row| row.1);
    let sizes = |column: Column| file(&[column, Column::doubles("loss", &losses)], 5);
    let mut all = Vec::new();
    for (precision, length) in [(5, 3), (18, 8), (38, 16), (50, 21), (76, 32)] {
        let units = |value: f64| {
            let unit = (value as i128).to_be_bytes();
            let mut bytes = vec![0; length];
            let kept = length.min(16);
            bytes[length - kept..].copy_from_slice(&unit[16 - kept..]);
            bytes
        };
        let plain = ROWS.iter().flat_map(|(n, _)| units(if length == 3 { n / 1e5 } else { n * 100.0 })).collect();
        let logical = Some((5, vec![(1, 2), (2, precision)]));
        let column = Column { length: Some(length as i64), logical, plain, ..Column::of("size", FIXED, 5) };
        all.push(plain_parquet(&format!("decimals of {precision}"), sizes(column)));
    }
    let halves = [0x3c00_u16, 0x4000, 0x4200, 0x4400, 0x7bff].iter().flat_map(|half| half.to_le_bytes()).collect();
    let column =
        Column { length: Some(2), logical: Some((15, Vec::new())), plain: halves, ..Column::of("size", FIXED, 5) };
    all.push(plain_parquet("half floats", sizes(column)));
    let integers = || ROWS.iter().flat_map(|(n, _)| (*n as i64).to_le_bytes()).collect::<Vec<u8>>();
    all.push(plain_parquet("integers", sizes(Column { plain: integers(), ..Column::of("size", INT64, 5) })));
    for (name, kind) in [("dates", 6), ("uuids", 14), ("json", 12), ("nothing", 11), ("no type", 99)] {
        let column = Column { logical: Some((kind, Vec::new())), plain: integers(), ..Column::of("size", INT64, 5) };
        all.push(plain_parquet(name, sizes(column)));
    }
    all.push(plain_parquet("old times", sizes(Column { plain: vec![1; 60], ..Column::of("size", INT96, 5) })));
    all.push(plain_parquet("a type that is none", sizes(Column { plain: integers(), ..Column::of("size", 77, 5) })));
    let text = |bytes: &[u8]| [&(bytes.len() as u32).to_le_bytes(), bytes].concat();
    let texts = ROWS.iter().flat_map(|(n, _)| text(format!("{n:e}").as_bytes())).collect();
    all.push(plain_parquet(
        "texts",
        sizes(Column { logical: Some((1, Vec::new())), plain: texts, ..Column::of("size", TEXTS, 5) }),
    ));
    let texts = ROWS.iter().flat_map(|_| text(b"\xff\xfe")).collect();
    all.push(plain_parquet(
        "bytes as texts",
        sizes(Column { logical: Some((1, Vec::new())), plain: texts, ..Column::of("size", TEXTS, 5) }),
    ));
    all.push(plain_parquet(
        "a text longer than the file",
        sizes(Column {
            logical: Some((1, Vec::new())),
            plain: u32::MAX.to_le_bytes().repeat(5),
            ..Column::of("size", TEXTS, 5)
        }),
    ));
    // Files with false sizes.
    for (what, values, rows) in [
        ("fewer values than rows", 5, 1000),
        ("more values than rows", 5, 3),
        ("rows below zero", 5, -5),
        ("rows beyond count", 5, i64::MAX),
        ("values beyond count", i64::from(i32::MAX), i64::from(i32::MAX)),
        ("values below zero", -1, 5),
    ] {
        let columns = ["size", "loss"].map(|name| Column { values, ..Column::doubles(name, &losses) });
        all.push(plain_parquet(what, file(&columns, rows)));
    }
    let column = Column { length: Some(i64::from(i32::MAX)), plain: vec![0; 16], ..Column::of("size", FIXED, 5) };
    all.push(plain_parquet("bytes of 2 GB each", sizes(column)));
    // A few bytes that declare very many values.
    for rows in [4_000_000, 64 << 20, 400_000_000] {
        let columns = ["size", "loss"].map(|name| Column::repeated(name, DOUBLE, &2.5_f64.to_le_bytes(), rows));
        all.push(plain_parquet(&format!("{rows} rows"), file(&columns, rows as i64)));
        let long = [&50_000_u32.to_le_bytes()[..], &vec![b'x'; 50_000]].concat();
        let mut columns = ["size", "loss"].map(|name| Column::repeated(name, TEXTS, &long, rows));
        for column in &mut columns {
            column.logical = Some((1, Vec::new()));
        }
        all.push(plain_parquet(&format!("{rows} long texts"), file(&columns, rows as i64)));
    }
    let many: Vec<Column> = (0..20_000).map(|i| Column::doubles(&format!("c{i}"), &losses)).collect();
    all.push(plain_parquet("20,000 columns", file(&many, 5)));
    all
}

fn plain_parquet(what: &str, bytes: Vec<u8>) -> Case {
    plain("r.parquet", what, bytes)
}

/// Changes the value of a row.
type Change = &'static dyn Fn(usize, f64) -> f64;

/// Tables with extreme values in each column, with each kind of fit.
fn extremes() -> Vec<Case> {
    let base = simulated_runs(0.01);
    let spec = SPEC
        .replace("resamples = 100", "resamples = 20")
        .replace("C = { expr = \"6 * N * D\", unit = \"FLOP\" }\n", "");
    let column = |which: usize, change: &dyn Fn(usize, f64) -> f64| {
        let mut text = String::new();
        for (row, line) in base.lines().enumerate() {
            let mut cells: Vec<String> = line.split(',').map(str::to_owned).collect();
            if row > 0 {
                cells[which] = change(row, cells[which].parse().unwrap()).to_string();
            }
            let _ = writeln!(text, "{}", cells.join(","));
        }
        text
    };
    let changes: [(&str, Change); 14] = [
        ("times 1e290", &|_, x| x * 1e290),
        ("times 1e297", &|_, x| x * 1e297),
        ("times 1e-300", &|_, x| x * 1e-300),
        ("denormal", &|_, x| x * 5e-324),
        ("times 1e150", &|_, x| x * 1e150),
        ("the largest", &|_, _| f64::MAX),
        ("zero", &|_, _| 0.0),
        ("below zero", &|_, x| -x),
        ("of both signs", &|row, x| if row % 2 == 0 { x } else { -x }),
        ("one infinity", &|row, x| if row == 3 { f64::INFINITY } else { x }),
        ("one that is none", &|row, x| if row == 3 { f64::NAN } else { x }),
        ("of mixed sizes", &|row, x| x * libm::pow(10.0, (row as f64 * 37.0) % 600.0 - 300.0)),
        ("one outlier", &|row, x| if row == 7 { x * 1e200 } else { x }),
        ("equal but for a bit", &|row, _| f64::from_bits(1_f64.to_bits() + row as u64)),
    ];
    let objectives = [
        "huber = {}",
        "least_squares = { on = \"raw\" }",
        "least_absolute = {}",
        "student_t = { scale = 0.1 }",
        "asymmetric_huber = { over = 3 }",
    ];
    let methods = [
        "bootstrap = { resamples = 20 }",
        "sandwich = { draws = 40 }",
        "posterior = { draws = 40 }",
        "profile = { draws = 20 }",
        "residual = { resamples = 20 }",
        "wild = { resamples = 20 }",
    ];
    let laws = ["hoffmann", "additive_nd", "kaplan_nd", "generalised"];
    let mut all = Vec::new();
    for (turn, (what, change)) in changes.into_iter().enumerate() {
        for which in 0..3 {
            let place = 3 * turn + which;
            let (objective, method, law) = (objectives[place % 5], methods[place % 6], laws[place % 4]);
            let text = spec
                .replace("law = \"hoffmann\"", &format!("law = \"{law}\"\nobjective = {{ {objective} }}"))
                .replace("bootstrap = { resamples = 20 }", method)
                .replace("path = \"runs.csv\"", "path = \"runs.csv\"\nmissing = \"drop\"");
            let table = column(which, change);
            let name = format!("column {which} {what} {law} {objective} {method}");
            all.push(Case::new(name, text, &[("runs.csv", table.as_bytes())]));
        }
    }
    all
}
