"""Take secrets out of whatever is written: tokens, keys, passwords, cookies, people's e-mail addresses.

A caller's token becomes the shell variable that names it, so that a shown curl line runs once the variable is set. What
is masked stays what it was: a JSON text stays JSON, XML stays XML, a query stays a query.
"""

import base64
import binascii
import html
import json
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from urllib.parse import quote, quote_plus

Callers = Mapping[str, Mapping[str, str]]

_SECRET_HEADER = re.compile(r"auth|token|key|secret|passw|session|cookie|credential|signature|jwt", re.IGNORECASE)
_SECRET_FIELD = re.compile(
    r"passw|passphrase|pwd|secret|token|jwt|api[-_.]?key|access[-_.]?key|private[-_.]?key|cookie|credential"
    r"|authorization|session[-_.]?id|sessid",
    re.IGNORECASE,
)
_NO_SECRET = re.compile(
    r"page|next|cursor|(?:type|count|used|limit|length|expires|expiry|_at|_in|url|uri|policy|required)$", re.IGNORECASE
)
_WORDS = ("passw", "passphrase", "pwd", "secret", "token", "jwt", "key", "cookie", "credential", "authoriz", "sess")
_FIELD = re.compile(r'("([^"\\\s]{1,80})"\s*:\s*)("[^"\\]*(?:\\.[^"\\]*)*"|-?[0-9][0-9.eE+-]*)', re.DOTALL)
_ESCAPED_FIELD = re.compile(
    r'(\\"([^"\\\s]{1,80})\\"\s*:\s*\\")([^"\\]*(?:(?:\\\\\\["\\]|\\\\[^"\\]|\\[^"\\])[^"\\]*)*)(?=\\")', re.DOTALL
)
_PAIR = re.compile(
    r"""((?<![\w.%\[\]-])([\w.%\[\]-]+)(?:=|%3[Dd]))(["']?)((?=[^&\s"'<>\\#;])[^&\s"'<>\\#;%]*(?:%(?!26)[^&\s"'<>\\#;%]*)*)"""
)
_ELEMENT = re.compile(r"(<([\w:.-]{1,80})(?:\s[^<>]*)?>)([^<]+)(?=</)")
_NAME_END = re.compile(r"""[^"\\\s<>=&;,{}]{0,80}(?:\\?"\s*:|=|%3[Dd]|[\s>])""")
_LINE = re.compile(r"([A-Za-z][A-Za-z0-9-]*): (.+)", re.DOTALL)
_COOKIES = ("cookie", "set-cookie")
_SCHEME = re.compile(r"^(?:Bearer|Basic|Token|Digest|ApiKey)\s+", re.IGNORECASE)
_JWT = re.compile(r"eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]*")
_LOGIN_OF_URL = re.compile(r"(?<=://)[^/\s@\"'<>\\]+@")
_SIGNS = ("@", "%40", "\\u0040", "&#64;", "&#x40;", "\uff20")
_AT = re.compile("|".join(["@", "%(?:25)?40", r"\\u0040", "&#64;", "&#x40;", "\uff20"]))
_DOMAIN = re.compile(r"(?:[\w-]|\\u[0-9a-fA-F]{4})+(?:\.(?:[\w-]|\\u[0-9a-fA-F]{4})+)+")
_ESCAPED = re.compile(r"u[0-9a-fA-F]{4}")

_LEAST = 6  # characters; what is shorter is hidden only where its name tells what it is
_RUN = 10  # so many characters in a row of a secret already give too much of it away
_GRAM = 5  # whatever has a run of a secret has one of its pieces of this length
_LONG = 16  # characters from which on a text could be a secret that nobody told us
_OFTEN = 240  # characters; texts up to here, such as header lines, come again and again


class Mask:
    """Knows the secrets of a run and takes them out of text. `mails` also hides addresses, as on a real tenant.

    `logins` are what callers log in with: caller -> field -> value.
    """

    def __init__(self, callers: Callers, *, mails: bool = True, logins: Callers | None = None) -> None:
        self._is_tenant = mails
        self._names: dict[str, str] = {}  # a secret: what stands for it
        self._forms: list[tuple[str, str]] = []  # whatever a secret may look like, the longest first
        self._grams: dict[str, set[str]] = {}  # a piece of a secret: the secrets that it is a piece of
        self._remembered = lru_cache(maxsize=8192)(self._masked)
        self._learn({**_of_headers(callers), **_of_logins(logins or {})}, in_every_form=True)

    def learn(self, callers: Callers) -> None:
        """Secrets that came up later. A mock makes them up by the thousand: of those only the whole is hidden."""
        self._learn(_of_headers(callers), in_every_form=self._is_tenant)

    def __call__(self, text: str) -> str:
        """The text without a secret; quick where there is none."""
        return self._remembered(text) if len(text) <= _OFTEN else self._masked(text)

    def _learn(self, secrets: Mapping[str, str], *, in_every_form: bool) -> None:
        new = {secret: name for secret, name in secrets.items() if secret not in self._names}
        if not new:
            return
        self._names |= new
        known = dict(self._forms)
        for secret, name in new.items():
            for form, shown in _forms(secret, name) if in_every_form else [(secret, name)]:
                known.setdefault(form, shown)
            if in_every_form and len(secret) >= _LONG and not re.search(r"\s", secret):
                for start in range(0, len(secret) - _GRAM + 1, _GRAM):
                    self._grams.setdefault(secret[start : start + _GRAM], set()).add(secret)
        self._forms = sorted(known.items(), key=lambda form: -len(form[0]))
        self._remembered.cache_clear()

    def _masked(self, text: str) -> str:
        for form, name in self._forms:
            if form in text:
                text = text.replace(form, name)
        # A mock's secrets are anybody's, and its answers many: pieces are looked for where we put them ourselves.
        is_searched = self._is_tenant or len(text) <= _OFTEN
        if is_searched and (found := [gram for gram in self._grams if gram in text]):
            text = self._without_parts(text, set().union(*(self._grams[gram] for gram in found)))
        if _names_secrets(text):
            text = self._without_named(text)
        if self._is_tenant:
            if "eyJ" in text:
                text = _JWT.sub("***", text)
            if any(sign in text for sign in _SIGNS):
                text = _without_mails(_LOGIN_OF_URL.sub("***@", text))
        return text

    def _without_named(self, text: str) -> str:
        """Without the values whose names tell that they are secret: of headers, fields, parameters, elements."""
        if (line := _LINE.fullmatch(text)) and _SECRET_HEADER.search(line[1]):
            return f"{line[1]}: {self._header(line[1].lower(), line[2])}"
        text = _FIELD.sub(self._field, text)
        if '\\"' in text:
            text = _ESCAPED_FIELD.sub(lambda found: self._hidden(found, found[3], "***"), text)
        if "=" in text or "%3" in text:
            text = _PAIR.sub(self._pair, text)
        return _ELEMENT.sub(lambda found: self._hidden(found, found[3], "***"), text) if "</" in text else text

    def _header(self, name: str, value: str) -> str:
        scheme = _SCHEME.match(value)
        bare = value[scheme.end() :] if scheme else value
        if self._stands_in(bare) or "***" in bare:
            return value
        if bare.strip() in self._names:
            return f"{scheme[0] if scheme else ''}{self._names[bare.strip()]}"
        if name in _COOKIES:
            return "***"
        is_told = name.startswith(("www-", "proxy-authenticate", "access-control"))  # these tell how, not what
        if self._is_tenant and not is_told and len(bare) >= _LONG and " " not in bare:
            return f"{scheme[0] if scheme else ''}***"
        return value

    def _field(self, found: re.Match[str]) -> str:
        return self._hidden(found, found[3].strip('"'), '"***"')

    def _pair(self, found: re.Match[str]) -> str:
        before, _, mark, value = found.groups()
        hidden = self._hidden(found, value, "***")
        if hidden == found[0] and "%3" in value:  # a URL as the value of a parameter
            return f"{before}{mark}{_PAIR.sub(self._pair, value)}"
        return hidden if hidden == found[0] else f"{before}{mark}***"

    def _hidden(self, found: re.Match[str], value: str, hidden: str) -> str:
        """What was found, `hidden` in place of its value where its name is that of a secret."""
        name = found[2]
        if not value or not _SECRET_FIELD.search(name) or _NO_SECRET.search(name) or self._stands_in(value):
            return found[0]
        return f"{found[1]}{hidden}"

    def _stands_in(self, value: str) -> bool:
        return value.startswith("$") and value in self._names.values()

    def _without_parts(self, text: str, secrets: set[str]) -> str:
        """A token that was damaged on purpose is still nearly the token."""
        hidden = bytearray(len(text))
        for secret in secrets:
            for first in range(len(secret) - _RUN + 1):
                run = secret[first : first + _RUN]
                start = text.find(run)
                while start >= 0:
                    hidden[start : start + _RUN] = b"\1" * _RUN
                    start = text.find(run, start + 1)
        return _cut(text, hidden)


def variable(caller: str, header: str) -> str:
    """The shell variable that stands for a caller's secret, such as `$OWNER_TOKEN`."""
    name = "TOKEN" if header.lower() == "authorization" else header
    return "$" + re.sub(r"\W+", "_", f"{caller}_{name}").upper()


def _names_secrets(text: str) -> bool:
    """Whether a word that names secrets stands where a name does, and not only in what somebody wrote."""
    lowered = text.lower()
    words = [word for word in _WORDS if word in lowered]
    if words and (len(text) <= _OFTEN or _SECRET_HEADER.search(lowered[:80].partition(": ")[0])):
        return True
    has_elements = "</" in text
    for word in words:
        at = lowered.find(word)
        while at >= 0:
            end = _NAME_END.match(lowered, at)
            is_name = end is not None and (has_elements or (not end[0][-1].isspace() and end[0][-1] != ">"))
            if is_name and _SECRET_FIELD.search(lowered, max(0, at - 80), at + 80):
                return True
            at = lowered.find(word, at + 1)
    return False


def _cut(text: str, hidden: bytearray) -> str:
    kept: list[str] = []
    end = 0
    for run in re.finditer(b"\1+", hidden):
        kept += text[end : run.start()], "***"
        end = run.end()
    return "".join([*kept, text[end:]])


def _of_headers(callers: Callers) -> dict[str, str]:
    """Secret -> the variable that stands for it."""
    found: dict[str, str] = {}
    for caller, headers in callers.items():
        for header, value in headers.items():
            if not _SECRET_HEADER.search(header) or not (secret := _SCHEME.sub("", value).strip()):
                continue
            name = variable(caller, header)
            found.setdefault(secret, name)
            if value[:6].lower() == "basic ":
                found |= {part: f"{name}_{kind}" for kind, part in _of_basic(secret) if part not in found}
            if header.lower() == "cookie":
                parts = [part.partition("=")[2].strip() for part in secret.split(";")]
                found |= {part: name for part in parts if len(part) >= _LONG and part not in found}
    return found


def _of_basic(credentials: str) -> Iterator[tuple[str, str]]:
    """What is in the credentials of Basic: both together, the password, and the user who is an address."""
    try:
        whole = base64.b64decode(credentials, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return
    user, _, password = whole.partition(":")
    yield "BOTH", whole
    if password:
        yield "PASSWORD", password
    if "@" in user or not password:  # many take a token for the user, and no password
        yield "USER", user


def _of_logins(logins: Callers) -> dict[str, str]:
    return {value: variable(caller, field) for caller, fields in logins.items() for field, value in fields.items()}


def _forms(secret: str, name: str) -> Iterator[tuple[str, str]]:
    """How a secret may stand in a text, and what shall stand there; nothing where it is too short to be told."""
    if len(secret) < _LEAST:
        return
    yield secret, name
    for ascii_only in (True, False):
        inside = json.dumps(secret, ensure_ascii=ascii_only)[1:-1]
        yield inside, name
        yield inside.replace("/", "\\/"), name
        yield json.dumps(inside)[1:-1], name
    yield html.escape(secret), name
    for once in (quote(secret, safe=""), quote_plus(secret), quote(secret)):
        yield once, name
        yield re.sub("%..", lambda code: code[0].lower(), once), name
        yield quote(once, safe=""), name
    for offset in range(3):  # where it stands behind something else that is encoded with it
        packed = base64.b64encode(b"\0" * offset + secret.encode()).decode()
        core = packed[(offset * 8 + 5) // 6 : (offset + len(secret.encode())) * 8 // 6]
        if len(core) >= _LEAST:
            yield core, "***"
            yield core.replace("+", "-").replace("/", "_"), "***"
            yield quote(core, safe=""), "***"


def _without_mails(text: str) -> str:
    """Without the addresses of people, in whatever letters, also percent-encoded or escaped."""
    kept: list[str] = []
    end = 0
    for at in _AT.finditer(text):
        domain = _DOMAIN.match(text, at.end())
        start = _begin(text, at.start(), end)
        if domain is None or start >= at.start():
            continue
        kept += text[end:start], "***@***"
        end = domain.end()
    return "".join([*kept, text[end:]]) if kept else text


def _begin(text: str, at: int, least: int) -> int:
    """Where the name before an @ begins. The letter of an escape, such as that of a new line, is none of it."""
    start = at
    while start > least:
        before = text[start - 1]
        if before.isalnum() or before in "._%+-" or (before > "\x7f" and not before.isspace()):
            start -= 1
        elif before == "\\" and start < at and _is_escape(text, start - 1):
            if not _ESCAPED.match(text, start):
                return start + 1
            start -= 1
        else:
            break
    return start


def _is_escape(text: str, backslash: int) -> bool:
    """Whether this backslash escapes what follows, and is not itself escaped."""
    first = backslash
    while first > 0 and text[first - 1] == "\\":
        first -= 1
    return (backslash - first) % 2 == 0
