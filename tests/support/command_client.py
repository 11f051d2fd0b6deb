"""Call the command that command_server.py has in memory: command_client.py SOCKET WORD...

It imports as little as possible: half of all that the tests do is starting this.
"""

import _socket
import os
import signal
import struct
import sys

connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_SEQPACKET)
connection.connect(f"\0{sys.argv[1]}")
umask = os.umask(0)
os.umask(umask)
message = b"\0".join([b"%d" % umask, *map(os.fsencode, sys.argv[2:])])
descriptors = struct.pack("4i", os.open(".", os.O_PATH), 0, 1, 2)
connection.sendmsg([message], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, descriptors)])
status = int(connection.recv(100))
if os.WIFSIGNALED(status):
    signal.signal(os.WTERMSIG(status), signal.SIG_DFL)
    os.kill(os.getpid(), os.WTERMSIG(status))
os._exit(os.WEXITSTATUS(status))
