"""Layers of the catalogue as a PyTorch user would write them, on the parameters of the Flax ones.

A function a layer's class: of the parameters by their path in the Flax module (kernels turned to
PyTorch's order), the inputs in the catalogue's order (volumes channels first), the options of the
layer's constructor and whether it trains. Each computes what `reelbench.layers` says, and is held
against it before anything is timed.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - PyTorch's own name for it

Parameters = Mapping[str, Tensor]
Layer = Callable[[Parameters, tuple[Tensor, ...], Mapping[str, Any], bool], Tensor]


def conv(p: Parameters, name: str, x: Tensor, *, stride: Any = 1, padding: Any = 0) -> Tensor:
    """Convolve over two or three axes; groups follow from the kernel's input channels."""
    kernel = p[f"{name}.kernel"]
    function = F.conv3d if kernel.ndim == 5 else F.conv2d
    groups = x.shape[1] // kernel.shape[1]
    return function(x, kernel, p.get(f"{name}.bias"), stride, padding, 1, groups)


def half(kernel: Tensor) -> tuple[int, ...]:
    """Padding that keeps odd lengths."""
    return tuple(length // 2 for length in kernel.shape[2:])


def batch_norm(p: Parameters, name: str, x: Tensor, trains: bool) -> Tensor:
    """Normalise by the batch in training, which moves the running statistics, else by those."""
    means = p[f"{name}.mean"], p[f"{name}.var"]
    scale, bias = p[f"{name}.scale"], p[f"{name}.bias"]
    return F.batch_norm(x, *means, scale, bias, trains, 0.1, 1e-5)


def linear(p: Parameters, name: str, x: Tensor) -> Tensor:
    """A linear map."""
    return F.linear(x, p[f"{name}.kernel"], p.get(f"{name}.bias"))


def layer_norm(p: Parameters, name: str, x: Tensor, epsilon: float) -> Tensor:
    """LayerNorm over channels."""
    scale, bias = p.get(f"{name}.scale"), p.get(f"{name}.bias")
    return F.layer_norm(x, x.shape[-1:], scale, bias, epsilon)


def mlp(p: Parameters, name: str, x: Tensor) -> Tensor:
    """Linear, exact GELU, linear."""
    return linear(p, f"{name}.fc2", F.gelu(linear(p, f"{name}.fc1", x)))


def attention(p: Parameters, name: str, x: Tensor, heads: int, mask: Any = None) -> Tensor:
    """Multi-head self-attention; queries, keys and values of one projection."""
    qkv = linear(p, f"{name}.qkv", x)
    if f"{name}.q_bias" in p:
        q_bias, v_bias = p[f"{name}.q_bias"], p[f"{name}.v_bias"]
        qkv = qkv + torch.cat([q_bias, torch.zeros_like(q_bias), v_bias])
    qkv = qkv.reshape(*x.shape[:2], 3, heads, -1).permute(2, 0, 3, 1, 4)
    found = F.scaled_dot_product_attention(*qkv.unbind(0), attn_mask=mask)
    return linear(p, f"{name}.proj", found.transpose(1, 2).reshape(x.shape))


def conv3d(p: Parameters, inputs: tuple[Tensor, ...], options: Any, trains: bool) -> Tensor:
    """`Conv3D`, and `DepthwiseConv3D`, whose groups its kernel tells."""
    return conv(p, "conv", inputs[0], stride=_strides(options), padding=half(p["conv.kernel"]))


def causal_conv(p: Parameters, inputs: tuple[Tensor, ...], options: Any, trains: bool) -> Tensor:
    """`CausalConv3D` with zeros before the clip."""
    return _causal(p, "conv", inputs[0])


def _causal(p: Parameters, name: str, x: Tensor) -> Tensor:
    before, high, wide = (length - 1 for length in p[f"{name}.kernel"].shape[2:])
    x = F.pad(x, (wide // 2, wide // 2, high // 2, high // 2, before, 0))
    return conv(p, name, x)


def wan_residual(p: Parameters, inputs: tuple[Tensor, ...], options: Any, trains: bool) -> Tensor:
    """`WanResidualBlock` of equal widths."""
    (x,) = inputs
    y = x
    for number in ("1", "2"):
        scale = p[f"norm{number}.scale"].reshape(-1, 1, 1, 1)
        y = F.normalize(y, dim=1) * (y.shape[1] ** 0.5 * scale)
        y = _causal(p, f"conv{number}.conv", F.silu(y))
    return x + y


def r2plus1d(p: Parameters, inputs: tuple[Tensor, ...], options: Any, trains: bool) -> Tensor:
    """`R2Plus1DBlock` of equal widths, without strides."""
    (x,) = inputs
    y = x
    for number in ("1", "2"):
        name = f"conv{number}"
        y = conv(p, f"{name}.spatial", y, padding=half(p[f"{name}.spatial.kernel"]))
        y = F.relu(batch_norm(p, f"{name}.norm", y, trains))
        y = conv(p, f"{name}.temporal", y, padding=half(p[f"{name}.temporal.kernel"]))
        y = batch_norm(p, f"norm{number}", y, trains)
        y = F.relu(y if number == "1" else y + x)
    return y


def x3d(p: Parameters, inputs: tuple[Tensor, ...], options: Any, trains: bool) -> Tensor:
    """`X3DBlock` of equal widths, without strides."""
    (x,) = inputs
    y = F.relu(batch_norm(p, "widen_norm", conv(p, "widen", x), trains))
    y = conv(p, "depthwise", y, padding=half(p["depthwise.kernel"]))
    y = batch_norm(p, "depthwise_norm", y, trains)
    if "squeeze_excitation.reduce.kernel" in p:
        mean = y.mean((2, 3, 4))
        gate = F.relu(linear(p, "squeeze_excitation.reduce", mean))
        gate = torch.sigmoid(linear(p, "squeeze_excitation.expand", gate))
        y = y * gate[..., None, None, None]
    y = batch_norm(p, "narrow_norm", conv(p, "narrow", F.silu(y)), trains)
    return F.relu(x + y)


def csn(p: Parameters, inputs: tuple[Tensor, ...], options: Any, trains: bool) -> Tensor:
    """`CSNBlock` of equal widths, without strides."""
    (x,) = inputs
    y = F.relu(batch_norm(p, "narrow_norm", conv(p, "narrow", x), trains))
    y = conv(p, "depthwise", y, padding=half(p["depthwise.kernel"]))
    y = F.relu(batch_norm(p, "depthwise_norm", y, trains))
    return F.relu(x + batch_norm(p, "widen_norm", conv(p, "widen", y), trains))


def joint(p: Parameters, inputs: tuple[Tensor, ...], options: Any, trains: bool) -> Tensor:
    """`JointAttentionBlock` without rotary positions."""
    (x,) = inputs
    epsilon = options.get("epsilon", 1e-6)
    x = x + attention(p, "attn", layer_norm(p, "norm1", x, epsilon), options["num_heads"])
    return x + mlp(p, "mlp", layer_norm(p, "norm2", x, epsilon))


def divided(p: Parameters, inputs: tuple[Tensor, ...], options: Any, trains: bool) -> Tensor:
    """`DividedAttentionBlock`: over time at each place, then over each frame."""
    (x,) = inputs
    frames, heads, epsilon = options["num_frames"], options["num_heads"], 1e-6
    batch, _, width = x.shape
    cls, patches = x[:, :1], x[:, 1:]
    over_time = layer_norm(p, "temporal_norm1", patches.reshape(-1, frames, width), epsilon)
    change = attention(p, "temporal_attn", over_time, heads)
    patches = patches + linear(p, "temporal_fc", change.reshape(patches.shape))
    by_frame = patches.reshape(batch, -1, frames, width).transpose(1, 2)
    frame = torch.cat([cls[:, None].expand(batch, frames, 1, width), by_frame], 2)
    flat = layer_norm(p, "norm1", frame, epsilon).reshape(batch * frames, -1, width)
    change = attention(p, "attn", flat, heads).reshape(frame.shape)
    cls = cls + change[:, :, 0].mean(1, keepdim=True)
    patches = patches + change[:, :, 1:].transpose(1, 2).reshape(patches.shape)
    x = torch.cat([cls, patches], 1)
    return x + mlp(p, "mlp", layer_norm(p, "norm2", x, epsilon))


def swin(p: Parameters, inputs: tuple[Tensor, ...], options: Any, trains: bool) -> Tensor:
    """`SwinBlock3D` on a volume of whole windows."""
    (x,) = inputs
    sizes = tuple(x.shape[1:4])
    asked, shifts = tuple(options["window"]), options.get("shift", (0, 0, 0))
    window = tuple(min(n, w) for n, w in zip(sizes, asked, strict=True))
    shift = tuple(0 if n <= w else s for n, w, s in zip(sizes, asked, shifts, strict=True))
    axes = (1, 2, 3)
    y = layer_norm(p, "norm1", x, 1e-5)
    if any(shift):
        y = torch.roll(y, [-s for s in shift], axes)
    windows = _windows(y, window)
    mask = p["bias_table"][_relative(window, asked)].permute(2, 0, 1)[None].to(x.dtype)
    if any(shift):
        mask = mask + _apart(sizes, window, shift)[:, None].to(mask.dtype)
        if x.shape[0] > 1:  # the windows of every clip
            mask = mask.repeat(x.shape[0], 1, 1, 1)
    found = attention(p, "attn", windows, options["num_heads"], mask)
    counts = [n // w for n, w in zip(sizes, window, strict=True)]
    y = found.reshape(-1, *counts, *window, x.shape[-1])
    y = y.permute(0, 1, 4, 2, 5, 3, 6, 7).reshape(x.shape)
    x = x + (torch.roll(y, shift, axes) if any(shift) else y)
    return x + mlp(p, "mlp", layer_norm(p, "norm2", x, 1e-5))


def _windows(x: Tensor, window: tuple[int, ...]) -> Tensor:
    batch, t, h, w, c = x.shape
    wt, wh, ww = window
    x = x.reshape(batch, t // wt, wt, h // wh, wh, w // ww, ww, c)
    return x.permute(0, 1, 3, 5, 2, 4, 6, 7).reshape(-1, wt * wh * ww, c)


def _table(make: Callable[..., Any]) -> Callable[..., Any]:
    """Made once, as modules keep theirs in buffers; and so that either pass may use it."""
    return functools.cache(torch.inference_mode(mode=False)(make))


@_table
def _relative(window: tuple[int, ...], table: tuple[int, ...]) -> Tensor:
    """Row of the bias table for each pair of positions."""
    numbers = torch.arange(math.prod(window))
    index = torch.zeros(len(numbers), len(numbers), dtype=torch.long)
    for n, position in zip(table, torch.unravel_index(numbers, tuple(table)), strict=True):
        index = index * (2 * n - 1) + position[:, None] - position[None] + n - 1
    return index


@_table
def _apart(sizes: tuple[int, ...], window: tuple[int, ...], shift: tuple[int, ...]) -> Tensor:
    """Minus infinity for pairs that only the roll brought together."""
    sides = [
        torch.arange(n) >= n - s if s else torch.zeros(n, dtype=torch.bool)
        for n, s in zip(sizes, shift, strict=True)
    ]
    grid = torch.stack(torch.meshgrid(*sides, indexing="ij"), -1)[None]
    inside = _windows(grid, window)
    same = (inside[:, :, None] == inside[:, None]).all(-1)
    return torch.where(same, 0.0, -math.inf)


def wan(p: Parameters, inputs: tuple[Tensor, ...], options: Any, trains: bool) -> Tensor:
    """`WanBlock` without image tokens."""
    x, text, modulation = inputs
    heads, epsilon = options["num_heads"], 1e-6
    steps = (modulation + p["scale_shift_table"]).to(x.dtype).split(1, 1)
    shift1, scale1, gate1, shift2, scale2, gate2 = steps
    h = layer_norm(p, "norm1", x, epsilon) * (1 + scale1) + shift1
    angles = _angles(tuple(options["grid"]), x.shape[-1] // heads)
    x = x + _cross(p, "self_attention", h, h, heads, angles) * gate1
    h = layer_norm(p, "norm3", x, epsilon)
    x = x + _cross(p, "cross_attention", h, text, heads)
    h = layer_norm(p, "norm2", x, epsilon) * (1 + scale2) + shift2
    h = linear(p, "contract", F.gelu(linear(p, "expand", h), approximate="tanh"))
    return x + h * gate2


def _cross(
    p: Parameters, name: str, x: Tensor, source: Tensor, heads: int, angles: Any = None
) -> Tensor:
    def normed(which: str, y: Tensor) -> Tensor:
        scale = p[f"{name}.{which}_norm.scale"]
        made = F.rms_norm(linear(p, f"{name}.{which}", y), scale.shape, scale, 1e-6)
        by_head = made.reshape(*y.shape[:2], heads, -1).transpose(1, 2)
        return by_head if angles is None else _rotated(by_head, angles)

    value = linear(p, f"{name}.value", source).reshape(*source.shape[:2], heads, -1)
    found = F.scaled_dot_product_attention(
        normed("query", x), normed("key", source), value.transpose(1, 2)
    )
    return linear(p, f"{name}.out", found.transpose(1, 2).reshape(x.shape))


@_table
def _angles(grid: tuple[int, ...], width: int) -> tuple[Tensor, Tensor]:
    third = width // 6
    angles = []
    for axis, (length, pairs) in enumerate(
        zip(grid, (width // 2 - 2 * third, third, third), strict=True)
    ):
        fast = 10000.0 ** (-torch.arange(pairs) / pairs)
        shape = [1, 1, 1, pairs]
        shape[axis] = length
        turned = (torch.arange(length)[:, None] * fast).reshape(shape)
        angles.append(turned.expand(*grid, pairs))
    joined = torch.cat(angles, -1).reshape(-1, width // 2)
    return joined.cos(), joined.sin()


def _rotated(x: Tensor, angles: tuple[Tensor, Tensor]) -> Tensor:
    cos, sin = angles
    even, odd = x[..., 0::2], x[..., 1::2]
    turned = torch.stack([even * cos - odd * sin, even * sin + odd * cos], -1)
    return turned.flatten(-2).to(x.dtype)


def tubelet(p: Parameters, inputs: tuple[Tensor, ...], options: Any, trains: bool) -> Tensor:
    """`TubeletEmbedding`."""
    (name,) = (each.removesuffix(".kernel") for each in p if each.endswith(".kernel"))
    made = conv(p, name, inputs[0], stride=p[f"{name}.kernel"].shape[2:])
    return made.flatten(2).transpose(1, 2)


def convlstm(p: Parameters, inputs: tuple[Tensor, ...], options: Any, trains: bool) -> Tensor:
    """`ConvLSTM` over the frames of a clip."""
    (x,) = inputs
    batch, channels, frames, *size = x.shape
    flat = x.transpose(1, 2).reshape(batch * frames, channels, *size)
    given = conv(p, "input_conv", flat, padding=half(p["input_conv.kernel"]))
    given = given.reshape(batch, frames, -1, *size)
    hidden = cell = torch.zeros_like(given[:, 0, : given.shape[2] // 4])
    to_input, to_forget, to_output = p["peepholes"][:, None, :, None, None]
    made = []
    for frame in given.unbind(1):
        gates = frame + conv(p, "state_conv", hidden, padding=half(p["state_conv.kernel"]))
        into, kept, candidate, out = gates.chunk(4, 1)
        cell = torch.sigmoid(kept + to_forget * cell) * cell + torch.sigmoid(
            into + to_input * cell
        ) * torch.tanh(candidate)
        hidden = torch.sigmoid(out + to_output * cell) * torch.tanh(cell)
        made.append(hidden)
    return torch.stack(made, 2)


def group_norm(p: Parameters, inputs: tuple[Tensor, ...], options: Any, trains: bool) -> Tensor:
    """`GroupNorm3D`."""
    groups = options.get("num_groups", 32)
    return F.group_norm(inputs[0], groups, p["norm.scale"], p["norm.bias"], 1e-6)


def token_norm(p: Parameters, inputs: tuple[Tensor, ...], options: Any, trains: bool) -> Tensor:
    """`TokenNorm`."""
    return layer_norm(p, "norm", inputs[0], 1e-6)


def _strides(options: Mapping[str, Any]) -> tuple[int, int, int]:
    return options.get("strides", (1, 1, 1))


# By the layer's class; the second says whether its volumes are convolved, channels first.
LAYERS: dict[str, tuple[Layer, bool]] = {
    "Conv3D": (conv3d, True),
    "CausalConv3D": (causal_conv, True),
    "WanResidualBlock": (wan_residual, True),
    "R2Plus1DBlock": (r2plus1d, True),
    "DepthwiseConv3D": (conv3d, True),
    "X3DBlock": (x3d, True),
    "CSNBlock": (csn, True),
    "JointAttentionBlock": (joint, False),
    "DividedAttentionBlock": (divided, False),
    "SwinBlock3D": (swin, False),
    "WanBlock": (wan, False),
    "TubeletEmbedding": (tubelet, True),
    "ConvLSTM": (convlstm, True),
    "GroupNorm3D": (group_norm, True),
    "TokenNorm": (token_norm, False),
}
