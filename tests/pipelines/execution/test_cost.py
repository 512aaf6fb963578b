import subprocess
import sys
import time

from pipelines.execution.cost import SAMPLE_EVERY_S, measure

BUSY = """
import time
held = bytearray(200_000_000)
end = time.process_time() + 0.5
while time.process_time() < end: pass
time.sleep(1.5)
"""


def test_the_cost_counts_child_processes_while_they_live_and_after() -> None:
    with measure() as idle:
        time.sleep(SAMPLE_EVERY_S)
    with measure() as cost:
        subprocess.run([sys.executable, "-c", BUSY], check=True)
    assert 2 < cost.seconds < 20
    assert 0.5 <= cost.cpu_seconds < 2, "the child has ended when the block does"
    assert idle.cpu_seconds < 0.4
    assert cost.peak_bytes > idle.peak_bytes + 200_000_000
    half = cost.metadata(0.5)
    assert half["seconds"] == round(cost.seconds / 2, 2)
    assert half["peak memory, MB"] == round(cost.peak_bytes / 1e6), "memory is not shared out"
