"""What is told of runs that no prediction can be made from, loaded by every command."""


class RatesError(ValueError):
    """A run that predictions cannot use; the message says why and what to do."""


class CeilingsError(ValueError):
    """A run without ceilings; the message says how to get them."""
