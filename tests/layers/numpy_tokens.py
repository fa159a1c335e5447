"""Embedding of tokens and Vision Transformer blocks in plain NumPy, for the oracles."""

import numpy as np

from layers.numpy_attention import attend, gelu, layer_norm, linear, mlp, project


def tokens_of(p, x, kernel, strides, padding):
    x = np.pad(x, [(0, 0), *padding, (0, 0)])
    starts = [range(0, n - k + 1, s) for n, k, s in zip(x.shape[1:4], kernel, strides, strict=True)]
    weights = p["proj"]["kernel"].reshape(-1, p["proj"]["kernel"].shape[-1])
    tokens = []
    for t in starts[0]:
        for h in starts[1]:
            for w in starts[2]:
                tubelet = x[:, t : t + kernel[0], h : h + kernel[1], w : w + kernel[2]]
                tokens.append(tubelet.reshape(len(x), -1) @ weights + p["proj"]["bias"])
    return np.stack(tokens, axis=1)


def sinusoid(tokens, width):
    """Vaswani et al. 2017, section 3.5, number by number."""
    table = np.empty((tokens, width))
    for position in range(tokens):
        for pair in range((width + 1) // 2):
            angle = position / 10000 ** (2 * pair / width)
            table[position, 2 * pair] = np.sin(angle)
            if 2 * pair + 1 < width:
                table[position, 2 * pair + 1] = np.cos(angle)
    return table


def turned(head, grid, positions):
    """3-D rotary positions by complex-free loops: two angles for the channels of a pair."""
    out = head.copy()
    half = head.shape[-1] // 3 // 2
    for row, position in enumerate(positions):
        for axis, place in enumerate(np.unravel_index(position, grid)):
            for pair in range(half):
                i = axis * 2 * half + 2 * pair
                a, b = (place * 10000.0 ** (-(c % half) / half) for c in (2 * pair, 2 * pair + 1))
                x, y = head[row, i], head[row, i + 1]
                out[row, i] = x * np.cos(a) - y * np.sin(a)
                out[row, i + 1] = y * np.cos(b) + x * np.sin(b)
    return out


def block(p, x, heads, activation=gelu, grid=None, positions=None):
    out = []
    for number, tokens in enumerate(x):
        bias = None
        if "q_bias" in p["attn"]:
            q_bias, v_bias = p["attn"]["q_bias"], p["attn"]["v_bias"]
            bias = np.concatenate([q_bias, 0 * q_bias, v_bias])
        query, key, value = project(p["attn"], layer_norm(p["norm1"], tokens, 1e-6), heads, bias)
        if grid is not None:
            where = range(len(tokens)) if positions is None else positions[number]
            query = [turned(head, grid, where) for head in query]
            key = [turned(head, grid, where) for head in key]
        found = [attend(query[h], key[h], value[h]) for h in range(heads)]
        y = tokens + linear(p["attn"]["proj"], np.concatenate(found, axis=1))
        out.append(y + mlp(p["mlp"], layer_norm(p["norm2"], y, 1e-6), activation))
    return np.stack(out)
