"""Fills Isso's database with so many comments, a second apart, as `fill.py DATABASE COUNT`: posting them would take too long.

Run after the server's first start, which makes the tables.
"""

import sqlite3
import sys

FIRST = 1_600_000_000.0

database, count = sys.argv[1], int(sys.argv[2])
with sqlite3.connect(database, timeout=30) as connection:
    connection.execute("INSERT OR IGNORE INTO threads (uri, title) VALUES ('/bench/', 'bench')")
    (thread,) = connection.execute("SELECT id FROM threads WHERE uri = '/bench/'").fetchone()
    voters = bytes(256)
    rows = (
        (thread, FIRST + index, 1, "127.0.0.0", f"Comment {index} of the thread, " + "word " * 30, voters)
        for index in range(count)
    )
    connection.executemany(
        "INSERT INTO comments (tid, created, mode, remote_addr, text, voters, likes, dislikes) VALUES (?, ?, ?, ?, ?, ?, 0, 0)", rows
    )
