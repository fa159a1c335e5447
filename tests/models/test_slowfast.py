"""SlowFast at a tiny size."""

from flax import nnx

from models.classifiers import assert_classifies, draw
from reelbench.models.slowfast import SlowFast


def test_a_tiny_model_classifies_and_reads_both_pathways():
    module = SlowFast(
        depths=(1, 1),
        width=16,
        num_classes=3,
        lateral_kernel=3,
        lateral_stride=2,
        slow_window=(2, 2, 2),
        fast_window=(4, 2, 2),
        rngs=nnx.Rngs(0),
    )
    assert_classifies(module, 3, *draw((2, 32, 32, 3), (4, 32, 32, 3)))
