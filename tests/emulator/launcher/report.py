"""What an invocation took, in the words of Lambda's REPORT line.

The emulator's line has no Init Duration, and its memory is that of whichever of its children used most.
Here it is what the function's own process took, in the format of
https://docs.aws.amazon.com/lambda/latest/dg/nodejs-logging.html ("REPORT RequestId: ..."), with the
initialisation billed as AWS does since August 2025, and with the line that a time-out leaves.
"""

import math
import threading
import time
from pathlib import Path

from ministack.core.lambda_runtime import ProvidedWorker
from ministack.services import lambda_svc

# An invocation, its start and its log lines belong to one thread.
_measured = threading.local()


def install():
    spawn, teardown, emit = ProvidedWorker._spawn, ProvidedWorker._teardown, lambda_svc._emit_lambda_logs
    invoke = ProvidedWorker.invoke

    def measured_spawn(worker, *args, **kwargs):
        started = time.monotonic()
        spawn(worker, *args, **kwargs)
        _measured.init_ms = (time.monotonic() - started) * 1000

    def measured_teardown(worker):
        _measured.peak_mb = _peak_mb(worker) or getattr(_measured, "peak_mb", 0)
        teardown(worker)

    def measured_invoke(worker, *args, **kwargs):
        _measured.init_ms, _measured.peak_mb = None, 0
        result = invoke(worker, *args, **kwargs)
        _measured.peak_mb = _peak_mb(worker) or _measured.peak_mb
        _measured.timed_out = result.get("error_payload", {}).get("errorType") == "Sandbox.Timedout"
        return result

    def emit_measured(function, request_id, log_text, error, duration_ms, *, log_source=None):
        if hasattr(_measured, "timed_out"):
            lines = _lines(function.get("config") or function, request_id, log_text, duration_ms)
            log_text, log_source = "\n".join(lines), "rie"
            _measured.__dict__.clear()
        return emit(function, request_id, log_text, error, duration_ms, log_source=log_source)

    ProvidedWorker._spawn, ProvidedWorker._teardown = measured_spawn, measured_teardown
    ProvidedWorker.invoke, lambda_svc._emit_lambda_logs = measured_invoke, emit_measured


def _lines(config, request_id, log_text, total_ms):
    init_ms = _measured.init_ms
    duration_ms = max(total_ms - (init_ms or 0), 0.01)
    yield f"START RequestId: {request_id} Version: {config.get('Version', '$LATEST')}"
    yield from (log_text or "").splitlines()
    if _measured.timed_out:
        now = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime())
        yield f"{now}.000Z {request_id} Task timed out after {config.get('Timeout', 3)}.00 seconds"
    yield f"END RequestId: {request_id}"
    fields = [
        f"REPORT RequestId: {request_id}",
        f"Duration: {duration_ms:.2f} ms",
        f"Billed Duration: {math.ceil(duration_ms + (init_ms or 0))} ms",
        f"Memory Size: {config.get('MemorySize', 128)} MB",
        f"Max Memory Used: {_measured.peak_mb} MB",
    ]
    if init_ms is not None:
        fields.append(f"Init Duration: {init_ms:.2f} ms")
    yield "\t".join(fields)


def _peak_mb(worker):
    """The most memory that the function's process ever had resident, in MB; 0 when it is gone."""
    process = worker._proc
    if process is None or process.poll() is not None:
        return 0
    for line in Path(f"/proc/{process.pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return math.ceil(int(line.split()[1]) / 1024)
    return 0
