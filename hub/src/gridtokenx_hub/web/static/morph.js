// Makes `live` look like `fresh` and keeps every node that can stay: focus, selection and what is
// open remain. Lists ([data-list]) keep their entries by id; what has [data-keep] is left alone.

export function morph(live, fresh) {
  if (live.isEqualNode(fresh)) return;
  const isElement = live.nodeType === Node.ELEMENT_NODE && live.nodeName === fresh.nodeName;
  if (isElement && live.hasAttribute("data-keep") && fresh.hasAttribute("data-keep")) return;
  if (isElement && live.id === fresh.id && fresh.hasAttribute("data-list")) {
    const known = new Map([...live.children].map((child) => [child.id, child]));
    live.replaceChildren(...[...fresh.children].map((child) => keep(known.get(child.id), child)));
  } else if (isElement && live.id === fresh.id && live.childNodes.length === fresh.childNodes.length) {
    copyAttributes(live, fresh);
    const children = [...fresh.childNodes];
    [...live.childNodes].forEach((child, index) => morph(child, children[index]));
  } else {
    live.replaceWith(fresh);
  }
}

function keep(old, fresh) {
  if (!old) return fresh;
  morph(old, fresh);
  return old.isConnected || old.parentNode ? old : fresh;
}

function copyAttributes(live, fresh) {
  const isOpened = live.nodeName === "DETAILS";
  for (const name of live.getAttributeNames()) {
    if (!fresh.hasAttribute(name) && !(isOpened && name === "open")) live.removeAttribute(name);
  }
  for (const name of fresh.getAttributeNames()) {
    if (live.getAttribute(name) !== fresh.getAttribute(name) && !(isOpened && name === "open")) {
      live.setAttribute(name, fresh.getAttribute(name));
    }
  }
}
