"""Where the program is found, and how a call of it ends."""

import os
import shutil
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import lawfit
from lawfit import _program

PACKAGE = Path(lawfit.__file__).parent
posix = pytest.mark.skipif(os.name == "nt", reason="the stand-ins for the program are shell scripts")


def stand_in(path, body="exit 0"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


def found_by(site, **environment):
    """The program that a fresh Python finds from a copy of the package in a folder."""
    shutil.copytree(PACKAGE, site / "lawfit", ignore=shutil.ignore_patterns("__pycache__"))
    code = "import lawfit; print(lawfit.find_program())"
    clean = {k: v for k, v in os.environ.items() if k not in ("LAWFIT_PROGRAM", "PYTHONPATH")}
    clean |= {"PYTHONPATH": str(site), "PATH": "/nowhere", "PYTHONUSERBASE": "/nowhere", **environment}
    ended = subprocess.run([sys.executable, "-c", code], env=clean, capture_output=True, text=True)
    return ended.stdout.strip() or ended.stderr


def is_installed_here():
    return any(os.path.isfile(os.path.join(folder, "lawfit")) for folder in _program._folders()[:2])


@posix
@pytest.mark.skipif(is_installed_here(), reason="the program is among the scripts of this Python")
class TestOfAnotherPlace:
    def test_the_program_of_a_prefix_is_found(self, tmp_path):
        own = stand_in(tmp_path / "bin" / "lawfit")
        assert found_by(tmp_path / "lib" / "python3.11" / "site-packages") == str(own)

    def test_the_program_of_a_target_folder_is_found(self, tmp_path):
        own = stand_in(tmp_path / "bin" / "lawfit")
        assert found_by(tmp_path) == str(own)

    def test_the_program_of_the_user_is_found(self, tmp_path):
        own = stand_in(tmp_path / "user" / "bin" / "lawfit")
        assert found_by(tmp_path / "site", PYTHONUSERBASE=str(tmp_path / "user")) == str(own)

    def test_path_comes_last(self, tmp_path):
        on_path = stand_in(tmp_path / "path" / "lawfit")
        assert found_by(tmp_path / "site", PATH=str(on_path.parent)) == str(on_path)
        own = stand_in(tmp_path / "other" / "bin" / "lawfit")
        assert found_by(tmp_path / "other", PATH=str(on_path.parent)) == str(own)

    def test_a_program_that_is_nowhere_is_told_with_what_to_do(self, tmp_path):
        told = found_by(tmp_path)
        assert "the lawfit program was not found" in told
        assert "pip install lawfit" in told


def test_a_wrong_name_in_the_environment_is_told(monkeypatch):
    monkeypatch.setenv("LAWFIT_PROGRAM", "/nowhere/lawfit")
    with pytest.raises(lawfit.ProgramNotFoundError, match="/nowhere/lawfit"):
        lawfit.find_program()


@posix
def test_an_interruption_reaches_the_program_and_its_caller(tmp_path):
    """The stand-in tells that it runs through a pipe, so that nothing waits for a time."""
    ready, told = tmp_path / "ready", tmp_path / "told"
    os.mkfifo(ready)
    body = f"trap 'echo interrupted > {told}; exit 130' INT; echo > {ready}; while :; do sleep 0.05; done"
    environment = {**os.environ, "LAWFIT_PROGRAM": str(stand_in(tmp_path / "lawfit", body))}
    caller = subprocess.Popen(
        [sys.executable, "-c", "import lawfit; lawfit.run('x.toml')"],
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # Where tests run in the background of a shell interruptions are ignored, and programs inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    ready.read_text()
    caller.send_signal(signal.SIGINT)
    _, stderr = caller.communicate(timeout=300)
    assert "KeyboardInterrupt" in stderr
    assert told.read_text() == "interrupted\n"


@posix
def test_a_program_that_was_interrupted_itself_interrupts_its_caller(tmp_path, monkeypatch):
    monkeypatch.setenv("LAWFIT_PROGRAM", str(stand_in(tmp_path / "lawfit", "exit 130")))
    with pytest.raises(KeyboardInterrupt):
        lawfit.run("x.toml")


@posix
@pytest.mark.parametrize(
    ("exit_code", "kind"),
    [
        (1, lawfit.InternalError),
        (2, lawfit.SpecError),
        (3, lawfit.StaleError),
        (4, lawfit.NotCachedError),
        (5, lawfit.StageError),
        (6, lawfit.ExpectationError),
        (101, lawfit.InternalError),
    ],
)
def test_each_exit_code_has_its_exception(tmp_path, monkeypatch, exit_code, kind):
    body = textwrap.dedent(f"""\
        cat >&2 <<'END'
        warning[old]: something else

        error[bad-thing]: a thing is bad
          --> specs/x.toml:3:7
           |
         3 | thing = 1
           |         ^
           |
           = help: mend it
           = help: or leave it

        END
        exit {exit_code}""")
    monkeypatch.setenv("LAWFIT_PROGRAM", str(stand_in(tmp_path / "lawfit", body)))
    with pytest.raises(kind) as caught:
        lawfit.run("x.toml")
    error = caught.value
    assert (error.code, error.place, error.exit_code) == ("bad-thing", "specs/x.toml:3:7", exit_code)
    assert error.hint == "mend it\nor leave it"
    assert [diagnostic.code for diagnostic in error.diagnostics] == ["bad-thing", "old"]
    assert " 3 | thing = 1" in str(error)


@posix
def test_a_message_in_another_form_is_kept_whole(tmp_path, monkeypatch):
    monkeypatch.setenv("LAWFIT_PROGRAM", str(stand_in(tmp_path / "lawfit", "echo Killed >&2; exit 137")))
    with pytest.raises(lawfit.InternalError, match="Killed"):
        lawfit.run("x.toml")


def test_the_module_runs_the_program(program):
    command = [sys.executable, "-m", "lawfit", "--version"]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    assert ended.stdout.startswith("lawfit ")
