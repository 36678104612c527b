"""Generate: the reference pages that are made from the registry, in both languages.

mkdocs calls `on_pre_build` before each language; `python docs/_generate.py` writes the same pages by hand,
for a builder that knows no hooks.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import community_plan as cp
from community_plan.entry import MISSING_WORDS
from community_plan.labels import label
from community_plan.measures import variables_of
from community_plan.sources import Reading
from community_plan.tables import TABLES
from community_plan.units import Lang
from community_plan.variables import Derivation

DOCS = Path(__file__).parent
PLAN = "shangqiu-14fyp"

WORDS: dict[str, dict[Lang, str]] = {
    "adopted": {"zh": "采用的读法", "en": "Adopted reading"},
    "baseline": {"zh": "基期值", "en": "Baseline"},
    "bounds": {"zh": "属于", "en": "Part of"},
    "code": {"zh": "代码", "en": "code"},
    "column": {"zh": "列名", "en": "Column"},
    "column_targets": {"zh": "用于目标", "en": "Read by target"},
    "derived": {"zh": "由登记表推导", "en": "Derived from a register"},
    "due": {"zh": "期限", "en": "Due"},
    "handling": {"zh": "处理", "en": "Handling"},
    "issue": {"zh": "疑点", "en": "What is doubtful"},
    "label": {"zh": "含义及其他表头", "en": "Meaning, other headers"},
    "name": {"zh": "名称", "en": "name"},
    "nothing": {"zh": "未印", "en": "not printed"},
    "other_reading": {"zh": "另一种读法", "en": "Another reading"},
    "printed": {"zh": "原文", "en": "Printed"},
    "target": {"zh": "目标值", "en": "target"},
    "text": {"zh": "文字", "en": "text"},
    "unit": {"zh": "单位及最小单位，或取值", "en": "Unit and quantum, or values"},
    "where": {"zh": "位置", "en": "Where"},
}

TABLE_TITLES: dict[str, dict[Lang, str]] = {
    "communities": {
        "zh": "communities：每行一个社区（村）",
        "en": "communities: a row per community",
    },
    "facilities": {
        "zh": "facilities：每行一处设施",
        "en": "facilities: a row per facility",
    },
    "workforce": {
        "zh": "workforce：每行一个区划的一种岗位",
        "en": "workforce: a row per region and role",
    },
    "townships": {
        "zh": "townships：每行一个乡镇（街道）",
        "en": "townships: a row per township",
    },
}

COLUMNS_INTRO: dict[Lang, str] = {
    "zh": """---
hide:
  - toc
---

# 各表的列

本页由 `plans/variables.toml` 生成。

- **列名**固定不变。表头写列名、中文含义或下面列出的其他写法都可以；大小写、全角半角、空格不影响识别。
- **单位**：数量列不加说明时以本页的单位计。别的单位写在表头末尾的括号里，如 `建筑面积(亩)`，或在调用时说明，如 `units={"gross_floor_area": "亩"}`。
- **最小单位**：单元格换算成它的整数倍再相加。小数位超出最小单位是错误，不会悄悄舍入。
- **属于**：部分不能大于整体；缺报时，整体就是部分的上限。
- **由登记表推导**：给出 facilities 或 workforce 表时，这一列由登记表算出，communities 表里就不能再有这一列。
- `city`、`county`、`township`、`county_kind`、`setting` 没有这一列时由 `code` 推出；`county_kind`、`setting` 的空单元格也由 `code` 补上。推不出的（如功能区的 `county_kind`）须在数据中声明，否则按未知处理。
- **没有填报**：空单元格。文件中的下列写法也算：{missing}。没有填报不等于零。

用不到的列可以不给。某个目标需要的列缺了，会报错并指出是哪个目标需要它。
""",
    "en": """---
hide:
  - toc
---

# Columns of the tables

This page is generated from `plans/variables.toml`.

- **Column** names never change. A header may be the column name, its Chinese or English meaning, or one of the other
  headers below; letter case, full width and spaces do not matter.
- **Unit**: a quantity is in the unit of this page unless the data say otherwise: in brackets at the end of the header,
  such as `建筑面积(亩)`, or in the call, such as `units={"gross_floor_area": "亩"}`.
- **Quantum**: cells become whole multiples of it and are added up as such. More decimal places than the quantum holds
  are a fault; nothing is rounded in silence.
- **Part of**: a part is no larger than its whole; where the part is not reported, the whole is its upper limit.
- **Derived from a register**: with a facilities or workforce table this column is computed from it, and the
  communities table must not have the column too.
- `city`, `county`, `township`, `county_kind` and `setting` follow from `code` where the column is absent; empty cells of
  `county_kind` and `setting` are filled from `code` as well. What the code does not say (such as the `county_kind` of a
  functional zone) is declared in the data, or else unknown.
- **Not reported**: an empty cell. In files these words count as empty too: {missing}. Not reported is not zero.

Columns that nothing reads may be left out. If a target needs a column that is not there, the error names the target.
""",
}

PLAN_INTRO: dict[Lang, str] = {
    "zh": """# 商丘规划：目标与疑义

本页由登记表 `{id}` 生成。**原文**逐字照录所给文本，标点和缺字都不改动；**采用的读法**是评估所用的读法。两者不同之处都有编号的疑义。
""",
    "en": """# The plan of Shangqiu: targets and doubtful readings

This page is generated from the registry `{id}`. **Printed** words are those of the given text, byte for byte; the
**adopted reading** is what is evaluated. Wherever the two differ, a numbered discrepancy says why.
""",
}

PLAN_TARGETS: dict[Lang, str] = {
    "zh": """## 专栏1的目标 {#targets}

登记表现在收录专栏1的 {count} 个目标。正文中的任务尚未收录。
""",
    "en": """## Targets of 专栏1 (main indicators) {#targets}

The registry holds the {count} targets of 专栏1 so far. The commitments of the body text are not in it yet.
""",
}

PLAN_DISCREPANCIES: dict[Lang, str] = {
    "zh": """## 疑义 {#discrepancies}

原文有 {count} 处可以有不同读法或有文字问题。有另一种读法可供评估的，写出调用方式；`reading=` 在 `evaluate`、`judge` 中用法相同，命令行用 `--reading`。
""",
    "en": """## Discrepancies {#discrepancies}

There are {count} passages that can be read in more than one way, or whose wording is damaged. Where another reading can be
evaluated, the call is given; `reading=` is the same in `evaluate` and `judge`, and `--reading` on the command line.
""",
}


def escape(text: str) -> str:
    """Return plain text as Markdown that shows it as it is, also inside a table cell."""
    return re.sub(r"([\\`*_{}\[\]|#~^])", r"\\\1", html.escape(text, quote=False)).replace("\n", " ")


def code(text: str) -> str:
    return f"`{text}`"


def table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(headers)} |", f"|{' --- |' * len(headers)}"]
    lines += [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join(lines) + "\n"


def facts(rows: Iterable[tuple[str, str]]) -> str:
    """Return a definition-like table of two columns, without the rows that say nothing."""
    return table(("", ""), [(f"**{name}**", text) for name, text in rows if text])


def derivation(derive: Derivation | None, plan: cp.Plan, lang: Lang) -> str:
    if derive is None:
        return ""
    key = "facilities.kind" if derive.table == "facilities" else "workforce.role"
    values = {value.id: value.label.get(lang) for value in plan.variables[key].values}
    kinds = "、".join(values[kind] for kind in derive.kinds) if lang == "zh" else ", ".join(derive.kinds)
    column = key.split(".")[1]
    if lang == "zh":
        what = "行数" if derive.sum is None else f"`{derive.sum}` 之和"
        return f"`{derive.table}` 中 `{column}` 为{escape(kinds)}的{what}"
    what = "rows" if derive.sum is None else f"sum of `{derive.sum}`"
    return f"`{derive.table}`: {what} where `{column}` is `{kinds}`"


def readers(name: str, plan: cp.Plan) -> str:
    """Return the numbers of the targets that read a variable, linked."""
    found = [target for target in plan.targets.values() if name in variables_of(plan.measure_of(target))]
    return " ".join(f"[{target.number}](plan-shangqiu.md#{target.id})" for target in found)


def meaning(variable: cp.Variable, lang: Lang) -> str:
    """Return the label, and under it the other headers that are known."""
    other = [variable.label.zh, *variable.synonyms] if lang == "en" else list(variable.synonyms)
    known = f"<br><small>{escape('、'.join(other))}</small>" if other else ""
    return f"{escape(variable.label.get(lang))}{known}"


def content(variable: cp.Variable, lang: Lang) -> str:
    """Return what the cells hold: a unit with its quantum, words, text or a code."""
    if variable.type == "category":
        return "<br>".join(f"`{value.id}` {escape(value.label.get(lang))}" for value in variable.values)
    if variable.quantum is None:
        return WORDS["text" if variable.type == "text" else "code"][lang]
    return f"{escape(variable.unit.label(lang))}<br><small>{escape(variable.quantum.text(lang))}</small>"


def columns_page(plan: cp.Plan, lang: Lang) -> str:
    missing = " ".join(code(word) for word in sorted(MISSING_WORDS, key=lambda word: (len(word), word)) if word)
    parts = [COLUMNS_INTRO[lang].replace("{missing}", missing)]
    for name in TABLES:
        parts.append(f"## {TABLE_TITLES[name][lang]} {{#{name}}}\n")
        main = name == "communities"
        heads = ["column", "label", "unit", "bounds"]
        heads += ["derived", "column_targets"] if main else []
        rows = []
        for variable in plan.variables.of_table(name).values():
            row = [
                code(variable.id),
                meaning(variable, lang),
                content(variable, lang),
                "" if variable.part_of is None else code(variable.part_of),
            ]
            if main:
                row += [derivation(variable.derive, plan, lang), readers(variable.id, plan)]
            rows.append(row)
        kept = [place for place in range(len(heads)) if any(row[place] for row in rows)]
        parts.append(table([WORDS[heads[place]][lang] for place in kept], [[row[p] for p in kept] for row in rows]))
    return "\n".join(parts)


def printed(words: str, lang: Lang) -> str:
    return f"「{escape(words)}」" if words else WORDS["nothing"][lang]


def target_part(target: cp.Target, plan: cp.Plan, lang: Lang) -> str:
    indicator = plan.indicators[target.indicator]
    words = target.printed
    columns = [(label("name", lang) if lang == "en" else "名称", words.name)]
    columns += [
        (label(key, lang), getattr(words, key)) for key in ("baseline", "target", "attribute") if getattr(words, key)
    ]
    sep, colon = ("；", "：") if lang == "zh" else ("; ", ": ")
    attribute = "" if target.attribute is None else label(target.attribute, lang)
    baseline = "—" if target.baseline is None else f"{target.baseline.value.text(lang)} ({target.baseline.year})"
    links = " ".join(f"[{name}](#{name})" for name in target.discrepancies)
    rows = [
        ("id", code(target.id)),
        (WORDS["printed"][lang], sep.join(f"{name}{colon}{printed(text, lang)}" for name, text in columns)),
        (WORDS["adopted"][lang], escape(f"{target.text(lang)}" + (f" ({attribute})" if attribute else ""))),
        (WORDS["baseline"][lang], escape(baseline)),
        (WORDS["due"][lang], target.due.isoformat()),
        (label("formula", lang).capitalize(), escape(plan.formula(indicator.id, lang))),
        (label("clause", lang).capitalize(), escape(target.citation.clause)),
        (label("discrepancies", lang).capitalize(), links),
    ]
    number = "" if target.number is None else f"{target.number} "
    return f"### {number}{escape(indicator.name.get(lang))} {{#{target.id}}}\n\n{facts(rows)}"


def reading_text(discrepancy: cp.Discrepancy, reading: Reading, lang: Lang) -> str:
    sets = [
        f"`{target}`: " + ", ".join(f"{name} = {code(field_text(value))}" for name, value in fields.items())
        for target, fields in reading.targets.items()
    ]
    call = code(f'reading={{"{discrepancy.id}": "{reading.id}"}}')
    return "<br>".join([f"{escape(reading.label.get(lang))}", call, *sets])


def field_text(value: Any) -> str:
    return ", ".join(f"{k} = {v}" for k, v in value.items()) if isinstance(value, dict) else str(value)


def discrepancy_part(discrepancy: cp.Discrepancy, plan: cp.Plan, lang: Lang) -> str:
    touched = [target for target in plan.targets.values() if discrepancy.id in target.discrepancies]
    links = " ".join(f"[{target.number}](#{target.id})" for target in touched)
    rows = [
        (WORDS["where"][lang], escape(discrepancy.where)),
        (WORDS["printed"][lang], escape(discrepancy.printed)),
        (WORDS["issue"][lang], escape(discrepancy.issue.get(lang))),
        (WORDS["handling"][lang], escape(discrepancy.handling.get(lang))),
        *((WORDS["other_reading"][lang], reading_text(discrepancy, each, lang)) for each in discrepancy.readings),
        (label("target", lang).capitalize(), links),
    ]
    return f"### {discrepancy.id} {{#{discrepancy.id}}}\n\n{facts(rows)}"


def plan_page(plan: cp.Plan, lang: Lang) -> str:
    document = plan.document
    names: dict[str, dict[Lang, str]] = {
        "title": {"zh": "标题", "en": "Title"},
        "number": {"zh": "文号", "en": "Document number"},
        "issuer": {"zh": "发文机关", "en": "Issued by"},
        "issued": {"zh": "成文日期", "en": "Date of the text"},
        "published": {"zh": "发布日期", "en": "Published"},
        "period": {"zh": "规划期", "en": "Period"},
        "regions": {"zh": "区划", "en": "Regions"},
    }
    title = document.title.zh if lang == "zh" else f"{document.title.en} ({document.title.zh})"
    issuer = document.issuer.zh if lang == "zh" else f"{document.issuer.en} ({document.issuer.zh})"
    regions = [f"{region.name.get(lang) if region.name else ''} {region.code}" for region in document.regions]
    rows = [
        (names["title"][lang], escape(title)),
        (names["number"][lang], escape(document.number or "")),
        (names["issuer"][lang], escape(issuer)),
        (names["issued"][lang], document.issued.isoformat()),
        (names["published"][lang], "" if document.published is None else document.published.isoformat()),
        (names["period"][lang], f"{document.start.isoformat()} – {document.end.isoformat()}"),
        (names["regions"][lang], "、".join(regions) if lang == "zh" else ", ".join(regions)),
    ]
    parts = [
        PLAN_INTRO[lang].replace("{id}", plan.id),
        facts(rows),
        PLAN_TARGETS[lang].replace("{count}", str(len(plan.targets))),
        *(target_part(target, plan, lang) for target in plan.targets.values()),
        PLAN_DISCREPANCIES[lang].replace("{count}", str(len(plan.discrepancies))),
        *(discrepancy_part(discrepancy, plan, lang) for discrepancy in plan.discrepancies.values()),
    ]
    return "\n".join(parts)


def write_pages(docs: Path = DOCS) -> None:
    """Write the generated pages of both languages; a page that has not changed is left alone."""
    plan = cp.load_plan(PLAN)
    pages = {"columns": columns_page, "plan-shangqiu": plan_page}
    languages: tuple[Lang, ...] = ("zh", "en")
    for lang in languages:
        for name, make in pages.items():
            path = docs / lang / "reference" / f"{name}.md"
            text = make(plan, lang)
            # `mkdocs serve` watches the folder: a page that is written anew would build the site for ever.
            if not path.is_file() or path.read_text("utf-8") != text:
                path.write_text(text, "utf-8")


def on_pre_build(config: Any) -> None:
    """Write the generated pages (mkdocs hook)."""
    write_pages(Path(config.docs_dir))


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Colour sessions with prompts as such (mkdocs hook); the pages say `python`, as the tests that run them want."""
    return re.sub(r"^```python\n(?=>>> )", "```pycon\n", markdown, flags=re.MULTILINE)


if __name__ == "__main__":
    write_pages()
