"""The pipeline: a request in, a record out."""
