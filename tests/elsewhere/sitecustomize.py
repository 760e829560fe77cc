"""Makes a Python on Linux lack what Windows or macOS lack: PYTHONPATH=tests/elsewhere scripts/test.

Every Python that is started with this folder on its path reads it first, processes of a pool too. It takes away the
calls and modules of POSIX that another system does not have (but for fcntl, whose part filelock has for Windows), lets
new processes begin anew (spawn), and turns text that toolkit reads or writes in the system's own encoding into an error.
What it cannot show: other rules for names and paths, files that may not be replaced while they are open, and wheels that
behave otherwise.
"""

import multiprocessing
import os
import signal
import sys
import warnings

for module, names in (
    (os, "fork forkpty sched_getaffinity sched_setaffinity getuid geteuid getgid chown lchown mkfifo nice statvfs"),
    (signal, "alarm setitimer pthread_sigmask pthread_kill sigwait SIGALRM SIGHUP SIGQUIT SIGUSR1 SIGUSR2"),
):  # fmt: skip
    for name in names.split():
        if hasattr(module, name):
            delattr(module, name)
for name in ("grp", "pwd", "resource", "termios", "tty"):
    sys.modules[name] = None  # "import pwd" then raises ImportError
multiprocessing.set_start_method("spawn")
if sys.flags.warn_default_encoding:  # PYTHONWARNDEFAULTENCODING=1
    warnings.filterwarnings("ignore", category=EncodingWarning)  # what libraries do
    warnings.filterwarnings("error", category=EncodingWarning, module=r"toolkit(\..*)?$")
