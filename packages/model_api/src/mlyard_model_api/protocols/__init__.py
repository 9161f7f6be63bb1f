"""Wire formats: from bytes to a model's columns, and from predictions to bytes. Read `documents`, then `rows`."""
