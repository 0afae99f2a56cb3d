"""Take secrets out of whatever is written: tokens, keys, passwords, cookies, people's e-mail addresses.

A caller's token becomes the shell variable that names it, so that a shown curl line runs once the variable is set.
"""

import re
from collections.abc import Mapping

_SECRET_NAME = re.compile(r"auth|token|key|secret|passw|session|cookie|credential", re.IGNORECASE)
_SECRET_FIELD = re.compile(
    r'("[^"]*(?:password|passwd|secret|token|api_?key|cookie)[^"]*"\s*:\s*")((?:[^"\\]|\\.)+)(")', re.IGNORECASE
)
_COOKIE_LINE = re.compile(r"^((?:set-)?cookie: )(.*)$", re.IGNORECASE | re.DOTALL)
_MAIL = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
_SCHEME = re.compile(r"^(?:Bearer|Basic|Token|Digest|ApiKey)\s+", re.IGNORECASE)
_RUN = 10  # so many characters in a row of a secret already give too much of it away


class Mask:
    """Knows the secrets of a run and takes them out of text. `mails` also hides addresses, as on a real tenant."""

    def __init__(self, callers: Mapping[str, Mapping[str, str]], *, mails: bool = True) -> None:
        self._mails = mails
        self._names: dict[str, str] = {}
        self.learn(callers)
        self._runs = {secret[i : i + _RUN] for secret in self._names for i in range(max(1, len(secret) - _RUN + 1))}

    def learn(self, callers: Mapping[str, Mapping[str, str]]) -> None:
        """Secrets that came up later; of these only the whole is hidden."""
        for caller, headers in callers.items():
            for header, value in headers.items():
                if _SECRET_NAME.search(header) and (secret := _SCHEME.sub("", value).strip()):
                    self._names.setdefault(secret, variable(caller, header))

    def __call__(self, text: str) -> str:
        """The text without a secret; quick where there is none."""
        for secret, name in self._names.items():
            if secret in text:
                text = text.replace(secret, name)
        if any(len(run) >= _RUN and run in text for run in self._runs):
            text = self._without_parts(text)
        text = _SECRET_FIELD.sub(self._hidden, text)
        text = _COOKIE_LINE.sub(r"\1***", text)
        return _MAIL.sub("***@***", text) if self._mails else text

    def _hidden(self, match: re.Match[str]) -> str:
        kept = match[2] in self._names.values()
        return match[0] if kept else f"{match[1]}***{match[3]}"

    def _without_parts(self, text: str) -> str:
        """A token that was damaged on purpose is still nearly the token."""
        hidden = [False] * len(text)
        for run in self._runs:
            start = text.find(run) if len(run) >= _RUN else -1
            while start >= 0:
                hidden[start : start + len(run)] = [True] * len(run)
                start = text.find(run, start + 1)
        kept = "".join("\0" if hide else character for character, hide in zip(text, hidden, strict=True))
        return re.sub("\0+", "***", kept)


def variable(caller: str, header: str) -> str:
    """The shell variable that stands for a caller's secret, such as `$OWNER_TOKEN`."""
    name = "TOKEN" if header.lower() == "authorization" else header
    return "$" + re.sub(r"\W+", "_", f"{caller}_{name}").upper()
