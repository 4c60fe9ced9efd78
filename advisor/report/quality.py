"""The lines of a page on quality: as good as today's or not, and what wrong answers cost."""

from advisor.advice_quality import QualityRecord, RoadErrorsRecord
from advisor.report import words

AS_GOOD = {"yes": "yes", "no": "no", "unknown": "not shown"}


def quality_lines(quality: QualityRecord, currency: str, rate: float) -> list[str]:
    """Return the lines, none where neither a pilot was scored nor an error priced; amounts in the report's currency."""
    lines: list[str] = []
    if quality.compared != "not yet":
        closes = f" To settle it: {quality.closes_with}." if quality.closes_with else ""
        lines.append(f"As good as today's answers? {AS_GOOD[quality.as_good]}: {quality.why}.{closes}")
    if quality.error_usd is not None:
        price = words.money(quality.error_usd, currency, rate)
        lines.append(f"A wrong answer costs {price}, {quality.errors_why}.")
        lines += [road_line(road, currency, rate) for road in distinct(quality)]
    return lines


def distinct(quality: QualityRecord) -> list[RoadErrorsRecord]:
    """Return one road for each success share: roads that serve the same model have the same errors."""
    found: dict[float, RoadErrorsRecord] = {}
    for road in quality.roads:
        found.setdefault(road.success_share, road)
    return list(found.values())


def road_line(road: RoadErrorsRecord, currency: str, rate: float) -> str:
    """Return one road's wrong answers a month and what they cost."""
    lost = "" if road.loss_usd_per_month is None else f", {words.money(road.loss_usd_per_month, currency, rate)}"
    wrong = words.significant(road.wrong_per_month)
    return f"  - {road.title}: {words.share(road.success_share)} right, {wrong} wrong a month{lost}"
