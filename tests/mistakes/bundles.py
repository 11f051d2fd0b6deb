"""What is given in the place of a bundle, of a packed one, or of a backup; bundles that cannot be run."""

import os
from pathlib import Path

from tests.mistakes.mistake import Mistake
from tests.support.signing_keys import MINISIGN, MINISIGN_SECRET

HOST = "amd64" if os.uname().machine == "x86_64" else "arm64"
OTHER = {"amd64": "arm64", "arm64": "amd64"}[HOST]
FOREIGN = {"foreign.tar": (Path(__file__).parents[2] / f"testdata/hello-{OTHER}.tar").read_bytes()}
NOTHING_EMULATED = not any(Path("/proc/sys/fs/binfmt_misc").glob("qemu-*"))


def bundle(line: str, what: str, hint: str, code: int = 2) -> Mistake:
    return Mistake(line=line, code=code, what=what, hint=hint)


BUNDLES: tuple[Mistake, ...] = (
    bundle("verify image.tar", "image.tar holds no bundle", "bundler build", code=3),
    bundle("verify compose.yaml", "compose.yaml is a compose file", "--from-compose", code=3),
    bundle("verify bundel", "bundel is not a bundle: there is no such directory", "did you mean bundle?"),
    bundle("verify project", "project is not a bundle: it has no bundler.json", "bundler build IMAGE"),
    bundle("unit image.tar", "image.tar is an archive, and a bundle is a directory", "bundler build image.tar"),
    bundle("unit packed.tar.zst", "packed.tar.zst is an archive", "bundler unpack packed.tar.zst"),
    bundle("unit project", "project is not a bundle: it has no config.json", "bundler build IMAGE"),
    bundle("unit context", "context is a folder with a Dockerfile", "docker build"),
    bundle("pack image.tar -o new.tar", "image.tar is an archive", "bundler build image.tar"),
    bundle("pack packed.tar.zst -o new.tar", "packed.tar.zst is an archive", "bundler unpack"),
    bundle("pack bundle -o bundle.zip", "bundle.zip: the name does not say the format", ".tar.zst, .tar.gz"),
    bundle("pack bundle -o new.tar.gz --level 20", "--level: 20", "1 to 9"),
    bundle("pack bundle -o packed.tar.zst", "packed.tar.zst exists already", "--force"),
    bundle("pack bundle -o bundle/new.tar", "bundle/new.tar lies in the bundle bundle", "choose another place"),
    bundle("pack bundle", "missing option '--output'", "bundler pack --help"),
    bundle("pack bundle -o new.tar --sign none.key", "--sign: none.key does not exist", "looked for"),
    bundle("pack bundle -o new.tar --sign app.yaml", "app.yaml is no key", "minisign -G"),
    bundle("pack bundle -o new.tar --lock web.lock", "--lock and --built-again are stated", "--attest"),
    bundle("pack bundle --kit -o kit --attest", "--attest is about a packed file", "without --kit"),
    bundle("verify bundle --key web.pub", "web.pub does not exist", "looked for"),
    bundle("verify packed.tar.zst --key app.yaml", "app.yaml is no key", "ssh-keygen"),
    bundle("unpack packed.tar.zst -o new --key web.pub", "web.pub does not exist", "looked for"),
    Mistake(
        line="pack bundle -o new.tar --sign web.pub",
        what="web.pub is a public key, and signing takes the secret one",
        hint="",
        files={"web.pub": MINISIGN},
    ),
    Mistake(
        line="verify packed.tar.zst --key web.key",
        what="web.key is a secret key, and the public one is asked for",
        hint=".pub",
        files={"web.key": MINISIGN_SECRET},
    ),
    Mistake(
        line="verify packed.tar.zst --key web.pub",
        code=6,
        what="packed.tar.zst has no signature: there is no packed.tar.zst.minisig",
        hint="bundler pack --sign KEY",
        files={"web.pub": MINISIGN},
    ),
    Mistake(
        line="verify bundle --key web.pub",
        what="--key is about a packed file, and this is a directory",
        hint="bundler pack --sign",
        files={"web.pub": MINISIGN},
    ),
    bundle("unpack image.tar -o new", "image.tar holds no bundle", "bundler build", code=3),
    bundle("unpack bundle -o new", "bundle is a bundle, not a file", "bundler run bundle"),
    bundle("unpack empty.tar -o new", "empty.tar is empty", "failed", code=3),
    bundle("unpack compose.yaml -o new", "compose.yaml is a compose file", "--from-compose", code=3),
    bundle("unpack paked.tar.zst -o new", "paked.tar.zst does not exist", "did you mean packed.tar.zst?"),
    bundle("unpack packed.tar.zst -o bundle", "bundle exists already", "--force"),
    bundle("push bundel docker://127.0.0.1:1/web:1", "bundel does not exist", "did you mean bundle?"),
    bundle("push bundle web.tar", '"web.tar" names no place in a registry', "docker://REGISTRY/NAME:TAG"),
    bundle("push bundle docker:127.0.0.1/web", "lacks two slashes", "docker://NAME"),
    bundle("push docker://127.0.0.1:1/web bundle", "BUNDLE is first", "bundler push bundle docker://127.0.0.1:1/web"),
    bundle(f"push bundle docker://127.0.0.1:1/web@sha256:{'0' * 64}", "is a digest", "NAME:TAG"),
    bundle("push image.tar docker://127.0.0.1:1/web:1", "image.tar holds no bundle", "bundler build", code=3),
    bundle("push bundle docker://127.0.0.1:1/web:1", "bundle is not what was built", "--as-is", code=6),
    bundle("push bundle docker://127.0.0.1:1/web:1 --sign app.yaml", "app.yaml is no key", "minisign -G"),
    bundle(
        "push packed.tar.zst docker://127.0.0.1:1/web:1 --delta-from image.tar",
        "image.tar holds no bundle",
        "bundler build",
        code=3,
    ),
    bundle(
        "push packed.tar.zst docker://127.0.0.1:1/web:1 --retries 0", "nothing listens there", "the network", code=5
    ),
    bundle("pull docker://127.0.0.1:1/web:1", "missing option '--output'", "-o DIR"),
    bundle("pull docker://127.0.0.1:1/web:1 -o bundle", "bundle exists already", "--force"),
    bundle("pull docker://127.0.0.1:1/web:1 -o packed.tar.zst", "packed.tar.zst exists already", "--force"),
    bundle("pull packed.tar.zst -o new", '"packed.tar.zst" names no place in a registry', "bundler unpack"),
    bundle("pull docker://127.0.0.1:1/web:1 -o new --from sha256:12", "--from: ... is not a digest", "by its path"),
    bundle("pull docker://127.0.0.1:1/web:1 -o new --require-digest", "is named by a tag", "bundler push prints"),
    bundle("pull docker://127.0.0.1:1/web:1 -o new --key app.yaml", "app.yaml is no key", "ssh-keygen"),
    bundle(
        f"pull docker://127.0.0.1:1/web:1 -o new.tar.zst --from sha256:{'0' * 64}",
        "what comes is a delta",
        "let it end",
    ),
    bundle("pull docker://127.0.0.1:1/web:1 -o new --retries 0", "nothing listens there", "the network", code=5),
    bundle("unpack later.delta -o new", "later.delta is a delta, not a packed bundle", "bundler apply", code=3),
    bundle("delta bundle image.tar -o new", "image.tar holds no bundle", "bundler build", code=3),
    bundle("delta bundle bundel -o new", "bundel does not exist", "did you mean bundle?"),
    bundle("delta bundle later -o later.delta", "later.delta exists already", "--force"),
    bundle("delta bundle later -o later/delta", "later/delta lies in the bundle", "choose another place"),
    bundle("delta bundle later -o new --split 4kb", "--split: a part has 1 MiB at least", "as large as the medium"),
    bundle("delta bundle later -o new --split some", "--split: some is no size", "4g or 700m"),
    bundle("delta bundle later", "missing option '--output'", "bundler delta --help"),
    bundle("delta bundle -o new", "missing argument 'NEWER'", "bundler delta --help"),
    bundle("apply packed.tar.zst bundle -o new", "packed.tar.zst: it is no delta", "bundler delta OLD NEWER", code=3),
    bundle("apply later.dleta bundle -o new", "later.dleta does not exist", "did you mean later.delta?"),
    bundle("apply later.delta web -o new", "web does not exist", "looked for in"),
    bundle("unpack monday.tar.gz -o new", "monday.tar.gz does not exist", "looked for in"),
    bundle("push web docker://127.0.0.1:1/web:1", "web does not exist", "looked for in"),
    bundle("pack bundle -o new.tar --key web.pub", "no such option: --key", "--sign KEY ... --key PUB"),
    bundle("verify packed.tar.zst --sign web.key", "no such option: --sign", "--key PUB ... --sign KEY"),
    bundle("unpack packed.tar.zst -o new --verify-key a.pub", "no such option: --verify-key", "cosign's ... --key PUB"),
    bundle("apply bundle later.delta -o new", "bundle is a directory, and FILE is first", "apply later.delta bundle"),
    bundle("apply later.delta bundle", "bundle exists already", "--force replaces it"),
    bundle("apply later.delta later -o new", "later is already what later.delta makes", ""),
    bundle("apply later.delta imaged -o new", "imaged is not the bundle that later.delta was made from", "sha256:"),
    bundle("apply later.delta bundle -o new.erofs", "new.erofs: a delta makes", ".tar.zst"),
    bundle("apply later.delta bundle -o new --keep-volumes", "--keep-volumes", "add --force"),
    bundle("delta bundle later -o new --sign none.key", "--sign: none.key does not exist", "looked for"),
    bundle("apply later.delta bundle -o new --key app.yaml", "app.yaml is no key", "ssh-keygen"),
    Mistake(
        line="apply later.delta bundle -o new --key web.pub",
        code=6,
        what="later.delta has no signature: there is no later.delta.minisig",
        hint="--sign KEY",
        files={"web.pub": MINISIGN},
    ),
    bundle("diff bundle image.tar", "image.tar is an archive, not a bundle", "bundler build image.tar"),
    bundle("diff bundle docker@30", "unknown profile 'docker@30'", "docker@28, docker@29"),
    bundle("diff bundle compose.yaml", "compose.yaml is a compose file, not a bundle", "--from-compose"),
    bundle("diff bundle project", "project is not a bundle", "bundler build IMAGE"),
    bundle("diff bundle", "missing argument 'B'", "bundler diff --help"),
    bundle("explain packed.tar.zst", "packed.tar.zst is an archive", "bundler unpack"),
    bundle("explain bundle /process/arg", "nothing at /process/arg", "did you mean /process/args?"),
    bundle("doctor image.tar", "image.tar is an archive", "bundler build image.tar"),
    bundle("doctor bundel", "bundel is not a bundle", "did you mean bundle?"),
    bundle("upgrade bundle", "upgrade to what?", "name the newer one"),
    bundle("upgrade bundle hello.tar", "hello.tar does not exist", "looked for", code=3),
    bundle("upgrade bundle --commit", "no bundle.old", "only an upgrade"),
    bundle("upgrade bundle --commit --leave-changes", "--commit takes nothing", "bundle.old goes as it is"),
    bundle("rollback bundle", "no bundle.old", "only an upgrade"),
    bundle("backup image.tar -o new.tar", "image.tar is an archive", "bundler build image.tar"),
    bundle("restore image.tar bundle", "image.tar is no backup", "bundler backup", code=3),
    bundle(
        "restore bundle packed.tar.zst", "bundle is a directory, and FILE is first", "restore packed.tar.zst bundle"
    ),
    bundle("build image.tar -o new --link-from bundle", "--link-from is about an image", "--rootfs erofs"),
    bundle(
        "build image.tar -o new --rootfs erofs --link-from bundle", "bundle has no root filesystem in an image", "erofs"
    ),
    bundle(
        "build image.tar -o new --rootfs erofs --link-from bundel", "bundel is not a bundle", "did you mean bundle?"
    ),
    bundle("repack bundle new", "the store ... holds no images", "bundler fetch"),
    bundle("repack bundle oci:project:new", "project is no OCI layout", "skopeo copy"),
    bundle("repack bundle ./new.tar", "./new.tar: only the store and OCI layouts", "oci:LAYOUT:TAG"),
    bundle("repack bundle oci:project", "oci:project: the new image needs a tag", "oci:LAYOUT:TAG"),
    bundle("run bundle --runtime runsc", "runsc ... not on PATH", "name one that is on PATH", code=5),
    bundle("run bundle --runtime ./project/app.py", "./project/app.py is no program", "on PATH", code=5),
    bundle("run bundle -it", "a terminal, and there is none", "--no-tty"),
    bundle("run bundle --id 'a c'", "'a c' cannot be the name", "letters, digits"),
    Mistake(
        line="run -v ./missing:/data image.tar",
        what="missing is not there, which is to be mounted at /data (--volume ./missing:/data)",
        hint="mkdir -p",
    ),
    Mistake(
        line="run --overrides web.yaml image.tar",
        what="/run/no.sock is not there, which is to be mounted at /s (web.yaml:1:11)",
        hint="mkdir -p",
        files={"web.yaml": "volumes: ['/run/no.sock:/s']\n"},
    ),
    Mistake(
        line="run --overrides web.yaml image.tar",
        what="/run/netns/web is not there, the network namespace that the container is to be in (web.yaml:1:15)",
        hint="/run/netns has those",
        files={"web.yaml": "network_mode: ns:/run/netns/web\n"},
    ),
    Mistake(
        line="run --overrides web.yaml image.tar",
        what="/opt/none is not there, a hook of the container (web.yaml:1:26)",
        hint="install it",
        files={"web.yaml": "hooks: {create_runtime: [{path: /opt/none}]}\n"},
    ),
    bundle("verify bundle/rootfs", "bundle/rootfs is a part of a bundle", "the bundle is bundle"),
    bundle("verify bundle/bundler.json", "bundle/bundler.json is a part of a bundle", "the bundle is bundle"),
    bundle("unit bundle/etc", "bundle/etc is a part of a bundle", "the bundle is bundle"),
    bundle("diff bundle bundle/rootfs", "bundle/rootfs is a part of a bundle", "the bundle is bundle"),
    Mistake(
        line="pack my web -o new.tar",
        what="unexpected extra argument ... web",
        hint="in quotes: 'my web'",
        files={"my web": ""},
    ),
    bundle("verify -", "no bundle is read from standard input", "write it to a file"),
    bundle("unpack - -o new", "no bundle is read from standard input", "write it to a file"),
    bundle("explain bundle --html -o page.html", "--html takes FILE, and -o behind it is an option", "./-o"),
    bundle("pack bundle -o --force", "--output takes FILE, and --force behind it is an option", "./--force"),
    bundle("unit bundle -o units", "the folder units does not exist", "mkdir -p units"),
    bundle("unit bundle -o notes.txt", "notes.txt is not a folder", "-o"),
    Mistake(
        line="pack imaged --kit -o kit",
        what="imaged: upper/rootfs holds what a container wrote",
        hint="bundler repack ... remove the folder",
        files={"imaged/upper/rootfs/note": "written\n"},
    ),
)
if NOTHING_EMULATED:
    what = f"foreign.tar is for linux/{OTHER} ... this machine's processor is {HOST}: /hello cannot be started"
    hint = f"--platform linux/{HOST} ... qemu-user-static"
    BUNDLES += (Mistake(line="run foreign.tar", code=3, what=what, hint=hint, files=FOREIGN),)
