"""Imports CSV files into Tryton by import_data and shows what its parties have. A test tool only.

    tryton.py FOLDER import FILE...   each file: a header, then rows of strings; in order
    tryton.py FOLDER tags FILE        makes the categories of a tag dictionary that are not there yet
    tryton.py FOLDER show             every party: id, code, categories, as one JSON object

FOLDER holds the configuration and an SQLite database, which is made when it is not there.
"""

import csv
import json
import os
import subprocess
import sys

folder, action, *files = sys.argv[1:]
config = os.path.join(folder, "trytond.conf")
database = os.path.join(folder, "crm.sqlite")
if not os.path.exists(database + ".ready"):
    os.makedirs(folder, exist_ok=True)
    with open(config, "w") as out:
        out.write(f"[database]\nuri = sqlite://\npath = {folder}\n")
    open(database, "w").close()
    admin = os.path.join(os.path.dirname(sys.executable), "trytond-admin")
    password = os.path.join(folder, "password")
    with open(password, "w") as out:
        out.write("a password for tests only")
    environment = {**os.environ, "TRYTONPASSFILE": password}
    for arguments in (["--all"], ["-u", "party", "--activate-dependencies"]):
        subprocess.run(
            [sys.executable, admin, "-c", config, "-d", "crm", "--email", "crm@example.com", *arguments],
            check=True, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        )
    open(database + ".ready", "w").close()

import trytond.config as settings  # noqa: E402

settings.update_etc(config)

from trytond.pool import Pool  # noqa: E402
from trytond.transaction import Transaction  # noqa: E402

Pool.start()
Pool("crm").init()
with Transaction().start("crm", 1) as transaction:
    Party = Pool().get("party.party")
    Category = Pool().get("party.category")
    if action == "tags":
        with open(files[0], newline="", encoding="utf-8") as source:
            names = [row["tag"] for row in csv.DictReader(source)]
        there = {category.name for category in Category.search([])}
        Category.create([{"name": name} for name in names if name not in there])
    elif action == "import":
        for name in files:
            with open(name, newline="", encoding="utf-8") as source:
                header, *rows = csv.reader(source)
            if rows:
                Party.import_data(header, rows)
    else:
        parties = {
            party.id: {"code": party.code, "categories": sorted(c.name for c in party.categories)}
            for party in Party.search([])
        }
        print(json.dumps(parties))
    transaction.commit()
