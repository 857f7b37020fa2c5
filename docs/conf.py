"""The website's settings. `tools/site.py build` copies this folder to build/site-src, puts what it makes beside it, and
runs Sphinx there. All that a page needs lies within the site: no request leaves it, and it works from a folder.
"""

import json
import re
from pathlib import Path

made = json.loads((Path(__file__).parent / "_made" / "facts.json").read_text(encoding="utf-8"))

project, author, html_title = "Layerscope", "The Layerscope authors", "Layerscope"
project_copyright = "The Layerscope authors. Text: CC BY-SA 4.0. Code: Apache-2.0"
version = release = made["version"]
language = "en"
smartquotes_action = "qe"  # no dashes: `--out` is an option

extensions = ["myst_nb", "sphinx_copybutton", "sphinx_design"]
exclude_patterns = ["_made", "README.md"]
myst_enable_extensions = ["attrs_block", "attrs_inline", "colon_fence", "deflist", "dollarmath", "substitution"]
myst_heading_anchors = 3
myst_substitutions = made  # numbers of the prose: computed, never typed
nb_execution_mode = "off"  # tools/nb.py has run the lessons
nb_merge_streams = True
nb_render_markdown_format = "myst"
nb_code_prompt_show = "Show the code"
nb_code_prompt_hide = "Hide the code"
python_maximum_signature_line_length = 88
python_use_unqualified_type_names = True
add_module_names = False
toc_object_entries_show_parents = "hide"
copybutton_exclude = ".linenos, .gp, .go"
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

html_theme = "pydata_sphinx_theme"
html_static_path = ["_static"]
html_extra_path = ["_extra"]
html_css_files = ["site.css"]
html_js_files = ["site.js"]
html_favicon = "_static/mark.svg"
html_show_sphinx = False
html_show_sourcelink = False
html_copy_source = False
html_show_search_summary = False  # it would be fetched, which a page from a folder may not do
html_sidebars = {
    name: [] for name in ("index", "benchmarks", "compare", "accessibility", "search", "genindex", "py-modindex")
}
html_theme_options = {
    "logo": {
        "text": "Layerscope",
        "image_light": "_static/mark.svg",
        "image_dark": "_static/mark-dark.svg",
        "alt_text": "",
    },
    "navbar_align": "left",
    "header_links_before_dropdown": 7,
    "show_prev_next": True,
    "show_toc_level": 2,
    "secondary_sidebar_items": ["page-toc"],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
    "footer_start": ["copyright"],
    "footer_end": ["site-foot"],
    "icon_links": [{"name": "Source code", "url": made["repository"], "icon": "fa-solid fa-code-branch"}],
    "back_to_top_button": False,
}
html_context = {"default_mode": "auto"}
templates_path = ["_templates"]
mathjax_path = "vendor/tex-svg.js"  # MathJax 3 as SVG: one file, no font to fetch
mathjax3_config = {"svg": {"fontCache": "local"}, "options": {"enableMenu": False}}
suppress_warnings = ["mystnb.mime_priority"]

# `make links`. Our own files on GitHub are not asked for: they are made of the paths that are here.
linkcheck_ignore = [
    re.escape(made["repository"]) + "/(blob|commit)/",
    re.escape(made["repository"].replace("github.com", "colab.research.google.com/github")),
]
linkcheck_anchors_ignore_for_url = ["https://github.com/"]  # its pages are put together in the browser
linkcheck_retries = 3
linkcheck_timeout = 30


def tidy(app, page, template, context, doctree):  # noqa: ARG001  Sphinx calls it with all of these
    """Mend what screen readers stumble over: a header without words, and parameters in a list that has no terms."""
    body = re.sub(r'<th class="head[^>]*>(<p></p>)?</th>', "<td></td>", context.get("body") or "")
    parameters = re.compile(r'<dl>\n((?:<dd><em class="sig-param">.*?</dd>\n)+)</dl>', re.DOTALL)
    body = parameters.sub(lambda found: f'<div class="sig-params">{_as_divs(found[1])}</div>', body)
    body = body.replace('<div role="status" ', "<div ")  # said aloud in a notebook; here nothing changes
    body = body.replace(' aria-label="Toggle hidden content"', "")  # its text says more
    context["body"] = body


def _as_divs(items: str) -> str:
    return items.replace("<dd>", "<div>").replace("</dd>", "</div>")


def registered(app, uri):  # noqa: ARG001
    """A DOI is asked for where it is registered: many publishers turn programs away."""
    found = re.fullmatch(r"https://doi\.org/(10\..+)", uri)
    return f"https://doi.org/api/handles/{found[1]}" if found else None


def setup(app):
    app.connect("html-page-context", tidy)
    app.connect("linkcheck-process-uri", registered)
