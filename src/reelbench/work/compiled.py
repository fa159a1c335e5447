"""Where a program does its arithmetic, inside its loops or outside, read from its HLO text.

The traced program says what was asked for. Only the compiled one says what is left: compilers move
work that does not change from turn to turn out of a loop, and drop what nobody reads. The same
reading of the text before and after compiling shows whether the work of a loop stayed in it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import prod

from reelbench.work.hlo import Instruction, Instructions, operands, read

_CALLED = re.compile(
    r"(?:calls|to_apply|body|condition|true_computation|false_computation)=%?([\w.\-]+)"
    r"|(?:branch_computations|called_computations)=\{([^}]*)\}"
)
_LOOP = re.compile(r"(?:body|condition)=%?([\w.\-]+)")
_CONTRACTED = re.compile(r"lhs_contracting_dims=\{([\d,]*)\}")
_LABELS = re.compile(r"dim_labels=\w+_(\w+)->")

# One operation an element of the result; comparisons, copies and reshapes are none.
_ARITHMETIC = re.compile(
    "add|subtract|multiply|divide|maximum|minimum|power|remainder|negate|abs|exponential|log|tanh|"
    "logistic|rsqrt|sqrt|cbrt|sine|cosine|tan|erf|exponential-minus-one|log-plus-one|atan2"
)
_TARGET = re.compile(r'custom_call_target="([^"]*)"')
_LIBRARY_CONTRACTED = re.compile(r'"lhs_contracting_dimensions":\[([^\]]*)\]')
_TURNED_LEFT = re.compile(r'"transpose_a":true')
_FILTER = re.compile(r'"filter":\{[^}]*"shape":\[([^\]]*)\]')
_FILTER_OUTPUTS = re.compile(r'"filter":\{[^}]*"output_feature_dim":"(\d+)"')


@dataclass(frozen=True)
class LoopWork:
    """Arithmetic of a program by place; a loop's body counts once, however often it runs.

    Attributes:
        inside: Operations in loops' bodies and what these call.
        outside: Operations elsewhere.
        loops: How many loops there are.
        opaque: Whether a loop calls a kernel whose operations the text does not tell.
    """

    inside: float
    outside: float
    loops: int
    opaque: bool


def loop_work(text: str) -> LoopWork:
    """Read the text of an HLO module, compiled or not."""
    computations = read(text).computations
    loops = [
        instruction
        for instructions in computations.values()
        for instruction in instructions.values()
        if instruction.opcode == "while"
    ]
    inside = _reachable({name for loop in loops for name in _LOOP.findall(loop.rest)}, computations)
    operations = {name: _operations(each) for name, each in computations.items()}
    return LoopWork(
        inside=sum(operations[name] for name in operations if name in inside),
        outside=sum(operations[name] for name in operations if name not in inside),
        loops=len(loops),
        opaque=any(
            instruction.opcode == "custom-call"
            and _library(instruction, computations[name]) is None
            for name in inside & computations.keys()
            for instruction in computations[name].values()
        ),
    )


def _reachable(names: set[str], computations: dict[str, Instructions]) -> frozenset[str]:
    seen: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        for instruction in computations.get(name, {}).values():
            for one, several in _CALLED.findall(instruction.rest):
                waiting += [one] if one else [x.strip(" %") for x in several.split(",")]
    return frozenset(seen)


def _operations(instructions: Instructions) -> float:
    """Operations of one computation, without those of what it calls."""
    total = 0.0
    for instruction in instructions.values():
        sizes = instruction.sizes
        if sizes is None:
            continue
        if instruction.opcode == "dot":
            total += 2.0 * prod(sizes) * (_contracted(instruction, instructions) or 1)
        elif instruction.opcode == "convolution":
            total += (
                2.0
                * prod(sizes)
                * (_taps_of(_operand(instruction, 1, instructions), instruction) or 1)
            )
        elif instruction.opcode == "custom-call":
            total += _library(instruction, instructions) or 0.0
        elif _ARITHMETIC.fullmatch(instruction.opcode):
            total += float(prod(sizes))
    return total


def _library(call: Instruction, instructions: Instructions) -> float | None:
    """Operations of a matrix product or convolution that a library does; None of anything else.

    XLA names them in ``xla/service/gpu/cublas_cudnn.h``, and oneDNN's with what is needed here in
    ``xla/service/cpu/onednn_contraction_rewriter.cc``. A convolution's passes do as many
    operations as its forward pass, whose result is the first operand when going back to the input
    and the second when going back to the kernel.
    """
    found = _TARGET.search(call.rest)
    target = found[1] if found else ""
    if target.startswith("__cublas$"):
        contracted = _contracted(call, instructions)
        return 2.0 * prod(call.sizes) * contracted if call.sizes and contracted else None
    first, second = (_operand(call, place, instructions) for place in (0, 1))
    if target == "__onednn$matmul" and call.sizes and first and len(first) > 1:
        inner = first[-2 if _TURNED_LEFT.search(call.rest) else -1]
        return 2.0 * prod(call.sizes) * inner
    if target == "__onednn$convolution" and call.sizes:
        shape, own = _FILTER.search(call.rest), _FILTER_OUTPUTS.search(call.rest)
        sizes = [int(size) for size in re.findall(r"\d+", shape[1])] if shape else []
        if not own or int(own[1]) >= len(sizes):
            return None
        del sizes[int(own[1])]
        return 2.0 * prod(call.sizes) * prod(sizes)
    if target.startswith(("__cudnn$convForward", "__cudnn$convBiasActivationForward")):
        result, kernel = call.sizes, second
    elif target.startswith("__cudnn$convBackwardInput"):
        result, kernel = first, second
    elif target.startswith("__cudnn$convBackwardFilter"):
        result, kernel = second, call.sizes
    else:
        return None
    taps = _taps_of(kernel, call)
    return 2.0 * prod(result) * taps if result and taps else None


def _contracted(dot: Instruction, instructions: Instructions) -> int | None:
    """Products that are summed into one element of a matrix product; None if not to be read."""
    sizes = _operand(dot, 0, instructions)
    found = _CONTRACTED.search(dot.rest) or _LIBRARY_CONTRACTED.search(dot.rest)
    if sizes is None or not found:
        return None
    places = [int(place) for place in re.findall(r"\d+", found[1])]
    return prod(sizes[place] for place in places if place < len(sizes))


def _taps_of(kernel: tuple[int, ...] | None, convolution: Instruction) -> int | None:
    """Products that are summed into one element of a convolution: the kernel but its outputs."""
    labels = _LABELS.search(convolution.rest)
    if not kernel or not labels or len(labels[1]) != len(kernel):
        return None
    return prod(size for label, size in zip(labels[1], kernel, strict=True) if label != "o")


def _operand(
    instruction: Instruction, place: int, instructions: Instructions
) -> tuple[int, ...] | None:
    names = operands(instruction, instructions)
    return instructions[names[place]].sizes if place < len(names) else None
