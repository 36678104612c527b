"""Generate: the reference pages made from the registry and the benchmark report, in both languages.

Their prose is in _templates/.

mkdocs calls `on_pre_build` before each language; `python docs/_generate.py` writes the same pages by hand,
for a builder that knows no hooks.
"""

from __future__ import annotations

import html
import re
import sys
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
_LINE_END = re.compile(r"(?<=[，。；：、）”》])\n *(?=[\w`（“《])|(?<=[\u4e00-\u9fff])\n *(?=[\u4e00-\u9fff（“《])")
"""An end of a line between Chinese words, or after a Chinese stop."""
PLAN = "shangqiu-14fyp"

WORDS: dict[str, dict[Lang, str]] = {
    "adopted": {"zh": "采用的读法", "en": "Adopted reading"},
    "baseline": {"zh": "基础值", "en": "Baseline"},
    "bounds": {"zh": "所属整体", "en": "Part of"},
    "code": {"zh": "代码", "en": "code"},
    "column": {"zh": "列名", "en": "Column"},
    "column_targets": {"zh": "用于目标", "en": "Read by target"},
    "derived": {"zh": "由登记表推导", "en": "Derived from a register"},
    "due": {"zh": "期限", "en": "Due"},
    "handling": {"zh": "处理", "en": "Handling"},
    "hedge": {"zh": "弹性措辞", "en": "Softened by"},
    "issue": {"zh": "疑点", "en": "What is doubtful"},
    "label": {"zh": "含义及其他表头", "en": "Meaning, other headers"},
    "more_targets": {"zh": "正文中的目标", "en": "Targets of the body text"},
    "name": {"zh": "名称", "en": "name"},
    "note": {"zh": "说明", "en": "Note"},
    "nothing": {"zh": "未印", "en": "not printed"},
    "other_reading": {"zh": "另一种读法", "en": "Another reading"},
    "printed": {"zh": "原文", "en": "Printed"},
    "concerned": {"zh": "所涉文字", "en": "Text concerned"},
    "scope": {"zh": "范围", "en": "Scope"},
    "target": {"zh": "目标值", "en": "target"},
    "text": {"zh": "文字", "en": "text"},
    "unit": {"zh": "单位及最小单位，或取值", "en": "Unit and quantum, or values"},
    "where": {"zh": "位置", "en": "Where"},
}

SEPARATORS: dict[Lang, tuple[str, str]] = {"zh": ("；", "："), "en": ("; ", ": ")}
COMMAS: dict[Lang, str] = {"zh": "、", "en": ", "}


def escape(text: str) -> str:
    """Return plain text as Markdown that shows it as it is, also inside a table cell."""
    return re.sub(r"([\\`*_{}\[\]|#~^])", r"\\\1", html.escape(text, quote=False)).replace("\n", " ")


def code(text: str) -> str:
    return f"`{text}`"


def name_code(name: str) -> str:
    """Return the name of a column as code, whose words may go to the next line."""
    return f"<code>{name.replace('_', '&#95;<wbr>')}</code>"


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
    column = "kind" if derive.table == "facilities" else "role"
    values = {value.id: value.label.get(lang) for value in plan.variables[f"{derive.table}.{column}"].values}
    what = {"zh": "行数", "en": "rows"} if derive.sum is None else {
        "zh": f"`{derive.sum}` 之和", "en": f"sum of `{derive.sum}`"
    }  # fmt: skip
    floor = derive.at_least
    limit = "" if floor is None else f"`{floor.column}` ≥ {escape(floor.value.text(lang))}"
    if lang == "zh":
        kinds = "、".join(values[kind] for kind in derive.kinds)
        also = f"且 {limit} " if limit else ""
        return f"`{derive.table}` 中 `{column}` 为{escape(kinds)}{also}的{what[lang]}"
    kinds = " or ".join(code(kind) for kind in derive.kinds)
    also = f" and {limit}" if limit else ""
    return f"`{derive.table}`: {what[lang]} where `{column}` is {kinds}{also}"


def readers(variable: cp.Variable, plan: cp.Plan, lang: Lang) -> str:
    """Return the targets that read a variable, linked."""
    key = variable.id if variable.table == "communities" else f"{variable.table}.{variable.id}"
    found = [target for target in plan.targets.values() if key in variables_of(plan.measure_of(target))]
    links = (f"[{escape(short(t))}](plan-shangqiu.md#{anchor(t.id)} '{escape(t.id)}'){{.clause}}" for t in found)
    return COMMAS[lang].join(links)


def short(target: cp.Target) -> str:
    """Return what a target is called in a list: its number in the table of main indicators, else its clause."""
    return target.citation.clause if target.number is None else str(target.number)


def anchor(name: str) -> str:
    return re.sub(r"[^\w-]+", "-", name).strip("-")


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
    quantum = "1" if variable.quantum == cp.Quantity(1, variable.unit) else variable.quantum.text(lang)
    return f"{escape(variable.unit.label(lang))}<br><small>{escape(quantum)}</small>"


def columns_page(plan: cp.Plan, lang: Lang) -> dict[str, str]:
    missing = " ".join(code(word) for word in sorted(MISSING_WORDS, key=lambda word: (len(word), word)) if word)
    parts = {"missing": missing}
    for name in (*TABLES, "evidence"):
        heads = ["column", "label", "unit", "bounds", "derived", "column_targets"]
        rows = [
            [
                name_code(variable.id),
                meaning(variable, lang),
                content(variable, lang),
                "" if variable.part_of is None else name_code(variable.part_of),
                derivation(variable.derive, plan, lang),
                readers(variable, plan, lang),
            ]
            for variable in plan.variables.of_table(name).values()
        ]
        kept = [place for place in range(len(heads)) if any(row[place] for row in rows)]
        parts[name] = table([WORDS[heads[place]][lang] for place in kept], [[row[p] for p in kept] for row in rows])
    return parts


def printed(words: str, lang: Lang) -> str:
    return f"「{escape(words)}」" if words else WORDS["nothing"][lang]


def target_part(target: cp.Target, plan: cp.Plan, lang: Lang) -> str:
    words = target.printed
    columns = [(WORDS["name"][lang], words.name)]
    columns += [
        (label(key, lang), getattr(words, key)) for key in ("baseline", "target", "attribute") if getattr(words, key)
    ]
    sep, colon = SEPARATORS[lang]
    attribute = "" if target.attribute is None else label(target.attribute, lang)
    baseline = "—" if target.baseline is None else f"{target.baseline.value.text(lang)} ({target.baseline.year})"
    links = " ".join(f"[{name}](#{name})" for name in target.discrepancies)
    note = plan.indicators[target.indicator].note
    rows = [
        ("id", code(target.id)),
        (WORDS["printed"][lang], sep.join(f"{name}{colon}{printed(text, lang)}" for name, text in columns)),
        (WORDS["adopted"][lang], escape(f"{target.text(lang)}" + (f" ({attribute})" if attribute else ""))),
        (WORDS["hedge"][lang], escape(target.hedge)),
        (WORDS["baseline"][lang], escape(baseline)),
        (WORDS["due"][lang], target.due.isoformat()),
        (label("formula", lang).capitalize(), escape(plan.formula(target, lang))),
        (WORDS["note"][lang], "" if note is None else escape(note.get(lang))),
        (label("clause", lang).capitalize(), escape(target.citation.clause)),
        (label("discrepancies", lang).capitalize(), links),
    ]
    number = "" if target.number is None else f"{target.number} "
    return f"### {number}{escape(plan.name_of(target).get(lang))} {{#{anchor(target.id)}}}\n\n{facts(rows)}"


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
    links = COMMAS[lang].join(f"[{escape(short(target))}](#{anchor(target.id)}){{.clause}}" for target in touched)
    rows = [
        (WORDS["where"][lang], escape(discrepancy.where)),
        (WORDS["concerned"][lang], escape(discrepancy.printed)),
        (WORDS["issue"][lang], escape(discrepancy.issue.get(lang))),
        (WORDS["handling"][lang], escape(discrepancy.handling.get(lang))),
        *((WORDS["other_reading"][lang], reading_text(discrepancy, each, lang)) for each in discrepancy.readings),
        (label("target", lang).capitalize(), links),
    ]
    return f"### {discrepancy.id} {{#{discrepancy.id}}}\n\n{facts(rows)}"


def commitments_table(plan: cp.Plan, lang: Lang) -> str:
    """Return every commitment of the body: its words, whom it binds, what softens it, and how it is checked."""
    sep, colon = SEPARATORS[lang]
    headers = [label(name, lang).capitalize() for name in ("commitment", "clause", "summary", "check", "discrepancies")]
    rows = []
    for entry in plan.commitments.values():
        how = label(entry.check, lang)
        if entry.targets:
            how += ": " + " ".join(f"[{code(name)}](#{anchor(name)})" for name in entry.targets)
        if entry.owed_by is not None:
            how += f": {label(entry.owed_by, lang)}"
        words = f"**{escape(entry.summary.get(lang))}**<br>{escape(entry.quote)}"
        scope = [(WORDS["scope"][lang], escape(entry.scope.get(lang)))]
        scope += [(WORDS["hedge"][lang], printed(entry.hedge, lang))] if entry.hedge else []
        words += f"<br><small>{sep.join(f'{name}{colon}{text}' for name, text in scope)}</small>"
        doubts = " ".join(f"[{name}](#{name})" for name in entry.discrepancies)
        rows.append((entry.id, escape(entry.clause), words, how, doubts))
    return table(headers, rows)


def gaps_table(plan: cp.Plan, lang: Lang) -> str:
    """Return what the registry knows that it does not hold."""
    rows = [(escape(gap.where), escape(gap.printed), escape(gap.note.get(lang))) for gap in plan.known_gaps]
    return table([WORDS[name][lang] for name in ("where", "printed", "note")], rows)


def plan_page(plan: cp.Plan, lang: Lang) -> dict[str, str]:
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
    issuer = "" if document.issuer is None else document.issuer.get(lang)
    regions = [f"{region.name.get(lang) if region.name else ''} {region.code}" for region in document.regions]
    rows = [
        (names["title"][lang], escape(title)),
        (names["number"][lang], escape(document.number or "")),
        (names["issuer"][lang], escape(issuer)),
        (names["issued"][lang], "" if document.issued is None else document.issued.isoformat()),
        (names["published"][lang], "" if document.published is None else document.published.isoformat()),
        (names["period"][lang], f"{document.start.isoformat()} – {document.end.isoformat()}"),
        (names["regions"][lang], COMMAS[lang].join(regions)),
    ]
    numbered = [target for target in plan.targets.values() if target.number is not None]
    others = [target for target in plan.targets.values() if target.number is None]
    more = [f"## {WORDS['more_targets'][lang]} {{#more-targets}}\n"] if others else []
    return {
        "commitments": commitments_table(plan, lang),
        "gaps": gaps_table(plan, lang),
        "whole": str(plan.completeness().total),
        "id": plan.id,
        "facts": facts(rows),
        "numbered": str(len(numbered)),
        "targets": "\n".join(target_part(target, plan, lang) for target in numbered),
        "more_targets": "\n".join([*more, *(target_part(target, plan, lang) for target in others)]),
        "count": str(len(plan.discrepancies)),
        "discrepancies": "\n".join(discrepancy_part(each, plan, lang) for each in plan.discrepancies.values()),
    }


def performance_page(_: cp.Plan, lang: Lang) -> dict[str, str]:
    """Return what `bench/report.json` says: the machine and the tables of what was measured."""
    sys.path.insert(0, str(DOCS.parent))
    try:
        from bench import report
    finally:
        sys.path.pop(0)
    return report.parts(report.load(), lang)


def write_pages(docs: Path = DOCS) -> None:
    """Write the generated pages of both languages; a page that has not changed is left alone."""
    plan = cp.load_plan(PLAN)
    pages = {"columns": columns_page, "plan-shangqiu": plan_page, "performance": performance_page}
    languages: tuple[Lang, ...] = ("zh", "en")
    for lang in languages:
        for name, make in pages.items():
            path = docs / lang / "reference" / f"{name}.md"
            text = (docs / "_templates" / lang / f"{name}.md").read_text("utf-8")
            for key, part in make(plan, lang).items():
                text = text.replace(f"{{{{{key}}}}}", part.rstrip("\n"))
            # `mkdocs serve` watches the folder: a page that is written anew would build the site for ever.
            if not path.is_file() or path.read_text("utf-8") != text:
                path.write_text(text, "utf-8")


def on_pre_build(config: Any) -> None:
    """Write the generated pages (mkdocs hook)."""
    write_pages(Path(config.docs_dir))


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Make of a page what a browser shows well (mkdocs hook).

    Sessions with prompts are coloured as such: the pages say `python`, as the tests that run them want. The end of a
    line is no space between Chinese words.
    """
    parts = re.split(r"(^```.*?^```$)", markdown, flags=re.MULTILINE | re.DOTALL)
    parts[::2] = [_LINE_END.sub("", part) for part in parts[::2]]
    return re.sub(r"^```python\n(?=>>> )", "```pycon\n", "".join(parts), flags=re.MULTILINE)


if __name__ == "__main__":
    write_pages()
