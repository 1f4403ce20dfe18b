"""Writes or reads by psycopg 3 through its pool, which keeps two connections. A connection that has shown an error
is not used again. Arguments: a connection string, a statement whose first value tells who did it."""

import logging
import sys

import psycopg
import psycopg_pool

import beat

logging.disable(logging.CRITICAL)
pool = psycopg_pool.ConnectionPool(
    sys.argv[1], min_size=2, max_size=2, timeout=1, kwargs={"autocommit": True}
)


def act():
    with pool.connection() as connection:
        try:
            return connection.execute(sys.argv[2]).fetchone()[0]
        except psycopg.Error:
            connection.close()
            raise


beat.every_10_ms(act, (psycopg.Error, psycopg_pool.PoolTimeout))
