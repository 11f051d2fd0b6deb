"""Words of Docker, compose, Kubernetes and the runtime-spec as keys, and files of other kinds as overrides files."""

from tests.mistakes.mistake import Mistake, overrides


def key(text: str, meant: str) -> Mistake:
    """A key that is none, and what was meant."""
    word = text.partition(":")[0].strip()
    return overrides(text, what=f"web.yaml:1:1: ... unknown key '{word}'", hint=meant)


KEYS = (
    key("cmd: [nginx]", "did you mean 'command'? ... for example command:"),
    key("env: {A: b}", "'environment' ... for example environment:"),
    key("envFrom: []", "'environment'"),
    key("network: host", "'network_mode' ... for example network_mode:"),
    key("net: host", "'network_mode'"),
    key("port: 80:80", "'ports' ... for example ports:"),
    key("publish: [80]", "'ports'"),
    key("volume: data:/data", "'volumes' ... for example volumes:"),
    key("cap-add: [NET_ADMIN]", "'cap_add'"),
    key("--cap-add: [NET_ADMIN]", "'cap_add'"),
    key("capAdd: [NET_ADMIN]", "'cap_add'"),
    key("CAP_ADD: [NET_ADMIN]", "'cap_add'"),
    key("workdir: /srv", "'working_dir'"),
    key("workingDir: /srv", "'working_dir'"),
    key("Cmd: [sh]", "'command'"),
    key("Entrypoint: [sh]", "'entrypoint'"),
    key("args: [sh]", "'command'"),
    key("read-only: true", "'read_only'"),
    key("readonly: true", "'read_only'"),
    key("enviroment: {A: b}", "'environment'"),
    key("device: /dev/fuse", "'devices'"),
    key("add_host: [a:1.2.3.4]", "'extra_hosts'"),
    key("label: {a: b}", "'labels'"),
    key("hostNetwork: true", "network_mode: host"),
    key("resources: {limits: {memory: 5m}}", "mem_limit and cpus"),
    key("securityContext: {runAsUser: 5}", "user, cap_add, cap_drop"),
    key("volumeMounts: []", "'volumes'"),
    key("livenessProbe: {}", "'healthcheck'"),
    key("rlimits: []", "'ulimits'"),
    key("cwd: /srv", "'working_dir'"),
    key("frobnicate: 1", "bundler overrides schema"),
    overrides("memory: 512m", what="web.yaml:1:9: memory: ... '512m'", hint="mem_limit ... 512m"),
    overrides("capabilities: [NET_ADMIN]", what="web.yaml:1:15: ... a list", hint="cap_add"),
    overrides("mounts: [{src: /a, dst: /b}]", what="web.yaml:1:11: mounts[0]: unknown key 'src'", hint="source"),
    overrides("healthcheck: {cmd: x}", what="web.yaml:1:15: healthcheck: unknown key 'cmd'", hint="test"),
    Mistake(
        line="build image.tar --overrides compose.yaml -o new",
        what="compose.yaml is a compose file",
        hint="--from-compose ... from-compose",
    ),
    Mistake(line="overrides check deployment.yaml", what="deployment.yaml ... Kubernetes", hint="keys of a compose"),
    Mistake(line="config image.tar --overrides bundle/config.json", what="config.json ... runtime", hint="spec"),
    Mistake(line="config image.tar --overrides bundle/bundler.json", what="bundler.json", hint="bundler explain"),
    Mistake(
        line="overrides check web.json",
        files={"web.json": '[{"Id": "a", "HostConfig": {}, "Config": {}}]'},
        what="web.json ... docker inspect",
        hint="from-inspect",
    ),
    Mistake(line="overrides check Dockerfile", what="Dockerfile ... a Dockerfile", hint="docker build"),
    Mistake(line="overrides check image.tar", what="image.tar ... an archive", hint="bundler build image.tar"),
    Mistake(line="overrides check notes.txt", what="notes.txt:1:1: ... map of keys", hint="user: app"),
    Mistake(line="config image.tar --overrides empty.yaml", what="empty.yaml is empty", hint="{}"),
    Mistake(line="config image.tar --overrides -", what="standard input is empty", hint="failed"),
    Mistake(line="overrides check project", what="project is a folder", hint="a file in it"),
    Mistake(line="overrides check ap.yaml", what="ap.yaml does not exist", hint="did you mean app.yaml?"),
    Mistake(line="overrides check web/app.yaml", what="web/app.yaml does not exist", hint="no folder web"),
)
