"""`python -m seqkit` is `seqkit`."""

from seqkit.cli import main

if __name__ == "__main__":
    main()
