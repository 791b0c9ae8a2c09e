"""The verbs of python -m bench: `stages` of a suite, `pictures` and `tools` on any folders, `methods` of one's own, and
`trace` of what is published."""
