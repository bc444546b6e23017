#!/usr/bin/env bash
# A whole run over generated shops of 1 M and 20 M lines: by stage, wall and CPU seconds, the largest memory so far and lines
# a second.
#
#   cargo build --release && benches/whole_run.sh [FOLDER] [MEMBERS:LINES:ITEMS ...]
#
# FOLDER (default: target/whole_run) keeps the shops, about 0.5 GB for 20 M lines; a second call uses them again.
# Further arguments take the place of the two shops. PEERS=1 runs benches/peers/whole_job.py on each shop too.
# PYTHON names the Python that has its packages. RUN_ARGS are further arguments of `nextoffer run`, such as
# RUN_ARGS='--set output.crm=[]' for a run without CRM files.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=${1:-target/whole_run}
shift || true
shops=("$@")
[ ${#shops[@]} -gt 0 ] || shops=(40000:1000000:5000 400000:20000000:20000)
binary=${NEXTOFFER:-target/release/nextoffer}
python=${PYTHON:-python3}
read -ra run_args <<<"${RUN_ARGS:-}"
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)

for spec in "${shops[@]}"; do
    IFS=: read -r members lines items <<<"$spec"
    name=shop_${members}_${lines}_${items}
    if [ ! -e "$folder/$name/recipe.json" ]; then
        echo "== generate $name"
        "$python" benches/measure.py "$binary" generate "$folder/$name" \
            --members "$members" --lines "$lines" --items "$items" --seed 1 --quiet
    fi
    cat >"$folder/$name.toml" <<TOML
version = 1
name = "whole_run"
as_of = "2026-06-30"
out = "$folder/runs_$name"

[inputs]
transactions = { path = "$name/transactions" }
items = { path = "$name/items.parquet" }
members = { path = "$name/members.parquet" }
consent = { path = "$name/consent.parquet" }

[cleaning]
not_merchandise = "item_id like 'FEE-%'"

[segments]
k = 12

[[offers]]
id = "next_item"
kind = "next_item"
name_zh = "为您推荐"
name_en = "Picked for you"

[decision]
slots = 10
TOML
    rm -rf "$folder/runs_$name"
    echo "== run $name: $members members, $lines lines, $items items"
    "$python" benches/measure.py "$binary" run "$folder/$name.toml" --previous none --quiet "${run_args[@]}"
    "$python" - "$folder/runs_$name" "$lines" <<'PYTHON'
import json, pathlib, sys

folder, lines = pathlib.Path(sys.argv[1]), int(sys.argv[2])
timings = max(folder.glob("dt=*/run=*/timings.json"), key=lambda p: p.stat().st_mtime)
print(f"{'stage':<24}{'wall s':>10}{'CPU s':>10}{'peak MiB':>10}{'lines/s':>14}")
for stage in json.loads(timings.read_text()):
    wall = stage["wall_s"]
    rate = f"{lines / wall:14,.0f}" if wall > 0 else f"{'-':>14}"
    print(f"{stage['stage']:<24}{wall:10.2f}{stage.get('cpu_s', 0):10.2f}{stage.get('peak_bytes', 0) >> 20:10d}{rate}")
PYTHON
    if [ -n "${PEERS:-}" ]; then
        echo "== polars + scikit-learn + implicit on $name"
        OPENBLAS_NUM_THREADS=1 "$python" benches/peers/whole_job.py "$folder/$name" "$folder/peers_$name"
    fi
done
