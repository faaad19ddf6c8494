"""Packs a release archive out of a wheel: the program, completions, manual, licences and README, with a checksum.

pack.py WHEEL TARGET FOLDER writes FOLDER/lawfit-TARGET.tar.gz (.zip on Windows) and its .sha256. The program must run on
this machine, since it writes completions and manual. The same input gives the same bytes.
"""

import gzip
import hashlib
import io
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SHELLS = ("bash", "zsh", "fish", "powershell", "elvish")


def content(wheel: Path) -> dict[str, tuple[bytes, int]]:
    """The files of the archive with their modes, by name."""
    with zipfile.ZipFile(wheel) as packed:
        name = next(name for name in packed.namelist() if ".data/scripts/" in name)
        program = packed.read(name)
    own = Path(name).name
    files = {own: (program, 0o755)}
    for text in ("LICENSE-APACHE", "LICENSE-MIT", "README.md", "CHANGELOG.md"):
        files[text] = ((ROOT / text).read_bytes(), 0o644)
    with tempfile.TemporaryDirectory() as folder:
        executable = Path(folder, own)
        executable.write_bytes(program)
        executable.chmod(0o755)
        for shell in SHELLS:
            ended = subprocess.run([executable, "completions", shell], capture_output=True, check=True)
            files[f"completions/lawfit.{shell}"] = (ended.stdout, 0o644)
        manual = Path(folder, "man1")
        subprocess.run([executable, "man", manual], capture_output=True, check=True)
        files.update({f"man/man1/{page.name}": (page.read_bytes(), 0o644) for page in manual.iterdir()})
    return files


def pack(wheel: Path, target: str, folder: Path) -> Path:
    """Writes the archive and its checksum; gives the archive's path."""
    files = content(wheel)
    stem = f"lawfit-{target}"
    buffer = io.BytesIO()
    if "windows" in target:
        archive = folder / f"{stem}.zip"
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as packed:
            for name, (data, mode) in sorted(files.items()):
                entry = zipfile.ZipInfo(f"{stem}/{name}")
                entry.external_attr = mode << 16
                entry.compress_type = zipfile.ZIP_DEFLATED
                packed.writestr(entry, data)
    else:
        archive = folder / f"{stem}.tar.gz"
        with gzip.GzipFile("", "wb", fileobj=buffer, mtime=0) as zipped, tarfile.open(fileobj=zipped, mode="w") as packed:
            for name, (data, mode) in sorted(files.items()):
                entry = tarfile.TarInfo(f"{stem}/{name}")
                entry.size, entry.mode = len(data), mode
                packed.addfile(entry, io.BytesIO(data))
    archive.write_bytes(buffer.getvalue())
    digest = hashlib.sha256(buffer.getvalue()).hexdigest()
    archive.with_name(archive.name + ".sha256").write_text(f"{digest}  {archive.name}\n")
    return archive


if __name__ == "__main__":
    print(pack(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])))
