"""What is known of programs that begin as root: which capabilities they use, where they write, who they could be.

A row each. What a program needs beyond this shows when it is tried; what is here was read in their sources or manuals.
"""

from typing import Final

from bundler.light_dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Known:
    """Programs by the names of their files. `capabilities` are used by root alone; `writes` are directories."""

    names: tuple[str, ...]
    capabilities: tuple[str, ...] = ()
    why: str = ""
    writes: tuple[str, ...] = ()
    users: tuple[str, ...] = ()


_WORKERS: Final = ("CHOWN", "DAC_OVERRIDE", "SETGID", "SETUID")

KNOWN: Final = (
    Known(
        ("gosu", "su-exec", "setpriv", "runuser", "su", "sudo", "chpst", "setuidgid", "s6-setuidgid"),
        ("SETGID", "SETUID"),
        "becomes another user",
    ),
    Known(("start-stop-daemon", "supervisord", "cron", "crond"), ("SETGID", "SETUID", "KILL"), "starts as other users"),
    Known(("chown", "chgrp"), ("CHOWN", "DAC_OVERRIDE"), "gives files of others to others"),
    Known(("chmod",), ("FOWNER",), "changes the mode of files of others"),
    Known(
        ("nginx",),
        _WORKERS,
        "opens logs as root, and its workers are another user",
        ("/var/cache/nginx", "/var/lib/nginx", "/var/log/nginx"),
        ("nginx", "www-data"),
    ),
    Known(
        ("apache2", "httpd", "apache2ctl", "httpd-foreground"),
        (*_WORKERS, "KILL"),
        "opens logs as root, and its workers are another user",
        ("/run/apache2", "/run/lock/apache2", "/var/log/apache2", "/var/cache/apache2", "/usr/local/apache2/logs"),
        ("www-data", "apache", "daemon"),
    ),
    Known(
        ("php-fpm",),
        ("CHOWN", "SETGID", "SETUID", "KILL"),
        "its workers are another user",
        ("/run/php",),
        ("www-data",),
    ),
    Known(("haproxy",), ("SETGID", "SETUID", "SYS_CHROOT"), "leaves root behind", ("/var/lib/haproxy",), ("haproxy",)),
    Known(
        ("named", "unbound", "dnsmasq", "ntpd", "chronyd"),
        ("SETGID", "SETUID", "SYS_CHROOT"),
        "leaves root behind",
        ("/var/cache/bind", "/var/lib/bind", "/var/lib/unbound", "/var/lib/misc"),
    ),
    Known(
        ("sshd",),
        ("AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "KILL", "SETGID", "SETUID", "SYS_CHROOT"),
        "becomes the user who logs in",
        ("/run/sshd",),
    ),
    Known(("memcached",), ("SETGID", "SETUID"), "leaves root behind", (), ("memcache", "memcached")),
    Known(
        ("mysqld", "mariadbd", "mysqld_safe"),
        ("SETGID", "SETUID"),
        "leaves root behind",
        ("/var/lib/mysql", "/var/log/mysql", "/run/mysqld"),
        ("mysql",),
    ),
    Known(
        ("postgres", "pg_ctl", "pg_ctlcluster"),
        writes=("/var/lib/postgresql", "/var/log/postgresql", "/run/postgresql"),
        users=("postgres",),
    ),
    Known(
        ("redis-server", "valkey-server"),
        writes=("/var/lib/redis", "/var/lib/valkey", "/var/log/redis"),
        users=("redis", "valkey"),
    ),
    Known(("mongod",), writes=("/var/lib/mongodb", "/var/log/mongodb"), users=("mongodb",)),
    Known(("rabbitmq-server",), writes=("/var/lib/rabbitmq", "/var/log/rabbitmq"), users=("rabbitmq",)),
    Known(("node", "npm"), users=("node",)),
)
NAMES: Final = frozenset(name for row in KNOWN for name in row.names)
WRITES: Final = frozenset(path for row in KNOWN for path in row.writes)
