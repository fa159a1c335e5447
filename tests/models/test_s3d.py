"""S3D at a tiny size, of two stages."""

from flax import nnx

from models.classifiers import assert_classifies, draw
from reelbench.models.s3d import S3D


def test_a_tiny_model_classifies():
    block = (4, (3, 4), (2, 2), 2)
    module = S3D(
        stem_widths=(4, 6),
        stages=((block,), (block,)),
        num_classes=3,
        window=(1, 2, 2),
        rngs=nnx.Rngs(0),
    )
    assert_classifies(module, 3, *draw((8, 32, 32, 3)))
