"""Plays recorded readings to the real rules again, with other settings beside those in force.

`recorded`, `player`, `figures` and `curve` are pure; `from_*` read; `table` and `plot` show.
"""
