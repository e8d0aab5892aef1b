"""The controls of all pages, and for each a test that uses it."""

from __future__ import annotations

from playwright.sync_api import Page

EXPLORER, PAGES, HERE = (
    "tests/report/test_explorer.py",
    "tests/flows/test_every_page.py",
    "tests/flows/test_controls.py",
)
NARROW = f"{EXPLORER}::test_filters_and_search_narrow_the_samples"
GRADES = f"{EXPLORER}::test_cells_scorers_and_ranges_of_grades_narrow_the_samples"
ENDED = f"{EXPLORER}::test_status_and_stop_reason_narrow_the_samples"
TURNED = f"{EXPLORER}::test_the_next_sample_after_the_last_one_listed_is_fetched"
BESIDE = f"{EXPLORER}::test_all_answers_to_a_row_stand_side_by_side_with_their_differences"
KEYS = f"{EXPLORER}::test_a_sample_opens_by_keyboard_to_everything_that_is_known_of_it"
LINKED = (
    "tests/report/test_browser.py::test_a_figure_of_the_matrix_leads_to_its_samples_and_the_disagreements_to_theirs"
)
COVERED = {
    "#filter-model": NARROW, "#filter-prompt": NARROW, "#filter-outcome": NARROW, "#filter-text": NARROW,
    "#clear": NARROW, "#more": NARROW, "#filter-status": ENDED, "#filter-stop": ENDED, "#filter-params": GRADES,
    "#filter-scorer": GRADES, "#filter-low": GRADES, "#filter-high": GRADES,
    "#filter-sort": f"{EXPLORER}::test_samples_are_sorted_by_a_figure",
    "#filter-differ": f"{EXPLORER}::test_rows_where_models_disagree_have_a_right_and_a_wrong_answer_to_the_same_prompt",
    "#mark-differences": BESIDE, "button.link: Open": BESIDE, "button.open": TURNED, "button.link: Next →": TURNED,
    "button.link: ← Previous": TURNED, "button.link: All samples": TURNED,
    "button.plain: Show all N answers": f"{HERE}::test_more_answers_than_fit_are_shown_when_asked_for",
    "a: #job=": f"{HERE}::test_the_link_to_a_sample_names_it_alone",
    "a: #model=": LINKED, "a: #differ=": LINKED,
    "#projected-rows": "tests/report/test_projection_browser.py::test_the_page_computes_what_the_report_would",
    "nav.contents a": f"{HERE}::test_the_list_of_sections_leads_to_each[plain cost]",
    "a: #metric-N": f"{HERE}::test_the_list_of_metrics_leads_to_each",
    "a: #content": f"{PAGES}::test_the_first_stop_leads_past_the_head_of_the_page[plain quality]",
    "summary": f"{PAGES}::test_what_can_be_opened_opens_and_closes_by_keyboard[plain cost]",
    **{f"key {key}": KEYS for key in ("↑", "↓", "Enter", "Esc", "←", "→", "/")},
}  # fmt: skip
"""Controls, and for each a test that uses it."""
COLLECT = """() => [...document.querySelectorAll(
  "input, select, textarea, button, summary, a[href^='#'], [contenteditable], [role=button], .keys kbd")].map((one) => {
  if (one.matches("kbd")) return "key " + one.textContent;
  if (one.matches("summary")) return "summary";
  if (one.matches("nav.contents a")) return "nav.contents a";
  if (one.id) return "#" + one.id;
  if (one.matches("a")) return "a: " + one.getAttribute("href").replace(/(#[a-z]+=).*/, "$1").replace(/\\d+/g, "N");
  if (one.matches(".open")) return "button.open";
  return one.localName + "." + one.className + ": " + one.textContent.replace(/\\d[\\d,]*/g, "N");
})"""


def controls(page: Page) -> set[str]:
    """The controls of the page as it stands, by the names of the table."""
    return set(page.evaluate(COLLECT))
