"""Pack binaries as Lambda takes them: `pack.py FOLDER OUT FUNCTION...` makes OUT/FUNCTION.zip of
FOLDER/FUNCTION/bootstrap.

A zip holds `bootstrap` alone, with the same time and rights whenever it is made. `--sbom` writes what a binary says it is
made of beside it, and their checksums into OUT/SHA256SUMS. `--private PATH` refuses a binary in which that path occurs.
"""

import argparse
import hashlib
import subprocess
import sys
import zipfile
from pathlib import Path

# The first moment that the format knows.
EPOCH = (1980, 1, 1, 0, 0, 0)


def pack(binary, archive, level):
    """An archive of the binary's bytes and of nothing else that belongs to this machine."""
    entry = zipfile.ZipInfo("bootstrap", EPOCH)
    entry.create_system = 3  # Unix, whose rights follow
    entry.external_attr = 0o100755 << 16
    with zipfile.ZipFile(archive, "w") as zipped:
        zipped.writestr(entry, binary, zipfile.ZIP_DEFLATED, level)


def sbom(path):
    """What `cargo auditable` has put into the binary, as CycloneDX."""
    return subprocess.run(["auditable2cdx", path], check=True, capture_output=True).stdout


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sbom", action="store_true")
    parser.add_argument("--private", action="append", default=[])
    parser.add_argument("--level", type=int, default=9)
    parser.add_argument("folder", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("functions", nargs="+")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    for function in arguments.functions:
        path = arguments.folder / function / "bootstrap"
        binary = path.read_bytes()
        found = [private for private in arguments.private if private.encode() in binary]
        if found:
            sys.exit(f"{function} names {', '.join(found)} of the machine that built it")
        pack(binary, arguments.out / f"{function}.zip", arguments.level)
        if arguments.sbom:
            (arguments.out / f"{function}.cdx.json").write_bytes(sbom(path))
    if arguments.sbom:
        made = sorted(path for path in arguments.out.iterdir() if path.name.endswith((".zip", ".cdx.json")))
        sums = (f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in made)
        (arguments.out / "SHA256SUMS").write_text("".join(sums))


if __name__ == "__main__":
    main()
