"""Reads the text of HLO modules, compiled or not.

The text is that of XLA's HLO printer (openxla/xla, ``hlo/ir/hlo_instruction.cc``): computations of
one instruction a line, ``%name = type[sizes]{layout} opcode(operands), attribute=value``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

_COMPUTATION = re.compile(r"^(?P<entry>ENTRY )?%?(?P<name>[\w.\-]+)(?: \(.*\))?(?: -> .*)? \{$")
_INSTRUCTION = re.compile(
    r"^\s*(?P<root>ROOT )?%?(?P<name>[\w.\-]+) = (?P<type>\(.*?\)|\S+) "
    r"(?P<opcode>[\w\-]+)\((?P<rest>.*)$"
)
_ARRAY = re.compile(r"\b(?P<dtype>[a-z]\w*)\[(?P<sizes>[\d,<=]*)\]")
_DIGITS = re.compile(r"\d+")
_NAMES = re.compile(r"%?([A-Za-z_][\w.\-]*)(?=[,)])")


@dataclass(frozen=True)
class Instruction:
    """A line of a computation.

    Attributes:
        type: Of its result, as it is printed.
        rest: What follows the opening bracket of its operands.
        root: Whether its result is that of the computation.
    """

    opcode: str
    type: str
    rest: str
    root: bool = False

    @property
    def sizes(self) -> tuple[int, ...] | None:
        """Sizes of its result, of a tuple those of the first array; None of what is none.

        What a library's kernel gives beside its result is room to work in.
        """
        found = next(_arrays(self.type), None)
        return None if found is None else found[1]

    @property
    def nbytes(self) -> int:
        """Bytes of its result, of a tuple of all its arrays."""
        return sum(_itemsize(dtype) * prod(sizes) for dtype, sizes in _arrays(self.type))


Instructions = dict[str, Instruction]


@dataclass(frozen=True)
class Module:
    """The computations of a module by name, and which of them is run."""

    computations: dict[str, Instructions]
    entry: Instructions


def read(text: str) -> Module:
    """Read a module; lines that are no instruction are passed over."""
    found: dict[str, Instructions] = {}
    entry: Instructions = {}
    current: Instructions | None = None
    for line in text.splitlines():
        header = _COMPUTATION.match(line)
        if header:
            current = found.setdefault(header["name"], {})
            entry = current if header["entry"] else entry
        elif line.startswith("}"):
            current = None
        elif current is not None and (match := _INSTRUCTION.match(line)):
            current[match["name"]] = Instruction(
                match["opcode"], match["type"], match["rest"], bool(match["root"])
            )
    return Module(found, entry)


def operands(instruction: Instruction, among: Instructions) -> list[str]:
    """Names of an instruction's operands; some printers write their types before them."""
    if instruction.opcode in ("parameter", "constant"):
        return []
    names = _NAMES.findall(instruction.rest.split("), ")[0] + ")")
    return [name for name in names if name in among]


def _arrays(type_: str) -> Iterator[tuple[str, tuple[int, ...]]]:
    for found in _ARRAY.finditer(type_):
        yield found["dtype"], tuple(map(int, _DIGITS.findall(found["sizes"])))


def _itemsize(dtype: str) -> int:
    """Bytes of an element; its bits are in its name, and less than a byte takes one."""
    bits = _DIGITS.search(dtype)
    return max(int(bits[0]) // 8, 1) if bits else 1
