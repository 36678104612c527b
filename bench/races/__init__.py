"""Races: what is measured, a function a group; `worker` runs one of them in a process of its own."""
