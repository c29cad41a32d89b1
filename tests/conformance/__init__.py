"""Cases of what other tools say, asked of the project's own macros on DuckDB.

    python -m tests.conformance.run [FOLDER]

A case is a JSON file: events, params and the numbers that are expected (README.md has
the schema). One module per kind, in kinds/, turns a case into questions and rows into
an answer:

- `FIELDS`: the names that `expected` may have in cases of this kind.
- `questions(case)`: a list of `Question(name, macro, arguments)`. Each is rendered by
  dbt (render.py) and becomes a table called `name`, in order, so that a later question
  can ask an earlier one; the table `events` (event_id, user_id, event_name, properties,
  user_properties, event_time) is there from the start. Raises ValueError, with what is
  wrong, for params that mean nothing.
- `answer(case, rows)`: what the project says, in the form of `case.expected`. `rows`
  maps each question's name to its rows as dictionaries. Only what `expected` asks for
  needs to be there; items of a list are compared whether they are expected or not.

No module computes a metric: it chooses arguments and arranges rows. run.py reads, asks,
compares and counts; reasons.py holds the reasons for which a case may be skipped.
"""
