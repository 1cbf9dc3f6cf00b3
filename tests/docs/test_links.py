"""What the pages point to exists: files, headings, and the paths that are named in the text."""

import re
from pathlib import Path

import pytest

from tests.docs.pages import PAGES, ROOT, blocks, prose, title

_LINK = re.compile(r"\]\(([^)\s]+)\)")
_CODE = re.compile(r"`([^`\n]+)`")
#: A path of the repository: folders, and a file with one of our endings or a slash at the end.
_PATH = re.compile(r"[.\w-]+/([.\w-]+/)*([.\w-]+\.(py|ya?ml|md|toml|txt|mod|sum|sh))?")
#: Where the text may leave the beginning of a path out.
_BASES = (ROOT, ROOT / "operator/seatrial", ROOT / "charts/seatrial")
#: Names in examples, and places outside of the repository.
_ELSEWHERE = re.compile(r"~|^(scenario|mistakes|last)\.|^(log|run|pki)/$|^rootfs-|/$(?<=KEY/)")


def _anchors(page: Path) -> set[str]:
    """The headings' anchors, as GitHub makes them, and those that the page sets itself."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    slugs = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
    return slugs | set(re.findall(r'<a id="([^"]+)">', page.read_text()))


@pytest.mark.parametrize("page", PAGES, ids=title)
def test_links_lead_somewhere(page: Path) -> None:
    lost = []
    for link in _LINK.findall(prose(page)):
        if link.startswith("https://"):
            continue
        file, _, anchor = link.partition("#")
        target = (page.parent / file).resolve() if file else page
        if not target.exists() or (anchor and anchor not in _anchors(target)):
            lost.append(link)
    assert not lost


@pytest.mark.parametrize("page", PAGES, ids=title)
def test_paths_in_the_text_exist(page: Path) -> None:
    named = {code for code in _CODE.findall(prose(page)) if _PATH.fullmatch(code) and not _ELSEWHERE.search(code)}
    missing = {path for path in named if not any((base / path).exists() for base in _BASES)}
    assert not missing


@pytest.mark.parametrize("page", PAGES, ids=title)
def test_modules_in_drawings_exist(page: Path) -> None:
    drawings = [block.text for block in blocks(page) if block.language == "text"]
    missing = {
        module
        for drawing in drawings
        for module in re.findall(r"\w+/(?:\w+/)*\w+\.py", drawing)
        if not any((base / module).exists() for base in _BASES)
    }
    assert not missing


@pytest.mark.parametrize("page", PAGES, ids=title)
def test_no_page_names_a_place_on_somebodys_machine(page: Path) -> None:
    assert not re.search(r"(?<![\w./])/(root|home|work|Users)\b", page.read_text())


def test_every_page_is_reachable_from_the_readme() -> None:
    reached, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in reached:
            continue
        reached.add(page)
        links = [link.partition("#")[0] for link in _LINK.findall(prose(page)) if not link.startswith("https://")]
        waiting += [(page.parent / link).resolve() for link in links if link.endswith(".md")]
    assert not set(ROOT.glob("docs/*.md")) - reached
