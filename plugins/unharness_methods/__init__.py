"""The built-in unlearning methods, a file each. They use unharness as a third party would."""
