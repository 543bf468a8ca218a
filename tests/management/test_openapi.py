import shutil

import pytest
import yaml
from django.core.management import CommandError, call_command
from django.urls import path
from drf_spectacular.validation import validate_schema
from rest_framework.views import APIView

from webhooks import dialects
from webhooks.front import combining, documents

from . import portal

COMMITTED = portal.ROOT / "docs" / "openapi"


@pytest.fixture(autouse=True)
def generated_anew(monkeypatch):
    monkeypatch.setattr(documents, "_generated", {})


def test_the_committed_documents_are_current(capsys):
    call_command("openapi", "--check")

    assert capsys.readouterr().out == ""


def test_there_is_one_per_interface_and_one_of_all():
    expected = {"portal.yaml", "combined.yaml", *(f"{s}.yaml" for s in dialects.SLUGS)}

    assert {path.name for path in COMMITTED.glob("*")} == expected


def test_check_fails_with_the_difference(tmp_path, capsys):
    shutil.copytree(COMMITTED, tmp_path / "openapi")
    capa = tmp_path / "openapi" / "capa.yaml"
    capa.write_text(capa.read_text().replace("title: ", "title: Not "))
    (tmp_path / "openapi" / "left.yaml").write_text("over: true\n")

    with pytest.raises(CommandError, match="make schema"):
        call_command("openapi", "--check", "--directory", tmp_path / "openapi")

    out = capsys.readouterr().out
    assert "--- committed/capa.yaml" in out
    assert "-over: true" in out
    assert "portal.yaml" not in out
    assert "Not" in capa.read_text()


def test_it_writes_what_is_missing_and_removes_what_is_left_over(tmp_path, capsys):
    directory = tmp_path / "deep" / "openapi"
    directory.mkdir(parents=True)
    (directory / "left.yaml").write_text("over: true\n")

    call_command("openapi", "--directory", directory)

    written = {path.name: path.read_text() for path in directory.iterdir()}
    assert written == {path.name: path.read_text() for path in COMMITTED.iterdir()}


class Undescribed(APIView):
    def get(self, request):
        raise NotImplementedError


def test_it_fails_where_the_views_cannot_be_described(monkeypatch, tmp_path):
    document = documents.Document(
        slug="portal",
        title="Undescribed",
        description="",
        patterns=lambda: [path("undescribed", Undescribed.as_view())],
    )
    monkeypatch.setattr(documents, "separate", lambda: [document])

    with pytest.raises(CommandError, match="Undescribed"):
        call_command("openapi", "--directory", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_it_fails_where_a_document_is_not_openapi(monkeypatch):
    monkeypatch.setattr(documents, "build", lambda slug: {"openapi": "3.0.3"})

    with pytest.raises(documents.Unclean, match="portal: "):
        documents.check("portal")


@pytest.mark.parametrize("slug", [*dialects.SLUGS, "portal"])
def test_each_document_speaks_of_its_own_interface(slug):
    document = yaml.safe_load(documents.yaml(slug))

    assert document["info"]["title"]
    assert document["info"]["description"]
    assert document["components"]["securitySchemes"]
    operations = [op for path in document["paths"].values() for op in path.values()]
    assert operations
    assert all(operation["security"] for operation in operations)


def test_the_combined_document_has_every_path_and_every_reference():
    combined = yaml.safe_load(documents.yaml(documents.COMBINED))

    separate = [documents.build(d.slug) for d in documents.separate()]
    assert set(combined["paths"]) == {p for d in separate for p in d["paths"]}
    validate_schema(combined)
    ids = [
        op["operationId"] for path in combined["paths"].values() for op in path.values()
    ]
    assert len(ids) == len(set(ids))
    assert _references(combined) <= {
        f"#/components/{kind}/{name}"
        for kind, named in combined["components"].items()
        for name in named
    }


def test_merging_keeps_apart_what_two_documents_call_alike():
    def document(path, kind):
        return {
            "openapi": "3.0.3",
            "paths": {
                path: {
                    "get": {
                        "operationId": "list",
                        "security": [{"key": []}],
                        "responses": {
                            "200": {"schema": {"$ref": "#/components/schemas/Webhook"}}
                        },
                    }
                }
            },
            "components": {"schemas": {"Webhook": {"type": kind}}},
        }

    merged = combining.merged(
        {"a": document("/a", "object"), "b": document("/b", "string")}
    )

    assert merged["components"]["schemas"] == {
        "a.Webhook": {"type": "object"},
        "b.Webhook": {"type": "string"},
    }
    operation = merged["paths"]["/b"]["get"]
    assert operation["operationId"] == "b_list"
    assert operation["security"] == [{"b.key": []}]
    assert operation["tags"] == ["b"]
    assert _references(operation) == {"#/components/schemas/b.Webhook"}


def _references(value) -> set[str]:
    if isinstance(value, list):
        return set().union(*map(_references, value))
    if isinstance(value, dict):
        here = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        return here.union(*map(_references, value.values()))
    return set()
