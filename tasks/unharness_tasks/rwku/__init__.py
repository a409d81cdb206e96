"""RWKU: what models know of real persons (2406.10890)."""
