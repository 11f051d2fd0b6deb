"""What is given in the place of an image, names that are none, registries that are not there."""

import gzip
import lzma
from pathlib import Path

from tests.mistakes.mistake import Mistake

_WHOLE = (Path(__file__).parents[2] / "testdata/hello-amd64.tar").read_bytes()
CUT = {
    "cut.tar": _WHOLE[:3000],
    "cut.tar.gz": gzip.compress(_WHOLE)[:700],
    "cut.tar.xz": lzma.compress(_WHOLE)[:700],
}
LAYOUT = {
    "layout/oci-layout": '{"imageLayoutVersion":"1.0.0"}',
    "layout/index.json": '{"schemaVersion":2,"manifests":[]}',
}

NOWHERE = "127.0.0.1:1/hello"  # where nothing listens


def image(given: str, what: str, hint: str, code: int = 3) -> Mistake:
    return Mistake(line=f"build {given} -o new", code=code, what=what, hint=hint)


IMAGES = (
    image("compose.yaml", "compose.yaml is a compose file, not an image", "--from-compose compose.yaml:SERVICE"),
    image("./compose.yaml", "./compose.yaml is a compose file", "--from-compose"),
    image("app.yaml", "app.yaml is a text of YAML, not an image", "--overrides app.yaml"),
    image("image.tar --verify-key none.pub", "--verify-key: none.pub does not exist", "looked for", code=2),
    image("image.tar --verify-key app.yaml", "app.yaml is no public key in PEM", "cosign generate-key-pair", code=2),
    image("image.tar --trust none.yaml", "none.yaml does not exist", "did you mean", code=2),
    image("image.tar --trust app.yaml", "app.yaml:1:1: there is no list `trust`", "cosign.pub", code=2),
    Mistake(
        line="fetch nginx --trust policy.yaml",
        what="policy.yaml:1:18: no repository is like 'nginx:1.27'",
        hint="no tag is part of it ... docker.io/library/nginx",
        files={"policy.yaml": "trust: [{images: 'nginx:1.27', kind: refused}]"},
    ),
    image("image.tar --verify-key app.yaml --trust app.yaml", "exclude each other", "in a rule of the policy", code=2),
    image("./bundle", "./bundle is a bundle, not an image", "built already ... bundler run ./bundle"),
    image("bundle/", "bundle/ is a bundle, not an image", "bundler run bundle/"),
    image("bundle --offline", '"bundle" is in a registry', "./bundle, and is a bundle", code=2),
    image("project --offline", '"project" is in a registry', "./project, and is a folder", code=2),
    image("Dockerfile", '"Dockerfile" ... lowercase', "./Dockerfile, and is a Dockerfile: docker build", code=2),
    image("./Dockerfile", "./Dockerfile is a Dockerfile, not an image", "docker build ... docker save"),
    image("./context", "./context is a folder with a Dockerfile", "docker build -t NAME ./context"),
    image(".", ". is a folder with a Dockerfile", "docker build"),
    image("./project", "project: neither", "rootfs:project"),
    image("packed.tar.zst", "packed.tar.zst is a bundle that bundler packed", "bundler unpack packed.tar.zst"),
    image("notes.txt", "notes.txt is a text, not an image", "docker save"),
    image("bundle/config.json", "bundle/config.json is a config.json", "the bundle"),
    image("./empty", "empty is empty", "failed"),
    image("empty.tar", "empty.tar is empty", "failed"),
    image("-", "standard input is empty", "failed"),
    image("imgae.tar", "imgae.tar does not exist", "did you mean image.tar?"),
    image("images/image.tar", "images/image.tar does not exist", "no folder images"),
    image("./hello", "./hello does not exist", "looked for in"),
    image("docker-archive:hello.tar", "hello.tar does not exist", "looked for in"),
    image("docker-archive://image.tar", "//image.tar does not exist", "docker-archive:image.tar"),
    image("docker-archive:packed.tar.zst", "packed.tar.zst: manifest.json is missing", "./packed.tar.zst"),
    image("oci-archive:image.tar", "image.tar: oci-layout is missing", "without oci-archive: ... ./image.tar"),
    image("oci:image.tar", "image.tar is not", "is an archive ... ./image.tar"),
    image("oci:project", "project: oci-layout does not exist", "is a folder"),
    image("rootfs-tar:project", "project: not a file", "standard input"),
    image("rootfs:image.tar", "image.tar is not", "is an archive ... ./image.tar"),
    image("oci:", '"oci:" lacks', "oci:FOLDER", code=2),
    image("file:image.tar", '"file:" is no transport', "image.tar", code=2),
    image("dokcer://hello", '"dokcer:" is no transport', "did you mean docker://?", code=2),
    image("docker:hello", '"docker:hello" lacks two slashes', "docker://NAME", code=2),
    image("https://hub.docker.com/_/nginx", "is a web address", "docker://HOST/NAME", code=2),
    image("''", "name of an image cannot be empty", "nginx:1.27", code=2),
    image("Nginx", '"Nginx" ... lowercase', "./", code=2),
    image("nginx:1:2", "\"nginx:1:2\" ... '1:2' is not a tag", "./", code=2),
    image("nginx@sha256:12", "'sha256:12' is not a digest: sha256 takes 64", "./", code=2),
    image("nginx --offline", '"nginx" is in a registry', "bundler fetch", code=2),
    image("docker-daemon:hello --offline", '"docker-daemon:hello" is in a Docker daemon', "docker save", code=2),
    image("image.tar:bye", "image.tar: there is no image bye", ":hello:latest"),
    image("image.tar:@7", "image.tar: there is no image @7", "choose with one of"),
    image("image.tar@sha256:123456", "image.tar: there is no image sha256:123456", "choose with one of"),
    image("image.tar@sha512", "does not choose an image", "@sha256:DIGEST", code=2),
    image(
        "image.tar --platform linux/arm64", "image.tar: ... linux/amd64, not for linux/arm64", "--platform linux/amd64"
    ),
    image("image.tar --platform windows", "image.tar: ... not for linux/windows", "--platform linux/amd64"),
    image("image.tar --platform linux/arm/v7/x", "--platform: 'linux/arm/v7/x'", "linux/arm64", code=2),
    image(f"{NOWHERE} --retries 0", "127.0.0.1:1/hello:latest: nothing listens there", "check the name", code=5),
    image("./page.tar", "./page.tar is a web page, not an image", "download the file itself"),
    image(f"docker://{NOWHERE} --authfile nope.json", "nope.json does not exist", "looked for", code=2),
    image(f"docker://{NOWHERE} --authfile app.yaml --retries 0", "credentials cannot be read", "skopeo login", code=5),
    Mistake(line="inspect cut.tar", code=3, what="cut.tar: the tar archive ends", hint="once more", files=CUT),
    Mistake(line="inspect cut.tar.gz", code=3, what="cut.tar.gz: the gzip data ends", hint="once more", files=CUT),
    Mistake(line="inspect cut.tar.xz", code=3, what="cut.tar.xz: the xz data ends", hint="once more", files=CUT),
    Mistake(line="build - -o new", code=3, what="standard input: ... ends", hint="was ended", stdin=CUT["cut.tar"]),
    Mistake(line="build - -o new", code=3, what="standard input: ... ends", hint="was ended", stdin=CUT["cut.tar.gz"]),
    Mistake(line="inspect compose.yaml", code=3, what="compose.yaml is a compose file", hint="--from-compose"),
    Mistake(line="harden ./bundle --verify-key web.pub", what="./bundle is a folder", hint="built from"),
    Mistake(line="harden ./project", code=3, what="project: neither", hint="rootfs:project"),
    Mistake(line="lock hello.tar", code=3, what="hello.tar does not exist", hint="looked for in"),
    Mistake(line="fetch image.tar", what='"image.tar" is not in a registry', hint="from where it is"),
    Mistake(line="import hello.tar", code=3, what="hello.tar does not exist", hint="looked for in"),
    Mistake(line="import imgae.tar", code=3, what="imgae.tar does not exist", hint="did you mean image.tar?"),
    Mistake(line="import compose.yaml", code=3, what="compose.yaml is a compose file, not an image", hint="compose"),
    Mistake(line="import bundle", code=3, what="bundle is a bundle, not an image", hint="bundler run bundle"),
    Mistake(line="import packed.tar.zst", code=3, what="is a bundle that bundler packed", hint="bundler unpack"),
    Mistake(line="import later.delta", code=3, what="later.delta is a delta, not an image", hint="bundler apply later"),
    Mistake(line="import project", code=3, what="project: neither", hint="a folder that is"),
    Mistake(line="import docker://nginx", what="bundler import reads files", hint="bundler fetch brings"),
    Mistake(line="import rootfs-tar:image.tar", what="bundler import reads files", hint="docker save"),
    Mistake(line="import ''", what="name of a file cannot be empty", hint="images.tar"),
    Mistake(line="import -", code=3, what="standard input is empty", hint="failed"),
    Mistake(line="import image.tar:bye", code=3, what="there is no image bye", hint=":hello:latest"),
    Mistake(line="import image.tar --name Web", what="--name: 'library/Web' ... lowercase", hint="web:1.2"),
    Mistake(line="import image.tar --verify-key none.pub", what="none.pub does not exist", hint="looked for in"),
    Mistake(line="export hello", what="--output", hint="bundler export --help"),
    Mistake(line="export hello -o images", what="images: the name does not say the format", hint=".tar, .tar.zst"),
    Mistake(line="export image.tar -o i.tar", what='"image.tar" is not in a registry', hint="from where it is"),
    Mistake(line="export hello -o i.tar --store project", what="project is no store", hint="fetch ... import"),
    Mistake(line="export hello -o image.tar --store layout", what="image.tar exists", hint="--force", files=LAYOUT),
    Mistake(line="export bye -o i.tar --store layout", code=3, what="bye:latest is not in", hint="fetch", files=LAYOUT),
    *(
        Mistake(
            line=f"export hello -o i.tar --store layout --since {since}", code=code, what=what, hint=hint, files=LAYOUT
        )
        for since, code, what, hint in (
            ("nope.tar", 2, "--since: nope.tar ... No such file", "bundler images --json"),
            ("bundle/bundler.json", 2, "bundle/bundler.json names no images", "bundler images --json"),
            ("notes.txt", 3, "notes.txt is a text, not an image", "docker save"),
            ("packed.tar.zst", 3, "is a bundle that bundler packed", "bundler unpack"),
        )
    ),
    Mistake(line="build", what="no image: name one", hint="nginx:1.27"),
    Mistake(line="inspect", what="no image", hint="nginx:1.27"),
    Mistake(line="build - --overrides -", what="standard input can be read only once", hint="a file for the other"),
)
