"""The desktop's services that the program talks to over the session bus, played by the tests: the tray's watcher and the
notifications. No panel is needed to read the menu and to click on it."""

import threading

import gi

gi.require_version("Gio", "2.0")
from gi.repository import Gio, GLib  # noqa: E402

from session import wait_for  # noqa: E402

WATCHER = "org.kde.StatusNotifierWatcher"
ITEM = "org.kde.StatusNotifierItem"
MENU = "com.canonical.dbusmenu"
NOTIFICATIONS = "org.freedesktop.Notifications"
PROPERTIES = "org.freedesktop.DBus.Properties"

FILE_MANAGER = "org.freedesktop.FileManager1"

INTERFACES = {
    FILE_MANAGER: """
<node><interface name="org.freedesktop.FileManager1">
  <method name="ShowItems"><arg type="as" direction="in"/><arg type="s" direction="in"/></method>
</interface></node>""",
    WATCHER: """
<node><interface name="org.kde.StatusNotifierWatcher">
  <method name="RegisterStatusNotifierItem"><arg type="s" direction="in"/></method>
  <method name="RegisterStatusNotifierHost"><arg type="s" direction="in"/></method>
  <property name="RegisteredStatusNotifierItems" type="as" access="read"/>
  <property name="IsStatusNotifierHostRegistered" type="b" access="read"/>
  <property name="ProtocolVersion" type="i" access="read"/>
</interface></node>""",
    NOTIFICATIONS: """
<node><interface name="org.freedesktop.Notifications">
  <method name="Notify">
    <arg type="s" direction="in"/><arg type="u" direction="in"/><arg type="s" direction="in"/>
    <arg type="s" direction="in"/><arg type="s" direction="in"/><arg type="as" direction="in"/>
    <arg type="a{sv}" direction="in"/><arg type="i" direction="in"/><arg type="u" direction="out"/>
  </method>
  <method name="GetCapabilities"><arg type="as" direction="out"/></method>
  <signal name="ActionInvoked"><arg type="u"/><arg type="s"/></signal>
  <signal name="NotificationClosed"><arg type="u"/><arg type="u"/></signal>
</interface></node>""",
}


class Loop:
    """GLib's main loop on a thread of its own, in which the played services answer."""

    def __enter__(self):
        self.context = GLib.MainContext()
        self.loop = GLib.MainLoop.new(self.context, False)
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()
        return self

    def _run(self):
        self.context.push_thread_default()
        self.loop.run()
        self.context.pop_thread_default()

    def do(self, work):
        """Runs something on the loop's thread, and gives back what it gave."""
        done, result = threading.Event(), []

        def once():
            try:
                result.append(work())
            finally:
                done.set()
            return GLib.SOURCE_REMOVE

        self.context.invoke_full(GLib.PRIORITY_DEFAULT, once)
        assert done.wait(30) and result, "the bus did not answer"
        return result[0]

    def __exit__(self, *_):
        self.loop.quit()
        self.thread.join()


class Service:
    """A name on the bus with one object."""

    def __init__(self, loop, address, name, path):
        flags = Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT | Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION
        self.loop, self.name, self.path = loop, name, path
        self.bus = loop.do(lambda: Gio.DBusConnection.new_for_address_sync(address, flags, None, None))
        interface = Gio.DBusNodeInfo.new_for_xml(INTERFACES[name]).interfaces[0]
        loop.do(lambda: self.bus.register_object(path, interface, self._called, self._read, None) or True)
        self.call("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "RequestName",
                  GLib.Variant("(su)", (name, 0)))

    def call(self, service, path, interface, method, arguments=None):
        answer = self.bus.call_sync(service, path, interface, method, arguments, None, Gio.DBusCallFlags.NONE, 30000, None)
        return answer.unpack() if answer else None

    def property(self, service, path, interface, name):
        return self.call(service, path, PROPERTIES, "Get", GLib.Variant("(ss)", (interface, name)))[0]

    def emit(self, name, value):
        self.bus.emit_signal(None, self.path, self.name, name, value)

    def _called(self, _bus, sender, _path, _interface, method, arguments, invocation):
        invocation.return_value(self.answer(sender, method, arguments.unpack()))

    def _read(self, _bus, _sender, _path, _interface, name):
        return self.read(name)

    def close(self):
        self.bus.close_sync(None)


class Tray(Service):
    """A tray without pictures: it knows the items, and uses their menus as a panel does."""

    def __init__(self, loop, address):
        self.items = []
        super().__init__(loop, address, WATCHER, "/StatusNotifierWatcher")

    def answer(self, sender, method, arguments):
        if method == "RegisterStatusNotifierItem":
            what = arguments[0]
            self.items.append((sender, what) if what.startswith("/") else (what, "/StatusNotifierItem"))
        return None

    def read(self, name):
        return {
            "RegisteredStatusNotifierItems": GLib.Variant("as", [name + path for name, path in self.items]),
            "IsStatusNotifierHostRegistered": GLib.Variant("b", True),
            "ProtocolVersion": GLib.Variant("i", 0),
        }[name]

    def item(self):
        return wait_for("the icon in the tray", lambda: self.items)[0]

    def picture(self):
        """The file that the panel would show."""
        return self.property(*self.item(), ITEM, "IconName")

    def status(self):
        return self.property(*self.item(), ITEM, "Status")

    def _menu(self):
        service, path = self.item()
        return service, self.property(service, path, ITEM, "Menu")

    def entries(self):
        """The menu as a tree: for each entry its id, label, mark (True, False, None), whether it can be clicked, children."""
        return [entry(child) for child in wait_for("the menu", self._layout)[2]]

    def _layout(self):
        """All of the menu; `None` for the moment in which another one takes its place."""
        try:
            return self.call(*self._menu(), MENU, "GetLayout", GLib.Variant("(iias)", (0, -1, [])))[1]
        except GLib.Error as error:
            if Gio.DBusError.get_remote_error(error) != "org.freedesktop.DBus.Error.UnknownMethod":
                raise
            return None

    def texts(self):
        """All labels, those of submenus behind their own."""
        return [label for _, label, *_ in flat(self.entries()) if label]

    def click(self, *path):
        """Clicks on the entry that is found by these beginnings of labels, one for each level."""
        def found():
            entries, hit = self.entries(), None
            for text in path:
                hit = next((entry for entry in entries if entry[1].startswith(text)), None)
                if hit is None:
                    return None
                entries = hit[4]
            return hit
        chosen = wait_for(f"the entry {' / '.join(path)}", found)
        assert chosen[3], f"{chosen[1]} cannot be clicked"
        event = GLib.Variant("(isvu)", (chosen[0], "clicked", GLib.Variant("s", ""), 0))
        self.call(*self._menu(), MENU, "Event", event)

    def mark(self, *path):
        """Whether a check item is on."""
        entries = self.entries()
        for text in path:
            hit = next(entry for entry in entries if entry[1].startswith(text))
            entries = hit[4]
        return hit[2]


def entry(node):
    number, properties, children = node
    toggle = properties.get("toggle-state")
    mark = None if not properties.get("toggle-type") else toggle == 1
    # An underscore underlines the next letter, two are one.
    label = properties.get("label", "").replace("__", "\0").replace("_", "").replace("\0", "_")
    return number, label, mark, properties.get("enabled", True), [entry(child) for child in children]


def flat(entries):
    return [each for one in entries for each in [one, *flat(one[4])]]


class Notifications(Service):
    """Keeps what is shown, and clicks on it."""

    def __init__(self, loop, address):
        self.shown = []
        super().__init__(loop, address, NOTIFICATIONS, "/org/freedesktop/Notifications")

    def answer(self, _sender, method, arguments):
        if method == "GetCapabilities":
            return GLib.Variant("(as)", (["body", "actions", "body-markup"],))
        self.shown.append({"title": arguments[3], "text": arguments[4], "actions": arguments[5]})
        return GLib.Variant("(u)", (len(self.shown),))

    def with_title(self, title):
        """Number and content of the first notification whose title holds this."""
        def found():
            return [(number, one) for number, one in enumerate(self.shown, 1) if title in one["title"]]
        return wait_for(f"a notification '{title}'", found)[0]

    def click(self, number):
        self.emit("ActionInvoked", GLib.Variant("(us)", (number, "default")))


class FileManager(Service):
    """Keeps what it is asked to show."""

    def __init__(self, loop, address):
        self.shown = []
        super().__init__(loop, address, FILE_MANAGER, "/org/freedesktop/FileManager1")

    def answer(self, _sender, method, arguments):
        if method == "ShowItems":
            self.shown = arguments[0]
        return None
