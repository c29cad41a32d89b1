"""What is measured with a clock: never part of the tests."""
