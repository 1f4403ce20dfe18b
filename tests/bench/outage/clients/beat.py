"""What all clients do: something every 10 ms, and a line of what came of it."""

import time


def every_10_ms(act, errors):
    """`act` tells who did it, or raises one of `errors`."""
    due = time.monotonic()
    while True:
        try:
            word, detail = "ok", act()
        except errors as error:
            word, detail = "error", " ".join(str(error).split())
        print(time.monotonic_ns(), word, detail, flush=True)
        due = max(due + 0.01, time.monotonic())
        time.sleep(max(due - time.monotonic(), 0))


class OneConnection:
    """A statement on one connection, which is made anew after any error."""

    def __init__(self, connect, errors, statement):
        self.connect, self.errors, self.statement = connect, errors, statement
        self.connection = None

    def act(self):
        try:
            if self.connection is None:
                self.connection = self.connect()
            cursor = self.connection.cursor()
            cursor.execute(self.statement)
            return cursor.fetchone()[0]
        except self.errors:
            self.close()
            raise

    def close(self):
        if self.connection is not None:
            try:
                self.connection.close()
            except self.errors:
                pass  # It was lost before.
        self.connection = None
