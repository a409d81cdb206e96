"""WMDP: multiple-choice questions on hazardous knowledge (2403.03218)."""
