"""Writes by psycopg 3 through its pool, which keeps two connections. A connection that has shown an error
is not used again. Arguments: a connection string."""

import logging
import sys
import time

import psycopg
import psycopg_pool

WRITE = "INSERT INTO written DEFAULT VALUES RETURNING host(inet_server_addr())"


def tell(word, detail):
    print(time.monotonic_ns(), word, detail, flush=True)


logging.disable(logging.CRITICAL)
pool = psycopg_pool.ConnectionPool(
    sys.argv[1], min_size=2, max_size=2, timeout=1, kwargs={"autocommit": True}
)
due = time.monotonic()
while True:
    try:
        with pool.connection() as connection:
            try:
                tell("ok", connection.execute(WRITE).fetchone()[0])
            except psycopg.Error:
                connection.close()
                raise
    except (psycopg.Error, psycopg_pool.PoolTimeout) as error:
        tell("error", " ".join(str(error).split()))
    due = max(due + 0.01, time.monotonic())
    time.sleep(max(due - time.monotonic(), 0))
