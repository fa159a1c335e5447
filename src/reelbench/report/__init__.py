"""Results as people read them: tables for the terminal, Markdown, JSON and CSV."""
