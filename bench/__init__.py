"""Benchmarks: the library beside what people would write by hand.

`make bench` runs them, `make bench-full` also at 10 million rows.

Reading order: `data` (made-up communities) › `ten` (the ten indicators) › `library` and `by_…` (a module a contender)
› `timing` › `job` › `races` (what is measured) › `worker` (one process of it) › `goals` › `report` › `__main__`.
"""
