"""Reading the settings: where each value comes from, and how nonsense is refused."""

from dataclasses import fields
from pathlib import Path

import pytest

from mockserver.settings import TABLE, Settings, SettingsError, read


def refused(given: dict[str, str | None], environ: dict[str, str] | None = None) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as refusal:
        read(given, environ or {})
    return refusal.value.mistakes


def test_read__nothing_given() -> None:
    assert read({}, {}) == Settings()


def test_read__the_option_wins_over_the_variable() -> None:
    settings = read({"port": "8080", "seed": None}, {"PROOFBOARD_PORT": "9090", "PROOFBOARD_SEED": "7"})
    assert (settings.port, settings.seed) == (8080, 7)


def test_read__an_empty_variable_is_not_set() -> None:
    assert read({}, {"PROOFBOARD_PORT": ""}).port == 4010


def test_read__an_empty_option_is_a_mistake() -> None:
    (mistake,) = refused({"port": ""})
    assert mistake.startswith("port is '' (from the option --port)")


def test_read__the_vendors_are_kept() -> None:
    assert read({}, {}, vendors=("toy",)).vendors == ("toy",)


def test_read__all_mistakes_at_once() -> None:
    given: dict[str, str | None] = {"port": "90000", "clock": "noon", "limits": "on"}
    mistakes = refused(given, {"PROOFBOARD_SEED": "one", "PROOFBOARD_RECORDS": "0"})
    assert mistakes == (
        "port is '90000' (from the option --port); expected a whole number from 0 to 65535; 0 takes any free one",
        "seed is 'one' (from the variable PROOFBOARD_SEED); expected a whole number from 0 to 999999999999",
        "records is '0' (from the variable PROOFBOARD_RECORDS); expected a whole number from 1 to 10000000",
        "clock is 'noon' (from the option --clock); expected real, or a time such as 2026-03-02T09:00:00Z",
        "limits is 'on' (from the option --limits); expected documented or off",
    )


NONSENSE = {
    "host": ["two words", ""],
    "port": ["-1", "65536", "4010.0", "٤", ""],
    "seed": ["-1", "1e3"],
    "records": ["0", "99999999"],
    "workers": ["0", "two"],
    "clock": ["2026-02-30", "", "1969-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59Z"],
    "limits": ["Off"],
    "control_token": ["two words", ""],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name in NONSENSE for value in NONSENSE[name]])
def test_read__refuses(name: str, value: str) -> None:
    (mistake,) = refused({name: value})
    assert mistake.startswith(f"{name} is ")


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("postgresql://host/db", "state in PostgreSQL is not offered yet"),
        ("sqlite:///a.db", "the path of a FILE, without a scheme"),
        ("/no/such/folder/a.db", "there is no /no/such/folder"),
        ("/tmp", "this is a folder"),
    ],
)
def test_read__refuses_a_state(value: str, said: str) -> None:
    (mistake,) = refused({"state": value})
    assert said in mistake


def test_read__state_in_a_file(tmp_path: Path) -> None:
    assert read({"state": str(tmp_path / "a.db")}, {}).state == str(tmp_path / "a.db")


def test_read__several_workers_are_not_offered_yet() -> None:
    (mistake,) = refused({"workers": "2"})
    assert "several processes need a state that they share" in mistake


@pytest.mark.parametrize("text", ["2026-03-02T09:00:00Z", "2026-03-02T10:00:00+01:00", "2026-03-02T09:00:00"])
def test_read__the_clock_is_told_in_utc(text: str) -> None:
    assert read({"clock": text}, {}).clock == "2026-03-02T09:00:00Z"


def test_read__a_secret_is_not_shown() -> None:
    (mistake,) = refused({"control_token": "my secret"})
    assert "secret" not in mistake
    assert "hush" not in repr(Settings(control_token="hush"))


def test_read__a_variable_nearly_right() -> None:
    assert refused({}, {"PROOFBOARD_PROT": "8080"}) == (
        "there is no variable PROOFBOARD_PROT; did you mean PROOFBOARD_PORT?",
    )


def test_read__another_variable_of_ours_is_let_be() -> None:
    assert read({}, {"PROOFBOARD_BENCHMARK_ROUNDS": "3"}) == Settings()


def test_table__has_every_setting_but_the_vendors() -> None:
    assert [setting.name for setting in TABLE] == [field.name for field in fields(Settings) if field.name != "vendors"]
    assert all(setting.default == getattr(Settings(), setting.name) for setting in TABLE)
