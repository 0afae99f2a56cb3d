"""The `proofboard` command: what a person types, and how it is told to them. No command's work is done here.

Imports only what every command needs; the rest is imported where it is used, because start-up time is part of the
product.
Other packages add commands through the entry point group `proofboard.commands`.
"""

import gc
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import IO, Any

import click

from mockserver import __version__
from mockserver.settings import TABLE, Settings, SettingsError, read

GROUP = "proofboard.commands"


class Trouble(click.ClickException):
    """What stops a command, in words for a person; exit code 2 and no traceback."""

    exit_code = 2

    def show(self, file: IO[Any] | None = None) -> None:
        click.echo(self.message, err=True)


class Commands(click.Group):
    """Our own commands, and those that other packages add."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*self.commands, *(name for name in _added() if name not in self.commands)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return super().get_command(ctx, cmd_name) or _added_command(cmd_name)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:  # click would exit with 1, which says of a target that it does not conform
            raise Trouble("interrupted") from None

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        if args and not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            known = self.list_commands(ctx)
            raise Trouble(f"There is no command {args[0]!r}.{_guess(args[0], known)} Commands: {', '.join(known)}.")
        return super().resolve_command(ctx, args)


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="Every command explains itself, with examples: proofboard COMMAND --help",
)
@click.version_option(__version__, prog_name="proofboard")
def cli() -> None:
    """A stand-in tenant for a SaaS API, and the proof that the stand-in and the real one keep the same contract.

    \b
    proofboard serve                    all vendors, on http://127.0.0.1:4010
    proofboard credentials              who you can be there
    proofboard test VENDOR              judge the stand-in, or a real tenant
    proofboard rules VENDOR             the rules that are judged
    """


def settings_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of the settings table; their values arrive as text, to be read all at once."""
    for setting in reversed(TABLE):
        default = "" if setting.default is None else f"Default {setting.default}. "
        text = f"{setting.help} {default}[{setting.variable}]"
        several: dict[str, Any] = {"multiple": True, "callback": _joined} if setting.is_repeated else {}
        command = click.option(setting.option, setting.name, metavar=setting.metavar, help=text, **several)(command)
    return command


def _joined(context: click.Context, option: click.Parameter, values: Sequence[str]) -> str | None:
    return ",".join(values) if values else None


@cli.command(short_help="Serve stand-in tenants.")
@click.argument("vendors", nargs=-1, metavar="[VENDOR|FOLDER]...")
@settings_options
def serve(vendors: tuple[str, ...], **given: str | None) -> None:
    """Serve stand-in tenants: every vendor that ships, or those named, or a vendor folder of your own.

    \b
    Examples:
      proofboard serve                              all vendors
      proofboard serve VENDOR --port 8080           one of them, elsewhere
      proofboard serve ./my-vendor                  a folder of your own
      proofboard serve --state board.db             keep everything across restarts
      proofboard serve --clock 2026-03-02T09:00:00Z same seed, same requests, same bytes
      proofboard serve --limits off --records 5000  plenty of records, no quota
      proofboard serve --switches VENDOR.WORD=VALUE where documents leave two ways open, the other one
      proofboard serve VENDOR --defect NAME         wrong on purpose; `proofboard defects` lists the ways

    Each request may name a world of its own with the header X-Mock-World; worlds are made on first use and never meet.
    Ctrl-C ends it.
    """
    gc.disable()  # until the app is there: nothing that a start makes is garbage, and looking for it takes time
    from mockserver.serve import CannotServe, listen, run

    settings = _settings(given, vendors)
    try:
        with listen(settings.host, settings.port) as socket:
            run(settings, _load(vendors), socket)
    except CannotServe as error:
        raise Trouble(str(error)) from None
    finally:
        gc.enable()


@cli.command(short_help="List the rules of a vendor.")
@click.argument("vendor", required=False, metavar="[VENDOR|FOLDER]")
@click.option("--json", "as_json", is_flag=True, help="As JSON, by vendor, with every field of the ledger.")
def rules(vendor: str | None, as_json: bool) -> None:
    """The rule ledger: each rule of the contract, its grade, what judges it, and where it is known from.

    \b
    Grades: documented and published rules bind a real tenant; observed, inferred and assumed ones only warn.
    Judged by: schema (the document), law (behaviour.yaml), rule (a function), none (the reason is in --json).

    \b
    Examples:
      proofboard rules VENDOR
      proofboard rules VENDOR | grep assumed        tab-separated when piped
      proofboard rules --json
    """
    from mockserver import listing

    click.echo(listing.rules(_load_one(vendor), as_json=as_json, is_terminal=_is_terminal()), nl=False)


@cli.command(short_help="List the defects that can be planted.")
@click.argument("vendor", required=False, metavar="[VENDOR|FOLDER]")
@click.option("--json", "as_json", is_flag=True, help="As JSON, by vendor, with the operations of each.")
def defects(vendor: str | None, as_json: bool) -> None:
    """The ways in which the stand-in can be wrong on purpose: the name of each, its kind, and what goes wrong.

    They are derived from the vendor's model, so a folder of your own has some as well.

    \b
    Examples:
      proofboard defects VENDOR
      proofboard defects VENDOR | grep paging       tab-separated when piped
      proofboard serve VENDOR --defect NAME         with one of them; give --defect again for another
    """
    from mockserver import listing

    click.echo(listing.defects(_load_one(vendor), as_json=as_json, is_terminal=_is_terminal()), nl=False)


@cli.command(short_help="Is a vendor folder sound?")
@click.argument("vendor", required=False, metavar="[VENDOR|FOLDER]")
def check(vendor: str | None) -> None:
    """Is a vendor folder sound? Every mistake at once, with file and line; exit code 2 if there is one.

    Without an argument, every vendor that ships. Stricter than `serve`: each example is held against its schema.

    \b
    Examples:
      proofboard check
      proofboard check ./my-vendor
    """
    from mockserver import listing

    for sound in _load_one(vendor, thorough=True):
        click.echo(listing.soundness(sound))


@cli.command(short_help="List the operations of a vendor.")
@click.argument("vendor", required=False, metavar="[VENDOR|FOLDER]")
def routes(vendor: str | None) -> None:
    """The operations: method and path, the verb that plays them, and the rules about them.

    \b
    Examples:
      proofboard routes VENDOR
      proofboard routes VENDOR | cut -f 2,3         tab-separated when piped, with every rule's id
    """
    from mockserver import listing

    click.echo(listing.routes(_load_one(vendor), is_terminal=_is_terminal()), nl=False)


@cli.command(short_help="Who you can be on the stand-in.")
@click.argument("vendor", required=False, metavar="[VENDOR|FOLDER]")
@click.option("--json", "as_json", is_flag=True, help="As JSON, the same as GET /_mock/credentials.")
@click.option("--toml", "as_toml", is_flag=True, help="As a tenant.toml to copy and to edit.")
def credentials(vendor: str | None, as_json: bool, as_toml: bool) -> None:
    """Who you can be on the stand-in: callers, the headers that make you each of them, and ids of seeded records.

    The address is that of `serve` without options; PROOFBOARD_HOST and PROOFBOARD_PORT change it here too. Where
    tokens end soon, --json has new ones, good by the real clock; GET /_mock/credentials has those of a world.

    \b
    Examples:
      proofboard credentials VENDOR
      proofboard credentials --json
      proofboard credentials VENDOR --toml > tenant.toml
      proofboard test VENDOR --tenant tenant.toml
    """
    from mockserver import listing
    from mockserver.serve import origin

    if as_json and as_toml:
        raise Trouble("--json and --toml exclude each other: choose one.")
    settings = _settings({}, ())
    address = origin(settings.host, settings.port)
    loaded = _load_one(vendor)
    if as_json:
        click.echo(listing.credentials_json(loaded, address))
    elif as_toml:
        click.echo(listing.credentials_toml(loaded, address), nl=False)
    else:
        click.echo(listing.credentials(loaded, address, is_terminal=_is_terminal()), nl=False)


def main() -> None:
    cli(prog_name="proofboard")


def _settings(given: dict[str, Any], vendors: tuple[str, ...]) -> Settings:
    try:
        return read(given, os.environ, vendors=vendors)
    except SettingsError as error:
        raise Trouble("\n".join(error.mistakes)) from None


def _load_one(name: str | None, *, thorough: bool = False) -> list[Any]:
    return _load((name,) if name is not None else (), thorough=thorough)


def _load(names: Sequence[str], *, thorough: bool = False) -> list[Any]:
    """The vendors named, or all that ship; the mistakes of all of them at once."""
    from mockserver.vendor import SpecError, load, shipped

    loaded: list[Any] = []
    mistakes: list[Any] = []
    for name in names or shipped():
        try:
            loaded.append(load(name, thorough=thorough))
        except SpecError as error:
            mistakes.extend(error.mistakes)
    if mistakes:
        raise Trouble(str(SpecError(mistakes)))
    twice = sorted({one.name for one in loaded if sum(other.name == one.name for other in loaded) > 1})
    if twice:
        raise Trouble(f"{', '.join(twice)} is named twice: each vendor can be served once, under its own name.")
    return loaded


def _is_terminal() -> bool:
    return sys.stdout.isatty()


def _guess(word: str, known: Iterable[str]) -> str:
    from difflib import get_close_matches

    found = get_close_matches(word, list(known), n=1)
    return f" Did you mean {found[0]!r}?" if found else ""


def _added() -> dict[str, Any]:
    from importlib.metadata import entry_points

    return {entry.name: entry for entry in entry_points(group=GROUP)}


def _added_command(name: str) -> click.Command | None:
    entry = _added().get(name)
    if entry is None:
        return None
    try:
        command: click.Command = entry.load()
    except Exception as error:  # whatever a foreign package does wrong is told, not raised
        return _unloadable(name, entry.value, error)
    return command


def _unloadable(name: str, origin: str, error: Exception) -> click.Command:
    def tell(**_: Any) -> None:
        reason = f"{type(error).__name__}: {error}"
        raise Trouble(f"The command {name!r} comes from {origin}, which cannot be loaded: {reason}")

    anything = click.Argument(["arguments"], nargs=-1, type=click.UNPROCESSED)
    return click.Command(
        name,
        callback=tell,
        params=[anything],
        short_help="(cannot be loaded)",
        add_help_option=False,
        context_settings={"ignore_unknown_options": True},
    )
