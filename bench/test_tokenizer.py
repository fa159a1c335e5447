"""Tokenizers: clips to a grid of codebook indices, or of a few numbers."""

import pytest

from reelbench.catalogue import presets


@pytest.mark.parametrize("preset", presets("tokenizer"), ids=lambda preset: preset.name)
def test_tokenizer(measure, preset):
    measure(preset)
