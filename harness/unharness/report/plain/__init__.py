"""One run on one page, for readers who know no machine learning."""
