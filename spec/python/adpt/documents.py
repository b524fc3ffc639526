"""What `META`, `NOTE`, `PROV` and `SIGN` must and may hold (section 5; for `SIGN` section 3 of signatures-v1)."""

from __future__ import annotations

import datetime
import re

from . import cbor
from .fault import Fault, require

TEXT, MAP, ARRAY, NUMBER, DIGEST, ANY = "a text", "a map", "an array", "a number", "a digest", "a value"


def _is(value, kind: str) -> bool:
    if kind == DIGEST:
        return isinstance(value, str) and re.fullmatch("sha256:[0-9a-f]{64}", value) is not None
    if kind == NUMBER:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    return kind == ANY or isinstance(value, {TEXT: str, MAP: dict, ARRAY: list}[kind])


def _fields(value, what: str, needed: dict[str, str], optional: dict[str, str] | None = None) -> None:
    """Checks that a value is a map whose known keys have values of their kinds."""
    require(isinstance(value, dict), "malformedMetadata", f"{what} is not a map")
    for key in needed:
        require(key in value, "malformedMetadata", f"{what} has no {key}")
    for key, kind in (needed | (optional or {})).items():
        require(key not in value or _is(value[key], kind), "malformedMetadata", f"{what}: {key} is not {kind}")


def _texts(value: dict, what: str) -> None:
    for key, entry in value.items():
        require(isinstance(entry, str), "malformedMetadata", f"{what}: the value of {key!r} is not a text")


def check_meta(meta: dict) -> None:
    _only(meta, "META", {"base": MAP, "behaviour": MAP})
    for key, value in meta.items():
        require(len(value) > 0, "malformedMetadata", f"{key} is empty")
    _only(meta.get("base", {}), "base", {"name": TEXT, "revision": TEXT, "digest": DIGEST})


def _only(value: dict, what: str, known: dict[str, str]) -> None:
    """5.2: these keys and no others."""
    for key in value:
        require(key in known, "malformedMetadata", f"{what} has the unknown key {key!r}")
    _fields(value, what, {}, known)


def check_note(note: dict) -> None:
    require(len(note) > 0, "malformedMetadata", "NOTE is empty")
    _fields(note, "NOTE", {}, {"message": TEXT, "license": TEXT, "labels": MAP, "source": MAP})
    _texts(note.get("labels", {}), "labels")
    if "source" in note:
        _fields(note["source"], "source", {"layout": TEXT, "configuration": ANY}, {"fileMetadata": MAP})
        _texts(note["source"].get("fileMetadata", {}), "fileMetadata")


def check_provenance(provenance: dict) -> None:
    needed = {"operation": TEXT, "toolVersion": TEXT, "options": MAP, "parents": ARRAY}
    _fields(provenance, "PROV", needed, {"certificate": MAP})
    for parent in provenance["parents"]:
        _fields(parent, "a parent", {"digest": DIGEST, "contentRoot": DIGEST, "role": TEXT}, {"weight": NUMBER})
    if "certificate" in provenance:
        _fields(provenance["certificate"], "certificate", {"modules": ARRAY})
        norms = ("deltaNorm", "truncationError", "largestDroppedSingularValue", "roundingError")
        for module in provenance["certificate"]["modules"]:
            _fields(module, "a certified module", {"name": TEXT, "rank": NUMBER} | dict.fromkeys(norms, NUMBER))
            require(isinstance(module["rank"], int), "malformedMetadata", "a certified module's rank is not an integer")


SIGNATURE_FORMS = {
    "algorithm": "ed25519|p256",
    "key": "sha256:[0-9a-f]{64}",
    "signature": "[0-9a-f]{128}",
    "expires": "[0-9]{4}-[0-9]{2}-[0-9]{2}",
}


def signatures(raw: bytes) -> list[dict]:
    """The signatures in `SIGN`, of which only the form is looked at: whether they are valid takes somebody's keys."""

    def check(condition: bool, message: str) -> None:
        require(condition, "malformedSignature", f"SIGN: {message}")

    try:
        entries = cbor.decode_item(raw, "SIGN")
    except Fault as fault:
        raise Fault("malformedSignature", fault.message) from fault
    check(isinstance(entries, list) and 1 <= len(entries) <= 64, "it is not an array of 1 to 64 signatures")
    last = ""
    for entry in entries:
        check(isinstance(entry, dict), "an entry is not a map")
        check(set(entry) | {"expires"} == set(SIGNATURE_FORMS), "an entry has not the members of a signature")
        for key, value in entry.items():
            fits = isinstance(value, str) and re.fullmatch(SIGNATURE_FORMS[key], value) is not None
            check(fits, f"{key} has not the form of one")
        if "expires" in entry:
            year, month, day = (int(part) for part in entry["expires"].split("-"))
            try:
                datetime.date(year, month, day)
            except ValueError:
                check(False, "expires is not a day")
            check(year >= 1970, "expires is before 1970")
        check(entry["key"] > last, "the keys are not strictly ascending")
        last = entry["key"]
    return entries
