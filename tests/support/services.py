"""Ten services as people run them under Docker: the flags, the files of the machine, and who talks to them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Service:
    """`flags` and `command` are words of a `docker run` line around the image; {folder} holds the FILES.

    `client` is a shell script for the container's network and files, with the rights of the machine's root; it fails
    until the service is there, and what it prints is the same each time, with `answer` in it.
    """

    flags: str
    client: str
    answer: str
    command: str = ""


# TIME is a word that no two answers have in common.
HTTP = r"""
    exec 3<>/dev/tcp/127.0.0.1/{port}
    printf 'GET {path} HTTP/1.0\r\nHost: web.test\r\n\r\n' >&3
    sed 's/^Date: .*/Date: TIME\r/' <&3
"""
MEMCACHED = r"""python3 -c '
import socket
client = socket.socket(socket.AF_UNIX)
client.connect("/run/memcached/socket")
client.sendall(b"set greeting 7 0 5\r\nhello\r\nget greeting\r\nstats settings\r\nquit\r\n")
print(b"".join(iter(lambda: client.recv(4096), b"")).decode())'
"""
# A question for the address of each name, and the four last bytes of the answer.
DNSMASQ = r"""python3 -c '
import socket
for name in ("web.test", "db", "dns.example.org"):
    client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    client.settimeout(1)
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    client.sendto(bytes.fromhex("002a01000001000000000000") + labels + bytes.fromhex("0000010001"), ("127.0.0.1", 53))
    print(name, socket.inet_ntoa(client.recv(512)[-4:]))'
"""
POSTGRES = r"""
    export PGPASSWORD=s3cret
    psql='/usr/lib/postgresql/current/bin/psql -h 127.0.0.1 -U postgres -At'
    $psql -c 'select 1' >/dev/null
    $psql -c 'drop table if exists t; create table t as select generate_series(1, 1000) n; select sum(n) from t' \
        -c 'show data_directory' -c 'show shared_buffers' -c 'show dynamic_shared_memory_type' \
        -c 'show max_stack_depth' -c 'show server_encoding' -c "select pg_read_file('/etc/hostname')"
"""
REDIS = r"""
    redis-cli --no-auth-warning -a s3cret PING | grep -q PONG
    redis-cli --no-auth-warning -a s3cret <<'.'
SET greeting hello
GET greeting
CONFIG GET dir
CONFIG GET appendonly
CONFIG GET maxclients
SAVE
.
    cat /data/note
"""
SSHD = r"""
    ssh -i /etc/ssh/key -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR \
        app@127.0.0.1 'id; pwd; hostname; umask; ulimit -n; grep -E "^(Cap|NoNewPrivs|Seccomp:)" /proc/self/status'
"""

SERVICES: Mapping[str, Service] = {
    "nginx": Service(
        "--network none --read-only --tmpfs /run --tmpfs /var/lib/nginx:mode=755,size=16m --tmpfs /var/log/nginx"
        " --cap-drop ALL --cap-add CHOWN --cap-add SETUID --cap-add SETGID --cap-add NET_BIND_SERVICE"
        " -v {folder}/html:/var/www/html:ro -p 8080:80 --memory 256m --restart unless-stopped"
        " --label com.example.tier=front --name web",
        HTTP.format(port=80, path="/"),
        "a page of the machine",
    ),
    "redis": Service(
        "--network none -v redis-content:/data --sysctl net.core.somaxconn=1024 --memory 128m --memory-swap 128m"
        " --ulimit nofile=4096:8192 --cap-drop ALL --security-opt no-new-privileges -e REDIS_PASSWORD=s3cret",
        REDIS,
        "\nhello\n",
        "--appendonly yes --requirepass s3cret --bind 127.0.0.1 --maxmemory 64mb",
    ),
    "postgres": Service(
        "--network none -e POSTGRES_PASSWORD=s3cret --shm-size 128m --init --hostname db1 --pids-limit 200"
        " --oom-score-adj 200 --stop-timeout 30 --health-cmd pg_isready --health-interval 1h",
        POSTGRES,
        "500500",
    ),
    "python": Service(
        "--network none -u 1000:1000 --group-add 4000 --group-add audio -w /srv/www -v {folder}/html:/srv/www:ro"
        " --read-only --cap-drop ALL --security-opt no-new-privileges --pids-limit 20 --cpus 0.5"
        " --env-file {folder}/env -e EMPTY= -e MODE=test --no-healthcheck --stop-signal SIGINT",
        HTTP.format(port=8000, path="/hello.txt"),
        "\nhello\n",
    ),
    "memcached": Service(
        "--network host --ipc private --ulimit nofile=2048 --ulimit core=0 --cpu-shares 512 --cpuset-cpus 0"
        " --memory-reservation 32m --memory-swappiness 10 --mount type=bind,src={folder}/run,dst=/run/memcached",
        MEMCACHED,
        "VALUE greeting 7 5\r\nhello",
        "-s /run/memcached/socket -a 0777 -m 32",
    ),
    "mosquitto": Service(
        "--network none --mount type=bind,src={folder}/mosquitto.conf,dst=/etc/mosquitto/mosquitto.conf,readonly"
        " -v mosquitto-content:/var/lib/mosquitto --tmpfs /tmp:exec,mode=1777 --security-opt seccomp=unconfined"
        " -e TZ=Europe/Berlin",
        "mosquitto_pub -r -t greeting -m hello && mosquitto_sub -t greeting -C 1 -v",
        "greeting hello\n",
    ),
    "sshd": Service(
        "--network none --hostname shell.example.org --domainname example.org --cap-drop ALL --cap-add CHOWN"
        " --cap-add SETUID --cap-add SETGID --cap-add SYS_CHROOT --cap-add NET_BIND_SERVICE --cap-add DAC_OVERRIDE"
        " --tmpfs /run/sshd:mode=0755 --ulimit nofile=512 --security-opt systempaths=unconfined",
        SSHD,
        "uid=1000(app)",
        "/usr/sbin/sshd -D -e -o UsePAM=no -o AuthorizedKeysFile=/etc/ssh/key.pub",
    ),
    "dnsmasq": Service(
        "--network none -u dnsmasq --sysctl net.ipv4.ip_unprivileged_port_start=53 --cap-drop NET_RAW --cap-drop MKNOD"
        " --add-host db:10.0.0.5 --dns 9.9.9.9 --dns-search example.org --dns-option ndots:2 --name dns",
        DNSMASQ,
        "web.test 10.1.2.3\ndb 10.0.0.5\n",
        "--no-resolv --no-poll --user= --pid-file= --address=/web.test/10.1.2.3"
        " --host-record=dns.example.org,10.0.0.53",
    ),
    "rsync": Service(
        "--network none --pid host --uts host -v {folder}/rsyncd.conf:/etc/rsyncd.conf:ro"
        " -v {folder}/html:/srv/files:ro --device /dev/fuse --device /dev/net/tun:/dev/tun:r"
        " --device-cgroup-rule 'c 42:* rwm' --cap-add SYS_PTRACE",
        "rsync rsync://127.0.0.1/files/ && rsync rsync://127.0.0.1/files/hello.txt /tmp/copy && cat /tmp/copy",
        "hello\n",
    ),
    "haproxy": Service(
        "--network none --sysctl net.ipv4.ip_unprivileged_port_start=0 --ulimit nofile=10000 --cap-drop ALL"
        " --log-driver json-file --log-opt max-size=1m --workdir /tmp --cap-add SYS_NICE"
        " --mount type=bind,src={folder}/haproxy.cfg,dst=/etc/haproxy/haproxy.cfg,readonly"
        " --mount type=tmpfs,dst=/cache",
        HTTP.format(port=80, path="/status"),
        "served by haproxy",
    ),
}

HAPROXY = """\
defaults
    mode http
    timeout client 5s
    timeout connect 5s
    timeout server 5s
frontend web
    bind :80
    http-request return status 200 content-type text/plain string "served by haproxy\\n"
"""
RSYNCD = """\
uid = nobody
gid = nogroup
[files]
    path = /srv/files
    comment = files of the machine
"""
FILES = {
    "html/index.html": "<p>a page of the machine</p>\n",
    "html/hello.txt": "hello\n",
    "env": "API_TOKEN=abc def\n# a comment\nQUOTED='as it is'\n",
    "mosquitto.conf": "listener 1883 127.0.0.1\nallow_anonymous true\npersistence true\n"
    "persistence_location /var/lib/mosquitto/\n",
    "rsyncd.conf": RSYNCD,
    "haproxy.cfg": HAPROXY,
}
VOLUMES = ("redis-content", "mosquitto-content")


def write_files(folder: Path) -> None:
    """The machine's files that containers mount."""
    for name, content in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    (folder / "run").mkdir()
    (folder / "run").chmod(0o777)
