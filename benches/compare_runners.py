#!/usr/bin/env python3
"""How long pipeline runners take where nothing is to be done: lawfit beside DVC and Snakemake, in one run.

Usage: compare_runners.py LAWFIT [STAGES...]; DVC and Snakemake are those on the PATH
(pip install dvc snakemake). Each has as many stages in two layers, each stage with one input and one output.
Prints a Markdown table of the median of five runs.
"""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

RUNS = 5


def lawfit_spec(stages: int) -> str:
    # A source, a filter and a report; the others are fits with two queries each.
    fits = (stages - 3) // 3
    deltas = ",\n".join(f"{1e-3 * (1 + i / 10000):.9f}" for i in range(fits))
    return f"""spec = 1
[study]
title = "Many fits"
[sources.runs]
path = "runs.csv"
[sources.runs.columns]
N = {{ column = "N", unit = "parameters" }}
L = "L"
[filters.main]
source = "runs"
rules = [{{ keep = "N > 1" }}]
[laws.size]
use = "power_floor"
variables = {{ x = "N" }}
[fits.main]
rows = "main"
law = "size"
[matrix.fits.main]
objective.huber.delta = [
{deltas}
]
[queries.forecast]
fit = "main"
loss = {{ N = 1e11 }}
[queries.target]
fit = "main"
reach = {{ L = 2.2, solve = "N" }}
[report]
formats = ["json"]
"""


def run(command: list[str], folder: Path) -> float:
    start = time.perf_counter()
    done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    seconds = time.perf_counter() - start
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout.decode()[-2000:]}")
    return seconds


def no_op(command: list[str], folder: Path) -> str:
    times = sorted(run(command, folder) for _ in range(RUNS))
    return f"{statistics.median(times):.3f} s ({times[0]:.3f} to {times[-1]:.3f})"


def lawfit(program: str, stages: int, folder: Path) -> str:
    (folder / "many.toml").write_text(lawfit_spec(stages))
    at = ["--at", "N=40M..16B:9", "--at", "D=1e11,2e11"]
    run([program, "simulate", "hoffmann", "--constants", "hoffmann2022", *at, "--noise", "0.01", "--out", "runs.csv"], folder)
    command = [program, "run", "many.toml", "--quiet"]
    run(command, folder)
    return no_op(command, folder)


def snakemake(stages: int, folder: Path) -> str:
    half = stages // 2
    (folder / "in.txt").write_text("input\n")
    names = ", ".join(f"'b{i}.txt'" for i in range(half))
    (folder / "Snakefile").write_text(
        f"rule all:\n    input: [{names}]\n"
        "rule first:\n    input: 'in.txt'\n    output: 'a{i}.txt'\n    shell: 'cp {input} {output}'\n"
        "rule second:\n    input: 'a{i}.txt'\n    output: 'b{i}.txt'\n    shell: 'cp {input} {output}'\n"
    )
    # What the rules would make is put there: running them takes minutes and is not what is measured.
    for layer in "ab":
        for i in range(half):
            (folder / f"{layer}{i}.txt").write_text("input\n")
    run(["snakemake", "--touch", "--cores", "2", "--quiet"], folder)
    return no_op(["snakemake", "--cores", "2", "--quiet"], folder)


def dvc(stages: int, folder: Path) -> str:
    half = stages // 2
    run(["git", "init", "--quiet"], folder)
    run(["dvc", "init", "--quiet"], folder)
    run(["dvc", "config", "core.analytics", "false"], folder)
    (folder / "in.txt").write_text("input\n")
    parts = ["stages:\n"]
    for i in range(half):
        for name, source in ((f"a{i}", "in.txt"), (f"b{i}", f"a{i}.txt")):
            parts.append(f"  {name}:\n    cmd: cp {source} {name}.txt\n    deps: [{source}]\n    outs: [{name}.txt]\n")
            (folder / f"{name}.txt").write_text("input\n")
    (folder / "dvc.yaml").write_text("".join(parts))
    run(["dvc", "commit", "--force", "--quiet"], folder)
    return no_op(["dvc", "repro", "--quiet"], folder)


def main() -> None:
    program = str(Path(sys.argv[1]).resolve())
    sizes = [int(text) for text in sys.argv[2:]] or [300, 1000]
    os.environ.pop("LAWFIT_CACHE", None)
    print("| stages | lawfit | Snakemake | DVC |\n|---|---|---|---|")
    for stages in sizes:
        cells = []
        for name, measure in (
            ("lawfit", lambda n, f: lawfit(program, n, f)),
            ("snakemake", snakemake),
            ("dvc", dvc),
        ):
            if name != "lawfit" and shutil.which(name) is None:
                cells.append("not there")
                continue
            with tempfile.TemporaryDirectory() as folder:
                cells.append(measure(stages, Path(folder)))
        print(f"| {stages} | {' | '.join(cells)} |", flush=True)


main()
