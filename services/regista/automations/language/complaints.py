"""What the CEL runtime says when it refuses an expression or fails on an event, in a sentence for people. Pure.

The runtime answers with status codes and grammar (``INVALID_ARGUMENT: ERROR: <input>:1:9: undeclared reference to …``),
and points at the last dot of a name, or at the bracket behind it. What a person needs is where the wrong word begins, what
kind of thing it is, and what they may have meant.
"""

import re
from collections.abc import Iterable
from difflib import get_close_matches
from typing import NamedTuple

from regista.automations.language.nearest import nearest_name
from regista.automations.language.tokens import Token, paths, tokens

FUNCTIONS = frozenset(
    {
        *("all", "exists", "exists_one", "filter", "has", "map"),
        *("bool", "bytes", "double", "duration", "dyn", "int", "string", "timestamp", "type", "uint"),
        *("contains", "endsWith", "matches", "size", "startsWith"),
        *("getDate", "getDayOfMonth", "getDayOfWeek", "getDayOfYear", "getFullYear", "getMonth"),
        *("getHours", "getMilliseconds", "getMinutes", "getSeconds"),
    }
)
"""The functions and macros of CEL."""
_FIRST = re.compile(r"ERROR: <input>:(\d+):(\d+): (.*?)(?=\n \||\nERROR: <input>|\Z)", re.DOTALL)
_STATUS = re.compile(r"\A[A-Z_]+: |\s*\[[A-Z_]+\]\Z")
_UNDECLARED = re.compile(r"undeclared reference to '(.*)' \(in container '.*'\)", re.DOTALL)
_NO_OVERLOAD = re.compile(r"found no matching overload for '(.*?)' applied to '\((.*)\)'", re.DOTALL)
_RUNTIME_OVERLOAD = re.compile(r"No matching overloads found : (\(.*\)\.)?([@_\w!<>=+\-*/%&|?:\[\]]+)(\((.*)\))?")
_UNEXPECTED = re.compile(r"Syntax error: (?:mismatched|extraneous) input '(.*?)' expecting", re.DOTALL)
_UNKNOWN = re.compile(r"Syntax error: token recognition error at: '(.*)'", re.DOTALL)
_UNVIABLE = re.compile(r"Syntax error: no viable alternative at input '\.\s*(\w*)'\Z")
_UNCLOSED = re.compile(r"Syntax error: missing '(.*)' at '<EOF>'")
_RESERVED = re.compile(r"reserved identifier: (\w+)")
_MISSING_KEY = re.compile(r'Key not found in map : (".*")', re.DOTALL)
_OUT_OF_RANGE = re.compile(r"Integer value '(-?\d+)' out of range for '(.*?)(?:\['|' ->|'\.)", re.DOTALL)
_LONGEST_REASON = 500
_COMPARISONS = frozenset({"==", "!=", "<", "<=", ">", ">="})
_LOGICAL = frozenset({"&&", "||", "!", "?:"})
_KINDS = {
    "string": "text",
    "int": "a whole number",
    "int64": "a whole number",
    "uint": "an unsigned number",
    "uint64": "an unsigned number",
    "double": "a fractional number",
    "bool": "true or false",
    "bytes": "bytes",
    "timestamp": "a moment",
    "google.protobuf.Timestamp": "a moment",
    "duration": "a span of time",
    "google.protobuf.Duration": "a span of time",
    "list": "a list",
    "map": "a map",
    "null": "null",
    "null_type": "null",
    "type": "a type",
}
_PHRASES = {
    "SELECT to non-message": "a field was asked of null, a number or text, which have none",
    "<iter_range>": "all, exists, map and filter go through a list or a map, and this is neither",
    "construction from null": "a value has a lone surrogate, which is no text",
    "Iteration budget exceeded": "it takes more than 10,000 steps",
}
"""What the runtime says, in part, and what that means."""
DEEP = (
    "the expression is nested deeper than 32 levels; brackets count, and so do operators such as + and . in a row: "
    "split it into several automations, or into parts joined by && or ||"
)


class Complaint(NamedTuple):
    """What is wrong, where it begins (``line`` and ``column`` from 1) and the nearest name that there is."""

    message: str
    line: int = 1
    column: int = 1
    nearest: str | None = None


def complaint(said: str, text: str, event_type: str, names: Iterable[str]) -> Complaint:
    """Return what the compiler said of an expression on an event type that has these variables."""
    found = _FIRST.search(said)
    if found is None or int(found[1]) < 0:
        return Complaint(DEEP if "ecursion" in said else reason(said))
    at = offset(text, int(found[1]), int(found[2]))
    sentence = _STATUS.sub("", found[3].strip())
    if undeclared := _UNDECLARED.match(sentence):
        return _undeclared(undeclared[1], text, at, event_type, sorted(names))
    if overload := _NO_OVERLOAD.match(sentence):
        return Complaint(_mismatch(_operator(overload[1]), overload[2]), *position(text, at))
    return _ungrammatical(sentence, text, at)


def _ungrammatical(sentence: str, text: str, at: int) -> Complaint:
    """Return what the grammar says; it points behind the blanks at the end, where the end is behind the last word."""
    end = len(text.rstrip())
    if unexpected := _UNEXPECTED.match(sentence):
        if unexpected[1] == "<EOF>":
            return Complaint("the expression ends too early", *position(text, end))
        message = f"{unexpected[1]} is not expected here"
    elif behind := _UNVIABLE.match(sentence):
        if not behind[1]:
            return Complaint("a name belongs behind the dot", *position(text, end))
        message = f'{behind[1]} is a keyword; write ["{behind[1]}"] for a field of that name'
    elif unclosed := _UNCLOSED.match(sentence):
        return Complaint(f"{unclosed[1]} is missing at the end", *position(text, end))
    elif reserved := _RESERVED.match(sentence):
        message = f"{reserved[1]} is a keyword, which no variable is called"
    elif unknown := _UNKNOWN.match(sentence):
        message = _unread(unknown[1])
    else:
        message = sentence.removeprefix("Syntax error: ")
    return Complaint(message, *position(text, at))


def no_field(name: str, event_type: str, known: Iterable[str]) -> tuple[str, str | None]:
    """Return the sentence on a field that an event type does not have, and the nearest that it has."""
    candidates = sorted(known)
    inside = [each for each in candidates if each.startswith(name + ".")]
    if inside:
        nearest = nearest_name(name, inside)
        return f"{name!r} of {event_type} has no value of its own; name one of its fields, such as {nearest!r}", nearest
    nearest = nearest_name(name, candidates)
    return f"{event_type} has no field {name!r}; the nearest is {nearest!r}", nearest


def reason(said: str) -> str:
    """Return why an evaluation came to nothing, as the runtime said it, in a sentence that a database can hold."""
    sentence = _plain_reason(_STATUS.sub("", _STATUS.sub("", said.strip())))
    return sentence[:_LONGEST_REASON].encode("utf-8", "replace").decode().replace("\0", "\\0")


def _plain_reason(sentence: str) -> str:
    if missing := _MISSING_KEY.match(sentence):
        return f"there is no key {missing[1]}"
    if (overload := _RUNTIME_OVERLOAD.match(sentence)) and "<iter" not in sentence:
        subject = overload[1][1:-2] if overload[1] else ""
        return _mismatch(_operator(overload[2]), ", ".join(each for each in (subject, overload[4]) if each))
    if number := _OUT_OF_RANGE.match(sentence):
        return f"{number[2]} holds the number {number[1]}, which is beyond 64 bits"
    return next((plain for phrase, plain in _PHRASES.items() if phrase in sentence), sentence)


def offset(text: str, line: int, column: int) -> int:
    """Return where a line and column, both from 1, are in a text."""
    lines = text.split("\n")
    return min(sum(len(each) + 1 for each in lines[: line - 1]) + column - 1, len(text))


def position(text: str, at: int) -> tuple[int, int]:
    """Return the line and column, from 1, of a place in a text."""
    return text.count("\n", 0, at) + 1, at - (text.rfind("\n", 0, at) + 1) + 1


def _undeclared(name: str, text: str, at: int, event_type: str, names: list[str]) -> Complaint:
    words = tokens(text)
    before = [word for word in words if word.start < at and word.text == name]
    if _is_called(words, at) and before:
        found = get_close_matches(name, sorted(FUNCTIONS), 1)
        message = f"there is no function {name!r}" + (f"; the nearest is {found[0]!r}" if found else "")
        return Complaint(message, *position(text, before[-1].start), found[0] if found else None)
    named = [path for path in paths(words) if ".".join(path.steps) == name and path.places[0] <= at]
    message, nearest = no_field(name, event_type, names)
    return Complaint(message, *position(text, named[-1].places[0] if named else at), nearest)


def _is_called(words: list[Token], at: int) -> bool:
    return any(word.start == at and word.text == "(" for word in words)


def _operator(name: str) -> str:
    return "in" if name in {"@in", "in"} else name.strip("_").replace("_", "") if not name.isidentifier() else name


def _mismatch(operator: str, written: str) -> str:
    kinds = _split(written)
    words = [kind_name(each) for each in kinds]
    both = len(kinds) == 2  # noqa: PLR2004 - what stands left and right
    if not kinds:
        return f"{operator} does not take values of these kinds"
    if operator == "?:" and kinds[0] == "bool":
        return f"the branches of ?: are {' and '.join(words[1:])}; both must be of one kind"
    if operator in _LOGICAL:
        wrong = next((word for word, kind in zip(words, kinds, strict=True) if kind != "bool"), "anything else")
        return f"{operator} takes true or false, not {wrong}"
    if operator in _COMPARISONS and both:
        return _compared(operator, kinds, words)
    return (
        f"in looks for {words[0]} in {words[1]}, where it cannot be"
        if operator == "in" and both
        else f"{operator} does not take {' and '.join(words)}"
    )


def _compared(operator: str, kinds: list[str], words: list[str]) -> str:
    if words[0] == words[1]:
        return f"{words[0]} cannot be compared with {words[1]} by {operator}"
    hint = "; make a fraction of the whole one, as in 1.0 or double(…)" if set(kinds) == {"int", "double"} else ""
    return f"{words[0]} is compared with {words[1]} by {operator}; both sides must be of one kind{hint}"


def _split(written: str) -> list[str]:
    depth, found = 0, [""]
    for letter in written:
        depth += (letter == "(") - (letter == ")")
        if letter == "," and depth == 0:
            found.append("")
        else:
            found[-1] += letter
    return [each.strip() for each in found if each.strip()]


def kind_name(written: str) -> str:
    """Return what people call a type, such as ``a list of text``."""
    name, _, inner = written.partition("(")
    if name == "list" and inner:
        return f"a list of {kind_name(inner[:-1])}"
    if name == "wrapper" and inner:
        return kind_name(inner[:-1])
    return _KINDS.get(name, "something" if name in {"dyn", "*error*"} else name)


def _unread(written: str) -> str:
    letter = written.strip()[:1]
    if letter == "=":
        return "= is no operator; write == to compare"
    if letter in {"&", "|"}:
        return f"{letter} is no operator; write {letter * 2}"
    if letter in {'"', "'"}:
        return f"the text that begins here has no {letter} at its end"
    return f"{letter!r} is no part of the language"
