"""Selective scans against a loop over tokens, channels and states."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from layers.agreement import assert_agrees, normal
from layers.numpy_attention import linear, parameter_count
from reelbench.layers.scan import FirstTokenHead, FrameEmbedding, MambaBlock, selective_scan

STATE, RANK, TAPS = 3, 2, 4


def silu(x):
    return x / (1 + np.exp(-x))


def rms_norm(p, x):
    return x / np.sqrt((x**2).mean(-1, keepdims=True) + 1e-5) * p["scale"]


def one_way(p, x, gate):
    """One direction over the tokens of one clip, from the recurrence."""
    kernel, bias = p["conv"]["kernel"][:, 0], p["conv"]["bias"]
    state = np.zeros(p["log_decay"].shape)
    out = np.zeros_like(x)
    for n in range(len(x)):
        taps = [(TAPS - 1 - back, n - back) for back in range(TAPS) if back <= n]
        token = silu(sum(kernel[tap] * x[place] for tap, place in taps) + bias)
        mixed = linear(p["x_proj"], token)
        low, write, read = mixed[:RANK], mixed[RANK : RANK + STATE], mixed[RANK + STATE :]
        step = np.log1p(np.exp(linear(p["step_proj"], low) + p["step_bias"]))
        for channel in range(x.shape[1]):
            for s in range(STATE):
                decay = math.exp(-step[channel] * math.exp(p["log_decay"][channel, s]))
                state[channel, s] *= decay
                state[channel, s] += step[channel] * write[s] * token[channel]
        out[n] = (state @ read + p["skip"] * token) * silu(gate[n])
    return out


def block(p, x):
    out = []
    for tokens in x:
        inner, gate = np.split(linear(p["in_proj"], rms_norm(p["norm"], tokens)), 2, axis=-1)
        found = one_way(p["forwards"], inner, gate)
        if "backwards" in p:
            found = found + one_way(p["backwards"], inner[::-1], gate[::-1])[::-1]
        out.append(tokens + linear(p["out_proj"], found))
    return np.stack(out)


def make_block(**options):
    return functools.partial(MambaBlock, 4, state=STATE, step_rank=RANK, **options)


@pytest.mark.parametrize("bidirectional", [True, False])
def test_agrees_with_a_loop_over_tokens(bidirectional):
    make = make_block(bidirectional=bidirectional)
    assert_agrees(make, block, normal(0, 2, 6, 4))


def embedded(p, x):
    """Patches of 2×3, one at a time; the class token is first."""
    kernel, bias = p["proj"]["kernel"][0], p["proj"]["bias"]
    out = []
    for clip in x:
        rows = [p["class_token"][0] + p["places"][0]]
        for time, frame in enumerate(clip):
            patches = [
                np.einsum("hwc,hwcd->d", frame[i : i + 2, j : j + 3], kernel) + bias
                for i in range(0, frame.shape[0], 2)
                for j in range(0, frame.shape[1], 3)
            ]
            rows += [q + p["places"][1 + i] + p["times"][time] for i, q in enumerate(patches)]
        out.append(np.stack(rows))
    return np.stack(out)


class _Ends(nnx.Module):
    """Embedding and head; the head's answer stands in for the first token."""

    def __init__(self, **kinds):
        self.stem = FrameEmbedding(2, 4, frames=3, places=4, patch=(2, 3), **kinds)
        self.head = FirstTokenHead(4, 4, **kinds)

    def __call__(self, x):
        tokens = self.stem(x)
        return jnp.concatenate([self.head(tokens)[:, None], tokens[:, 1:]], axis=1)


def test_embedding_and_head_agree_with_loops():
    def oracle(p, x):
        tokens, head = embedded(p["stem"], x), p["head"]
        first = linear(head["head"], rms_norm(head["norm"], tokens[:, 0]))
        return np.concatenate([first[:, None], tokens[:, 1:]], axis=1)

    assert_agrees(_Ends, oracle, normal(1, 2, 3, 4, 6, 2))


@functools.cache
def jitted(bidirectional):
    graph, state = nnx.split(make_block(bidirectional=bidirectional)(rngs=nnx.Rngs(0)))
    return jax.jit(lambda s, x: nnx.merge(graph, s)(x)), state


def test_one_direction_does_not_see_the_future_and_two_see_all():
    x = normal(2, 1, 9, 4).astype(np.float32)
    changed = x.copy()
    changed[:, 5] += 1
    for bidirectional in (False, True):
        call, state = jitted(bidirectional)
        moved = np.abs(call(state, x) - call(state, changed)).max(axis=(0, 2))
        assert (moved[5:] > 0).all()
        assert (moved[:5] > 0).all() if bidirectional else (moved[:5] == 0).all()


def test_a_clip_turned_round_is_scanned_with_the_weights_exchanged():
    x = normal(3, 2, 9, 4).astype(np.float32)
    call, state = jitted(True)
    exchanged = nnx.clone(state)
    exchanged["forwards"], exchanged["backwards"] = state["backwards"], state["forwards"]
    np.testing.assert_allclose(
        call(exchanged, x[:, ::-1])[:, ::-1], call(state, x), rtol=1e-5, atol=1e-6
    )


def test_a_scan_in_pieces_that_hand_on_their_state_is_the_whole_scan():
    x, step = normal(4, 2, 7, 5), np.abs(normal(5, 2, 7, 5))
    decay, carried = -np.abs(normal(6, 5, STATE)), np.zeros((2, 5, STATE))
    write, read = normal(7, 2, 7, STATE), normal(8, 2, 7, STATE)
    whole, last = selective_scan(x, step, decay, write, read, carried)
    pieces = []
    for piece in (slice(0, 3), slice(3, 4), slice(4, 7)):
        tokens = [each[:, piece] for each in (x, step)]
        found, carried = selective_scan(*tokens, decay, write[:, piece], read[:, piece], carried)
        pieces.append(found)
    np.testing.assert_allclose(np.concatenate(pieces, axis=1), whole, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(carried, last, rtol=1e-5, atol=1e-6)


def test_parameters_of_videomamba_ti():
    direction = 384 * 4 + 384  # convolution
    direction += 384 * (12 + 2 * 16) + 12 * 384 + 384  # steps, writes and reads
    direction += 384 * 16 + 384  # decay, skip
    projections = 192 * 2 * 384 + 384 * 192
    assert parameter_count("videomamba-ti-scan") == 192 + projections + 2 * direction == 282_048
    tables = 192 + 197 * 192 + 8 * 192
    assert parameter_count("videomamba-ti-stem") == 3 * 16 * 16 * 192 + 192 + tables
