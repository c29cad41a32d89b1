"""SQL that a user typed: what it may say, and the process that it runs in."""
