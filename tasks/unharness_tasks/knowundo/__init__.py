"""KnowUnDo: what to forget and what to keep of the same people and books (arXiv 2407.01920)."""
