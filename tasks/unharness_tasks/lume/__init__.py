"""LUME: stories, invented personal data and real biographies (2502.15097); SemEval-2025 task 4."""
