"""The axes along which every case is measured: pass, dtype, batch, implementation."""

from __future__ import annotations

from dataclasses import dataclass

PASSES = ("forward", "train")
DTYPES = ("float32", "bfloat16", "float16")


@dataclass(frozen=True)
class Axes:
    """One point of the axes along which every case is measured.

    Attributes:
        pass_: ``forward`` or ``train``.
        dtype: Dtype of the computation; None for a user's own layer, whose inputs decide.
        batch: Clips a call; None likewise.
        implementation: ``best`` or the name of one; None for the layer as it is written.
    """

    pass_: str
    dtype: str | None = None
    batch: int | None = None
    implementation: str | None = None

    @property
    def id(self) -> str:
        """What stands in the test's name."""
        batch = None if self.batch is None else f"b{self.batch}"
        parts = [self.pass_, self.dtype, batch, self.implementation]
        return "-".join(part for part in parts if part)

    def strip(self, name: str) -> str:
        """A test's full name without what these axes added to it."""
        among_others, alone = f"-{self.id}]", f"[{self.id}]"
        if name.endswith(among_others):
            return name.removesuffix(among_others) + "]"
        return name.removesuffix(alone)
