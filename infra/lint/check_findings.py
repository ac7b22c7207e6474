"""Run checkov over CloudFormation templates and compare what it finds with the waivers.

A finding without a waiver fails, and so does a waiver without a finding: a list of exceptions may only shrink.

    check_findings.py CHECKOV WAIVERS TEMPLATE...
"""

import fnmatch
import json
import subprocess
import sys

# The checks that security is held to must run, not only not fail: a renamed or dropped one would pass in silence.
# 59 and 258 have nothing to look at: no method stands outside the API's body, and there is no function URL
# (tests/it/guard_roles.rs, infra/guard/rights.guard).
WANTED = [
    f"CKV_AWS_{number}"
    for number in (28, 45, 66, 76, 107, 108, 109, 110, 111, 115, 116, 119, 149, 158, 173, 363, 364)
]


def read_waivers(path):
    waivers = []
    with open(path, encoding="utf-8") as file:
        for line in file:
            if line.strip() and not line.startswith("#"):
                check, resource, reason = (part.strip() for part in line.split("|"))
                if not reason:
                    sys.exit(f"a waiver of {check} without a reason")
                waivers.append((check, resource))
    return waivers


def results(checkov, templates):
    files = [argument for template in templates for argument in ("-f", template)]
    command = [checkov, "--framework", "cloudformation", "--skip-download", "-o", "json", *files]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        reports = json.loads(run.stdout)
    except json.JSONDecodeError:
        sys.exit(f"checkov gave no report: {run.stdout[:2000]}{run.stderr[:2000]}")
    return reports if isinstance(reports, list) else [reports]


def main(checkov, waivers_file, *templates):
    waivers = read_waivers(waivers_file)
    used, faults, ran = set(), [], set()
    for report in results(checkov, templates):
        if report.get("results", {}).get("parsing_errors"):
            sys.exit(f"checkov cannot read {report['results']['parsing_errors']}")
        for finding in report["results"]["failed_checks"]:
            check, resource = finding["check_id"], finding["resource"]
            ran.add(check)
            fitting = [waiver for waiver in waivers if waiver[0] == check and fnmatch.fnmatchcase(resource, waiver[1])]
            used.update(fitting)
            if not fitting:
                faults.append(f"{check} {resource}: {finding['check_name']}")
        ran.update(finding["check_id"] for finding in report["results"].get("passed_checks", []))
    unused = [waiver for waiver in waivers if waiver not in used]
    faults += [f"the waiver of {check} for {resource} is not needed" for check, resource in unused]
    faults += [f"checkov did not run {check}" for check in WANTED if check not in ran]
    if faults:
        sys.exit("\n".join(sorted(set(faults))))
    print(f"{len(ran)} kinds of check, {len(waivers)} waivers with their reasons")


if __name__ == "__main__":
    main(*sys.argv[1:])
