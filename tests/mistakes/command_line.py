"""Words of the command line: mistyped, missing, one too many, of other programs, or of another form."""

from tests.mistakes.mistake import Mistake


def words(line: str, what: str, hint: str, code: int = 2) -> Mistake:
    return Mistake(line=line, code=code, what=what, hint=hint)


COMMAND_LINE = (
    words("biuld image.tar", "no such command 'biuld'", "bundler build"),
    words("overrides chek app.yaml", "no such command 'chek'", "bundler overrides check"),
    words("build image.tar --overide app.yaml", "no such option: --overide ... --overrides", "bundler build --help"),
    words("build image.tar --overrides", "requires an argument", "bundler build --help"),
    words("build image.tar other.tar", "unexpected extra argument ... other.tar", "bundler build --help"),
    words("build image.tar -o", "'-o' requires an argument", "bundler build --help"),
    words("build image.tar --output=", "cannot be a bundle's place", "directory"),
    words("build image.tar --unpacker tar", "'tar' is not one of 'native', 'umoci'", "bundler build --help"),
    words("build image.tar --limit size=5", "--limit: there is no limit 'size' ... unpacked-size", "--limit"),
    words("build image.tar --limit unpacked-size=lots", "--limit: unpacked-size: 'lots'", "=300g"),
    words("build image.tar --retries lots", "'--retries': 'lots' is not a valid", "bundler build --help"),
    words("build image.tar --tls-verify no", "--tls-verify: 'no' is neither true nor false", "--tls-verify=false"),
    words("build image.tar --uid-map 100000", "--uid-map: '100000' is not CONTAINER:HOST:SIZE", "0:100000:65536"),
    words("build image.tar --uid-map 0:0:0", "--uid-map: 0:0:0 is empty", "0:100000:65536"),
    words("build image.tar --target hots", "hots does not exist", "did you mean host?"),
    words("build image.tar --target app.yaml", "app.yaml:1:1: target: unknown key 'read_only'", "kernel"),
    words("build image.tar --keep-volumes", "--keep-volumes ... replaced", "--force"),
    words("build image.tar --locked", "bundler.lock does not exist", "bundler lock IMAGE"),
    words("build image.tar --locked --lock app.yaml", "app.yaml: not JSON", "bundler lock IMAGE"),
    words("build image.tar --lock app.yaml", "app.yaml is there already, and is no lock", "another file"),
    words("lock image.tar -o app.yaml", "app.yaml is there already, and is no lock", "another file"),
    words("lock image.tar -o locks/a.lock", "locks/a.lock: there is no such folder", "mkdir -p"),
    words("verify bundle --lock a.lock", "a.lock does not exist", "bundler lock"),
    words("build image.tar --name x", "--name 'x'", "container_name"),
    words("build image.tar -p 80:80:80:80", "'80:80:80:80'", "8080:80"),
    words("build image.tar --cap-add NET_ADMN", "CAP_NET_ADMN is not a capability", "CAP_NET_ADMIN"),
    words("explain bundle --html", "'--html' requires an argument", "bundler explain --help"),
    words("overrides from-compose compose.yaml -f", "'-f' requires an argument", "overrides from-compose --help"),
    words("run image.tar -v", "'-v' requires an argument", "bundler run --help"),
    words("run", "run what?", "bundle"),
    words("run web --offline", '"web" is in a registry', "there is no directory web here ... bundler fetch"),
    words("run ./bundel", "./bundel is not there", "did you mean bundle?"),
    words("run imgae.tar", "imgae.tar does not exist", "did you mean image.tar?", code=3),
    words("run compose.yaml", "compose.yaml is a compose file", "--from-compose", code=3),
    words("run bundle -u root", "--user is for an image", "anew"),
    words("rm hello", "store", "bundler"),
    words("rm bundle", "store", "rm -r bundle removes the bundle that is here"),
    words("gc everything", "unexpected extra argument ... everything", "bundler gc --help"),
    words("explain", "nothing to explain", "bundler explain BUNDLE"),
    words("diff", "missing argument 'A'", "bundler diff --help"),
    words("overrides check", "missing argument 'FILE...'", "bundler overrides check --help"),
    words("repack bundle", "missing argument 'IMAGE'", "bundler repack --help"),
    words("pull nginx", "pull", "bundler fetch"),
    words("ps", "ps", "runc list"),
    words("doctor --target-features x.json", "--target-features is for a bundle", "BUNDLE"),
)
