"""`python -m bundler`: the command, where it is not on PATH."""

from bundler.cli.main import main

if __name__ == "__main__":
    main()
