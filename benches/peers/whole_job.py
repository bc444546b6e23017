"""The same nightly job in the tools a user would pick instead: polars, scikit-learn and implicit.

    python3 -m venv venv && venv/bin/pip install -r benches/peers/requirements.txt
    nextoffer generate shop --members 400000 --lines 20000000 --items 20000 --seed 1
    OPENBLAS_NUM_THREADS=1 venv/bin/python benches/peers/whole_job.py shop out

Reads a generated shop, makes about as many features as nextoffer's defaults, twelve k-means segments, a BM25 item-kNN and
ten items for each member, and writes both as Parquet. It leaves out what nextoffer does besides: row accounting,
quarantine, consent, matching returns to purchases, tags, tuning, offer kinds, reasons, evidence, sentences and the atomic
publish. Prints wall seconds, CPU seconds and the peak of resident memory so far after each stage.
"""

import argparse
import json
import resource
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import polars as pl
import scipy.sparse as sp
from implicit.nearest_neighbours import BM25Recommender
from sklearn.cluster import KMeans
from sklearn.preprocessing import StandardScaler

TOP_CATEGORIES = 12
TOP_CHANNELS = 8
CHUNK = 50_000

stages = {}


def cpu_seconds():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


@contextmanager
def stage(name):
    wall, cpu = time.perf_counter(), cpu_seconds()
    yield
    stages[name] = {
        "wall_s": round(time.perf_counter() - wall, 2),
        "cpu_s": round(cpu_seconds() - cpu, 2),
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    s = stages[name]
    print(f"{name:<12} {s['wall_s']:8.2f} s wall {s['cpu_s']:8.2f} s CPU {s['peak_mib']:7d} MiB peak so far", flush=True)


def lines_of(shop, as_of):
    """Clean lines: the member known, not after the as-of date, merchandise, a positive price unless a return."""
    items = pl.scan_parquet(shop / "items.parquet").select(
        pl.col("item_id"), pl.col("category").str.split("/").list.first().alias("category")
    )
    return (
        pl.scan_parquet(shop / "transactions" / "*.parquet")
        .select("member_id", "order_id", "item_id", "ts", "quantity", "unit_price", "discount", "channel", "is_return")
        .filter(
            pl.col("member_id").is_not_null()
            & (pl.col("ts").dt.date() <= as_of)
            & ~pl.col("item_id").str.starts_with("FEE-")
            & ((pl.col("unit_price") > 0) | pl.col("is_return"))
        )
        .with_columns(
            pl.col("ts").dt.date().alias("day"),
            (pl.col("unit_price").cast(pl.Float64) * pl.col("quantity")).alias("amount"),
            pl.col("discount").cast(pl.Float64),
        )
        .join(items, on="item_id", how="left")
    )


def features_of(lines, as_of):
    bought = ~pl.col("is_return")
    age = (pl.lit(as_of) - pl.col("day")).dt.total_days()
    top = lambda column, n: (  # noqa: E731
        lines.group_by(column).agg(pl.col("amount").sum()).sort("amount", descending=True).head(n).collect()[column]
    )
    shares = [
        pl.col("amount").filter(pl.col(column) == value).sum().alias(f"share_{column}_{value}")
        for column, n in (("category", TOP_CATEGORIES), ("channel", TOP_CHANNELS))
        for value in top(column, n)
        if value is not None
    ]
    sums = lines.group_by("member_id").agg(
        pl.col("day").filter(bought).max().alias("last"),
        pl.col("day").filter(bought).min().alias("first"),
        pl.col("order_id").filter(bought).n_unique().alias("orders"),
        pl.col("day").filter(bought).n_unique().alias("purchase_days"),
        pl.col("day").filter(bought).unique().sort().diff().dt.total_days().median().alias("rhythm"),
        pl.col("amount").sum().alias("net_spend"),
        pl.col("amount").filter(bought).sum().alias("gross"),
        pl.col("discount").filter(bought).sum().alias("discounts"),
        pl.col("item_id").filter(bought).n_unique().alias("distinct_items"),
        pl.col("category").filter(bought).n_unique().alias("distinct_categories"),
        pl.col("channel").filter(bought).n_unique().alias("channels"),
        (pl.col("day").filter(bought).dt.weekday() >= 6).mean().alias("weekend_share"),
        pl.col("quantity").filter(bought).mean().alias("mean_quantity"),
        *[pl.col("amount").filter(age < days).sum().alias(f"spend_{days}d") for days in (30, 90, 365)],
        *shares,
    )
    recency = (pl.lit(as_of) - pl.col("last")).dt.total_days()
    share_names = [e.meta.output_name() for e in shares]
    return (
        sums.with_columns(
            recency.alias("recency_days"),
            (pl.lit(as_of) - pl.col("first")).dt.total_days().alias("tenure_days"),
            (pl.col("net_spend") / pl.col("orders")).alias("basket_value"),
            (recency / pl.col("rhythm").fill_null(pl.col("rhythm").median())).alias("lateness"),
            (1 - pl.col("net_spend") / pl.col("gross")).alias("return_rate"),
            (pl.col("discounts") / (pl.col("gross") + pl.col("discounts"))).alias("discount_share"),
            *[(pl.col(name) / pl.col("net_spend")).alias(name) for name in share_names],
        )
        .drop("last", "first", "gross", "discounts")
        .sort("member_id")
        .collect(engine="streaming")
    )


def scaled(features):
    x = features.drop("member_id").fill_nan(None)
    x = x.with_columns(pl.all().fill_null(pl.all().median())).to_numpy().astype(np.float32)
    names = features.columns[1:]
    counts = [i for i, name in enumerate(names) if "share" not in name and "rate" not in name]
    x[:, counts] = np.log1p(np.maximum(x[:, counts], 0))
    return np.nan_to_num(StandardScaler().fit_transform(x), posinf=0, neginf=0)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("shop", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("-k", type=int, default=12)
    parser.add_argument("-n", type=int, default=10)
    parser.add_argument("--json", action="store_true", help="print the figures as JSON at the end")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    as_of = pl.lit(json.loads((args.shop / "recipe.json").read_text())["spec"]["last_day"]).str.to_date()
    as_of = pl.select(as_of).item()
    start = time.perf_counter()

    with stage("features"):
        features = features_of(lines_of(args.shop, as_of), as_of)
    print(f"{features.height} members, {features.width - 1} features")

    with stage("kmeans"):
        matrix = scaled(features)
        kmeans = KMeans(n_clusters=args.k, n_init=1, random_state=1).fit(matrix)
        del matrix

    with stage("matrix"):
        pairs = (
            lines_of(args.shop, as_of)
            .filter(~pl.col("is_return"))
            .group_by("member_id", "item_id")
            .agg(pl.col("day").n_unique().alias("baskets"))
            .collect(engine="streaming")
        )
        members = features.select("member_id").with_row_index("row")
        items = pairs.select(pl.col("item_id").unique().sort()).with_row_index("column")
        pairs = pairs.join(members, on="member_id").join(items, on="item_id").select("row", "column", "baskets")
        counts = sp.csr_matrix(
            (pairs["baskets"].to_numpy().astype(np.float32), (pairs["row"].to_numpy(), pairs["column"].to_numpy())),
            shape=(members.height, items.height),
        )
        del pairs

    with stage("item_knn"):
        model = BM25Recommender(K=50)
        model.fit(counts, show_progress=False)

    with stage("recommend"):
        best = np.empty((members.height, args.n), dtype=np.int32)
        scores = np.empty((members.height, args.n), dtype=np.float32)
        for begin in range(0, members.height, CHUNK):
            rows = np.arange(begin, min(begin + CHUNK, members.height))
            best[rows], scores[rows] = model.recommend(rows, counts[rows], N=args.n, filter_already_liked_items=False)

    with stage("write"):
        ids = features["member_id"]
        segments = pl.DataFrame({"member_id": ids, "segment_id": kmeans.labels_})
        segments.write_parquet(args.out / "segments.parquet", compression="zstd")
        found = best.ravel() >= 0
        member = np.repeat(np.arange(members.height), args.n)[found]
        offers = pl.DataFrame(
            {
                "member_id": ids.gather(member),
                "slot": np.tile(np.arange(1, args.n + 1), members.height)[found],
                "item_id": items["item_id"].gather(best.ravel()[found]),
                "score": scores.ravel()[found],
            }
        )
        offers.write_parquet(args.out / "offers.parquet", compression="zstd")

    total = {
        "wall_s": round(time.perf_counter() - start, 2),
        "cpu_s": round(sum(s["cpu_s"] for s in stages.values()), 2),
        "peak_mib": max(s["peak_mib"] for s in stages.values()),
    }
    print(f"{'total':<12} {total['wall_s']:8.2f} s wall {total['cpu_s']:8.2f} s CPU {total['peak_mib']:7d} MiB peak")
    if args.json:
        print(json.dumps({"stages": stages, "total": total}))


if __name__ == "__main__":
    main()
