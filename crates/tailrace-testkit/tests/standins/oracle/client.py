"""Does what applications do, with python-oracledb in its thin mode, and checks what comes back."""

import datetime
import decimal
import os
import sys

import oracledb

oracledb.defaults.fetch_decimals = True
DSN = f"127.0.0.1:{sys.argv[1]}/standin"
PASSWORD = os.environ["PASSWORD"]


def refused(code, call):
    try:
        call()
    except oracledb.DatabaseError as e:
        assert code in str(e), e
        return
    raise AssertionError(f"{code} was wanted")


refused("ORA-01017", lambda: oracledb.connect(user="shop", password="wrong", dsn=DSN))
refused("ORA-01017", lambda: oracledb.connect(user="nobody", password=PASSWORD, dsn=DSN))
refused("DPY-6001", lambda: oracledb.connect(user="shop", password=PASSWORD, dsn=DSN + "x"))

connection = oracledb.connect(user="shop", password=PASSWORD, dsn=DSN)
assert connection.version.startswith("19.3"), connection.version
connection.ping()
cursor = connection.cursor()
assert cursor.execute("SELECT 1, 'é', NULL, USER FROM dual").fetchall() == [(1, "é", None, "SHOP")]
refused("ORA-00942", lambda: cursor.execute("SELECT * FROM nothing"))
refused("ORA-00904", lambda: cursor.execute("SELECT nothing FROM dual"))

cursor.execute(
    """CREATE TABLE kinds (id NUMBER(10) PRIMARY KEY, name VARCHAR2(20 CHAR) DEFAULT 'none' NOT NULL, c CHAR(5), n NUMBER,
       money NUMBER(8,2), d DATE, ts TIMESTAMP(6), tz TIMESTAMP(3) WITH TIME ZONE, r RAW(16), f BINARY_FLOAT,
       bd BINARY_DOUBLE, i INTERVAL DAY(2) TO SECOND(6), y INTERVAL YEAR(2) TO MONTH, txt CLOB, bin BLOB, nv NVARCHAR2(10))"""
)
at = datetime.datetime(2026, 11, 30, 23, 59, 58)
micros = datetime.datetime(1, 1, 1, 0, 0, 0, 123456)
row = (
    1, "zażółć", "ab", decimal.Decimal("-.000123456789"), decimal.Decimal("123456.78"), at, micros, at, b"\x00\xff", 1.5,
    -2.25e100, datetime.timedelta(days=3, hours=4, seconds=5, microseconds=6), oracledb.IntervalYM(2, 3),
    "long " * 2000, bytes(range(256)) * 40, "中文",
)
cursor.setinputsizes(*[None] * 6, oracledb.DB_TYPE_TIMESTAMP)
cursor.execute(f"INSERT INTO kinds VALUES ({', '.join(f':{n}' for n in range(1, 17))})", row)
cursor.execute("SELECT * FROM kinds")
assert [column.name for column in cursor.description][:3] == ["ID", "NAME", "C"], cursor.description
(found,) = cursor.fetchall()
for wanted, seen, column in zip(row, found, cursor.description):
    if isinstance(seen, oracledb.LOB):
        assert seen.size() == len(wanted), column
        assert seen.read(3, 5) == wanted[2:7], column
        seen = seen.read()
    if column.name == "C":
        wanted = "ab   "
    assert seen == wanted, (column.name, seen, wanted)

# The dictionary.
cursor.execute("COMMENT ON COLUMN kinds.name IS 'it''s a name'")
cursor.execute("CREATE INDEX kinds_d ON kinds (d, name)")
cursor.execute("SELECT column_name, data_type, char_used, data_default, nullable FROM all_tab_cols WHERE table_name = 'KINDS'")
columns = {row[0]: row[1:] for row in cursor.fetchall()}
assert columns["NAME"] == ("VARCHAR2", "C", "'none'", "N"), columns
assert columns["TZ"][0] == "TIMESTAMP(3) WITH TIME ZONE", columns
assert columns["I"][0] == "INTERVAL DAY(2) TO SECOND(6)", columns
cursor.execute("SELECT column_name FROM all_ind_columns WHERE index_name = 'KINDS_D' ORDER BY column_position")
assert cursor.fetchall() == [("D",), ("NAME",)]
cursor.execute("SELECT comments FROM all_col_comments WHERE table_name = 'KINDS' AND comments IS NOT NULL")
assert cursor.fetchall() == [("it's a name",)]
cursor.execute("SELECT constraint_type FROM all_constraints WHERE table_name = 'KINDS'")
assert cursor.fetchall() == [("P",)]

# Rows in a batch, and in pages.
cursor.executemany(
    "INSERT INTO kinds (id, name) VALUES (:1, :2)", [(n, f"name {n}") for n in range(2, 2502)]
)
assert cursor.rowcount == 2500
connection.commit()
cursor.arraysize = 100
cursor.execute("SELECT id, name, d FROM kinds WHERE id > :low AND id <= :high ORDER BY id DESC", low=1, high=2501)
rows = cursor.fetchall()
assert len(rows) == 2500 and rows[0] == (2501, "name 2501", None), rows[:2]
assert cursor.execute("SELECT COUNT(*), MAX(id) FROM kinds").fetchone() == (2501, 2501)
cursor.execute("SELECT id FROM kinds ORDER BY id FETCH FIRST 2 ROWS ONLY")
assert cursor.fetchall() == [(1,), (2,)]
refused("ORA-00001", lambda: cursor.execute("INSERT INTO kinds (id) VALUES (2)"))
refused("ORA-12899", lambda: cursor.execute("UPDATE kinds SET c = 'abcdef' WHERE id = 2"))
refused("ORA-01438", lambda: cursor.execute("UPDATE kinds SET money = 1000000 WHERE id = 2"))
refused("ORA-01400", lambda: cursor.execute("INSERT INTO kinds (name) VALUES ('x')"))

# Transactions: what is not committed is seen by its own session only; savepoints; flashback.
other = oracledb.connect(user="shop", password=PASSWORD, dsn=DSN)
cursor.execute("UPDATE kinds SET name = 'changed' WHERE id = 2")
cursor.execute("SAVEPOINT a")
cursor.execute("DELETE FROM kinds WHERE id = 3")
count = "SELECT COUNT(*) FROM kinds WHERE id IN (2, 3) AND name LIKE 'name%'"
assert cursor.execute(count).fetchone() == (0,)
assert other.cursor().execute(count).fetchone() == (2,)
cursor.execute("ROLLBACK TO SAVEPOINT a")
assert cursor.execute(count).fetchone() == (1,)
connection.commit()
assert other.cursor().execute(count).fetchone() == (1,)
scn = cursor.execute("SELECT current_scn FROM v$database").fetchone()[0]
cursor.execute("DELETE FROM kinds WHERE id = 2")
connection.commit()
assert cursor.execute("SELECT COUNT(*) FROM kinds WHERE id = 2").fetchone() == (0,)
cursor.execute("SELECT name FROM kinds AS OF SCN :scn WHERE id = :id", [scn, 2])
assert cursor.fetchall() == [("changed",)]
cursor.execute(f"SELECT name FROM shop.kinds AS OF SCN {scn} k WHERE k.id = 2")
assert cursor.fetchall() == [("changed",)]
cursor.execute("INSERT INTO kinds (id) VALUES (2)")
connection.commit()
row_id = cursor.execute("SELECT ROWID FROM kinds WHERE id = 2").fetchone()[0]
assert len(row_id) == 18, row_id
cursor.execute("UPDATE kinds SET d = SYSDATE WHERE ROWID = :1", [row_id])
assert cursor.rowcount == 1
connection.rollback()
connection.close()
print("all is well")
