"""Result files: their schema, reading and writing them, and the journal a run keeps."""
