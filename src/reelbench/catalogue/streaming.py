"""Streaming convolution: blocks that take a video as it comes and carry what they need of its past.

A stream's memory does not grow with the video. The base block beside them sees the whole clip.
"""

from reelbench.catalogue.preset import Input, preset

MOVINET = (
    "Kondratyuk et al. 2021, arXiv:2103.11511; tensorflow/models"
    " official/projects/movinet/modeling/movinet.py (A2, first layer of the fourth block)"
)
CLIP = (50, 224, 224)
BLOCK = {"in_features": 72, "mid_features": 240, "out_features": 72, "kernel_size": (5, 3, 3)}

# fmt: off
PRESETS = (
    preset("MovinetBlock", "movinet-a2-base-block", clip=CLIP,
           inputs={"x": (50, 14, 14, 72)}, options=BLOCK, source=MOVINET),
    preset("MovinetStreamBlock", "movinet-a2-stream-block", clip=CLIP,
           inputs={"x": (50, 14, 14, 72)}, options=BLOCK, source=MOVINET),
    # Assumed: how many frames a chunk has; the README's example takes 8.
    preset("MovinetStreamChunk", "movinet-a2-stream-chunk", clip=(8, 224, 224),
           inputs={"x": (8, 14, 14, 72), "past": (4, 14, 14, 240), "total": (240,),
                   "count": Input((), values="index", below=42)},
           options=BLOCK, source=MOVINET, assumed=True),
)
# fmt: on
