"""report.html: complete in itself, safe, and all there."""

from __future__ import annotations

import base64
import re
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import pytest
from support.reports import MEASURES, STREET, fake_answers, fake_colors, fake_report, fake_strips

from hypsegcli.metrics import records as r
from hypsegcli.report.page.page import Strip, report_to_html

SECTIONS = {"summary", "classes", "conventions", "boundaries", "hierarchy", "answers", "confidence", "dropout"}
HOSTILE = "<script>alert(1)</script> \" onload='x' & {{ 7 * 7 }}"
VOID = {"meta", "img", "br", "link", "input", "hr"}


class Page(HTMLParser):
    """What a browser would make of the page: elements, attributes, text; fails where tags do not match."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.rows: list[list[str]] = []
        self.text = ""
        self.feed(html)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {key: value or "" for key, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text += data
            if "tr" in self.open:
                self.rows[-1][-1] += data

    def of(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.tags if name == tag]

    def sections(self) -> set[str]:
        return {attributes["id"] for attributes in self.of("h2")}

    def row(self, start: str) -> list[str]:
        return next([cell.strip() for cell in row] for row in self.rows if row and row[0].startswith(start))


def page(report: r.Report | None = None, strips: list[Strip] | None = None) -> Page:
    report = report or fake_report()
    return Page(report_to_html(report, strips or [], fake_colors(len(report.classes))))


def changed(**changes: object) -> r.Report:
    return fake_report().model_copy(update=changes)


def test_the_page_needs_nothing_else() -> None:
    html = report_to_html(fake_report(), fake_strips(), fake_colors())
    assert html.startswith("<!DOCTYPE html>")
    assert not re.search(r"https?://|@import|url\(|<script|<link|<iframe|<object", html)
    found = Page(html)
    for tag, attributes in found.tags:
        assert attributes.get("src", "data:").startswith("data:"), tag
        assert attributes.get("href", "#").startswith("#"), tag


def test_links_lead_to_sections() -> None:
    found = page(strips=fake_strips())
    assert {link["href"].removeprefix("#") for link in found.of("a")} == found.sections()
    assert found.sections() == SECTIONS | {"worst", "uncertain", "definitions"}


def test_the_same_report_gives_the_same_page() -> None:
    first, second = (report_to_html(fake_report(), fake_strips(), fake_colors()) for _ in range(2))
    assert first == second


def test_pictures_are_inside() -> None:
    strips = fake_strips(4)
    found = page(strips=strips)
    kept = [base64.b64decode(image["src"].removeprefix("data:image/jpeg;base64,")) for image in found.of("img")]
    assert kept == [strips[index].picture for index in (0, 2, 1, 3)]
    for strip in strips:
        assert strip.key in found.text
        assert strip.caption in found.text
        assert f"Mask, answer and uncertainty of {strip.key}" in [image["alt"] for image in found.of("img")]
    assert found.text.count("its mask (grey where nothing is labelled), the answer, the uncertainty") == 1


@pytest.mark.parametrize("group", ["worst", "uncertain"])
def test_one_group_of_pictures_is_explained_too(group: str) -> None:
    found = page(strips=[strip for strip in fake_strips(4) if strip.group == group])
    assert found.sections() & {"worst", "uncertain"} == {group}
    assert found.text.count("From left to right") == 1


def test_every_number_of_the_summary_is_there() -> None:
    found = page()
    assert found.row("miou")[1:] == ["57.6 %", "55.0 % to 60.2 %", "higher"]
    assert found.row("pixel_accuracy")[1:] == ["89.3 %", "88.2 % to 90.4 %", "higher"]
    assert found.row("boundary_f")[1:] == ["64.8 %", "63.4 % to 66.2 %", "higher"]
    assert found.row("mistake_distance")[1:] == ["–", "–", "lower"]  # noqa: RUF001
    for name, score in fake_report().summary.items():
        of_all = ":" not in name  # those of single measures and classes have tables of their own
        assert (name in found.text, score.definition in found.text) == (of_all, of_all)


@pytest.mark.parametrize(
    ("key", "shown"),
    [
        ("fwiou", "12.3 %"),
        ("mean_precision", "12.3 %"),
        ("boundary_f", "12.3 %"),
        ("nll", "0.123"),
        ("mistake_distance", "0.123"),
        ("named_by_another_hypseg", "0.123"),
    ],
)
def test_shares_of_pixels_are_percent_and_other_scores_are_not(key: str, shown: str) -> None:
    score = r.Score(value=0.1234, low=0.1, better="higher", definition="d")
    assert page(changed(summary={key: score})).row(key)[1:3] == [shown, "–"]  # noqa: RUF001


def test_answers_stand_in_tables_and_the_one_asked_for_is_marked() -> None:
    html = report_to_html(fake_report(), [], fake_colors())
    found = Page(html)
    assert found.row("auto, 0.99")[1:] == ["87.1", "98.9", "41.0", "1.83", "99.3", "54.9", "75.0", "56.7"]
    assert found.row("ground (inner node)")[1:] == ["1", "54,321", "88.8"]
    assert found.row("Answer, in %")[1:4] == ["Answered", "Right", "A class"]
    assert re.findall(r'<tr class="chosen"><th scope="row">(auto[^<]*)', html) == ["auto, 0.7"]
    assert "The confidence of these answers" not in found.text


def test_answers_have_their_confidence_and_what_is_left_without_the_background() -> None:
    answers = fake_answers()
    foreground = [row.model_copy(update={"answered": 0.123}) for row in answers.rows]
    of_measures = {"measures": [fake_report().measures[0]], "foreground": foreground, "background": HOSTILE}
    hierarchy = fake_report().hierarchy.model_copy(update={"answers": answers.model_copy(update=of_measures)})
    html = report_to_html(changed(hierarchy=hierarchy), [], fake_colors())
    found = Page(html)
    assert "The confidence of these answers" in found.text
    assert [row[1] for row in found.rows if row and row[0] == "auto, 0.7"] == ["96.8", "12.3"]
    assert "over pixels of other true classes than" in found.text
    assert "<script" not in html


def test_one_row_of_answers_has_no_chart() -> None:
    answers = fake_answers().model_copy(update={"rows": fake_answers().rows[3:4]})
    hierarchy = fake_report().hierarchy.model_copy(update={"answers": answers})
    found = page(changed(hierarchy=hierarchy))
    assert found.row("auto, 0.7")[1] == "96.8"
    assert "How often answers are right" not in found.text
    assert "How often answers are right" in page().text


def test_numbers_that_are_not_defined_say_so() -> None:
    html = report_to_html(fake_report(), [], fake_colors())
    assert '<b><span title="not defined">–</span></b>' in html  # noqa: RUF001
    for word in ("None", "nan", "NaN", "Undefined"):
        assert word not in html


def test_every_class_has_its_row() -> None:
    found = page()
    assert found.row("pole") == ["pole", "110,000", "60,526", "23.6", "19.8 to 26.6", "29.6", "53.8", "38.2", "14.2"]
    swatches = [each["style"] for each in found.of("span") if each.get("class") == "swatch"]
    assert swatches == [f"background:rgb({red},{green},{blue})" for red, green, blue in fake_colors()]
    rows = list(fake_report().segmentation.classes)
    rows[2] = rows[2].model_copy(update={"iou_high": None, "boundary_iou": None})
    segmentation = fake_report().segmentation.model_copy(update={"classes": rows})
    assert page(changed(segmentation=segmentation)).row("pole")[4:] == ["–", "29.6", "53.8", "38.2", "–"]  # noqa: RUF001


def test_conventions_stand_side_by_side() -> None:
    html = report_to_html(fake_report(), [], fake_colors())
    found = Page(html)
    starts = ("cityscapesAs", "mmsegAs", "torchmetricsAs", "referenceAs")
    assert [found.row(start)[2] for start in starts] == ["57.63", "57.50", "57.37", "57.24"]
    assert found.row("mmsegAs")[1:] == ["89.30", "57.50", "65.50", "68.50", "69.50", "81.70"]
    (chosen,) = re.findall(r'<tr class="chosen"><th scope="row">(\w+)<small>', html)
    assert chosen == "cityscapes"
    assert "mean of each image's own mIoU is 55.53 %, the mean over all pairs" in found.text
    assert "a class in it 61.03 %" in found.text


def test_conventions_that_agree_are_folded() -> None:
    html = report_to_html(fake_report(), [], fake_colors())
    assert "<details open><summary>Table of conventions" in html
    segmentation = fake_report().segmentation
    means = segmentation.conventions["cityscapes"]
    alike = {name: means.model_copy(update={"definition": name}) for name in segmentation.conventions}
    segmentation = segmentation.model_copy(update={"conventions": alike})
    html = report_to_html(changed(segmentation=segmentation), [], fake_colors())
    assert "<details><summary>Table of conventions" in html
    assert "Here all of them agree." in html


def test_measures_stand_in_one_table_and_the_best_are_bold() -> None:
    html = report_to_html(fake_report(), [], fake_colors())
    found = Page(html)
    head = [cell.strip() for cell in next(row for row in found.rows if row[0] == "Measure")]
    norm = {
        **{"AUROC ↑": "0.884", "AUPR ↑": "0.448", "FPR95 ↓": "0.458", "AURC ↓": "0.0286", "E-AURC ↓": "0.0226"},
        **{"AUGRC ↓": "0.0177", "AUSE ↓": "0.201", "ECE ↓": "0.168", "PAvPU ↑": "0.902", "at confidence": "0.338"},
    }
    shown = dict(zip(head, found.row("normnorm of"), strict=True))
    assert [name for name in shown if name in norm] == list(norm)
    assert shown | norm == shown
    bold = re.findall(r"<td><b>([\d.]+)</b></td>", html.split('id="confidence"')[1])
    assert bold == ["0.928", "0.516", "0.406", "0.0238", "0.0178", "0.0161", "0.161", "0.084"]
    assert "1,129,385 of 10,555,000 pixels are wrong (10.70 %)" in found.text
    alone = report_to_html(fake_report(measures=("distance",)), [], fake_colors())
    assert "<td><b>" not in alone.split('id="confidence"')[1]


def test_the_measure_that_claims_to_be_a_probability_is_shown_large() -> None:
    def labels(measures: tuple[str, ...]) -> list[str]:
        drawn = [each["aria-label"] for each in page(fake_report(measures=measures)).of("svg") if "aria-label" in each]
        return [label.split()[3].rstrip(":") for label in drawn if label.startswith("Reliability")]

    assert labels(MEASURES) == ["max-probability", "distance", "norm", "entropy", "margin", "mc-entropy"]
    assert labels(("distance", "norm")) == ["distance", "norm"]
    assert labels(("distance",)) == ["distance"]


def test_dropout_tells_its_price_and_its_gain() -> None:
    told = " ".join(page().text.split("its price and its gain")[1].split())
    assert told.startswith("10 passes at rate 0.2 took 9.8 times as long as the plain answer.")
    assert "mIoU 58.05 % and pixel accuracy 89.60 %; the plain answer has 57.63 % and 89.30 %" in told
    assert (
        "mc-entropy reaches AUROC 0.928; the best measure of the plain answer, max-probability, reaches 0.917" in told
    )
    plain = page(fake_report(measures=("distance",))).text.split("its price and its gain")[1]
    assert "plain answer has 57.63 %" in plain
    assert "As a detector" not in plain
    dropout = r.Dropout(passes=3, rate=0.5, miou=None, pixel_accuracy=None, price=None)
    assert "3 passes at rate 0.5. Their mean has mIoU – %" in page(changed(dropout=dropout)).text  # noqa: RUF001


def test_the_class_tree_is_told_level_by_level() -> None:
    found = page()
    assert found.row("Level 1")[0].endswith("4 nodes: nature 84.6, construction 84.6, object 84.6, road user 84.6")
    assert found.row("Level 1")[1:] == ["84.6", "93.0", "88.0"]
    assert found.row("Sibling")[1:] == ["69.4", "94.0", "81.0"]
    assert "3.42 edges" in found.text


def test_the_subject_is_named() -> None:
    subject = fake_report().subject
    found = page()
    assert subject.checkpoint is not None
    for told in (
        subject.images,
        subject.masks,
        subject.checkpoint.path,
        subject.checkpoint.sha256,
        subject.masks_sha256,
    ):
        assert str(told) in found.text
    assert "389,120 pixels (3.56 %) without a true class; void id 11" in found.text
    assert 'convention="cityscapes", limit=null, passes=10, tta=false' in found.text
    assert "Predictions" not in found.text
    assert "Unseen" not in found.text
    other = subject.model_copy(
        update={"predictions": "elsewhere/labels", "checkpoint": None, "unseen": ["car", "sign"]}
    )
    found = page(changed(subject=other))
    assert "elsewhere/labels" in found.text
    assert "car, sign" in found.text
    assert "Checkpoint" not in found.text


def test_parts_that_are_empty_are_left_out() -> None:
    found = page(fake_report(bare=True))
    assert found.sections() == SECTIONS - {"hierarchy", "answers", "confidence", "dropout"}
    assert {link["href"].removeprefix("#") for link in found.of("a")} == found.sections()
    assert len([each for each in found.of("svg") if "aria-label" in each]) == 2
    assert "Options" not in found.text
    assert not found.of("img")


def test_zones_may_come_without_a_curve_and_a_curve_without_zones() -> None:
    edges = fake_report().boundaries
    for change, count in (({"zones": []}, 1), ({"confidence": None}, 1), ({}, 2)):
        found = page(changed(boundaries=edges.model_copy(update=change)))
        drawn = [each.get("aria-label", "") for each in found.of("svg")]
        assert sum(label.startswith(("Precision", "Mean confidence")) for label in drawn) == count


def test_nothing_that_the_data_says_becomes_part_of_the_page() -> None:
    names = tuple(f"{HOSTILE}{index}" for index in range(4))
    report = fake_report(names, (HOSTILE, "mc-" + HOSTILE))
    subject = report.subject.model_copy(
        update={
            "images": HOSTILE,
            "masks": HOSTILE,
            "predictions": HOSTILE,
            "unseen": [HOSTILE],
            "options": {HOSTILE: HOSTILE},
        }
    )
    report = report.model_copy(
        update={
            "subject": subject,
            "summary": {HOSTILE: r.Score(value=1.0, better="lower", definition=HOSTILE)},
            "definitions": {HOSTILE: HOSTILE},
            "boundaries": report.boundaries.model_copy(update={"tolerance": HOSTILE}),
        }
    )
    found = page(report, [Strip("worst", HOSTILE, HOSTILE, b"jpeg")])
    assert not found.of("script")
    assert not [key for _, attributes in found.tags for key in attributes if key.startswith("on")]
    assert found.text.count(HOSTILE) > 20
    assert "49" not in {word.strip() for word in found.text.split()}
    assert f"Mask, answer and uncertainty of {HOSTILE}" in [image["alt"] for image in found.of("img")]


def test_a_file_name_that_is_no_text_can_be_written() -> None:
    html = report_to_html(fake_report(), [Strip("worst", "caf\udce9", "", b"")], fake_colors())
    assert "caf\ufffd" in html
    assert html.encode("utf-8")


@pytest.mark.parametrize("C", [1, 2, 150])
def test_any_number_of_classes(C: int) -> None:
    names = tuple(f"class {index}" for index in range(C))
    html = report_to_html(fake_report(names), [], fake_colors(C))
    found = Page(html)
    assert f"{C} class{'' if C == 1 else 'es'}, " in found.text
    assert ("<details open><summary>Table of classes" in html) == (C <= 40)
    assert ("shares below 0.1 % are left out" in found.text) == (C > 40)
    for svg in re.findall(r'<svg class="chart".*?</svg>(?=\s*<(?:figcaption|/figure|/div|h3))', html, re.DOTALL):
        ET.fromstring(svg)


def test_every_drawing_of_the_page_is_well_formed_and_described() -> None:
    html = report_to_html(fake_report(), fake_strips(), fake_colors())
    drawings = re.findall(r'<svg class="chart".*?</svg>(?=\s*<(?:figcaption|/figure|/div))', html, re.DOTALL)
    assert len(drawings) == html.count('<svg class="chart"') == 13
    for svg in drawings:
        root = ET.fromstring(svg)
        assert (root.get("role"), len(root.get("aria-label", "")) > 10) == ("img", True)


def test_tables_can_be_read_aloud() -> None:
    found = page(strips=fake_strips())
    assert all(each.get("scope") in ("row", "col") for each in found.of("th"))
    assert {len(row) for row in found.rows if row[0].strip() in STREET and len(row) == 9} == {9}
    assert found.of("html")[0]["lang"] == "en"


def test_every_class_of_a_drawing_has_its_style() -> None:
    html = report_to_html(fake_report(measures=(*MEASURES, "one", "two")), fake_strips(), fake_colors())
    style = html.split("<style>")[1].split("</style>")[0]
    body = html.split("</style>")[1]
    used = {
        name
        for names in re.findall(r'<(?:rect|line|path|circle|text)[^>]* class="([^"]+)"', body)
        for name in names.split()
    }
    assert {"bar", "cell", "curve", "dashed", "dotted", "c0", "c5"} <= used
    for name in used:
        assert re.search(rf"\.{name}\b", style), name


def test_colours_must_suit_the_classes() -> None:
    with pytest.raises(ValueError, match="10 colours do not suit 11 classes"):
        report_to_html(fake_report(), [], fake_colors(10))
