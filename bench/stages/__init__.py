"""The stages of a benchmark: each reads files and writes files, and can be run alone."""
