"""The built-in observers: likelihood of answers, generated text, likelihood of choices."""
