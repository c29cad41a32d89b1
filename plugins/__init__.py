"""What the build needs of the file system and SQL cannot say; loaded by dbt-duckdb."""
