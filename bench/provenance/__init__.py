"""What is behind a published number: records, checks, verification, tracing, reuse."""
