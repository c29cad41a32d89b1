"""A brute-force reference of every metric: plain Python over lists of events.

It is written from the semantics in words, shares no code with the SQL macros and
prefers loops that can be checked by eye to speed. `tests/python/test_oracle_*.py` hold
the macros against it on generated event streams. See `README.md` beside this file.
"""
