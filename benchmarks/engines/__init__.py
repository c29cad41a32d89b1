"""One module per engine; `run` writes the answer to a task as folder/task.parquet."""
