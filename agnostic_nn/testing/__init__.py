"""For people who test: placeholder filled below."""
