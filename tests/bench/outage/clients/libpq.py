"""Writes by libpq: one connection, made anew after any error. Arguments: a connection string."""

import sys
import time

import psycopg2

WRITE = "INSERT INTO written DEFAULT VALUES RETURNING host(inet_server_addr())"


def tell(word, detail):
    print(time.monotonic_ns(), word, detail, flush=True)


connection = None
due = time.monotonic()
while True:
    try:
        if connection is None:
            connection = psycopg2.connect(sys.argv[1])
            connection.autocommit = True
            cursor = connection.cursor()
        cursor.execute(WRITE)
        tell("ok", cursor.fetchone()[0])
    except psycopg2.Error as error:
        tell("error", " ".join(str(error).split()))
        if connection is not None:
            connection.close()
        connection = None
    due = max(due + 0.01, time.monotonic())
    time.sleep(max(due - time.monotonic(), 0))
