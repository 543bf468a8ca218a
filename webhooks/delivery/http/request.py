"""The head of a request: one line for the target, and the headers."""

from collections.abc import Mapping

from webhooks.delivery.egress import Target

# Of these the request has one each, its own.
_FRAMING = {"host", "content-length", "transfer-encoding", "connection"}


class Destination:
    """A target, with the part of the head that all its requests have in common.

    `defaults` are headers that a request may replace.
    """

    __slots__ = ("_beginnings", "_defaults", "origin", "target")

    def __init__(self, target: Target, defaults: Mapping[str, str]) -> None:
        self.target = target
        self.origin = f"{target.scheme}://{target.authority}"
        self._defaults = defaults
        # By the names of a request's headers. A profile always sends the same.
        self._beginnings: dict[tuple[str, ...], tuple[str, tuple[str, ...]]] = {}

    def head(self, headers: Mapping[str, str], *, length: int) -> bytes:
        """The bytes before a body of `length` bytes.

        `headers` replace the defaults, but not Host and what frames the body. Raises
        ValueError for a header that would end its line.
        """
        names = tuple(headers)
        known = self._beginnings.get(names)
        if known is None:
            known = self._beginnings[names] = self._beginning(names)
        beginning, sent = known
        fields = "".join([f"{name}: {headers[name]}\r\n" for name in sent])
        if not fields.count("\n") == fields.count("\r") == len(sent) or "\0" in fields:
            raise ValueError("a header has a line break or a NUL character in it")
        return f"{beginning}{fields}Content-Length: {length}\r\n\r\n".encode()

    def _beginning(self, names: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
        """The lines that are the same each time, and the headers that are not."""
        sent = tuple(name for name in names if name.lower() not in _FRAMING)
        replaced = {name.lower() for name in sent}
        lines = [f"POST {self.target.path} HTTP/1.1", f"Host: {self.target.authority}"]
        lines += [
            f"{name}: {value}"
            for name, value in self._defaults.items()
            if name.lower() not in replaced
        ]
        return "".join(f"{line}\r\n" for line in lines), sent
