"""GeoTareas: the filters of a board's cards, each held against all cards of the board, and what a card counts."""

from itertools import combinations
from typing import Any

from contracts.expecting import (
    expect,
    expect_equal,
    expect_status,
    known,
)
from contracts.findings import NotJudged
from contracts.laws.terms import Record, short
from contracts.rules import rule
from contracts.rules.geotareas_steps import (
    card_ids,
    cards,
    comment,
    comments,
    eventually,
    expect_refusal,
    total,
)
from contracts.tenant import Tenant

_PRIORITIES = ("NONE", "LOW", "MEDIUM", "HIGH", "URGENT")
_ARCHIVED = "4200000000000004"


def _fits(card: Record, name: str, value: str) -> bool:
    """One condition, worked out from what the card shows."""
    if name == "search":
        return value.casefold() in str(card["title"]).casefold()
    if name == "assignee_id":
        assignee = card["assignee"]
        return isinstance(assignee, dict) and assignee.get("id") == value
    return bool(card[name] == value)


def _check(tenant: Tenant, everything: list[Record], **asked: Any) -> int:
    """The cards of a query are those of the whole board that fit, in its order; how many there are."""
    wanted = [card["id"] for card in everything if all(_fits(card, name, value) for name, value in asked.items())]
    found = card_ids(cards(tenant, **asked))
    if not tenant.is_mock:  # which may have any order
        wanted, found = sorted(wanted), sorted(found)
    expect_equal(f"the cards with {short(asked)}", wanted, found)
    half = -(-len(wanted) // 2)
    if half:  # conditions choose before pages are cut: two halves show the same
        halves = card_ids(cards(tenant, limit=half, **asked))
        shown = halves if tenant.is_mock else sorted(halves)
        expect_equal(f"the cards with {short(asked)}, {half} on a page", wanted, shown)
    return len(wanted)


def _bad(tenant: Tenant, name: str, *values: str) -> None:
    """A value that breaks its schema is refused; a tenant may also let it fit nothing or everything."""
    for value in values:
        answer = tenant.call("listBoardCards", path={"id": known(tenant, "board_id")}, query={name: value})
        what = f"the cards with {name}={short(value)}"
        if tenant.is_mock:
            expect_refusal(answer, what, 400, "VALIDATION_ERROR")
        else:
            expect_status(answer, what, 200, 400)


def _board(tenant: Tenant) -> list[Record]:
    found = cards(tenant)
    if not found:
        raise NotJudged("needs a board with cards")
    return found


@rule("GT-206")
def cards_of_a_column(tenant: Tenant) -> None:
    everything = _board(tenant)
    for column in dict.fromkeys(card["column_id"] for card in everything):
        _check(tenant, everything, column_id=column)
    for value in ("9" * 30, everything[0]["column_id"][:-1], "0" + everything[0]["column_id"]):
        _check(tenant, everything, column_id=value)
    _bad(tenant, "column_id", "9" * 31)


@rule("GT-207")
def cards_of_a_priority(tenant: Tenant) -> None:
    everything = _board(tenant)
    counts = [_check(tenant, everything, priority=priority) for priority in _PRIORITIES]
    expect(sum(counts) == len(everything), f"expected {len(everything)} cards of all priorities, got {sum(counts)}")
    _bad(tenant, "priority", "high", "HIGHEST", "", "HIGH,LOW")


@rule("GT-208")
def cards_of_an_assignee(tenant: Tenant) -> None:
    everything = _board(tenant)
    people = [card["assignee"]["id"] for card in everything if card["assignee"]]
    for person in dict.fromkeys(people):
        _check(tenant, everything, assignee_id=person)
    for value in ("9" * 30, *(["0" + people[0], people[0][:-1]] if people else [])):
        _check(tenant, everything, assignee_id=value)
    _bad(tenant, "assignee_id", "9" * 31)


@rule("GT-209")
def cards_with_a_word_in_their_title(tenant: Tenant) -> None:
    everything = _board(tenant)
    titles = [str(card["title"]) for card in everything]
    whole = next((title for title in titles if len(title) <= 120), titles[0][:120])
    for search in (whole, whole[3:9], whole[-5:], "%", "_", "a%", "\\", "no card has this in its title", "x" * 120):
        _check(tenant, everything, search=search)
    elsewhere = [
        word
        for card in everything
        for word in str(card["description"] or "").split()
        if len(word) > 5 and not any(word.casefold() in title.casefold() for title in titles)
    ]
    for word in elsewhere[:2]:  # of a description, not of a title
        _check(tenant, everything, search=word[:120])
    _bad(tenant, "search", "x" * 121)


@rule("GT-210")
def archived_cards_are_listed_on_demand(tenant: Tenant) -> None:
    plain, without, with_them = (card_ids(cards(tenant, **query)) for query in ({}, _asked("false"), _asked("true")))
    expect_equal("the cards with archived=false", plain, without)
    kept = [identity for identity in with_them if identity in plain]
    shown = plain
    if not tenant.is_mock:
        shown, kept = sorted(plain), sorted(kept)
    expect_equal("the cards with archived=true that are not archived", shown, kept)
    if tenant.is_mock:
        expect(_ARCHIVED in with_them, f"expected the archived card {_ARCHIVED} with archived=true")
        expect(_ARCHIVED not in plain, f"expected no archived card {_ARCHIVED} without archived=true")
    _bad(tenant, "archived", "TRUE", "1", "yes", "", "null")


def _asked(archived: str) -> dict[str, Any]:
    return {"archived": archived}


@rule("GT-216")
def a_card_counts_its_comments(tenant: Tenant) -> None:
    mine = known(tenant, "card_id")
    home = known(tenant, "board_id")
    for _ in range(2):
        comment(tenant)
        everything = cards(tenant, home)
        chosen = [card for card in everything if card["id"] == mine]
        chosen += sorted(everything, key=lambda card: str(card["comments_count"]))[-4:] + everything[:4]
        for card in chosen if tenant.is_mock else chosen[:1]:
            _check_count(tenant, card["id"])


def _check_count(tenant: Tenant, card: str) -> None:
    def look() -> tuple[Any, int]:
        shown = next((each["comments_count"] for each in cards(tenant) if each["id"] == card), None)
        return shown, total(comments(tenant, card, limit=1))

    shown, counted = eventually(tenant, look, lambda seen: seen[0] == seen[1])
    if shown is not None or tenant.is_mock:  # on a tenant the known card may be on another board
        expect_equal(f"comments_count of {card}", counted, shown)


@rule("GT-218")
def filters_narrow_each_other(tenant: Tenant) -> None:
    if not tenant.is_mock:
        raise NotJudged("not tested on a tenant")
    everything = _board(tenant)
    first = next(card for card in everything if card["assignee"] and card["priority"] != "NONE")
    conditions = {
        "column_id": first["column_id"],
        "priority": first["priority"],
        "assignee_id": first["assignee"]["id"],
        "search": first["title"].split()[0],
    }
    for count in (2, 3, 4):
        for names in combinations(conditions, count):
            _check(tenant, everything, **{name: conditions[name] for name in names})
    word = first["title"].split()[0]
    for search in (word.upper(), word.lower(), word.swapcase()):
        _check(tenant, everything, search=search)
    accented = next((card["title"] for card in everything if any(letter in "áéíóúñ" for letter in card["title"])), None)
    if accented is not None:
        letter = next(each for each in accented if each in "áéíóúñ")
        _check(tenant, everything, search=letter.upper())
