"""Records as Every Eval Ever (schema 0.3.0, arXiv 2606.14516), the format of evaluation sites."""
