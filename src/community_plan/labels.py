"""Labels: the words for columns, verdicts and reasons in both languages."""

from __future__ import annotations

from community_plan.sources import Text
from community_plan.units import Lang

__all__ = ["label", "label_text"]

LABELS: dict[str, tuple[str, str]] = {
    "attribute": ("属性", "attribute"),
    "baseline": ("基础值", "baseline"),
    "binding": ("约束性", "binding"),
    "check": ("核查方式", "check"),
    "city": ("市", "city"),
    "clause": ("出处", "clause"),
    "commitment": ("任务", "commitment"),
    "community": ("社区(村)", "community"),
    "county": ("县(市、区)", "county"),
    "discrepancies": ("疑义", "doubtful readings"),
    "document": ("佐证文件", "document"),
    "due": ("期限", "due"),
    "due_inferred": ("原文未写期限, 按规划期末推定", "no date is printed: the plan's end is inferred"),
    "evidenced": ("凭佐证", "evidenced"),
    "expected": ("预期性", "expected"),
    "formula": ("算法", "formula"),
    "gap": ("差距", "gap"),
    "indicator": ("指标", "indicator"),
    "known_gaps": ("已知缺失", "known gaps"),
    "lower": ("下界", "lower bound"),
    "main_indicators": ("主要指标", "main indicators"),
    "measured": ("可计量", "measured"),
    "met": ("达标", "met"),
    "missing_data": ("缺报数据可左右结论", "missing data could turn it either way"),
    "no_value": ("未给出数值", "no value given"),
    "not_met": ("未达标", "not met"),
    "nothing_in_scope": ("范围内没有社区(村)", "no community in scope"),
    "nothing_reported": ("没有社区(村)填报", "no community reports it"),
    "number": ("序号", "no."),
    "not_applicable": ("不适用", "not applicable"),
    "open": ("未完成", "open"),
    "other_level": ("目标针对更大的区划", "the target binds a larger region"),
    "overdue": ("逾期", "overdue"),
    "period": ("时期", "period"),
    "plan": ("规划", "plan"),
    "proved": ("已完成(有佐证)", "done with proof"),
    "published": ("公布值", "published"),
    "reason": ("原因", "reason"),
    "recorded": ("仅记录", "recorded"),
    "region": ("区划", "region"),
    "reporting_share": ("填报率", "reporting share"),
    "rests_on": ("涉及原文疑义, 详见 show", "rests on doubtful readings, see `show`"),
    "shortfall": ("缺口", "shortfall"),
    "state": ("状态", "state"),
    "summary": ("内容", "content"),
    "target": ("目标", "target"),
    "total": ("合计", "total"),
    "township": ("乡镇(街道)", "township"),
    "unit": ("单位", "unit"),
    "unlisted": ("缺区划名录, 未能逐一列出", "not listed for want of a register of the regions"),
    "unproved": ("已完成(无佐证)", "done without proof"),
    "unknown": ("无法判断", "unknown"),
    "upper": ("上界", "upper bound"),
    "value": ("数值", "value"),
    "verdict": ("结论", "verdict"),
    "violated": ("违反", "violated"),
    "zero_denominator": ("分母为零", "the denominator is zero"),
}
"""Word to its Chinese and English label."""


def label(word: str, lang: Lang) -> str:
    """Return the label of a word, or the word itself if it has none."""
    return label_text(word).get(lang)


def label_text(word: str) -> Text:
    """Return the label of a word in both languages."""
    return Text(*LABELS.get(word, (word, word)))
