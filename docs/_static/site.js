// What the theme leaves undone: a table, a formula or a block of code that scrolls can be reached by keyboard, and has a name.
document.addEventListener("DOMContentLoaded", () => {
  for (const button of document.querySelectorAll(".search-button-field")) button.removeAttribute("aria-label");  // its text says more
  for (const arrow of document.querySelectorAll(".bd-sidenav summary, .navbar-nav summary")) {
    const page = arrow.closest("li")?.querySelector("a")?.textContent.trim();
    arrow.setAttribute("aria-label", `Pages below ${page}`);
  }
  const kinds = {PRE: "Code", "MJX-CONTAINER": "Formula"};
  const section = box => {
    const above = [...document.querySelectorAll(".bd-article :is(h1, h2, h3, h4)")]
      .filter(heading => heading.compareDocumentPosition(box) & Node.DOCUMENT_POSITION_FOLLOWING);
    return above.at(-1)?.firstChild?.textContent.trim();
  };
  const reachable = () => {
    for (const box of document.querySelectorAll("pre, .pst-scrollable-table-container, .bd-article table, mjx-container")) {
      if (box.scrollWidth <= box.clientWidth + 1 || box.hasAttribute("aria-label")) continue;
      box.tabIndex = 0;
      if (box.tagName !== "TABLE") box.setAttribute("role", "group");
      box.setAttribute("aria-label", [kinds[box.tagName] ?? "Table", section(box)].filter(Boolean).join(": "));
    }
  };
  reachable();
  addEventListener("load", reachable);
  addEventListener("resize", reachable);
});
