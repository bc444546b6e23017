"""This crate's k-means beside scikit-learn's and linfa's own: same matrix, same start, same stopping rule.

    pip install -r benches/peers/requirements.txt
    cargo bench --no-run --bench kmeans_peers
    python3 benches/kmeans_peers.py [--rows 400000] [--k 8 20 50] [--rounds 3] [--no-linfa] [--no-fits] [--no-sweep]

Every fit is made in turn, in a process of its own, and timed inside it, without reading the matrix: wall seconds, CPU
seconds, iterations, and the inertia computed here in f64 from its centroids. Medians over the rounds. A fit stops when
all centroids together move by less than 0.001 (scikit-learn's `tol` is that, squared and over the mean variance), or
after 300 iterations. linfa counts each old centroid as one more row of its cluster, so its path is not quite the same.
The sweep makes k 4 to 20 with 3 seeds, each from its own greedy k-means++ start.
"""

import argparse
import glob
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
COLUMNS = 24
TOLERANCE = 0.001
MAX_ITERATIONS = 300

SKLEARN = r"""
import json, sys, time
import numpy as np
from sklearn.cluster import KMeans

mode, folder, rows, columns, element, k, tolerance, max_iterations, out, *rest = sys.argv[1:]
dtype = np.float32 if element == "f32" else np.float64
x = np.fromfile(f"{folder}/x_{element}.bin", dtype=dtype).reshape(int(rows), int(columns))
tol = float(tolerance) ** 2 / np.mean(np.var(x.astype(np.float64), axis=0))
# Threads are started and code is loaded before the clock runs.
KMeans(2, n_init=1, max_iter=2).fit(x[:1000])
wall, cpu = time.perf_counter(), time.process_time()
if mode == "sweep":
    low, high = map(int, k.split(".."))
    iterations = inertia = 0
    for k in range(low, high + 1):
        fits = [KMeans(k, n_init=1, tol=tol, max_iter=int(max_iterations), random_state=seed).fit(x)
                for seed in range(int(rest[0]))]
        iterations += sum(f.n_iter_ for f in fits)
        inertia += min(float(f.inertia_) for f in fits)
    extra = {"inertia": inertia}
else:
    start = np.fromfile(f"{folder}/start_{k}.bin").reshape(int(k), int(columns)).astype(dtype)
    model = KMeans(int(k), init=start, n_init=1, tol=tol, max_iter=int(max_iterations), algorithm=mode).fit(x)
    model.cluster_centers_.astype(np.float64).tofile(out)
    iterations, extra = model.n_iter_, {}
wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
print(json.dumps({"wall": wall, "cpu": cpu, "iterations": int(iterations), **extra}))
"""


def members(folder, rows):
    """Eight overlapping groups of members whose features hang together, a third of the features with a long tail."""
    import numpy as np
    from sklearn.cluster import kmeans_plusplus

    rng = np.random.default_rng(7)
    groups = 8
    centre = rng.normal(0, 1, (groups, COLUMNS))
    mix = rng.normal(0, 1, (groups, COLUMNS, COLUMNS)) / np.sqrt(COLUMNS) * 0.9
    who = rng.choice(groups, rows, p=np.arange(1, groups + 1)[::-1] / 36)
    x = np.empty((rows, COLUMNS))
    for g in range(groups):
        mine = who == g
        z = rng.normal(0, 1, (mine.sum(), COLUMNS))
        x[mine] = centre[g] + z @ mix[g] + 0.5 * rng.normal(0, 1, z.shape)
    x[:, :8] = np.log1p(np.exp(x[:, :8]))
    x = ((x - x.mean(0)) / x.std(0)).astype(np.float32)
    x.tofile(f"{folder}/x_f32.bin")
    x.astype(np.float64).tofile(f"{folder}/x_f64.bin")
    return x, lambda k: kmeans_plusplus(x.astype(np.float64), k, random_state=1)[0].tofile(f"{folder}/start_{k}.bin")


def inertia(x, centroids):
    """Sum of the squared distances to the nearest centroid, in f64."""
    import numpy as np

    total = 0.0
    for part in np.array_split(x, max(1, len(x) // 20_000)):
        part = part.astype(np.float64)
        squares = (part**2).sum(1)[:, None] - 2 * part @ centroids.T + (centroids**2).sum(1)
        total += squares.min(1).sum()
    return total


def call(command, environment):
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode or not lines:
        sys.exit(f"{command[0]} failed: {done.stderr[-2000:]}")
    return json.loads(lines[-1])


def main():
    import numpy as np

    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rows", type=int, default=400_000)
    parser.add_argument("--k", type=int, nargs="+", default=[8, 20, 50])
    parser.add_argument("--elements", nargs="+", default=["f32", "f64"])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--no-linfa", action="store_true")
    parser.add_argument("--no-fits", action="store_true")
    parser.add_argument("--no-sweep", action="store_true")
    parser.add_argument("--binary", help="the bench's executable [default: the newest under target/release/deps]")
    arguments = parser.parse_args()
    target = os.environ.get("CARGO_TARGET_DIR", ROOT / "target")
    built = [p for p in glob.glob(f"{target}/release/deps/kmeans_peers-*") if os.access(p, os.X_OK) and "." not in p[-6:]]
    binary = arguments.binary or (max(built, key=os.path.getmtime) if built else sys.exit("build the bench first"))
    # A processor named by hand would hold numpy's kernels back.
    environment = {k: v for k, v in os.environ.items() if not k.startswith("OPENBLAS_")}
    with tempfile.TemporaryDirectory() as folder:
        x, make_start = members(folder, arguments.rows)
        out = f"{folder}/centroids.bin"

        def run(who, element, k, *rest):
            shape = [folder, str(arguments.rows), str(COLUMNS), element, str(k)]
            common = [*shape, str(TOLERANCE), str(MAX_ITERATIONS), out, *map(str, rest)]
            if who in ("ours", "linfa", "our sweep"):
                return call([binary, who.removeprefix("our "), *common], environment)
            return call([sys.executable, "-c", SKLEARN, who.removeprefix("their "), *common], environment)

        if not arguments.no_fits:
            print(f"{'':13}{'':14}{'wall s':>9}{'CPU s':>9}{'iterations':>12}{'inertia':>16}{'wall / ours':>13}")
            for element in arguments.elements:
                for k in arguments.k:
                    make_start(k)
                    who = ["ours", "lloyd", "elkan"] + ([] if arguments.no_linfa else ["linfa"])
                    runs = {w: [] for w in who}
                    quality = {}
                    for _ in range(arguments.rounds):
                        for w in who:
                            runs[w].append(run(w, element, k))
                            quality[w] = inertia(x, np.fromfile(out).reshape(k, COLUMNS))
                    median = lambda w, what: statistics.median(r[what] for r in runs[w])
                    for w in who:
                        name = {"ours": "nextoffer", "linfa": "linfa"}.get(w, f"sklearn {w}")
                        steps = str(runs[w][-1]["iterations"] or "-")
                        ratio = median(w, "wall") / median("ours", "wall")
                        print(f"{element} k {k:<7}{name:14}{median(w, 'wall'):9.3f}{median(w, 'cpu'):9.2f}{steps:>12}"
                              f"{quality[w]:16.3f}{ratio:13.2f}", flush=True)
        if not arguments.no_sweep:
            print(f"\nsweep k 4..20 x {arguments.seeds} seeds, inertia: sum over k of the best seed's")
            for element in arguments.elements:
                ours = run("our sweep", element, "4..20", arguments.seeds)
                theirs = run("their sweep", element, "4..20", arguments.seeds)
                for name, r in (("nextoffer", ours), ("sklearn", theirs)):
                    print(f"{element:13}{name:14}{r['wall']:9.3f}{r['cpu']:9.2f}{r['iterations']:>12}{r['inertia']:16.1f}"
                          f"{r['wall'] / ours['wall']:13.2f}", flush=True)


if __name__ == "__main__":
    main()
