"""Commands in copies of a process that has imported what commands need.

A command that starts anew spends two seconds of a core on imports, and a sweep as long again on
those of its workers. A copy is a process of its own like any other: it has its session, directory,
environment, umask and streams, can be killed, and ends as Python ends. Only what Python reads when
it starts is that of the first process: options, PYTHON... variables, limits.
"""

import gc
import json
import os
import runpy
import socket
import struct
import subprocess
import sys
from contextlib import suppress
from functools import cache
from importlib import import_module
from select import select

# What begins a request: the number of bytes of the rest.
_LENGTH = struct.Struct("I")
# What is told of a command: its process id, later how it has ended as of `os.waitpid`.
_STATUS = struct.Struct("i")


class PreloadedCommand(subprocess.Popen):
    """The process of a command, given what follows `python -m`.

    Of what other processes take it takes the streams, `cwd`, `env`, `umask` and
    `start_new_session`.
    """

    def _execute_child(
        self, args, executable, preexec_fn, close_fds, pass_fds, cwd, env, startupinfo,
        creationflags, shell, p2cread, p2cwrite, c2pread, c2pwrite, errread, errwrite,
        restore_signals, gid, gids, uid, umask, start_new_session, process_group,
    ):  # fmt: skip
        """Ask for a copy, where Popen would start a program."""
        env = dict(os.environ if env is None else env)
        assert _read_at_start(env) == _AT_START, "such a command must start anew"
        assert executable is preexec_fn is None, "such a command must start anew"
        words, folder = [*map(str, args)], os.path.abspath(cwd or ".")
        request = json.dumps([words, folder, env, umask, start_new_session]).encode()
        self._status, status = os.pipe()
        streams = [
            number if end == -1 else end for number, end in enumerate((p2cread, c2pwrite, errwrite))
        ]
        socket.send_fds(_server(), [_LENGTH.pack(len(request))], [*streams, status])
        _server().sendall(request)
        os.close(status)
        self._close_pipe_fds(p2cread, p2cwrite, c2pread, c2pwrite, errread, errwrite)
        self._child_created = True
        self.pid = self._told()

    def _told(self):
        (number,) = _STATUS.unpack(os.read(self._status, _STATUS.size))
        return number

    def _try_wait(self, wait_flags):
        """Return how it has ended, as `os.waitpid` does: it is no child of this process."""
        if wait_flags & os.WNOHANG and not select([self._status], [], [], 0)[0]:
            return 0, 0
        status = self._told()
        os.close(self._status)
        return self.pid, status

    def _internal_poll(self, *_, **__):
        if self.returncode is None:
            pid, status = self._try_wait(os.WNOHANG)
            if pid == self.pid:
                self._handle_exitstatus(status)
        return self.returncode


def anew(words, **options):
    """Start the process of a command as users do."""
    return subprocess.Popen([sys.executable, "-m", *words], **options)


def _read_at_start(environment):
    """Return the variables that Python and libraries read when they start."""
    names = ("PYTHON", "LC_", "LANG", "DASK_")
    return {name: value for name, value in environment.items() if name.startswith(names)}


_AT_START = _read_at_start(os.environ)


@cache
def _server():
    """Start the process to copy; return the socket with whose end it ends."""
    ours, theirs = socket.socketpair()
    with theirs:
        subprocess.Popen(
            [sys.executable, __file__, str(theirs.fileno())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            # A copy lacks the threads that libraries start while they are imported.
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
            pass_fds=[theirs.fileno()],
            start_new_session=True,  # Ctrl-C is not for it
        )
    return ours


def _import_all():
    """Import what sweeps, reports and other commands do."""
    import alrun.cli.app
    import alrun.cli.plan_text
    import alrun.execute.isolated_backend
    import alrun.execute.worker
    import alrun.report.annotator_sections
    import alrun.report.build
    import alrun.report.render
    import alrun.sequential
    import alrun.sweep.run  # noqa: F401


def _next_command(requests):
    """Return what follows `python -m`, in a new process for each request.

    The first process ends with the other end.
    """
    while True:
        length, files, _, _ = socket.recv_fds(requests, _LENGTH.size, 4)
        if not length:
            os._exit(0)
        (size,) = _LENGTH.unpack(length)
        request = json.loads(requests.recv(size, socket.MSG_WAITALL))
        module, *_ = request[0]
        import_module(module.partition(".")[0])  # for later copies too
        if os.fork() == 0:
            break
        for file in files:
            os.close(file)
        with suppress(ChildProcessError):  # none is left
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
    requests.close()
    *streams, status = files
    pid = os.fork()
    if pid:
        for stream in streams:
            os.close(stream)
        os.write(status, _STATUS.pack(os.waitpid(pid, 0)[1]))
        os._exit(0)
    _become(streams, *request[1:])
    os.write(status, _STATUS.pack(os.getpid()))
    os.close(status)
    return request[0]


def _become(streams, folder, environment, umask, is_new_session):
    """Make this process one that was started for a command."""
    if is_new_session:
        os.setsid()
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    sys.stdout.reconfigure(line_buffering=os.isatty(1))
    os.chdir(folder)
    if umask != -1:
        os.umask(umask)
    os.environ.clear()
    os.environ.update(environment)


if __name__ == "__main__":
    _import_all()
    gc.freeze()  # copies share the memory of objects as long as no collection writes to it
    module, *sys.argv[1:] = _next_command(socket.socket(fileno=int(sys.argv[1])))
    runpy.run_module(module, run_name="__main__", alter_sys=True)
