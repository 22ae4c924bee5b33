"""The windows of a program as a screen reader has them: over the bus of AT-SPI, which the toolkit speaks itself."""

from gi.repository import Gio, GLib

from session import wait_for

REGISTRY = "org.a11y.atspi.Registry"
ROOT = "/org/a11y/atspi/accessible/root"
ACCESSIBLE = "org.a11y.atspi.Accessible"
ACTION = "org.a11y.atspi.Action"
PROPERTIES = "org.freedesktop.DBus.Properties"
FLAGS = Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT | Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION


class Node:
    """A window, a label, a button."""

    def __init__(self, bus, place):
        self.bus, self.place = bus, place

    def call(self, interface, method, arguments=None):
        service, path = self.place
        return self.bus.call_sync(service, path, interface, method, arguments, None, Gio.DBusCallFlags.NONE, 30000,
                                  None).unpack()

    def name(self):
        return self.call(PROPERTIES, "Get", GLib.Variant("(ss)", (ACCESSIBLE, "Name")))[0]

    def role(self):
        return self.call(ACCESSIBLE, "GetRoleName")[0]

    def all(self):
        """Itself and all below it. What has gone meanwhile has nothing below."""
        yield self
        try:
            children = self.call(ACCESSIBLE, "GetChildren")[0]
        except GLib.Error:
            return
        for child in children:
            yield from Node(self.bus, child).all()

    def press(self):
        self.call(ACTION, "DoAction", GLib.Variant("(i)", (0,)))


class Accessibility:
    """The bus of one session."""

    def __init__(self, address):
        session = Gio.DBusConnection.new_for_address_sync(address, FLAGS, None, None)
        answer = session.call_sync("org.a11y.Bus", "/org/a11y/bus", "org.a11y.Bus", "GetAddress", None, None,
                                   Gio.DBusCallFlags.NONE, 30000, None)
        session.close_sync(None)
        self.bus = Gio.DBusConnection.new_for_address_sync(answer.unpack()[0], FLAGS, None, None)

    def _nodes(self):
        """Those that have a name, by role and name."""
        found = []
        for node in Node(self.bus, (REGISTRY, ROOT)).all():
            try:
                found.append((node.role(), node.name(), node))
            except GLib.Error:
                continue
        return found

    def text(self):
        """All that is written in the open windows."""
        return "\n".join(name for _, name, _ in self._nodes() if name)

    def press(self, button):
        def found():
            return [node for role, name, node in self._nodes() if role == "push button" and name == button]
        wait_for(f"the button '{button}'", found)[0].press()

    def close(self):
        self.bus.close_sync(None)
