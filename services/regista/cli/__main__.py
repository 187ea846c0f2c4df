"""``python -m regista.cli``, for where the command is not on the path."""

from regista.cli import main

main()
