"""Logs in with the Python clients and does what applications do; says what they saw, a line each."""

import asyncio
import os
import sys

import async_gaussdb
import py_opengauss

PORT, USER, TABLE = int(sys.argv[1]), sys.argv[2], sys.argv[3]
PASSWORD = os.environ["PASSWORD"]


async def by_async_gaussdb():
    connection = await async_gaussdb.connect(
        host="127.0.0.1", port=PORT, user=USER, password=PASSWORD, database="postgres"
    )
    try:
        await connection.execute(
            f"CREATE TABLE {TABLE} (id integer PRIMARY KEY, name VARCHAR2(20)) DISTRIBUTE BY HASH (id)"
        )
        await connection.executemany(
            f"INSERT INTO {TABLE} VALUES ($1, $2)", [(1, "név"), (2, "")]
        )
        for row in await connection.fetch(f"SELECT id, name FROM {TABLE} ORDER BY id"):
            print("async-gaussdb", row["id"], row["name"])
        try:
            await connection.execute(f"UPDATE {TABLE} SET id = 3")
        except async_gaussdb.exceptions.FeatureNotSupportedError as e:
            print("async-gaussdb", e.sqlstate)
    finally:
        await connection.close()


asyncio.run(by_async_gaussdb())
with py_opengauss.open(f"opengauss://{USER}:{PASSWORD}@127.0.0.1:{PORT}/postgres") as connection:
    for row in connection.prepare(f"SELECT id, name FROM {TABLE} ORDER BY id")():
        print("py-opengauss", row[0], row[1])
try:
    py_opengauss.open(f"opengauss://{USER}:wrong@127.0.0.1:{PORT}/postgres")
except py_opengauss.exceptions.Error as e:
    print("py-opengauss refused", e.code)
