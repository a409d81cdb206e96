"""The built-in tasks. They use unharness exactly as a third party would."""
