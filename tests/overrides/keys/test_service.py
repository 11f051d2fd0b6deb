"""Keys of a compose service that mean nothing, or the same as others."""

from pathlib import Path

import pytest

from bundler.errors import RequestError
from bundler.overrides import schema
from bundler.overrides.load import load
from tests.support.inputs import overrides


def test_deploy_is_the_limits_it_names() -> None:
    loaded = overrides(
        "deploy: {replicas: 2, resources: {limits: {cpus: '0.5', memory: 50M, pids: 9}, reservations: {memory: 20M}}}"
    )
    plain = {key: node.plain() for key, node in loaded.entries.items()}
    assert plain == {"cpus": 50_000, "mem_limit": 50 << 20, "pids_limit": 9, "mem_reservation": 20 << 20}


def test_deploy_and_a_key_may_not_contradict_each_other() -> None:
    overrides("{mem_limit: 50M, deploy: {resources: {limits: {memory: 50M}}}}")
    overrides("{mem_limit: 50mb, cpus: 0.5, deploy: {resources: {limits: {memory: 51200k, cpus: '.50'}}}}")
    with pytest.raises(RequestError, match=r"deploy\.resources\.limits\.memory: mem_limit says otherwise"):
        overrides("{mem_limit: 60M, deploy: {resources: {limits: {memory: 50M}}}}")


def test_keys_without_meaning_are_remembered_with_their_file(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("{depends_on: [db], tty: true, scale: 2, x-note: 1, deploy: {replicas: 3}}")
    (tmp_path / "b.yaml").write_text("{links: null, profiles: [debug]}")
    loaded = load([str(tmp_path / "a.yaml"), str(tmp_path / "b.yaml")])
    assert [file.without_meaning for file in loaded.files] == [
        ("depends_on", "scale", "deploy.replicas"),
        ("profiles",),
    ]
    assert list(loaded.entries) == ["tty"]


def test_hooks_of_several_files_follow_each_other_and_a_name_is_replaced() -> None:
    loaded = overrides(
        "hooks: {poststop: [{path: /a, name: n}, {path: /b}], poststart: [{path: /c}]}",
        "hooks: {poststop: [{path: /b}, {path: /d, name: n}], poststart: null}",
    )
    hooks = loaded.entries["hooks"].entries()
    assert [hook.entries()["path"].value for hook in hooks["poststop"].items()] == ["/d", "/b", "/b"]
    assert list(hooks) == ["poststop"]


def test_steps_of_patches_are_all_kept() -> None:
    step = "spec_patch: [{op: add, path: /process/args/-, value: x}]"
    assert len(overrides(step, step).items("spec_patch")) == 2


WITHOUT_MEANING = {
    "attach": "false",
    "build": "{context: .}",
    "configs": "[httpd]",
    "cpu_count": "2",
    "cpu_percent": "50",
    "credential_spec": "{file: spec.json}",
    "depends_on": "[db]",
    "develop": "{watch: []}",
    "extends": "{service: base}",
    "external_links": "['db:mysql']",
    "isolation": "default",
    "label_file": "labels.env",
    "links": "['db:database']",
    "models": "[llm]",
    "post_start": "[{command: ['true']}]",
    "pre_stop": "[{command: ['true']}]",
    "profiles": "[debug]",
    "provider": "{type: example}",
    "pull_policy": "always",
    "pull_refresh_after": "24h",
    "runtime": "runc",
    "scale": "1",
    "secrets": "[token]",
    "storage_opt": "{size: 1G}",
    "use_api_socket": "false",
    "volumes_from": "['db:ro']",
}


@pytest.mark.parametrize("key", sorted(WITHOUT_MEANING))
def test_a_key_of_compose_without_meaning_is_accepted_and_named(key: str, tmp_path: Path) -> None:
    (tmp_path / "o.yaml").write_text(f"{key}: {WITHOUT_MEANING[key]}\n")

    loaded = load([str(tmp_path / "o.yaml")])

    assert loaded.entries == {}
    assert loaded.without_meaning == f"{key} (o.yaml)"


def test_no_key_without_meaning_was_forgotten_here() -> None:
    keys = schema.document()["properties"]
    assert sorted(WITHOUT_MEANING) == sorted(key for key, rule in keys.items() if "ignored" in rule)
