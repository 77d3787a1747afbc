# Writes as the original does: a connection a call, its statement, a commit. Prints the milliseconds of each.
import json, sqlite3, sys, time

path, name, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
times, errors = [], 0
for i in range(count):
    start = time.perf_counter()
    try:
        c = sqlite3.connect(path)
        c.execute("PRAGMA journal_mode=WAL")
        c.execute("PRAGMA foreign_keys=ON")
        c.execute(
            "INSERT INTO tasks (task_id, backend, status, shots, submit_time, update_time, result_json, metadata_json)"
            " VALUES (?, 'originq', 'success', 10, '2026', '2026', ?, '{}')"
            " ON CONFLICT(task_id) DO UPDATE SET status = excluded.status",
            (f"{name}-{i}", json.dumps({"00": i})),
        )
        c.commit()
        c.close()
    except sqlite3.OperationalError:
        errors += 1
    times.append((time.perf_counter() - start) * 1000)
print(json.dumps({"times": times, "errors": errors}))
