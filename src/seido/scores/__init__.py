"""Measures: pure functions that tell how near a generated movie is to the true one."""
