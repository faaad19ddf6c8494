# The checks of CI, one recipe each; `just` runs them all.

default: format lint test doc quick-start

# Formatting, as rustfmt has it.
format:
    cargo fmt --all --check -- $(find src -name "*.rs")

# Format all files; members of registries are modules that rustfmt does not find by itself.
fmt:
    cargo fmt --all -- $(find src -name "*.rs")

# Clippy, warnings as errors.
lint:
    cargo clippy --all-targets --features full --locked -- -D warnings

# The tests.
test:
    cargo test --features full

# The documentation, private items too.
doc:
    RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --document-private-items --locked

# The Python client against a built program; needs pytest, and skips what else is not installed.
python program="target/debug/lawfit" python="python3":
    LAWFIT_PROGRAM={{absolute_path(program)}} PYTHONPATH={{justfile_directory()}}/python/src {{python}} -m pytest python

# Licences, advisories and sources of the dependencies (needs cargo-deny).
deny:
    cargo deny check

# The book as web pages, in target/book (needs mdbook: cargo install mdbook --locked). It loads nothing from a network.
book:
    mdbook build docs/book

# Write the generated files anew: schemas, the reference and the outputs of the book, figures.
generate:
    LAWFIT_UPDATE=1 cargo test --test tests docs::

# The quick start of the README, by the build a newcomer makes; its numbers must be those of the lock file.
quick-start:
    cargo run --locked -- run specs/cerebras-gpt.toml --locked

# The whole of what `test` does a part of: every crash at every step, 200 rounds of eight processes and a collector, and all that
# may happen to a stopped run and its cache.
stress:
    LAWFIT_STRESS=1 cargo test --test tests -- crash:: surroundings::

# The program on every spec and file of tests/hostile; `test` takes one in 13 of the mutated and drawn specs and none of the others.
# Folders of findings are kept in target/tmp/hostile. LAWFIT_HOSTILE_PROGRAM names another program than the one of this build.
hostile seconds="10":
    LAWFIT_HOSTILE=1 LAWFIT_HOSTILE_SECONDS={{seconds}} cargo test --features full --test tests hostile:: -- --test-threads 1 --nocapture

# One fuzz target on inputs that are mutated blindly, for machines without cargo-fuzz; prints how many inputs passed.
mutate target seconds="600":
    LAWFIT_MUTATE={{target}}:{{seconds}} cargo test --features full --test tests hostile::fuzzed -- --nocapture

# How fast the fit engine is; the first time everything is compiled with optimisation.
bench:
    cargo bench --bench fit

# Whether random starts ever find a lower objective than the search.
search-check sets="100" starts="100" *laws="":
    cargo bench --bench search_check -- {{sets}} {{starts}} {{laws}}

# The same for formulas drawn at random.
search-check-formulas sets="100" starts="200":
    cargo bench --bench search_check -- {{sets}} {{starts}} --formulas

# The Chinchilla fit beside scipy in one run; needs python3 with numpy, scipy and pandas.
compare data="../shared/data/besiroglu2024_chinchilla/svg_extracted_data.csv" peer="../shared/peers/scipy_chinchilla.py":
    cargo bench --bench compare -- {{data}} {{peer}}

# How long lawfit, DVC and Snakemake take where nothing is to be done; pip install dvc snakemake.
compare-runners *stages="300 1000":
    cargo build --release --locked
    python3 benches/compare_runners.py target/release/lawfit {{stages}}

# One fuzz target for a time in seconds; needs cargo-fuzz. Targets: spec, yaml, formula, question, csv, lock, record, meaning.
fuzz target seconds="600":
    RUSTC_BOOTSTRAP=1 cargo fuzz run --dev --sanitizer none {{target}} -- -max_total_time={{seconds}} -timeout=10 -rss_limit_mb=2048

# How well forecasts do on real series, beside single laws; the tables are kept in docs/book/src/validation/forecasts.md.
forecast-check data="../shared/data":
    cargo bench --profile dev --bench forecast -- {{data}}

# Whether intervals hold on data sets that each law of the catalogue made, by the program itself; done laws are kept in the table.
coverage table="target/coverage.md" repetitions="100" *laws="":
    cargo bench --profile dev --bench catalogue -- {{table}} {{repetitions}} {{laws}}

# Whether intervals hold on formulas as users write them, by the program itself; models that the record has are not run again.
intervals record="target/intervals.jsonl" models="2000" *methods="":
    cargo bench --profile dev --bench intervals -- {{record}} {{models}} {{methods}}

# Whether intervals hold for checkpoints, repeats and rows of unequal precision, by the program itself.
dependent sets="100" *kinds="":
    cargo bench --profile dev --bench dependent -- {{sets}} {{kinds}}

# What designs of runs are worth by simulation, by the program itself; draws that the record has are not made again.
[positional-arguments]
designs record="target/designs.jsonl" draws="200" *worlds="":
    cargo bench --profile dev --bench designs -- "$@"

# Whether intervals hold rows of real tables that are left out, by the program itself.
left-out data="../shared" rows="30" *methods="":
    cargo bench --profile dev --bench left_out -- {{data}} {{rows}} {{methods}}

# How well laws that lawfit chooses forecast the held-out parts of ScaleBench, by the program itself.
scalebench data="../shared/data/scalebench" *tasks="":
    cargo bench --profile dev --bench scalebench -- {{data}} {{tasks}}

# How well laws forecast the held-out parts of ScaleBench from runs that `lawfit design` chooses; laws that the record has are not
# run again.
[positional-arguments]
scalebench-designs record="target/scalebench-designs.jsonl" data="../shared/data/scalebench" *tasks="":
    cargo bench --profile dev --bench scalebench_designs -- "$@"
