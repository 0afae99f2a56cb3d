"""What an earlier start has worked out is taken up again, and never when anything of it has changed."""

import os
import stat
from pathlib import Path

import pytest

from mockserver import cache
from mockserver.vendor import SpecError, load

TOY = Path(__file__).parents[1] / "fixtures/toy_vendor"


class Counted:
    """Makes a value, and counts how often it was asked to."""

    def __init__(self, value: object = None) -> None:
        self.value = value if value is not None else {"rows": [1, 2.5, "ä", None, True], 0: b"x"}
        self.calls = 0

    def __call__(self) -> object:
        self.calls += 1
        return self.value


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "proofboard"


def test_recall__makes_a_value_once() -> None:
    make = Counted()
    assert cache.recall("thing", b"key", make) == cache.recall("thing", b"key", make) == make.value
    assert make.calls == 1


def test_recall__another_key_is_another_value() -> None:
    one, other = Counted("one"), Counted("other")
    assert (cache.recall("thing", b"1", one), cache.recall("thing", b"2", other)) == ("one", "other")


def test_recall__a_broken_file_is_made_anew(folder: Path) -> None:
    make = Counted()
    cache.recall("thing", b"key", make)
    (path,) = folder.iterdir()
    for content in (b"", b"\x00", b"no marshal", path.read_bytes()[:-3]):
        path.write_bytes(content)
        assert cache.recall("thing", b"key", make) == make.value


def test_recall__without_a_place_to_write_works_all_the_same(folder: Path) -> None:
    folder.parent.joinpath("proofboard").write_text("a file where the folder should be")
    make = Counted()
    assert cache.recall("thing", b"key", make) == make.value
    assert cache.recall("thing", b"key", make) == make.value
    assert make.calls == 2


def test_recall__keeps_what_is_read_by_its_owner_alone(folder: Path) -> None:
    cache.recall("thing", b"key", Counted())
    (path,) = folder.iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_recall__keeps_a_few_of_each_name(folder: Path) -> None:
    for number in range(cache.MOST_KEPT + 5):
        cache.recall("thing", b"%d" % number, Counted())
        cache.recall("other", b"1", Counted())
    names = sorted(path.name.partition("-")[0] for path in folder.iterdir())
    assert (names.count("thing"), names.count("other")) == (cache.MOST_KEPT, 1)


def test_load__a_folder_that_gets_a_mistake_is_refused_though_it_was_sound(tmp_path: Path) -> None:
    copy = tmp_path / "toy"
    copy.mkdir()
    for path in TOY.iterdir():
        copy.joinpath(path.name).write_bytes(path.read_bytes())
    first, second = load(copy), load(copy)
    assert first.behaviour == second.behaviour
    assert [rule.line for rule in first.rules.values()] == [rule.line for rule in second.rules.values()]
    behaviour = copy / "behaviour.yaml"
    behaviour.write_text(behaviour.read_text().replace("verb: list", "verb: lists"))
    os.utime(behaviour, (0, 0))
    with pytest.raises(SpecError):
        load(copy)
