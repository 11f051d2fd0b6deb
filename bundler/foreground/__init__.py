"""A project run in the foreground, to try it: started in order, told apart by its lines, stopped in reverse order."""
