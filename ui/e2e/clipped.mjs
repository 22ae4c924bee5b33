// Finds clipped content. Evaluated inside the page.

/** Descriptions of elements that are cut off. A text that ends in an ellipsis must have a title with the full text. */
export function clipped() {
  const cut = [];
  const description = (element) =>
    `${element.tagName.toLowerCase()}.${element.className?.baseVal ?? element.className} "${(element.textContent ?? "").trim().slice(0, 60)}"`;
  const shows = (element) => element.checkVisibility({ opacityProperty: true, visibilityProperty: true });
  const hides = (element) => getComputedStyle(element).overflowX !== "visible";
  const ownText = (element) => [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.textContent.trim() !== "");

  for (const element of document.querySelectorAll("main *")) {
    if (!shows(element) || element.closest(".visually-hidden, svg, pre, textarea")) continue;
    const isButton = element.matches("button");
    if (
      (isButton || element.matches("td, th, [role=gridcell], [role=columnheader], .ellipsis")) &&
      element.scrollWidth > element.clientWidth + 1 &&
      getComputedStyle(element).display !== "inline"
    ) {
      if (isButton || hides(element) ? !element.closest("[title]") : true) cut.push(`too narrow: ${description(element)}`);
    }
    if (!isButton && !ownText(element) && !element.matches("input, select")) continue;
    if (element.closest(".ellipsis")) continue;
    const box = element.getBoundingClientRect();
    for (let around = element.parentElement; around && around.id !== "main"; around = around.parentElement) {
      if (!hides(around)) continue;
      const frame = around.getBoundingClientRect();
      if (box.right > frame.right + 1 || box.left < frame.left - 1) cut.push(`cut by its frame: ${description(element)}`);
    }
    if (box.right > innerWidth + 1) cut.push(`beyond the window: ${description(element)}`);
  }
  return [...new Set(cut)];
}
