"""How what is built gets to its place, in one step: also in that of an older one, whose data stays."""
