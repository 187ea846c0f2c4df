"""CEL, the language of conditions and templates: compiled against the words of an event type, evaluated on an event. Pure.

The evaluator is the CEL project's C++ runtime. It bounds itself: iterations, recursion, RE2 patterns. It bounds neither
what an iteration takes nor what values grow to: `clock` and `weights` do. What goes wrong in an evaluation (a missing key,
an integer beyond 64 bits) is a value, `Result.error`, never an exception.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from cel_expr_python import cel

from regista.automations.language import clock
from regista.automations.language.complaints import DEEP, complaint, position, reason
from regista.automations.language.nearest import nearest_name
from regista.automations.language.patterns import Matcher, misfit
from regista.automations.language.seen import Seen
from regista.automations.language.syntax import Tree
from regista.automations.language.tokens import LONGEST, MACROS, Token, paths, tokens
from regista.automations.language.vocabulary import vocabulary
from regista.automations.language.weights import LARGEST, MOST, MOST_WRITTEN, SMALL, HeavyError, Weight, check_load
from regista_events import short_name

_SHORT = 120
"""Characters of an expression that takes no time on any event, unless it has what is `_LONG`."""
_LONG = MACROS | {"contains"}
"""Functions that may take long however short the expression is."""
_LONGEST_TEXT = 4_096.0
"""Units of the longest text that an event has outside of what is dynamic: `weights`."""
_WRITTEN, _ANALYZED = 50, 12
"""What it takes to check an expression whatever its length, and a character of one that is weighed."""
_MATCHED = 6_000
"""To read a pattern, four times, of up to 2 ms."""
MOST_CHECKED = 1_000_000
"""What the checks of the conditions or templates of one save may come to, as `effort` has it: a second."""
_GROWS = (
    "what is made here may grow beyond measure: a macro such as map() repeats what another one made, again and again; "
    "repeat it less often, or compare what it is made of"
)
_MUCH = "the expression takes too long up to here; write less of it, or split it by && or ||"
_TOO_LARGE = "the event is too large for it; compare, repeat or join fewer values, or smaller ones"
_TOO_LONG = f"it takes more than {clock.MOST_SECONDS} s on this event; go through fewer values, or smaller ones"


class CompileError(ValueError):
    """An expression that is none, or that does not fit the event type.

    ``line`` and ``column`` count from 1, and say where what is wrong begins; ``nearest`` is a name that would fit there.
    """

    def __init__(self, message: str, line: int = 1, column: int = 1, nearest: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.line = line
        self.column = column
        self.nearest = nearest


class Result(NamedTuple):
    """What an expression came to: a plain Python value, or the reason why there is none."""

    value: Any
    error: str | None = None


def effort(text: str) -> int:
    """Return what it takes to check an expression on one event type, without doing so: 1.2 µs are 1."""
    return _WRITTEN + len(text) * (_ANALYZED if len(text) > _SHORT or any(each in text for each in _LONG) else 1)


def effort_once(text: str) -> int:
    """Return what it takes besides, on the first of its event types: where it is ``new``."""
    return _MATCHED * text.count("matches")


class Expression:
    """An expression compiled for one event type. ``kind`` is the type of its value: ``bool``, ``dyn``, ``list(string)``.

    ``tree`` is None for one that no event makes heavy; any other is weighed on each event before it is evaluated.
    """

    def __init__(self, kind: str, compiled: Any, tree: Tree | None) -> None:
        self.kind = kind
        self._compiled = compiled
        self._tree = tree

    def evaluate(self, seen: Seen) -> Result:
        """Evaluate it on an event of the type that it was compiled for."""
        try:
            if self._tree is not None:
                check_load(self._tree.root, seen.weigh, MOST)
            clock.start()
            value = self._compiled.eval(seen.activation)
            seen.spend(clock.took())
            if clock.is_out():
                return Result(None, _TOO_LONG)
            if str(value.type()) == "ERROR":
                return Result(None, reason(str(value.value())))
            return Result(value.plain_value())
        except HeavyError:
            return Result(None, _TOO_LARGE)
        except (RuntimeError, OverflowError, ValueError, TypeError) as error:
            # What the runtime cannot take as a value (an integer beyond 64 bits) comes as an exception.
            return Result(None, reason(str(error)))


class Environment:
    """The words of one event type, as the compiler knows them."""

    def __init__(self, event_type: str) -> None:
        self._vocabulary = vocabulary(event_type)
        self.event_type = self._vocabulary.event_type
        variables = {name: _type(kind) for name, kind in self._vocabulary.types.items()}
        self._environment = cel.NewEnv(variables=variables, functions=[_time_left()])

    def compile(self, text: str, *, new: bool = False) -> Expression:
        """Compile an expression.

        Of a ``new`` one, take what its patterns cost and what it grows to: what is saved is not asked again, nor is it on
        every event type.

        Raises `CompileError`, and nothing else, whatever the text.
        """
        _check_text(text)
        words = tokens(text)
        compiled = self._compiled(text, words)
        self._check_members(text, words)
        if refused := misfit(words, self._matcher, timed=new):
            raise CompileError(refused.message, *position(text, refused.start))
        tree = self._tree(text, words, compiled)
        kind = str(compiled.return_type()).lower().replace("<", "(").replace(">", ")")
        if tree is None:
            return Expression(kind, compiled, None)
        if new:
            self._check_load(text, tree, SMALL, MOST_WRITTEN)
        try:
            self._check_load(text, tree, LARGEST, MOST)
        except CompileError:
            heavy = tree
        else:
            heavy = None
        if tree.loops != clock.loops(words):
            raise CompileError("the variable of a macro, as x in all(x, …), stands without brackets around it")
        return Expression(kind, self._timed(text, words), heavy)

    def _compiled(self, text: str, words: Sequence[Token]) -> Any:
        own = next((word for word in words if word.text == clock.LEFT), None)
        if own is not None:
            raise CompileError(f"there is no function {clock.LEFT!r}", *position(text, own.start))
        try:
            return self._environment.compile(text)
        except (RuntimeError, ValueError, TypeError) as error:
            found = complaint(str(error), text, self.event_type, self._vocabulary.types)
            raise CompileError(*found) from None

    def _timed(self, text: str, words: Sequence[Token]) -> Any:
        try:
            return self._environment.compile(clock.timed(text, words))
        except (RuntimeError, ValueError, TypeError):
            # It is the expression with more brackets.
            raise CompileError(DEEP) from None

    @staticmethod
    def _tree(text: str, words: Sequence[Token], compiled: Any) -> Tree | None:
        """Return the syntax tree of an expression that is to be weighed. Raises for a map that no event can have."""
        is_long = len(text) > _SHORT or any(word.text in _LONG for word in words)
        if not is_long and "{" not in text:
            return None
        tree = Tree(compiled.serialize())
        if "{" in text and (key := tree.unfit_key()):
            place = position(text, tree.place(key))
            raise CompileError("the key of a map is text, a whole number, or true or false", *place)
        return tree if is_long else None

    def _check_load(self, text: str, tree: Tree, held: float, most: float) -> None:
        """Raise for an expression that is too heavy on an event whose lists and maps hold this much each."""
        kinds = {
            "string": min(held, _LONGEST_TEXT),
            **dict.fromkeys(("int", "uint", "double", "bool", "timestamp", "duration"), 1.0),
        }

        def weigh(path: Sequence[str]) -> Weight:
            word = self._vocabulary.words.get(path[0])
            one = 1.0 if word is None else kinds.get(word.kind, held)
            return Weight(one, one, one)

        try:
            check_load(tree.root, weigh, most)
        except HeavyError as error:
            message = _GROWS if any(word.text in MACROS for word in tokens(text)) else _MUCH
            raise CompileError(message, *position(text, tree.place(error.node))) from None

    def activation(self, values: Mapping[str, Any]) -> Any:
        """Return an event's values as evaluations take them."""
        return self._environment.Activation(values)

    def _check_members(self, text: str, words: Sequence[Token]) -> None:
        """Raise for a field of a variable that may be null: to the compiler, there may be anything."""
        for path in paths(words):
            known = next(
                (
                    length
                    for length in range(len(path.steps), 0, -1)
                    if ".".join(path.steps[:length]) in self._vocabulary.words
                ),
                len(path.steps),
            )
            if known == len(path.steps):
                continue
            name, member = ".".join(path.steps[:known]), path.steps[known]
            members = self._vocabulary.words[name].members
            if members is None or member in members:
                continue
            place = position(text, path.places[0])
            if not members:
                raise CompileError(f"{name!r} of {self.event_type} has no fields, so no {member!r}", *place, name)
            nearest = f"{name}.{nearest_name(member, members)}"
            raise CompileError(
                f"{name!r} of {self.event_type} has no {member!r}; the nearest is {nearest!r}", *place, nearest
            )

    def _matcher(self, pattern: str) -> Matcher:
        compiled = self._environment.compile(f'"production-v12".matches({pattern})')
        nothing = self.activation({})

        def match() -> str | None:
            value = compiled.eval(nothing)
            return str(value.value()) if str(value.type()) == "ERROR" else None

        return match


def _check_text(text: str) -> None:
    if len(text) > LONGEST:
        raise CompileError(f"the expression has {len(text)} characters; {LONGEST} are the most")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        place = position(text, error.start)
        raise CompileError(f"U+{ord(text[error.start]):04X} is half of a character, which is no text", *place) from None
    if (at := text.find("\0")) >= 0:
        raise CompileError("text with U+0000 cannot be stored; write \\x00 in a text", *position(text, at))


def environment(event_type: str) -> Environment:
    """Return the one environment of an event type, by its full or short name: values of another would not be read."""
    return _environment(short_name(event_type))


_environment = cache(Environment)


def _time_left() -> Any:
    overload = cel.Overload(f"{clock.LEFT}()", return_type=cel.Type.BOOL, parameters=[], impl=clock.left)
    return cel.FunctionDecl(clock.LEFT, [overload])


def _type(kind: str) -> Any:
    if kind.startswith("list("):
        return cel.Type.List(_type(kind[5:-1]))
    if kind.startswith("map(string, "):
        return cel.Type.Map(cel.Type.STRING, _type(kind[12:-1]))
    return getattr(cel.Type, kind.upper())
