"""The runtime's configuration of a container: oci_config.py IMAGE_JSON SYSTEM DATA_FOLDER NAME=VALUE...

What compose.yaml asks of the engine: the image's user and command, a read-only system, no capabilities, no new
privileges, the folder at /data. Its network is its own and has nothing but the loopback.
"""

import json
import sys

image_file, system, data_folder, *settings = sys.argv[1:]
with open(image_file, encoding="utf-8") as file:
    image = json.load(file)["Docker"]["config"]

config = {
    "ociVersion": "1.0.2",
    "process": {
        "user": {"uid": int(image["User"]), "gid": int(image["User"])},
        "args": image["Entrypoint"] + image["Cmd"],
        "env": image["Env"] + settings,
        "cwd": image.get("WorkingDir") or "/",
        "capabilities": {},
        "noNewPrivileges": True,
    },
    "root": {"path": system, "readonly": True},
    "mounts": [
        {"destination": "/proc", "type": "proc", "source": "proc"},
        {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755", "size=65536k"]},
        {"destination": "/data", "type": "bind", "source": data_folder, "options": ["rbind", "rw"]},
    ],
    "linux": {"namespaces": [{"type": kind} for kind in ("pid", "ipc", "uts", "mount", "network")]},
}
json.dump(config, sys.stdout)
