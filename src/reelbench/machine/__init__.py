"""The machine that measures: its facts, its id, its ceilings."""
