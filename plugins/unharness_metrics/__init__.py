"""The built-in metrics. They know no task, no split and no method."""
