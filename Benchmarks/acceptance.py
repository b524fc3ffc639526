"""What a benchmark must reach, and which of it was missed."""
import argparse
import sys


class Acceptance:
    """Collects what was missed; with `--check` that ends the program with 1."""

    def __init__(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--check", action="store_true", help="end with 1 when a ratio or a size is missed")
        self.missed: list[str] = []

    def require(self, what: str, value: float, *, least: float | None = None, most: float | None = None) -> None:
        if least is not None and value < least:
            self.missed.append(f"{what} is {value:.2f}, at least {least:g} is needed")
        if most is not None and value > most:
            self.missed.append(f"{what} is {value:.2f}, at most {most:g} is allowed")

    def end(self, arguments: argparse.Namespace) -> None:
        for line in self.missed:
            print(f"missed: {line}", flush=True)
        if arguments.check and self.missed:
            sys.exit(1)
