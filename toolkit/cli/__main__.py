"""``python -m toolkit.cli``."""

from toolkit.cli import main

if __name__ == "__main__":
    main()
