"""Space-time blocks of world models: attention over space, causal attention over time, MLP."""

from reelbench.catalogue.preset import preset

ONEX = "1x-technologies/1xgpt genie/st_transformer.py, genie/configs/magvit_n32_h8_d256.json"
GENIE = "Bruce et al. 2024, arXiv:2402.15391, table 12; block as in 1x-technologies/1xgpt"

# fmt: off
PRESETS = (
    preset("STBlock", "1x-st", clip=(16, 256, 256), inputs={"x": (16, 256, 256)},
           options={"in_features": 256, "num_heads": 8, "mlp_dim": 1024},
           source=ONEX, core=True),
    # Published: width, heads, head size, 16 frames of 160×90 in patches of 4, normalised queries
    # and keys. Assumed: 23 rows of patches (942 B tokens in 125k steps of 512 clips are 920 a
    # frame), biases, and an MLP four times as wide. 48 such blocks hold 19.1 B parameters, 24 hold
    # 9.6 B; the paper's whole model, of "48 layers", holds 10.1 B.
    preset("STBlock", "genie-st", clip=(16, 90, 160), inputs={"x": (16, 23 * 40, 5120)},
           options={"in_features": 5120, "num_heads": 36, "mlp_dim": 20480, "head_dim": 128,
                    "qk_norm": True},
           source=GENIE, assumed=True),
)
# fmt: on
