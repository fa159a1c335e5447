"""A run under pytest: what is asked for, the plan, the session, what the user sees."""
