"""The pipeline: a request in, a record out."""

from unharness.running.pipeline import run

__all__ = ["run"]
