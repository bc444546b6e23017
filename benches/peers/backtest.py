"""What `nextoffer backtest` wrote, checked with other tools.

    nextoffer backtest jobs/tafeng.toml --out runs/tafeng/backtest
    python benches/peers/backtest.py runs/tafeng/backtest/truth-column data/tafeng/baskets.parquet

Recomputes every hit figure of every method from `lists.parquet`, `explore_lists.parquet` and `truth.parquet` with numpy,
and, given the baskets of Ta-Feng, holds the lists of item-kNN against `implicit` (same weights, same neighbours): the items
must be the same but for exact ties. With `--set backtest.item_neighbours=20000` nothing is cut off, so that the scores must
agree too. Ends with 1 if anything differs.
"""

import json
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

GAIN = 1 / np.log2(np.arange(2, 100_000))


def columns(path):
    return pq.read_table(path).to_pydict()


def lists_of(path):
    lists = defaultdict(lambda: defaultdict(list))
    c = columns(path)
    for method, member, rank, item, score in zip(c["method"], c["member_id"], c["rank"], c["item_id"], c["score"]):
        place = lists[method][member]
        assert rank == len(place) + 1, (method, member, rank)
        place.append((item, score))
    return lists


def figures(ranked, truth, k):
    hits = np.array([item in truth for item in ranked[:k]], dtype=float)
    gained = float((hits * GAIN[: len(hits)]).sum())
    precisions = (np.cumsum(hits) / np.arange(1, len(hits) + 1) * hits).sum() if len(hits) else 0.0
    return {
        "recall": hits.sum() / len(truth),
        "ndcg": gained / GAIN[: len(truth)].sum(),
        "ndcg_std": gained / GAIN[: min(len(truth), k)].sum(),
        "precision": hits.sum() / k,
        "hit_rate": float(hits.any()),
        "map": precisions / min(len(truth), k),
    }


def check_figures(folder):
    results = json.loads((folder / "backtest.json").read_text())
    mixed, explore = lists_of(folder / "lists.parquet"), lists_of(folder / "explore_lists.parquet")
    truth = defaultdict(lambda: (set(), set()))
    c = columns(folder / "truth.parquet")
    for member, item, repeat in zip(c["member_id"], c["item_id"], c["repeat"]):
        truth[member][repeat].add(item)
    compared = 0
    for method in results["methods"]:
        for scope, result in method["scopes"].items():
            sums, n = defaultdict(float), 0
            for member, (new, old) in truth.items():
                wanted = {"overall": new | old, "repeat": old}.get(scope, new)
                if not wanted:
                    continue
                n += 1
                place = (explore if scope == "explore_list" else mixed)[method["name"]][member]
                for k in (5, 10, 20):
                    for name, value in figures([item for item, _ in place], wanted, k).items():
                        sums[f"{name}@{k}"] += value
            assert n == result["observations"], (method["name"], scope, n, result["observations"])
            for name, figure in result["figures"].items():
                mean = sums[name] / max(n, 1)
                assert abs(mean - figure["mean"]) < 2e-6, (method["name"], scope, name, mean, figure)
                compared += 1
    print(f"{compared} figures of {len(results['methods'])} methods recomputed over {len(truth)} members: the same")


def check_item_knn(folder, baskets):
    import scipy.sparse as sp
    from implicit.nearest_neighbours import CosineRecommender, ItemItemRecommender, bm25_weight

    c = columns(baskets)
    history = [i for i, split in enumerate(c["split"]) if split == "history"]
    members, items = (sorted({c[name][i] for i in history}) for name in ("member_id", "item_id"))
    of_member, of_item = ({name: i for i, name in enumerate(names)} for names in (members, items))
    rows = [of_member[c["member_id"][i]] for i in history]
    cols = [of_item[c["item_id"][i]] for i in history]
    # A basket holds an item once.
    seen = {(r, c["basket_index"][i], k) for r, i, k in zip(rows, history, cols)}
    rows, cols = [s[0] for s in seen], [s[2] for s in seen]
    counts = sp.csr_matrix((np.ones(len(rows)), (rows, cols)), shape=(len(members), len(items)))
    counts.sum_duplicates()
    lists = lists_of(folder / "lists.parquet")
    neighbours = json.loads((folder / "backtest.json").read_text())["settings"]["item_neighbours"]
    whole = neighbours >= len(items)
    for name, model, fitted_on in (
        ("item-kNN BM25", ItemItemRecommender(neighbours), bm25_weight(counts, K1=1.2, B=0.75).tocsr()),
        ("item-kNN cosine", CosineRecommender(neighbours), counts),
    ):
        model.fit(fitted_on, show_progress=False)
        ours = lists[name]
        who = np.array([of_member[m] for m in ours])
        ids, scores = model.recommend(who, counts[who], N=20, filter_already_liked_items=False)
        places = same = 0
        worst = 0.0
        for member, theirs, their_scores in zip(ours, ids, scores):
            known = {items[i]: s for i, s in zip(theirs, their_scores) if s > 0}
            for (item, score), their in zip(ours[member], their_scores):
                if score <= 0 or their <= 0:
                    continue
                places += 1
                worst = max(worst, abs(score - their) / abs(their))
                same += item in known
        print(f"{name}: {places} places, {same / places:.4%} of the items the same, scores differ by {worst:.1e} at most")
        # Which of equally similar items are the last neighbours is open, and so are then the scores that rest on them.
        assert (worst < 1e-6 if whole else True) and same / places > 0.99, name


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    check_figures(folder)
    if len(sys.argv) > 2:
        check_item_knn(folder, sys.argv[2])
