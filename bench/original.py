# Works as the original does: a connection a call. Prints the microseconds of the median call of each kind.
import json, sqlite3, statistics, sys, time
from datetime import datetime, timezone

path, tasks = sys.argv[1], json.load(sys.stdin)
SAVE = (
    "INSERT INTO tasks (task_id, backend, status, shots, submit_time, update_time, result_json, metadata_json, error_message)"
    " VALUES (:task_id, :backend, :status, :shots, :time, :time, :result, :metadata, NULL) ON CONFLICT(task_id) DO UPDATE SET"
    " backend = excluded.backend, status = excluded.status, shots = excluded.shots, update_time = excluded.update_time,"
    " result_json = excluded.result_json, metadata_json = excluded.metadata_json, error_message = excluded.error_message"
)


def call(statement, params):
    c = sqlite3.connect(path)
    c.row_factory = sqlite3.Row
    c.execute("PRAGMA journal_mode=WAL")
    c.execute("PRAGMA foreign_keys=ON")
    rows = c.execute(statement, params).fetchall()
    c.commit()
    c.close()
    return rows


def read(row):
    return {**dict(row), "result": json.loads(row["result_json"] or "null"), "metadata": json.loads(row["metadata_json"])}


def save(task):
    result, metadata = json.dumps(task["result"]), json.dumps(task["metadata"])
    now = datetime.now(timezone.utc).isoformat()
    call(SAVE, {"task_id": task["taskId"], "backend": task["backend"], "status": task["status"], "shots": task["shots"],
                "time": now, "result": result, "metadata": metadata})


def get(task):
    return [read(row) for row in call("SELECT * FROM tasks WHERE task_id = ?", (task["taskId"],))]


def update(task):
    get(task)
    save({**task, "status": "running"})


def list20(_):
    return [read(row) for row in call("SELECT * FROM tasks ORDER BY submit_time DESC, rowid DESC LIMIT 20", ())]


def count(_):
    return call("SELECT count(*) FROM tasks WHERE status = 'success'", ())


def delete(task):
    call("DELETE FROM tasks WHERE task_id = ?", (task["taskId"],))


times = {}
for name, work in [("save new", save), ("get", get), ("save again", save), ("update", update), ("list 20", list20),
                   ("count of one status", count), ("delete", delete)]:
    calls = []
    for task in tasks:
        start = time.perf_counter()
        work(task)
        calls.append((time.perf_counter() - start) * 1e6)
    times[name] = statistics.median(calls)
print(json.dumps(times))
