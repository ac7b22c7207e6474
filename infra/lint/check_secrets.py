"""Look for secrets in the files to be committed, in the tree, or in everything that was ever committed.

    check_secrets.py staged|tree|history|update

Findings that .secrets.baseline lists were looked at by somebody and are no secrets. `update` writes the list anew from
the tree, for a look at its diff. The history is looked at line by line, since a secret that was taken out again is as
lost as one that stands there.
"""

import collections
import json
import pathlib
import subprocess
import sys
import tempfile

from detect_secrets import SecretsCollection
from detect_secrets.core import baseline
from detect_secrets.core.scan import scan_file
from detect_secrets.settings import transient_settings

BASELINE = ".secrets.baseline"
FILTERS = [
    "file://infra/lint/secret_filters.py::is_written_by_a_tool",
    "file://infra/lint/secret_filters.py::is_an_example",
]


def git(*arguments):
    run = subprocess.run(["git", *arguments], capture_output=True, check=True)
    return run.stdout.decode("utf-8", "replace")


def settings(known):
    return {"plugins_used": known["plugins_used"], "filters_used": known["filters_used"]}


def findings(paths, root="."):
    """Type, hash and place of each finding."""
    for path in paths:
        if (pathlib.Path(root) / path).is_file():
            for secret in scan_file(str(pathlib.Path(root) / path)):
                yield secret.type, secret.secret_hash, f"{path}:{secret.line_number}"


def write_history(folder):
    """Each line that was ever added, in a file named as the one that it stood in."""
    lines = collections.defaultdict(dict)
    path = None
    for line in git("log", "--full-history", "-p", "-U0", "--no-color", "--no-ext-diff", "--no-renames").splitlines():
        if line.startswith("+++ "):
            path = line[6:] if line.startswith("+++ b/") else None
        elif line.startswith("+") and path:
            lines[path][line[1:]] = None
    for path, added in lines.items():
        target = pathlib.Path(folder) / path
        # A folder of today may have been a file once.
        if not any(parent.is_file() for parent in target.parents) and not target.is_dir():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text("\n".join(added), encoding="utf-8")
    return sorted(lines)


def update(known):
    with transient_settings(settings(known)):
        collection = SecretsCollection()
        for path in git("ls-files", "-z").split("\0"):
            if path and pathlib.Path(path).is_file():
                collection.scan_file(path)
        document = baseline.format_for_output(collection)
    # The time of writing would change with every run.
    document.pop("generated_at", None)
    pathlib.Path(BASELINE).write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    print(f"{BASELINE}: {sum(len(found) for found in document['results'].values())} findings; look at the diff")


def main(what):
    known = json.loads(pathlib.Path(BASELINE).read_text(encoding="utf-8"))
    if what == "update":
        return update(known)
    accepted = {finding["hashed_secret"] for found in known["results"].values() for finding in found}
    with transient_settings(settings(known)), tempfile.TemporaryDirectory() as folder:
        if what == "history":
            found = list(findings(write_history(folder), folder))
        else:
            names = git("diff", "--cached", "--name-only", "--diff-filter=d", "-z") if what == "staged" else git("ls-files", "-z")
            found = list(findings(path for path in names.split("\0") if path))
        # It must see what it is there for.
        probe = pathlib.Path(folder) / "probe.rs"
        probe.write_text('const KEY: &str = "AKIA' + "QYLPMN5HFIQR7XYZ" + '";\n', encoding="utf-8")
        if not list(findings(["probe.rs"], folder)):
            sys.exit("the detectors do not see an access key of AWS")
    new = sorted({(place, kind) for kind, hashed, place in found if hashed not in accepted})
    if new:
        lines = [f"{place}: {kind}" for place, kind in new]
        sys.exit(
            "\n".join([f"what looks like a secret, in the {what}:", *lines])
            + "\nTake it out and replace it where it is in use. If it is none: infra/lint/check-secrets update, and say so."
        )
    print(f"no secret in the {what}; {len(accepted)} findings are known to be none")


if __name__ == "__main__":
    main(sys.argv[1])
