"""Golden values of k-means from scikit-learn, for the test of this crate's own.

    pip install -r benches/peers/requirements.txt && python3 benches/peers/kmeans_golden.py

writes fixtures/kmeans/golden.json. The matrices are not stored: the test makes the same ones, to the bit, from the same
hash (`uniform` below).
"""

import json
import pathlib

import numpy as np
import sklearn
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score, calinski_harabasz_score, davies_bouldin_score


def uniform(seed, shape):
    """Numbers in [0, 1) by SplitMix64 of the position: the same in any language."""
    z = np.arange(1, np.prod(shape) + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(seed)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z = z ^ (z >> np.uint64(31))
    return ((z >> np.uint64(11)).astype(np.float64) * 2.0**-53).reshape(shape)


def blobs(seed, rows, columns, blobs, spread):
    """Round blobs that touch: row r belongs to blob r mod blobs."""
    corners = uniform(seed, (blobs, columns)) * 8.0
    noise = (uniform(seed + 1, (rows, columns)) + uniform(seed + 2, (rows, columns))) * spread
    # Rounded to f32, so that both precisions have the same matrix.
    return (corners[np.arange(rows) % blobs] + noise).astype(np.float32).astype(np.float64)


def fit(x, start, tolerance, algorithm, weights=None):
    """A fit that stops when all centroids together move by less than `tolerance`."""
    # scikit-learn's own tolerance is relative to the mean variance, and for the square.
    tol = tolerance**2 / np.mean(np.var(x.astype(np.float64), axis=0))
    k = len(start)
    model = KMeans(k, init=start, n_init=1, algorithm=algorithm, tol=tol, max_iter=300)
    return model.fit(x, sample_weight=weights)


def inertia(x, centroids, weights=None):
    """Sum of the squared distances to the nearest centroid, in f64 whatever the fit was made in."""
    squares = ((x[:, None, :] - centroids.astype(np.float64)[None]) ** 2).sum(axis=2).min(axis=1)
    return float(squares.sum() if weights is None else (squares * weights).sum())


def main():
    cases = []
    for name, rows, columns, planted, k, spread in [
        ("apart", 1200, 5, 4, 4, 2.0),
        ("touching", 3000, 8, 6, 8, 6.0),
        ("many", 5000, 24, 10, 20, 9.0),
    ]:
        x = blobs(rows + k, rows, columns, planted, spread)
        weights = np.floor(uniform(7, (rows,)) * 4.0)
        for element in ("f32", "f64"):
            for weighted in (False, True):
                for tolerance in (0.0, 0.05):
                    typed = x.astype(np.float32 if element == "f32" else np.float64)
                    start = typed[:k]
                    w = weights if weighted else None
                    lloyd = fit(typed, start, tolerance, "lloyd", w)
                    elkan = fit(typed, start, tolerance, "elkan", w)
                    case = {
                        "name": name, "seed": rows + k, "rows": rows, "columns": columns, "planted": planted, "k": k,
                        "spread": spread, "element": element, "weighted": weighted, "tolerance": tolerance,
                        "iterations": int(lloyd.n_iter_),
                        "inertia": {
                            "lloyd": inertia(x, lloyd.cluster_centers_, w),
                            "elkan": inertia(x, elkan.cluster_centers_, w),
                        },
                        "centroids": [[float(v) for v in c] for c in lloyd.cluster_centers_],
                    }
                    if not weighted and tolerance == 0.0:
                        case["calinski_harabasz"] = float(calinski_harabasz_score(x, lloyd.labels_))
                        case["davies_bouldin"] = float(davies_bouldin_score(x, lloyd.labels_))
                        truth = np.arange(rows) % planted
                        case["adjusted_rand"] = float(adjusted_rand_score(truth, lloyd.labels_))
                    cases.append(case)
    # Starts that leave clusters without rows: scikit-learn gives them the rows farthest from their centroids.
    x = blobs(99, 400, 3, 4, 2.0)
    start = np.vstack([x[0], x[0], [900.0, 900.0, 900.0], x[1], [-700.0, 0.0, 0.0]])
    model = fit(x, start, 0.0, "lloyd")
    empty = {
        "seed": 99, "rows": 400, "columns": 3, "planted": 4, "spread": 2.0,
        "start": [[float(v) for v in c] for c in start],
        "inertia": inertia(x, model.cluster_centers_),
        "centroids": [[float(v) for v in c] for c in model.cluster_centers_],
    }
    out = pathlib.Path(__file__).parent.parent.parent / "fixtures" / "kmeans" / "golden.json"
    out.parent.mkdir(exist_ok=True)
    golden = {"made_with": f"scikit-learn {sklearn.__version__}", "cases": cases, "empty": empty}
    out.write_text(json.dumps(golden, indent=1) + "\n")
    print(f"{out}: {len(cases)} fits")


if __name__ == "__main__":
    main()
