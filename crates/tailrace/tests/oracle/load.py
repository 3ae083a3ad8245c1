"""Writes to an Oracle by python-oracledb, and reads from it.

  load.py prepare                  makes the tables ORDERS (with a key) and NOTES (without one), and first rows
  load.py write SEED STATEMENTS    three writers side by side: transactions mixed, long, rolled back in part and whole, and
                                   large ones; each ends after so many statements, and
                                   waits for a server that is killed meanwhile
  load.py huge ROWS BYTES          one transaction that inserts so many rows with so long texts into NOTES
  load.py scn                      prints the newest SCN
  load.py rows SCN                 rows of both tables as they were, `now` for as they are; a line each, in order

Environment: TAILRACE_ORACLE (host:port/service), TAILRACE_ORACLE_USER, TAILRACE_ORACLE_PASSWORD.
"""

import os
import random
import sys
import threading
import time

import oracledb

KEYS = 400
WRITERS = 3
# As long as a server may be away before a writer gives up.
SERVER_GONE_SECONDS_MAX = 60


def connect():
    return oracledb.connect(
        user=os.environ["TAILRACE_ORACLE_USER"], password=os.environ["TAILRACE_ORACLE_PASSWORD"],
        dsn=os.environ["TAILRACE_ORACLE"])


def prepare():
    with connect() as connection, connection.cursor() as cursor:
        cursor.execute("ALTER DATABASE ADD SUPPLEMENTAL LOG DATA (ALL) COLUMNS")
        cursor.execute(
            "CREATE TABLE orders (id NUMBER(10) PRIMARY KEY, who VARCHAR2(40 CHAR), price NUMBER(12,2), made DATE, "
            "seen TIMESTAMP(6))")
        cursor.execute("CREATE TABLE notes (id NUMBER(10), text VARCHAR2(4000))")
        rows = [(key, f"first {key}", key / 4) for key in range(0, WRITERS * KEYS, 2)]
        cursor.executemany("INSERT INTO orders (id, who, price) VALUES (:1, :2, :3)", rows)
        cursor.executemany("INSERT INTO notes VALUES (:1, :2)", [(key, "it's a note") for key in range(50)])
        connection.commit()


def write(seed, statements):
    def writer(number):
        chance = random.Random(f"{seed}/{number}")
        done = 0
        deadline = time.monotonic() + SERVER_GONE_SECONDS_MAX
        while done < statements:
            try:
                with connect() as connection, connection.cursor() as cursor:
                    while done < statements:
                        done += transact(connection, cursor, chance, number)
                        deadline = time.monotonic() + SERVER_GONE_SECONDS_MAX
            except (oracledb.Error, OSError):
                # It was killed; whether a commit that was under way took place, the rows say.
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)

    threads = [threading.Thread(target=writer, args=(number,)) for number in range(WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def transact(connection, cursor, chance, number):
    """One transaction on keys that only this writer has; how many statements it had."""
    count = 500 if chance.random() < 0.02 else chance.randrange(1, 15)
    saved = False
    for _ in range(count):
        key = chance.randrange(KEYS) * WRITERS + number
        text = chance.choice(["short", "it's", "ä ö 中", "x" * 40, f"n {chance.random()}"])
        try:
            match chance.randrange(8):
                case 0 | 1:
                    cursor.execute(
                        "INSERT INTO orders (id, who, price, made, seen) VALUES (:1, :2, :3, SYSDATE, SYSTIMESTAMP)",
                        [key, text, chance.randrange(10**9) / 100])
                case 2 | 3:
                    cursor.execute("UPDATE orders SET who = :1, price = price + 1 WHERE id = :2", [text, key])
                case 4:
                    cursor.execute("UPDATE orders SET price = NULL, seen = NULL WHERE id = :1", [key])
                case 5:
                    cursor.execute("DELETE FROM orders WHERE id = :1", [key])
                case 6:
                    other = chance.randrange(KEYS) * WRITERS + number
                    cursor.execute("UPDATE orders SET id = :1 WHERE id = :2", [other, key])
                case _:
                    cursor.execute("INSERT INTO notes VALUES (:1, :2)", [key, text])
        except oracledb.IntegrityError:
            pass  # the key is there: nothing has happened
        if chance.random() < 0.03:
            cursor.execute("SAVEPOINT here")
            saved = True
        elif saved and chance.random() < 0.03:
            cursor.execute("ROLLBACK TO SAVEPOINT here")
    if chance.random() < 0.15:
        connection.rollback()
    else:
        connection.commit()
    if chance.random() < 0.02:
        cursor.execute("ALTER SYSTEM SWITCH LOGFILE")
    return count


def huge(count, length):
    count, length = int(count), int(length)
    step = max(1, min(5000, 4_000_000 // length))
    with connect() as connection, connection.cursor() as cursor:
        for begin in range(0, count, step):
            batch = [(10**6 + n, f"{n:06d}".ljust(length, "x")) for n in range(begin, min(count, begin + step))]
            cursor.executemany("INSERT INTO notes VALUES (:1, :2)", batch)
        connection.commit()


def rows(scn):
    at = "" if scn == "now" else f" AS OF SCN {int(scn)}"
    orders = ("SELECT 'orders|' || id || '|' || who || '|' || price || '|' || TO_CHAR(made, 'YYYY-MM-DD HH24:MI:SS') || '|' || "
              "TO_CHAR(seen, 'YYYY-MM-DD HH24:MI:SS.FF6') FROM orders")
    notes = "SELECT 'notes|' || id || '|' || text FROM notes"
    with connect() as connection, connection.cursor() as cursor:
        for sql in (orders, notes):
            for line in sorted(row[0] for row in cursor.execute(sql + at)):
                print(line)


def scn():
    with connect() as connection, connection.cursor() as cursor:
        print(cursor.execute("SELECT current_scn FROM v$database").fetchone()[0])


if __name__ == "__main__":
    command, *arguments = sys.argv[1:]
    {"prepare": prepare, "write": lambda seed, count: write(seed, int(count)), "rows": rows, "scn": scn, "huge": huge}[command](*arguments)
