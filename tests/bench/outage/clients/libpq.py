"""Writes or reads by libpq. Arguments: a connection string, a statement whose first value tells who did it."""

import sys

import psycopg2

import beat


def connect():
    connection = psycopg2.connect(sys.argv[1])
    connection.autocommit = True
    return connection


one = beat.OneConnection(connect, psycopg2.Error, sys.argv[2])
beat.every_10_ms(one.act, psycopg2.Error)
