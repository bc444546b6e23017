"""Runs a command and prints its wall and CPU seconds and its peak resident memory: measure.py COMMAND …"""

import resource
import subprocess
import sys
import time

start = time.perf_counter()
code = subprocess.run(sys.argv[1:], stdin=subprocess.DEVNULL).returncode
usage = resource.getrusage(resource.RUSAGE_CHILDREN)
wall = time.perf_counter() - start
cpu = usage.ru_utime + usage.ru_stime
print(f"{'whole command':<24}{wall:10.2f} s wall{cpu:10.2f} s CPU{usage.ru_maxrss // 1024:8d} MiB peak")
sys.exit(code)
