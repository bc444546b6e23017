#!/usr/bin/env python3
"""Nightly runs of a job over consecutive days, and what changed from night to night, as a table.

    cargo build --release && benches/stability.py JOB --from 2011-11-30 --nights 10 --out FOLDER [-- further arguments of run]

Each night follows the one before. The figures are those of the runs' own model/drift.json.
"""

import argparse
import datetime
import json
import os
import pathlib
import subprocess
import sys

arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
arguments.add_argument("job")
arguments.add_argument("--from", dest="start", required=True, type=datetime.date.fromisoformat)
arguments.add_argument("--nights", type=int, default=10)
arguments.add_argument("--out", required=True)
split = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
given, rest = arguments.parse_args(sys.argv[1:split]), sys.argv[split + 1 :]
binary = os.environ.get("NEXTOFFER", str(pathlib.Path(__file__).parent.parent / "target/release/nextoffer"))

print("| as of | members | joined | left | moved | moved % | held | ids kept / created / retired | renamed | adjusted Rand | largest shift | largest PSI |")
print("|---|---|---|---|---|---|---|---|---|---|---|---|")
for night in range(given.nights):
    day = given.start + datetime.timedelta(days=night)
    command = [binary, "run", given.job, "--as-of", str(day), "--out", given.out, "--quiet", *rest]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}\n{done.stderr}")
    run = next(pathlib.Path(given.out).glob(f"dt={day}/run=*"))
    manifest = json.loads((run / "manifest.json").read_text())
    members = manifest["members"]["in_fit"]
    if not (run / "model/drift.json").exists():
        print(f"| {day} | {members} | | | | | | {len(manifest['segments'])} new | | | | |")
        continue
    drift = json.loads((run / "model/drift.json").read_text())
    shift = max((c["shift"] for c in drift["centroids"]), default=0.0)
    psi = max(((p["psi"], p["feature"]) for p in drift["psi"]), default=(0.0, ""))
    ids = " / ".join(str(len(drift[key])) for key in ("kept", "created", "retired"))
    print(
        f"| {day} | {members} | {drift['joined']} | {drift['left']} | {drift['moved']} | {100 * drift['moved_share']:.2f}"
        f" | {drift['held']} | {ids} | {len(drift['renamed'])} | {drift['adjusted_rand']:.4f} | {shift:.3f}"
        f" | {psi[0]:.4f} {psi[1]} |"
    )
