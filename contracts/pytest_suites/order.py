"""What was ordered on the command line of pytest, read and checked: whom to judge, how, and within which limits."""

import random
import shlex
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from contracts import baseline, rehearsal, target, tenant_file
from contracts.baseline import Baseline
from contracts.course import Course
from contracts.docket import Progress
from contracts.findings import Finding, Known
from contracts.safety.guard import Budget
from contracts.standin import Script
from contracts.target import Target
from contracts.tenant_file import TenantFile
from mockserver.vendor import Rule, SpecError, Vendor, load, shipped

PREFIX = "proofboard"
_DEFAULTS: Mapping[str, Any] = {"profile": "quick", "timeout": 30.0, "read_only": False}
_LARGEST_SEED = 10**18 - 1


@dataclass(frozen=True)
class Order:
    """The options of `proofboard test`. `url` is None for the mock in this process."""

    vendor: Vendor
    seed: int
    profile: str
    url: str | None = None
    tenant: TenantFile | None = None
    known: Baseline | None = None
    is_read_only: bool = False
    max_requests: int | None = None
    max_time: float | None = None
    timeout: float = 30.0
    report: Path | None = None
    stops_at_first: bool = False
    given: Mapping[str, Any] = field(default_factory=dict)  # as typed, by name

    @property
    def where(self) -> str:
        return self.url or "the mock in this process"

    @property
    def is_limited(self) -> bool:
        """Whether there is something to share out, were there several who send."""
        return self.tenant is not None or self.max_requests is not None or self.max_time is not None

    @property
    def today(self) -> date:
        return datetime.now(UTC).date()

    def knows(self, finding: Finding) -> Known | None:
        """The entry of the baseline about a finding."""
        return None if self.known is None else self.known.find(finding, self.today)

    def again(self, node: str) -> str:
        """The command that judges one test again."""
        words = ["pytest", f"--proofboard-vendor {shlex.quote(str(self.given['vendor']))}"]
        for name in ("target", "tenant", "read_only"):
            if (value := self.given.get(name)) is not None:
                option = f"--proofboard-{name.replace('_', '-')}"
                words.append(option if value is True else f"{option} {shlex.quote(str(value))}")
        words.append(f"--proofboard-profile {self.profile} --proofboard-seed {self.seed}")
        return " ".join([*words, shlex.quote(node)])

    def budget(self) -> Budget:
        """What a run may use; its time begins now."""
        told = self.tenant
        limits = [limit for limit in (self.max_requests, told.requests if told else None) if limit is not None]
        return Budget(
            requests=min(limits, default=None),
            writes=told.writes if told else None,
            per_minute=told.per_minute if told else None,
            ends_at=None if self.max_time is None else time.monotonic() + self.max_time,
        )

    def open(self, progress: Progress) -> Target:
        """The target; Unjudgeable where nothing can be asked there."""
        if self.url is None:
            return target.open_local(
                self.vendor, seed=self.seed, budget=self.budget(), is_read_only=self.is_read_only, told=progress.wait
            )
        return target.open_url(
            self.vendor,
            self.url,
            seed=self.seed,
            budget=self.budget(),
            tenant=self.tenant,
            is_read_only=self.is_read_only,
            timeout=self.timeout,
            told=progress.wait,
        )

    def course(self, rules: list[Rule], progress: Progress, *, is_selective: bool) -> Course | None:
        """How to spend the budget; None where there is none. Takes some seconds."""
        script = self.script(rules, is_selective=is_selective)
        return rehearsal.find_course(script, self.budget(), progress)

    def script(self, rules: list[Rule], *, is_selective: bool) -> Script:
        """The run as a rehearsal plays it."""
        return rehearsal.write_script(
            self.vendor,
            rules,
            profile=self.profile,
            seed=self.seed,
            tenant=self.tenant,
            url=self.url,
            is_read_only=self.is_read_only,
            is_selective=is_selective,
        )


def read(config: pytest.Config, seed: int | None = None) -> Order:
    """The order of a session; UsageError with every mistake of the files that it names. `seed` is the one drawn."""
    names = ("vendor", "target", "tenant", "profile", "seed", "max_requests", "max_time", "timeout", "read_only")
    typed = {name: config.getoption(f"{PREFIX}_{name}") for name in (*names, "baseline", "report")}
    given = {**_DEFAULTS, **{name: value for name, value in typed.items() if value is not None}}
    try:
        vendor = load(given["vendor"])
        tenant = _tenant(vendor, given.get("tenant"))
        known = baseline.read(given["baseline"], vendor) if "baseline" in given else None
    except SpecError as error:
        raise pytest.UsageError(*(str(mistake) for mistake in error.mistakes)) from None
    _check_limits(given, tenant)
    drawn = random.SystemRandom().randrange(1_000_000) if seed is None else seed
    return Order(
        vendor=vendor,
        seed=given.get("seed", drawn),
        profile=given["profile"],
        url=_url(given.get("target"), tenant),
        tenant=tenant,
        known=known,
        is_read_only=given["read_only"],
        max_requests=given.get("max_requests"),
        max_time=given.get("max_time"),
        timeout=given["timeout"],
        report=_folder(given.get("report")),
        stops_at_first=config.getoption("maxfail") == 1,
        given={name: value for name, value in typed.items() if value is not None},
    )


def _tenant(vendor: Vendor, path: Path | None) -> TenantFile | None:
    if path is None:
        return None
    return tenant_file.read(
        path,
        vendor.name,
        frozenset(vendor.known),
        frozenset(shipped()),
        callers=frozenset(vendor.callers),
    )


def _url(given: str | None, tenant: TenantFile | None) -> str | None:
    """The base URL to judge; None is the mock in this process."""
    if given == "mock" and tenant is not None:
        raise pytest.UsageError("--proofboard-target mock is the mock in this process, and a tenant is another target")
    if given is None and tenant is not None:
        return tenant.base_url
    if given is None or given == "mock":
        return None
    if trouble := tenant_file.find_url_trouble(given):
        told = tenant_file.hide_password(given)
        raise pytest.UsageError(f"--proofboard-target is {told!r}: {trouble}, or the word mock")
    return given


def _check_limits(given: Mapping[str, Any], tenant: TenantFile | None) -> None:
    if not 0 <= given.get("seed", 0) <= _LARGEST_SEED:
        raise pytest.UsageError(f"--proofboard-seed is {given['seed']}: expected 0 to {_LARGEST_SEED}")
    if 0 in (given.get("max_requests"), tenant.requests if tenant else None):
        raise pytest.UsageError("a budget of zero requests: nothing can be judged")
    for name in ("max_requests", "max_time", "timeout"):
        if given.get(name, 1) <= 0:
            raise pytest.UsageError(f"--proofboard-{name.replace('_', '-')} is {given[name]}: expected more than 0")


def _folder(path: Path | None) -> Path | None:
    """Where reports go: somewhere that can be written, which is better known before a run."""
    if path is not None:
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise pytest.UsageError(f"--proofboard-report {path} cannot be written: {error.strerror}") from None
    return path
