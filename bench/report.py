"""Report: what was measured, as JSON that is kept and as Markdown that is read, in English and Chinese."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, Literal

from .goals import limit_goal, ratio_goal

Lang = Literal["zh", "en"]
Line = Mapping[str, Any]
LEAST = {"seconds": 1e-12, "bytes": 2**20}
"""What an amount must be at least for a ratio to it to say something."""
PUBLISHED = Path(__file__).parent / "report.json"

GROUPS: dict[str, dict[Lang, str]] = {
    "polars": {"en": "polars frame in memory", "zh": "内存中的 polars 数据框"},
    "polars prepared": {"en": "polars frame, prepared", "zh": "polars 数据框，已准备"},
    "polars without llvmlite": {"en": "polars frame, llvmlite not installed", "zh": "polars 数据框，未安装 llvmlite"},
    "panel": {"en": "Panel of five years (polars)", "zh": "五年面板（polars）"},
    "shuffled": {"en": "Rows in no order", "zh": "行序打乱"},
    "indicators": {
        "en": "More targets: all of the communities table against the ten (polars)",
        "zh": "更多目标：社区表的全部目标与十项之比（polars）",
    },
    "linearity": {"en": "Linearity in rows: time a row, large over small", "zh": "随行数的线性：每行耗时，大表比小表"},
    "pandas": {"en": "pandas frame", "zh": "pandas 数据框"},
    "pandas prepared": {"en": "pandas frame, prepared", "zh": "pandas 数据框，已准备"},
    "pandas without polars": {"en": "pandas frame, polars not installed", "zh": "pandas 数据框，未安装 polars"},
    "pandas without llvmlite": {"en": "pandas frame, llvmlite not installed", "zh": "pandas 数据框，未安装 llvmlite"},
    "pyarrow": {"en": "pyarrow table", "zh": "pyarrow 表"},
    "pyarrow prepared": {"en": "pyarrow table, prepared", "zh": "pyarrow 表，已准备"},
    "pyarrow without polars": {"en": "pyarrow table, polars not installed", "zh": "pyarrow 表，未安装 polars"},
    "duckdb": {"en": "DuckDB relation", "zh": "DuckDB 关系"},
    "duckdb prepared": {"en": "DuckDB relation, prepared", "zh": "DuckDB 关系，已准备"},
    "spark": {"en": "Spark local[2], cached table", "zh": "Spark local[2]，已缓存的表"},
    "spark prepared": {"en": "Spark local[2], prepared", "zh": "Spark local[2]，已准备"},
    "spark_indicators": {
        "en": "More targets: all of the communities table against the ten (Spark)",
        "zh": "更多目标：社区表的全部目标与十项之比（Spark）",
    },
    "openfisca": {"en": "OpenFisca-core, by county", "zh": "OpenFisca-core，分县"},
    "pint": {"en": "pint quantities on objects", "zh": "逐对象的 pint 量"},
    "pandera": {"en": "pandera, the same row rules", "zh": "pandera，同样的行规则"},
    "fixed": {"en": "Fixed cost", "zh": "固定开销"},
    "memory": {"en": "Memory at its peak over the data (polars)", "zh": "峰值内存，不计数据本身（polars）"},
    "process": {
        "en": "Whole process: parquet files to results by county",
        "zh": "整个进程：从 parquet 文件到分县结果",
    },
}
MORE_TARGETS = ("indicators", "spark_indicators")
CASES: dict[str, dict[Lang, str]] = {
    "whole": {"en": "whole table", "zh": "全表"},
    "city": {"en": "by city", "zh": "分市"},
    "county": {"en": "by county", "zh": "分县"},
    "township": {"en": "by township", "zh": "分乡镇"},
    "community": {"en": "per community", "zh": "逐社区"},
    "together": {"en": "city + county + township + community", "zh": "市＋县＋乡镇＋社区"},
    "whole, alone": {"en": "whole table, `evaluate` alone", "zh": "全表，仅 `evaluate`"},
    "county, alone": {"en": "by county, `evaluate` alone", "zh": "分县，仅 `evaluate`"},
    "year-county": {"en": "by year and county", "zh": "分年份和县"},
    "planning": {"en": "planning alone", "zh": "仅生成计划"},
    "compile": {"en": "compile", "zh": "编译"},
    "good data": {"en": "good data", "zh": "无误的数据"},
    "1% of the rows bad": {"en": "faults of four kinds, each in 1% of the rows", "zh": "四种错误，各占 1% 的行"},
    "county, pandas": {"en": "by county, from a pandas frame", "zh": "分县，源自 pandas 数据框"},
    "county, polars": {"en": "by county, from a polars frame", "zh": "分县，源自 polars 数据框"},
    "county, DuckDB": {"en": "by county, from a DuckDB relation", "zh": "分县，源自 DuckDB 关系"},
    "township, pandas": {"en": "by township, from a pandas frame", "zh": "分乡镇，源自 pandas 数据框"},
    "township, polars": {"en": "by township, from a polars frame", "zh": "分乡镇，源自 polars 数据框"},
    "township, DuckDB": {"en": "by township, from a DuckDB relation", "zh": "分乡镇，源自 DuckDB 关系"},
    "county, 5,000 rows": {"en": "by county, 5,000 rows", "zh": "分县，5,000 行"},
}
CONTENDERS: dict[str, dict[Lang, str]] = {
    "library": {"en": "library", "zh": "本库"},
    "floats": {"en": "by hand, floats", "zh": "手写，浮点"},
    "integers": {"en": "by hand, exact integers", "zh": "手写，精确整数"},
}
PHRASES = (
    ("build and compute", "建立并计算"),
    ("compute alone", "仅计算"),
    ("pint loop", "pint 循环"),
    ("lazy frame", "惰性数据框"),
    ("pandas frame", "pandas 数据框"),
    ("prepared", "已准备"),
    ("path", "路径"),
    (" targets", " 个目标"),
    (" measures", " 个测度"),
    ("whole group", "整组"),
    ("memory without that of Spark's own machine", "内存不含 Spark 自身的虚拟机"),
    ("over data of", "数据本身"),
    ("32-bit floats", "32 位浮点"),
    ("checks and evaluates", "检查并评估"),
    ("time outside Spark's actions, by county", "Spark 动作之外的耗时，分县"),
    ("targets= every target that reads the communities table alone", "targets= 只用社区表的全部目标"),
    ("a cold virtual machine: warming up ended with the first long call", "虚拟机尚未预热：首次调用过长，预热即止"),
    ("is not installed", "未安装"),
    ("stopped by hand, to save time", "为节省时间，人工中止"),
    ("stopped after", "超时中止："),
    ("stopped at", "内存超限中止："),
    ("extrapolated:", "推算：每行"),
    (" a row, measured on", "，实测行数"),
    (" rows", ""),
)
"""What contenders and notes say, for the Chinese page; an error keeps its words."""
WORDS: dict[str, dict[Lang, str]] = {
    "rows": {"en": "Rows", "zh": "行数"},
    "case": {"en": "Case", "zh": "情形"},
    "contender": {"en": "Beside", "zh": "对照"},
    "library": {"en": "Library", "zh": "本库"},
    "theirs": {"en": "Contender", "zh": "对照耗时或内存"},
    "ratio": {"en": "Library ÷ contender", "zh": "本库 ÷ 对照"},
    "goal": {"en": "Goal", "zh": "目标"},
    "reached": {"en": "reached", "zh": "达到"},
    "missed": {"en": "not reached", "zh": "未达到"},
    "once": {"en": "not judged on single calls", "zh": "仅一次调用，不作判断"},
    "load": {"en": "Load before and after", "zh": "运行前后的系统负载"},
    "machine": {"en": "Machine", "zh": "机器"},
    "date": {"en": "Date", "zh": "日期"},
    "versions": {"en": "Versions", "zh": "版本"},
    "revision": {"en": "Revision", "zh": "修订号"},
    "run": {"en": "Measured in an earlier run", "zh": "在较早的一次运行中测得"},
}


def load(path: Path = PUBLISHED) -> dict[str, Any]:
    report: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return report


def linearity(lines: Iterable[Line]) -> list[Line]:
    """Return the library's time a row at each larger size, beside that of the smallest size that says something."""
    found: list[Line] = []
    own = [
        line for line in lines
        if line["group"] == "polars" and line["contender"] == "library" and line.get("seconds")
        and line["rows"] >= 100_000
    ]  # fmt: skip
    own.sort(key=lambda line: (line["case"], line.get("run", ""), line["rows"]))
    for (case, _), sizes in groupby(own, key=lambda line: (line["case"], line.get("run", ""))):
        small, *larger = sizes
        for line in larger:
            for name, size in (("library", line), (f"library, {small['rows']:,}", small)):
                found.append({
                    "group": "linearity", "rows": line["rows"], "case": case, "contender": name,
                    "seconds": size["seconds"] / size["rows"], "repeats": size["repeats"],
                })  # fmt: skip
    return found


def races(report: Mapping[str, Any]) -> Iterator[tuple[str, int, str, list[Line]]]:
    """Yield group, rows, case and the lines of each race, in the order of `GROUPS`."""
    lines = [*report["measurements"], *linearity(report["measurements"])]
    order = {name: place for place, name in enumerate(GROUPS)}
    keys: dict[tuple[str, int, str], list[Line]] = {}
    for line in lines:
        keys.setdefault((line["group"], line["rows"], line["case"]), []).append(line)
    for (group, rows, case), found in sorted(keys.items(), key=lambda item: (order.get(item[0][0], 99), item[0][1])):
        yield group, rows, case, found


def amount(line: Line) -> str:
    """Return time or memory as people read it."""
    if line.get("error"):
        return "—"
    parts = []
    if "bytes" in line:
        mebibytes = line["bytes"] / 2**20
        parts.append(f"{mebibytes:,.0f} MiB" if mebibytes >= 1 else "< 1 MiB")
    if "seconds" in line:
        seconds = line["seconds"]
        for unit, factor in (("s", 1.0), ("ms", 1e3), ("µs", 1e6), ("ns", 1e9)):
            if seconds * factor >= 1 or unit == "ns":
                number = seconds * factor
                parts.append(f"{number:,.0f} {unit}" if number >= 100 else f"{number:.3g} {unit}")
                break
    once = " (1×)" if line.get("repeats") == 1 else ""
    return ", ".join(parts) + once


def word(words: Mapping[str, Mapping[Lang, str]], key: str, lang: Lang) -> str:
    if key in words:
        return words[key][lang]
    for name in ("library", "floats"):  # such as “library, pandas frame”
        if key.startswith(f"{name}, ") and name in words:
            return f"{words[name][lang]}, {said(key[len(name) + 2 :], lang)}"
    return said(key, lang)


def said(text: str, lang: Lang) -> str:
    """Return what a contender or a note says, in a language."""
    whole = dict(PHRASES).get(text) if lang == "zh" else text
    if whole is None:
        whole = text
        for phrase, translation in PHRASES:
            if text.startswith(phrase) or text.endswith(phrase):
                whole = whole.replace(phrase, translation)
    return whole


def _own(lines: list[Line]) -> Line:
    return next((line for line in lines if line["contender"].startswith("library")), lines[0])


def _verdict(value: float, goal: float, lang: Lang, *lines: Line) -> str:
    """Say whether a goal is reached; a time that was taken once does not show that it is."""
    if value > goal:
        return WORDS["missed"][lang]
    return WORDS["once" if any(line.get("repeats", 3) < 3 for line in lines) else "reached"][lang]


def rows_of(group: str, rows: int, case: str, lines: list[Line], lang: Lang) -> Iterator[list[str]]:
    """Yield the table rows of one race: the library beside each contender, and against its own limits."""
    own = _own(lines)
    if group in MORE_TARGETS:
        own = next(line for line in lines if line["contender"] != "library")
    head = [f"{rows:,}", word(CASES, case, lang)]
    pairs: list[tuple[Line, Line]] = []
    if group == "fixed" and case != "compile":
        names = {line["contender"]: line for line in lines}
        mates = {"floats": "library", "floats, pandas": "library, pandas frame"}
        pairs = [(names[mine], names[theirs]) for theirs, mine in mates.items() if theirs in names]
    elif group == "process":
        others = [line for line in lines if not line["contender"].startswith("library")]
        ours = [line for line in lines if line["contender"].startswith("library")]
        pairs = [(line, other) for line in ours for other in others]
    else:
        pairs = [(own, line) for line in lines if line is not own]
    for mine, theirs in pairs:
        beside = word(CONTENDERS, theirs["contender"], lang)
        if group in ("process", "fixed", *MORE_TARGETS):
            beside = f"{word(CONTENDERS, mine['contender'], lang)} / {beside}"
        goal, ratio, reached = None, None, ""
        key = "bytes" if "bytes" in mine else "seconds"
        if mine.get(key) is not None and theirs.get(key, 0) >= LEAST[key]:
            ratio = mine[key] / theirs[key]
            goal = ratio_goal(group, case, theirs["contender"], rows)
            reached = (
                ""
                if goal is None
                else f"≤ {goal:g}: {_verdict(ratio, goal, lang, *(() if key == 'bytes' else (mine, theirs)))}"
            )
        shown = "—" if ratio is None else f"{ratio:.2f}" if ratio >= 0.1 else f"{ratio:.2g}"
        yield [*head, beside, amount(mine), amount(theirs), shown, reached]
    for line in lines:
        limit = limit_goal(group, case, line["contender"])
        if limit is None and pairs:
            continue
        key = "bytes" if limit is not None and limit.bytes else "seconds"
        most = None if limit is None else (limit.bytes or limit.seconds)
        reached = ""
        if most is not None and line.get(key) is not None:
            reached = (
                f"≤ {amount({key: most})}: {_verdict(line[key], most, lang, *(() if key == 'bytes' else (line,)))}"
            )
        yield [*head, f"{word(CONTENDERS, line['contender'], lang)}", amount(line), "", "", reached]


def table(group: str, parts: Sequence[tuple[int, str, list[Line]]], lang: Lang) -> str:
    heads = [WORDS[name][lang] for name in ("rows", "case", "contender", "library", "theirs", "ratio", "goal")]
    lines = [f"| {' | '.join(heads)} |", f"|{' --- |' * 3}{' ---: |' * 3} --- |"]
    told: dict[str, list[str]] = {}
    for rows, case, found in parts:
        lines += [f"| {' | '.join(cells)} |" for cells in rows_of(group, rows, case, found, lang)]
        for line in found:
            text = line.get("error") or line.get("disagreement") or line.get("note")
            if text:
                where = f"{rows:,}, {word(CASES, case, lang)}, {word(CONTENDERS, line['contender'], lang)}"
                told.setdefault(text if line.get("disagreement") else said(text, lang), []).append(where)
    for rows, _, found in parts:
        for line in found:
            if line.get("run"):
                told.setdefault(f"{WORDS['run'][lang]}: {line['run']}", []).append(f"{rows:,}")
    notes = [f"- {_plain(text)} ({'; '.join(dict.fromkeys(places))})" for text, places in told.items()]
    return "\n".join([*lines, "", *notes]).rstrip() + "\n"


def _plain(text: str) -> str:
    """Keep what an error says from being read as Markdown or HTML."""
    return text.replace("<", "&lt;").replace("|", "\\|").replace("@", "&#64;").replace("[", "\\[")


def glance(races: Iterable[tuple[int, str, list[Line]]], lang: Lang) -> str:
    """Return what a group comes to by county, and beside floats by hand; nothing where that was not measured."""
    for rows, case, lines in races:
        mine, theirs = _own(lines), next((line for line in lines if line["contender"] == "floats"), {})
        if (rows, case) == (650_000, "county") and mine.get("seconds") and theirs.get("seconds"):
            ratio = f"{mine['seconds'] / theirs['seconds']:.2f}"
            return f"：{amount(mine)}，{ratio} 倍" if lang == "zh" else f": {amount(mine)}, {ratio} ×"
    return ""


def parts(report: Mapping[str, Any], lang: Lang) -> dict[str, str]:
    """Return the machine and the tables, for a page."""
    colon = "：" if lang == "zh" else ": "
    machine = report["machine"]
    facts = [
        (WORDS["date"][lang], report["date"]),
        (WORDS["machine"][lang], ", ".join(str(value) for value in machine.values())),
        (WORDS["versions"][lang], ", ".join(f"{name} {version}" for name, version in report["versions"].items())),
    ]
    if report.get("load"):
        facts.append((WORDS["load"][lang], ", ".join(f"{load:.1f}" for load in report["load"])))
    if report.get("revision"):
        facts.append((WORDS["revision"][lang], report["revision"]))
    sections, contents = [], []
    for group, members in groupby(races(report), key=lambda race: race[0]):
        found = [(rows, case, lines) for _, rows, case, lines in members]
        title = GROUPS.get(group, {"en": group, "zh": group})[lang]
        anchor = group.replace(" ", "-")
        sections.append(f"### {title} {{#{anchor}}}\n\n{table(group, found, lang)}")
        contents.append(f"- [{title}](#{anchor}){glance(found, lang)}")
    return {
        "machine": "\n".join(f"- {name}{colon}{text}" for name, text in facts),
        "contents": "\n".join(contents),
        "tables": "\n".join(sections),
    }


def markdown(report: Mapping[str, Any], lang: Lang = "en") -> str:
    made = parts(report, lang)
    return f"# Benchmarks\n\n{made['machine']}\n\n{made['tables']}"
