"""What a person does with a page of the window: finds what is shown by its name, clicks, types, reads."""

from session import wait_for

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"

# By role, as a screen reader would: name, or text where there is no name.
FIND = """
const [selector, name, exact] = arguments;
const open = document.querySelector("dialog[open]");
const text = (one) => (one.getAttribute("aria-label") ?? one.innerText ?? "").trim();
const all = [...(open ?? document).querySelectorAll(selector)].filter((one) => one.offsetParent !== null || one === open);
return all.find((one) => (exact ? text(one) === name : text(one).startsWith(name))) ?? null;
"""

# The driver computes where an element is and then clicks there: what moves in between is missed.
STANDS_STILL = """
const place = () => JSON.stringify(arguments[0].getBoundingClientRect());
const before = place();
return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(place() === before))));
"""


class Page:
    """The page of a driven program."""

    def __init__(self, driven):
        self.driven = driven

    def open(self, place):
        """Opens a page anew, with nothing left of what was done on it."""
        self.driven.run("location.hash = arguments[0]", f"#/{place}")
        self.driven.refresh()

    def text(self):
        return self.driven.text()

    def shows(self, text):
        wait_for(f"'{text}' on the page", lambda: text in self.text())

    def lacks(self, text):
        wait_for(f"no '{text}' on the page", lambda: text not in self.text())

    def find(self, selector, name, exact=True):
        """What is called so; waits until it is there."""
        return wait_for(f"{selector} '{name}'", lambda: self.driven.run(FIND, selector, name, exact))

    def first(self, selector):
        """The first that fits and is drawn; one within an open dialogue where there is one."""
        return self.find(selector, "", exact=False)

    def press(self, name, selector="button, a, [role=menuitem], [role=tab]"):
        """Clicks with the mouse, as WebKit's driver does, on what is called so."""
        self._click(name, lambda: self.find(selector, name))

    def press_within(self, container, text, name):
        """Clicks on the button called so within the first container that holds this text."""
        script = """
const [container, text, name] = arguments;
const around = [...document.querySelectorAll(container)].find((one) => one.innerText.includes(text));
return [...(around?.querySelectorAll("button") ?? [])].find((one) => (one.getAttribute("aria-label") ?? one.innerText).trim() === name) ?? null;
"""
        self._click(name, lambda: wait_for(f"'{name}' at '{text}'", lambda: self.driven.run(script, container, text, name)))

    def press_first(self, selector, through=None):
        """Clicks on the first that fits, or on what stands around it and is seen in its place."""
        script = "const one = document.querySelector(arguments[0]); return arguments[1] ? one?.closest(arguments[1]) : one"
        self._click(selector, lambda: wait_for(selector, lambda: self.driven.run(script, selector, through)))

    def _click(self, name, find):
        def clicked():
            try:
                element = find()
                if not self.driven.run(STANDS_STILL, element):
                    return False
                self._element(element, "click")
                return True
            except AssertionError as error:
                # A page that is drawn anew meanwhile, or something that moves over the button.
                if "stale element" in str(error) or "intercepted" in str(error) or "not interactable" in str(error):
                    return False
                raise
        wait_for(f"a click on '{name}'", clicked)

    def type(self, element, text):
        """Replaces what stands in a field."""
        self.driven.run("arguments[0].focus(); arguments[0].select()", element)
        self._element(element, "value", text=text)

    def field(self, label):
        """The field with this label."""
        script = """
const open = document.querySelector("dialog[open]") ?? document;
const label = [...open.querySelectorAll("label")].find((one) => one.innerText.trim().startsWith(arguments[0]));
return label ? (label.control ?? label.querySelector("input, textarea, select")) : null;
"""
        return wait_for(f"the field '{label}'", lambda: self.driven.run(script, label))

    def choose(self, element, value):
        """Chooses an option of a `select`, which WebKit draws as a menu of the system."""
        self.driven.run("""
arguments[0].value = arguments[1];
arguments[0].dispatchEvent(new Event("change", { bubbles: true }));""", element, value)

    def _element(self, element, action, **arguments):
        self.driven.element(element[ELEMENT], action, arguments)
