"""Compose files of several services, with what is wrong in them or in the folder that they are to become."""

import json

from tests.mistakes.mistake import Mistake


def project(services: str, what: str, hint: str, words: str = "", more: str = "") -> Mistake:
    text = f"services: {services}\n{more}\n"
    return Mistake(line=f"project shop.yaml {words}", files={"shop.yaml": text}, what=what, hint=hint)


def made(line: str, what: str, hint: str, name: str = "shop", code: int = 2, **waits: str) -> Mistake:
    """A project in the folder `shop` with the services that `waits` names, and for which other each waits."""
    services = [
        {
            "name": service,
            "service": service,
            "depends_on": {other: {"condition": "service_started", "restart": False, "required": True}}
            if other
            else {},
            "networks": [],
            "volumes": [],
            "bundler.json": f"sha256:{0:064}",
        }
        for service, other in (waits or {"web": ""}).items()
    ]
    document = {"format": 1, "name": name, "services": services, "networks": {}, "volumes": [], "files": []}
    return Mistake(line=line, code=code, files={"shop/project.json": json.dumps(document)}, what=what, hint=hint)


IMAGE = "image: ./image.tar"
CIRCLE = f"{{web: {{{IMAGE}, depends_on: [db]}}, db: {{{IMAGE}, depends_on: [web]}}}}"
WEB = f"{{web: {{{IMAGE}}}}}"

PROJECTS = (
    Mistake(line="project compos.yaml", what="compos.yaml does not exist", hint="did you mean compose.yaml"),
    Mistake(line="project image.tar", what="image.tar is an archive", hint="bundler build image.tar"),
    Mistake(line="project bundle", what="bundle is a folder", hint="built already"),
    project("{web: {build: .}}", "shop.yaml:1:25: web is built", "image:"),
    project(CIRCLE, "shop.yaml:1: ... depends_on: a circle ... web → db → web", "take one away"),
    project(
        f"{{web: {{{IMAGE}, depends_on: [bd]}}, db: {{{IMAGE}}}}}", "shop.yaml:1: ... 'bd' is no service", "web, db"
    ),
    project(f"{{web: {{{IMAGE}, pid: 'service:db'}}, db: {{{IMAGE}, scale: 2}}}}", "db has 2 containers", "scale: 1"),
    project(
        f"{{web: {{{IMAGE}, ipc: 'service:db'}}, db: {{{IMAGE}, scale: 0}}}}", "ipc: db has no container", "scale: 1"
    ),
    project(f"{{web: {{{IMAGE}, ports: ['[::1]:80:80']}}}}", "ports: ::1: no bridge ... IPv6", "enable_ipv6: true"),
    project(WEB, "shop.yaml has no service 'wep'", "'web'", "wep"),
    project(WEB, "--env 'X': it is not NAME=VALUE", "name the value", "-e X"),
    project(WEB, "--subnet: '10.92' is not an IPv4 subnet", "--subnet 10.92.0.0/14", "--subnet 10.92"),
    project(WEB, "--subnet 10.92.0.0/30 is too small", "a larger one", "--subnet 10.92.0.0/30"),
    project(WEB, "'Shop Two' is no name of a project", "a-z", "--name 'Shop Two'"),
    project(WEB, "--overrides: 'web' is not SERVICE=FILE", "--overrides web=web.yaml", "--overrides web"),
    project(WEB, "--overrides db: the project has no such service", "web", "--overrides db=app.yaml"),
    project(WEB, "--volume: 'rows' is not NAME=/FOLDER", "--volume rows=/srv/rows", "--volume rows"),
    project(WEB, "bundle is not a project, it has no project.json", "-o", "-o bundle --force"),
    project(WEB, "bundle exists already", "--force", "-o bundle"),
    project(WEB, "new.tar.zst is the name of a file", "bundler pack new -o new.tar.zst", "-o new.tar.zst"),
    project(WEB, "bundler.lock does not exist", "bundler lock", "--locked"),
    project(
        f"{{web: {{{IMAGE}, volumes: ['rows:/rows']}}}}",
        "shop.yaml:2:28: volumes: 'rows' is external",
        "--volume rows=/FOLDER",
        more="volumes: {rows: {external: true}}",
    ),
    project(
        f"{{web: {{{IMAGE}, networks: [out]}}}}",
        "shop.yaml:2:28: networks: 'out' is external",
        "--network out=BRIDGE:SUBNET",
        more="networks: {out: {external: true}}",
    ),
    project(WEB, "--network: 'out' is not NAME=BRIDGE:SUBNET", "proxy=br-proxy:10.96.0.0/24", "--network out"),
    project(WEB, "--network: 'br0' is not BRIDGE:SUBNET", "br-proxy:10.96.0.0/24", "--network out=br0"),
    project(WEB, "--network: '10.0.0.1/8' is not an IPv4 subnet", "10.96.0.0/24", "--network out=br0:10.0.0.1/8"),
    project(
        f"{{web: {{{IMAGE}, networks: [out]}}}}",
        "shop.yaml:1:49: the file out.conflist does not exist",
        "a relative path",
        "--network out=out.conflist",
        more="networks: {out: {external: true}}",
    ),
    project(
        f"{{web: {{{IMAGE}, networks: [out]}}}}",
        "shop.yaml:2:77: networks: 'br 0' is not an IPv4 address",
        "",
        more="networks: {out: {driver_opts: {com.docker.network.bridge.host_binding_ipv4: br 0}}}",
    ),
    project(
        f"{{web: {{{IMAGE}, secrets: [key]}}}}",
        "shop.yaml:2:23: secrets: 'key' is no text",
        "volumes:",
        more="secrets: {key: {file: ./image.tar}}",
    ),
    project(
        f"{{web: {{{IMAGE}, ports: ['80:80']}}, db: {{{IMAGE}, ports: ['80:81']}}}}",
        "shop.yaml:1: ... ports: 80/tcp is published by web, too",
        "another port",
    ),
    project(
        f"{{web: {{{IMAGE}, depends_on: {{db: {{condition: service_healthy}}}}}}, db: {{{IMAGE}}}}}",
        "shop.yaml:1: ... depends_on: db has no health check",
        "healthcheck",
        "--rootfs erofs",
    ),
    made("unit shop", "network.target is systemd's own", "--name", name="network"),
    made("unit shop", "web depends on db, which does not start before", "bundler project", web="db", db="web"),
    made("unit shop --tty /dev/tty8", "--tty is for one bundle", "bundler unit shop/SERVICE"),
    made("run shop id", "ARGS: shop is a project", "bundler run shop/SERVICE"),
    made("run -d shop", "--detach: shop is a project", "bundler run shop/SERVICE"),
    made("run shop -e A=b", "shop is a project", "build"),
    made("import shop", "shop is a project, not an image", "bundler run shop", code=3),
    made("build ./shop", "./shop is a project, not an image", "bundler run ./shop", code=3),
    made("verify shop/project.json", "is the project.json of a project", "the folder that it is in", code=3),
    made(
        "upgrade shop later",
        "shop is a project, not a bundle",
        "bundler project FILE -o shop --force ... bundler apply",
    ),
    made(
        "build image.tar -o shop/web --force",
        "shop/web lies in the project shop",
        "bundler project FILE -o shop --force",
    ),
    made("build image.tar -o shop/new", "shop/new lies in the project shop", "bundler project FILE -o shop --force"),
    made("unpack packed.tar.zst -o shop/web", "shop/web lies in the project shop", "bundler apply"),
    made("project compose.yaml -o shop/new", "shop/new lies in the project shop", "choose another place"),
    made("pack bundle -o shop/new.tar", "shop/new.tar lies in the project shop", "choose another place"),
    made("pack bundle --kit -o shop/kit", "shop/kit lies in the project shop", "choose another place"),
    made("harden shop -o shop/hard", "shop/hard/SERVICE.yaml lies in the project shop", "choose another place"),
    made("harden shop", "shop is a project, and each of its services gets a file", "-o DIR"),
    made("pack shop -o shop.tar", "shop/web is not a bundle: there is no such directory", "makes one"),
    made("pack shop -o shop.squashfs", "shop is a project, and .squashfs is for one bundle", ".tar.zst"),
    made("pack shop --kit -o kit", "shop/web is not a bundle: there is no such directory", "makes one"),
    made("pack shop --kit -o kit --name Shop", "shop/web is not a bundle", "makes one"),
    made("pack shop -o shop.tar --name x", "--name, --directory and --runtime are those of a kit", "--kit"),
)
