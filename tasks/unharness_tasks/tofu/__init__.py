"""TOFU: facts about authors who do not exist, some of whom are to be forgotten (2401.06121)."""
