"""The project on Spark: builds there, and what differs from DuckDB's tables.

``build.py`` builds on Spark, in this machine's memory or on a cluster; ``compare.py``
compares tables row for row; ``cluster.py`` starts a standalone cluster, builds on it and
kills a worker meanwhile.
"""
