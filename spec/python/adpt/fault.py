"""The one exception of this decoder."""


class Fault(Exception):
    """A rule of the specification that a file breaks: the code of annex A, and a sentence."""

    def __init__(self, code: str, message: str):
        super().__init__(message)
        self.code = code
        self.message = message


def require(condition: bool, code: str, message: str) -> None:
    """Raises the fault unless the condition holds."""
    if not condition:
        raise Fault(code, message)
