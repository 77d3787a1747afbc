# Saves as a small program does beside a busy one: a connection a call, with Python's own timeout, every 30 ms.
# Prints a line when it begins, then how many calls there were, how many failed, and the milliseconds of the longest.
import json, sqlite3, sys, time

path, seconds = sys.argv[1], float(sys.argv[2])
calls = failures = 0
longest = 0.0
print("ready", flush=True)
end = time.perf_counter() + seconds
while time.perf_counter() < end:
    start = time.perf_counter()
    calls += 1
    try:
        c = sqlite3.connect(path, timeout=5)
        try:
            c.execute(
                "INSERT INTO tasks (task_id, backend, status, shots, submit_time, update_time, result_json, metadata_json)"
                " VALUES (?, 'originq', 'success', 10, '2026', '2026', '{}', '{}')",
                (f"python-{calls}",),
            )
            c.commit()
        finally:
            c.close()
    except sqlite3.OperationalError:
        failures += 1
    longest = max(longest, time.perf_counter() - start)
    time.sleep(0.03)
print(json.dumps({"calls": calls, "failures": failures, "longest": longest * 1000}))
