"""What requests cost, and the budget that they are reserved in."""
