"""Writes by PyMySQL: one connection, made anew after any error. Arguments: host, port."""

import sys
import time

import pymysql

WRITE = "INSERT INTO story.rows (word) VALUES ('outage') RETURNING @@server_id"


def tell(word, detail):
    print(time.monotonic_ns(), word, detail, flush=True)


connection = None
due = time.monotonic()
while True:
    try:
        if connection is None:
            connection = pymysql.connect(
                host=sys.argv[1],
                port=int(sys.argv[2]),
                user="application",
                autocommit=True,
                connect_timeout=2,
            )
            cursor = connection.cursor()
        cursor.execute(WRITE)
        tell("ok", cursor.fetchone()[0])
    except (pymysql.Error, OSError) as error:
        tell("error", " ".join(str(error).split()))
        if connection is not None:
            try:
                connection.close()
            except (pymysql.Error, OSError):
                pass  # It was lost before.
        connection = None
    due = max(due + 0.01, time.monotonic())
    time.sleep(max(due - time.monotonic(), 0))
