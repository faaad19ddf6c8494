"""Release archives are made of wheels."""

import hashlib
import importlib.util
import os
import tarfile
import zipfile

import pytest
from conftest import ROOT


@pytest.mark.skipif(os.name == "nt", reason="the stand-in for the program is a shell script")
@pytest.mark.parametrize(
    ("target", "ending"), [("x86_64-unknown-linux-gnu", ".tar.gz"), ("x86_64-pc-windows-msvc", ".zip")]
)
def test_an_archive_has_program_completions_manual_and_licences_and_the_same_bytes_each_time(tmp_path, target, ending):
    described = importlib.util.spec_from_file_location("pack", ROOT / ".ci" / "pack.py")
    pack = importlib.util.module_from_spec(described)
    described.loader.exec_module(pack)
    wheel = tmp_path / "lawfit-0.1.0-py3-none-any.whl"
    program = b'#!/bin/sh\nif [ "$1" = man ]; then mkdir "$2"; echo page > "$2/lawfit.1"; fi\necho "$2 of $1"\n'
    with zipfile.ZipFile(wheel, "w") as packed:
        packed.writestr("lawfit/__init__.py", "")
        packed.writestr("lawfit-0.1.0.data/scripts/lawfit", program)

    archive = pack.pack(wheel, target, tmp_path)
    assert archive.name == f"lawfit-{target}{ending}"
    first = archive.read_bytes()
    assert pack.pack(wheel, target, tmp_path).read_bytes() == first
    checksum = (tmp_path / f"{archive.name}.sha256").read_text()
    assert checksum == f"{hashlib.sha256(first).hexdigest()}  {archive.name}\n"

    if ending == ".zip":
        with zipfile.ZipFile(archive) as packed:
            files = {name: packed.read(name) for name in packed.namelist()}
    else:
        with tarfile.open(archive) as packed:
            files = {entry.name: packed.extractfile(entry).read() for entry in packed}
            assert packed.getmember(f"lawfit-{target}/lawfit").mode == 0o755
    assert files[f"lawfit-{target}/lawfit"] == program
    assert files[f"lawfit-{target}/completions/lawfit.fish"] == b"fish of completions\n"
    assert files[f"lawfit-{target}/man/man1/lawfit.1"] == b"page\n"
    assert files[f"lawfit-{target}/LICENSE-MIT"] == (ROOT / "LICENSE-MIT").read_bytes()
