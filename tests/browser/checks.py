"""Cheap checks of one page as it stands: what people with a phone, or without eyes, would miss."""

from playwright.async_api import Page

SHOW_ALL = """async () => {
  for (const image of document.images) image.loading = "eager";
  await Promise.all([...document.images].map((image) => image.decode().catch(() => null)));
}"""

CHECKS = """() => {
  const found = [];
  const name = (one) => {
    const id = one.id ? "#" + one.id : one.name ? `[name=${one.name}]` : "";
    const kind = one.classList.length ? "." + [...one.classList].join(".") : "";
    const text = (one.textContent || "").trim().replace(/\\s+/g, " ").slice(0, 40);
    return one.localName + (id || kind) + (text ? ` "${text}"` : "");
  };
  const say = (what, one) => found.push(one ? `${what}: ${name(one)}` : what);
  const seen = (one) => one.checkVisibility() && one.getBoundingClientRect().width > 0;
  const root = document.documentElement;

  if (root.scrollWidth > root.clientWidth) {
    const scrolls = (one) => {
      for (let up = one.parentElement; up && up !== root; up = up.parentElement)
        if (getComputedStyle(up).overflowX !== "visible") return true;
      return false;
    };
    const wide = [...document.body.querySelectorAll("*")].filter((one) => seen(one)
      && one.getBoundingClientRect().right > root.clientWidth + 1 && !scrolls(one));
    say(`wider than the screen by ${root.scrollWidth - root.clientWidth} px`, wide.at(-1));
  }
  if (!root.lang) say("no language");
  if (!document.title.trim()) say("no title");
  const titles = document.querySelectorAll("h1").length;
  if (titles !== 1) say(`${titles} first headings`);
  if (document.querySelectorAll("main").length !== 1) say("not one main part");

  for (const image of document.images) {
    if (!image.hasAttribute("alt")) say("picture without alt", image);
    if (image.complete && !image.naturalWidth && image.getAttribute("src"))
      say(`broken picture ${image.currentSrc}`, image);
  }
  const fields = "input:not([type=hidden], [type=submit], [type=button]), select, textarea";
  for (const one of document.querySelectorAll(fields)) {
    const labels = [...(one.labels || [])].some((label) => label.textContent.trim());
    if (!labels && !one.ariaLabel && !one.hasAttribute("aria-labelledby")) say("no label", one);
  }
  for (const one of document.querySelectorAll("a[href], button")) {
    const text = one.textContent.trim() || one.ariaLabel
      || [...one.querySelectorAll("img")].some((image) => image.alt.trim());
    if (!text && !one.closest("[aria-hidden=true]")) say("nothing to read out", one);
  }
  const ids = new Set();
  for (const one of document.querySelectorAll("[id]")) {
    if (ids.has(one.id)) say("the same id twice", one);
    ids.add(one.id);
  }
  for (const one of document.querySelectorAll("[aria-describedby], [aria-labelledby]"))
    for (const given of ["aria-describedby", "aria-labelledby"])
      for (const id of (one.getAttribute(given) || "").split(/\\s+/).filter(Boolean))
        if (!ids.has(id)) say(`${given} names ${id}, which is not there`, one);
  for (const one of document.querySelectorAll('a[href^="#"]'))
    if (!ids.has(one.getAttribute("href").slice(1))) say("leads nowhere", one);
  for (const one of document.querySelectorAll("button, select, input:not([type=hidden])")) {
    const box = one.getBoundingClientRect();
    const around = one.closest("label")?.getBoundingClientRect().height || 0;
    if (seen(one) && !one.ariaHidden && Math.max(box.height, around) < 24)
      say("too small to tap", one);
  }
  return found;
}"""


async def load_pictures(page: Page) -> None:
    """Loads what would load only when scrolled to."""
    await page.evaluate(SHOW_ALL)


async def look(page: Page) -> list[str]:
    """What is wrong with the page at its present width; each once."""
    return list(dict.fromkeys(await page.evaluate(CHECKS)))
