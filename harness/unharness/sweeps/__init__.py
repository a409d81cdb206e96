"""Many runs: grids, executors, tuning."""
