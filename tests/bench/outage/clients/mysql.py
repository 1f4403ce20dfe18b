"""Writes or reads by PyMySQL. Arguments: host, port, a statement whose first value tells who did it."""

import sys

import pymysql

import beat

ERRORS = (pymysql.Error, OSError)


def connect():
    return pymysql.connect(
        host=sys.argv[1],
        port=int(sys.argv[2]),
        user="application",
        autocommit=True,
        connect_timeout=2,
    )


one = beat.OneConnection(connect, ERRORS, sys.argv[3])
beat.every_10_ms(one.act, ERRORS)
