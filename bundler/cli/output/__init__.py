"""What people see of a command, and what programs read of it."""
