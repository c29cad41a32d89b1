"""What becomes of a build, of its files and of readers when something goes wrong."""
