"""Compose files, what inspect printed, and lines of docker run, with what is wrong in them or in their place."""

from tests.mistakes.mistake import Mistake

CONTAINER = '[{"Id": "aa", "Name": "/web", "HostConfig": {}, "Config": {"Image": "hello"}}]'


def compose(text: str, what: str, hint: str, words: str = "") -> Mistake:
    line = f"overrides from-compose web.yaml {words}"
    return Mistake(line=line, files={"web.yaml": text}, what=what, hint=hint)


def inspected(text: str, what: str, hint: str, words: str = "") -> Mistake:
    line = f"overrides from-inspect web.json {words}"
    return Mistake(line=line, files={"web.json": text}, what=what, hint=hint)


def docker_run(words: str, what: str, hint: str) -> Mistake:
    return Mistake(line=f"overrides from-docker-run {words}", what=what, hint=hint)


IMPORTS = (
    docker_run("-- --gpus all nginx", "no spec describes nvidia.com/gpu=all", "nvidia-ctk cdi generate ... spec_dirs"),
    docker_run("-- --device a.com/b=c nginx", "no spec describes a.com/b=c", "spec_dirs: [/etc/cdi]"),
    Mistake(line="overrides from-compose compos.yaml", what="compos.yaml does not exist", hint="did you mean compose"),
    Mistake(line="overrides from-compose app.yaml", what="app.yaml:1:1: unknown key 'read_only'", hint="--overrides"),
    Mistake(line="overrides from-compose compose.yaml db", what="compose.yaml has no service 'db'", hint="web"),
    Mistake(line="overrides from-compose Dockerfile", what="Dockerfile:1:1: ... services", hint="docker build"),
    Mistake(line="overrides from-compose empty.yaml", what="empty.yaml has no services", hint="services:"),
    Mistake(line="overrides from-compose image.tar", what="image.tar is an archive", hint="bundler build image.tar"),
    Mistake(line="overrides from-compose project", what="project is a folder", hint="a file in it"),
    Mistake(line="build --from-compose compose.yaml:db", what="compose.yaml has no service 'db'", hint="web"),
    compose("services: {web: {image: a}, db: {image: b}}", "web.yaml has 2 services", "web, db"),
    compose("services: {web: {imag: a}}", "web.yaml:1:18: unknown key 'imag'", "'image'"),
    compose("services: {web: {image: 'a${X'}}", "web.yaml:1:25: ${X has no closing brace", "$$"),
    compose("services: {web: {image: '${X:?set it}'}}", "web.yaml:1:25: ... X is not set: set it", "--env X=VALUE"),
    compose("services: {web: {image: a, ports: ['80:80:80:80']}}", "web.yaml:1:36: ports: 80:80:80:80", "8080:80"),
    compose("services: {web: {image: a, mem_limit: lots}}", "web.yaml:1:39: mem_limit: ... 'lots'", "512m"),
    compose("services: {web: {image: a, env_file: x.env}}", "web.yaml:1:38: ... x.env does not exist", "web.yaml"),
    compose("services: {web: {image: a, extends: db}}", "web.yaml:1:37: ... no service 'db'", "web"),
    compose("services: {web: {build: .}}", "web.yaml:1:25: web is built", "image:"),
    compose("services:\n\tweb: {image: a}", "web.yaml:2:1: a tab", "blanks"),
    compose("services: {web: {image: a}}", "--env 'X': it is not NAME=VALUE", "name the value", "-e X"),
    Mistake(line="overrides from-inspect compose.yaml", what="compose.yaml is a compose file", hint="--from-compose"),
    Mistake(
        line="overrides from-inspect web.json --verify-key web.pub",
        what="--verify-key and --trust are about an image",
        hint="--image IMAGE",
        files={"web.json": '[{"Config": {"Image": "a"}, "HostConfig": {}}]'},
    ),
    Mistake(line="overrides from-inspect image.tar", what="image.tar is an archive", hint="bundler build image.tar"),
    Mistake(line="overrides from-inspect empty", what="empty is empty", hint="docker inspect"),
    inspected("[]", "web.json: an empty list", "docker inspect"),
    inspected('[{"Id": "a", "RepoTags": ["x"], "Config": {}}]', "the inspect of an image", "bundler build IMAGE"),
    inspected(
        '[{"Id": "a", "HostCon', "web.json: not JSON at line 1, column 14: the quote ... never closed", "docker inspect"
    ),
    inspected('{"ociVersion": "1.0.2"}', "no container's inspect", "docker inspect"),
    inspected(CONTAINER, "no name or id 'db'", "web", "--name db"),
    docker_run("", "missing argument", "--help"),
    docker_run("-u root", "docker run needs an image", "IMAGE"),
    docker_run("--read-onyl hello", "docker run has no flag --read-onyl", "--read-only"),
    docker_run("--frobnicate hello", "docker run has no flag --frobnicate", "docker run --help"),
    docker_run("-Z hello", "docker run has no flag -Z", "docker run --help"),
    docker_run("-p 80:80:80:80 hello", "-p, --publish '80:80:80:80'", "8080:80"),
    docker_run("-m lots hello", "-m, --memory 'lots': ... a size", "512m"),
    docker_run("-m 1,5g hello", "-m, --memory '1,5g': ... a size", "512m"),
    docker_run("--cpus 1,5 hello", "--cpus '1,5': ... a number", "1.5"),
    docker_run("-v data:srv hello", "-v, --volume 'data:srv': ... absolute path", "-v ./data:/data"),
    docker_run("-v 'C:\\data:/data' hello", "-v, --volume 'C:", "-v ./data:/data"),
    docker_run("--mount type=bind,src=/a hello", "--mount 'type=bind,src=/a': target", "--mount type=bind,source="),
    docker_run("--ulimit nofile hello", "--ulimit 'nofile'", "ulimits:"),
    docker_run("--env-file x.env hello", "x.env does not exist", "looked for in"),
    docker_run("--cap-add NET_ADMN hello", "CAP_NET_ADMN is not a capability", "CAP_NET_ADMIN"),
    docker_run("--restart sometimes hello", "--restart 'sometimes'", "restart:"),
    docker_run("--read-only=yes hello", "--read-only 'yes': it takes true or false", "read_only:"),
    docker_run("--stop-timeout 10s hello", "--stop-timeout '10s': ... whole number", "--stop-timeout 10"),
    docker_run("--security-opt seccomp=x.json hello", "x.json does not exist", "looked for in"),
    docker_run("--network container:db hello", "another container", "network_mode: ns:PATH"),
    docker_run("--pid container hello", "--pid 'container'", "--pid host"),
    docker_run("'docker run $(cat flags) hello'", "for a shell", "without quotes"),
)
