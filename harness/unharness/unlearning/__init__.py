"""What an unlearning method is, and what it is given to work with."""
