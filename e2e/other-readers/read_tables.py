"""Reads Delta tables with readers that are no part of this product: a line of JSON in, a line of JSON out.

In:  {"path": folder, "version": number or null (the newest), "from": [column, least value] or null (all rows)}
Out: {reader: {"columns": [...], "rows": [[text or null, ...], ...]}}; timestamps as microseconds since 1970.
"""

import json
import sys
from pathlib import Path

import duckdb
import duckdb_ext
import polars
import pyarrow
import pyarrow.compute as compute
from deltalake import DeltaTable


def delta_rs(path, version, least):
    table = DeltaTable(path, version=version)
    if least is None:
        return table.to_pyarrow_table()
    return table.to_pyarrow_dataset().to_table(filter=compute.field(least[0]) >= least[1])


def by_polars(path, version, least):
    frame = polars.scan_delta(path, version=version)
    if least is not None:
        frame = frame.filter(polars.col(least[0]) >= least[1])
    return frame.collect().to_arrow()


def by_duckdb(path, version, least):
    where = "" if least is None else f'WHERE "{least[0]}" >= {least[1]}'
    return connection.execute(f"SELECT * FROM delta_scan(?) {where}", [f"file://{path}"]).fetch_arrow_table()


def texts(column):
    """A value's text does not depend on who read it: its type's only form."""
    kind = column.type
    if pyarrow.types.is_timestamp(kind):
        if (kind.unit, kind.tz) != ("us", "UTC"):
            raise TypeError(f"a timestamp came as {kind}")
        column = column.cast(pyarrow.int64())
    elif pyarrow.types.is_boolean(kind):
        return [None if value is None else str(value).lower() for value in column.to_pylist()]
    elif pyarrow.types.is_decimal(kind):
        return [None if value is None else format(value, "f") for value in column.to_pylist()]
    return [None if value is None else str(value) for value in column.to_pylist()]


def answer(request):
    path, version, least = request["path"], request["version"], request["from"]
    readers = {"delta-rs": delta_rs, "polars": by_polars}
    if version is None:  # the extension reads the newest version alone
        readers["duckdb"] = by_duckdb
    answers = {}
    for name, read in readers.items():
        table = read(path, version, least)
        columns = [texts(column) for column in table.columns]
        rows = list(zip(*columns)) if columns else []
        answers[name] = {"columns": table.column_names, "rows": rows}
    return answers


connection = duckdb.connect()
connection.execute("SET TimeZone = 'UTC'")
extensions = Path(duckdb_ext.__path__[0]).rglob("delta.duckdb_extension")
connection.load_extension(str(next(extensions)))
for line in sys.stdin:
    print(json.dumps(answer(json.loads(line))), flush=True)
