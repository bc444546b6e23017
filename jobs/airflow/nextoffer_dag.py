"""The nightly run as an Airflow DAG (2.9 or later, 3 included).

Each run of the DAG is one day: the start of its data interval is the as-of date, so that a backfill of the DAG is a
backfill of nextoffer. Days run one after the other, for each takes over from the one before.
"""

from __future__ import annotations

import os
import subprocess

import pendulum

try:  # Airflow 3
    from airflow.sdk import dag, task
except ImportError:  # Airflow 2
    from airflow.decorators import dag, task
from airflow.exceptions import AirflowException, AirflowFailException, AirflowSkipException

NEXTOFFER = os.environ.get("NEXTOFFER", "/usr/local/bin/nextoffer")
JOB = os.environ.get("NEXTOFFER_JOB", "/etc/nextoffer/nightly.toml")

ALREADY_PUBLISHED = 99
# Usage, quality gate, absent input, wrong job file: a second try would end the same way.
NO_RETRY = {64: "wrong usage", 65: "a quality gate refused", 66: "input absent", 78: "the job file is wrong"}


@dag(
    dag_id="nextoffer",
    schedule="0 2 * * *",
    start_date=pendulum.datetime(2026, 1, 1, tz="Asia/Shanghai"),
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 5, "retry_delay": pendulum.duration(minutes=10)},
    tags=["crm"],
    doc_md=__doc__,
)
def nextoffer():
    @task
    def run(data_interval_start=None):
        as_of = data_interval_start.in_timezone("Asia/Shanghai").to_date_string()
        command = [NEXTOFFER, "run", JOB, "--as-of", as_of, "--skip-if-published", "--log-format", "json"]
        code = subprocess.run(command, check=False).returncode
        if code == ALREADY_PUBLISHED:
            raise AirflowSkipException(f"{as_of} is published")
        if code in NO_RETRY:
            raise AirflowFailException(f"nextoffer ended with {code}: {NO_RETRY[code]}")
        if code:
            raise AirflowException(f"nextoffer ended with {code}")

    run()


nextoffer()
