"""What a compiled train pass holds in memory until its backward pass, read from its HLO text.

Automatic differentiation says which activations are asked for. The compiler keeps other ones: it
computes cheap values again, keeps two layouts of one value, turns a convolution's kernel around for
the gradient of its input. Which values there are, and what waits for them, is in the text; so is
whether they depend on the clip, as only these come to be layer by layer. What is made of parameters
and constants alone XLA's CPU compiler makes at the start of a program, which runs each operation as
soon as its operands are there.
"""

from __future__ import annotations

from collections.abc import Callable

from reelbench.results.schema import Held
from reelbench.work.hlo import Instruction, Instructions, operands, read

_COTANGENT = "cotangent"
_PARAMETERS = "parameters"
# Results that are no buffer of their own.
_NO_BUFFER = ("constant", "tuple")
_SPREAD = "get-tuple-element"


def held(text: str) -> Held | None:
    """Bytes that a compiled train pass holds for its backward pass.

    Args:
        text: HLO text of a compiled `reelbench.layers.passes.train`, whose arguments have the names
            of those of the function.

    Returns:
        None where the program has no backward pass: no argument is a cotangent.
    """
    entry = read(text).entry
    backward = _depending(entry, _is_cotangent)
    if not backward:
        return None
    of_clip = _depending(entry, _is_of_clip)
    of_parameters = _depending(entry, _is_parameter)
    spent = backward
    backward = backward & _behind_gradients(entry)
    kept = prepared = prepared_forward = constant = 0
    for name, users in _users(entry).items():
        instruction = entry[name]
        if name in spent or not _is_buffer(instruction, users, entry):
            continue
        read_back = any(user in backward for user in users)
        if name in of_clip:
            kept += instruction.nbytes * read_back
        elif instruction.opcode != "parameter":
            prepared += instruction.nbytes * read_back
            prepared_forward += instruction.nbytes * (not read_back)
            constant += instruction.nbytes * (read_back and name not in of_parameters)
    return Held(
        kept_bytes=kept,
        prepared_bytes=prepared,
        prepared_forward_bytes=prepared_forward,
        constant_bytes=constant,
        largest_parameter_bytes=max(
            (entry[name].nbytes for name in entry if _is_parameter(name, entry)),
            default=0,
        ),
    )


def _depending(entry: Instructions, of: Callable[[str, Instructions], bool]) -> set[str]:
    """What is among certain arguments, or made of them."""
    found: set[str] = set()
    for name, instruction in entry.items():
        if of(name, entry) or any(each in found for each in operands(instruction, entry)):
            found.add(name)
    return found


def _behind_gradients(entry: Instructions) -> set[str]:
    """What the outputs but the first, the loss, are made of: in a step no loss reads a layer."""
    root = next(name for name, instruction in entry.items() if instruction.root)
    waiting = operands(entry[root], entry)[1:]
    found: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += operands(entry[name], entry)
    return found


def _is_cotangent(name: str, entry: Instructions) -> bool:
    return entry[name].opcode == "parameter" and name.startswith(_COTANGENT)


def _is_parameter(name: str, entry: Instructions) -> bool:
    return entry[name].opcode == "parameter" and name.startswith(_PARAMETERS)


def _is_of_clip(name: str, entry: Instructions) -> bool:
    """The clip and the layer's other variables, and what its output is held against."""
    return entry[name].opcode == "parameter" and not _is_parameter(name, entry)


def _users(entry: Instructions) -> dict[str, list[str]]:
    """By value what reads it; another view of a value's bytes is the value."""
    same: dict[str, str] = {}
    found: dict[str, list[str]] = {}
    for name, instruction in entry.items():
        values = [same.get(operand, operand) for operand in operands(instruction, entry)]
        if instruction.opcode == "bitcast" and values:
            same[name] = values[0]
        elif not (instruction.root and instruction.opcode == "tuple"):
            for value in values:
                found.setdefault(value, []).append(name)
    return found


def _is_buffer(instruction: Instruction, users: list[str], entry: Instructions) -> bool:
    """Whether a value lies in memory by itself; of a tuple that is taken apart its parts do."""
    return instruction.opcode not in _NO_BUFFER and not all(
        entry[user].opcode == _SPREAD for user in users
    )
