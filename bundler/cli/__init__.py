"""The command line: one file per command; typer stops here."""
