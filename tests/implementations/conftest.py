"""Nothing is timed here: programs are compiled quickly."""

from compilation import quick_compilation

__all__ = ["quick_compilation"]
