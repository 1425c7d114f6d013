"""What of an author's writing becomes a candidate: whoever the author is, the same rules.

What an author writes may be wrong, hostile or the champion once more. It is read within bounds, and
whatever is the matter with it is a refusal that says so, in one line: a stable code and words. None
of it raises, and none of it is executed.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from unicodedata import category

from application.improvement.authoring import Candidate
from application.improvement.change import Version, unchanged, version_of
from kernels.errors import ParameterError, StrategyError
from kernels.frontend.source import MAX_BYTES, refuse_unreadable
from kernels.program import Program

MAX_SAID = 1_000  # characters of a hypothesis
READ = 4  # candidates read for each that is wanted
MAX_NAMES = 1_000  # parameters named; a file has room for no more
SHOWN = 300  # characters of an error that another has written

Compile = Callable[[str], Program]


@dataclass(frozen=True)
class Admitted:
    """A candidate that compiles, trades unlike all others, and may be tested."""

    candidate: Candidate
    program: Program
    parameters: dict[str, float]  # all of them, in the order of the file
    version: Version  # to be compared with others


@dataclass(frozen=True)
class Known:
    """A version that a candidate must differ from."""

    name: str  # as refusals call it
    program: Program
    parameters: Mapping[str, float]  # those not named have their defaults


@dataclass(frozen=True)
class Admission:
    """What became of each candidate, in the author's order; the last may be of all not read."""

    verdicts: tuple[Admitted | str, ...]

    @property
    def admitted(self) -> tuple[Admitted, ...]:
        return tuple(verdict for verdict in self.verdicts if isinstance(verdict, Admitted))

    @property
    def refused(self) -> tuple[str, ...]:
        """CODE: words, of those that are none."""
        return tuple(verdict for verdict in self.verdicts if isinstance(verdict, str))


def admit(
    known: Sequence[Known], candidates: Sequence[object], compiler: Compile, most: int
) -> Admission:
    """Judge candidates in order, each against the `known` versions and those admitted before it.

    `known` is the champion first and then what was tried before; raises ParameterError where its
    parameters are not those of its program. Of the candidates anything may be wrong. At most `most`
    are admitted and four times as many read; the rest is one refusal.
    """
    before = [(k.name, version_of(k.program, k.program.resolve(k.parameters))) for k in known]
    verdicts: list[Admitted | str] = []
    admitted = 0
    for number, candidate in enumerate(candidates):
        if admitted == most or number == READ * most:
            left = len(candidates) - number
            verdicts.append(f"TOO_MANY: {left:,} of {len(candidates):,} were not read")
            break
        verdict = judged(candidate, before, compiler)
        if isinstance(verdict, Admitted):
            admitted += 1
            before.append((f"candidate {number + 1}", verdict.version))
        verdicts.append(verdict)
    return Admission(tuple(verdicts))


def judged(
    candidate: object, before: Sequence[tuple[str, Version]], compiler: Compile
) -> Admitted | str:
    if not isinstance(candidate, Candidate):
        return f"CANDIDATE: was {type(candidate).__name__}, must be a candidate"
    if wrong := unsaid(candidate.hypothesis):
        return wrong
    found = check(candidate.text, candidate.parameters, compiler)
    if isinstance(found, str):
        return found
    program, parameters = found
    try:
        version = version_of(program, parameters)
    except Exception as error:  # a fault of ours is the candidate's loss, not the loop's
        return f"DOES_NOT_COMPILE: 1:1 the compiled rules could not be read ({shown(error)})"
    for name, other in before:
        if same := unchanged(other, version):
            code, _, words = same.partition(": ")
            return f"{code}: against {name}, {words}"
    return Admitted(candidate, program, parameters, version)


def check(
    text: object, parameters: object, compiler: Compile
) -> tuple[Program, dict[str, float]] | str:
    """Compile a text and fill in its parameters, or say why it cannot be traded.

    Gives DOES_NOT_COMPILE: line:column and words, or PARAMETER: and which; never raises.
    """
    if not isinstance(text, str):
        return f"DOES_NOT_COMPILE: 1:1 found {type(text).__name__}; allowed: text"
    if len(text) > MAX_BYTES:  # each character is a byte at least
        return (
            f"DOES_NOT_COMPILE: 1:1 found a file of {len(text):,} characters; "
            f"allowed: at most {MAX_BYTES:,} bytes"
        )
    try:
        refuse_unreadable(text)
        program = compiler(text)
    except StrategyError as error:
        where = f"{error.line}:{error.column}"
        found, allowed = one_line(error.found), one_line(error.allowed)
        return f"DOES_NOT_COMPILE: {where} found {found}; allowed: {allowed}"
    except Exception as error:  # whatever a compiler gives up with
        return f"DOES_NOT_COMPILE: 1:1 the compiler gave up ({shown(error)})"
    values = numbers(parameters)
    if isinstance(values, str):
        return values
    try:
        return program, program.resolve(values)
    except ParameterError as error:
        return f"PARAMETER: {one_line(str(error))}"


def numbers(parameters: object) -> dict[str, float] | str:
    """The parameters as finite numbers by name, or PARAMETER: and what is wrong with them."""
    if not isinstance(parameters, Mapping):
        return f"PARAMETER: parameters were {type(parameters).__name__}, must be numbers by name"
    if len(parameters) > MAX_NAMES:
        return f"PARAMETER: {len(parameters):,} were named, must be at most {MAX_NAMES:,}"
    values: dict[str, float] = {}
    for name, value in parameters.items():
        if not isinstance(name, str):
            return f"PARAMETER: a name was {type(name).__name__}, must be text"
        number = finite(value)
        if number is None:
            was = one_line(value) if isinstance(value, str) else shown_number(value)
            return f"PARAMETER: {one_line(name)} was {was}, must be a finite number"
        values[name] = number
    return values


def finite(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:  # a whole number of hundreds of digits
        return None
    return number if isfinite(number) else None


def unsaid(hypothesis: object) -> str:
    if not isinstance(hypothesis, str) or not hypothesis.strip():
        return "HYPOTHESIS: was none, must say why the candidate should lose less"
    if len(hypothesis) > MAX_SAID:
        return f"HYPOTHESIS: was {len(hypothesis):,} characters long, must be at most {MAX_SAID:,}"
    if not readable(hypothesis):
        return "HYPOTHESIS: had control characters, must be readable text"
    return ""


def readable(text: str) -> bool:
    return all(c in "\n\t" or category(c) not in ("Cc", "Cs") for c in text)


def one_line(text: str) -> str:
    """The beginning of what another wrote, as it can be printed and stored."""
    begun = text[:SHOWN]
    kept = (c if c.isprintable() else " " for c in begun)
    return " ".join("".join(kept).split())


def shown_number(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else type(value).__name__


def shown(error: Exception) -> str:
    return one_line(f"{type(error).__name__}: {error}")
