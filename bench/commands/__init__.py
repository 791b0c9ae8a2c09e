"""The verbs of python -m bench: `stages` are the workflow's, `tools` work on any folders."""
