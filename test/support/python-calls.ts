/** Statements that do to the file what UnifiedQuantum's calls do: a connection each, and a commit. */
export const PYTHON_CALLS = `
import json, os, sqlite3, sys, time, uuid
from contextlib import contextmanager
path = sys.argv[1]

@contextmanager
def connection():
    c = sqlite3.connect(path, timeout=5)
    c.row_factory = sqlite3.Row
    try:
        c.execute("PRAGMA journal_mode=WAL")
        c.execute("PRAGMA foreign_keys=ON")
        with c:
            yield c
    finally:
        c.close()

def upsert(c, table, key, row):
    names = list(row)
    kept = (*key, "submit_time")
    c.execute(
        f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"
        f" ON CONFLICT({', '.join(key)}) DO UPDATE SET "
        + ", ".join(f"{n} = excluded.{n}" for n in names if n not in kept),
        list(row.values()))

def save(task_id, status="running", result=None, metadata={}):
    with connection() as c:
        upsert(c, "tasks", ["task_id"], {
            "task_id": task_id, "backend": "originq:WK_C180", "status": status, "shots": 100,
            "submit_time": "2026-01-01T00:00:00", "update_time": "2026-01-01T00:00:01",
            "result_json": None if result is None else json.dumps(result),
            "metadata_json": json.dumps(metadata), "error_message": None})

def save_shard(task_id, index, result=None, status="success"):
    with connection() as c:
        upsert(c, "task_shards", ["uniqc_task_id", "shard_index"], {
            "uniqc_task_id": task_id, "shard_index": index, "platform_task_id": f"{task_id}-job{index}",
            "backend": "originq:WK_C180", "circuit_count": 1, "sub_index_offset": index, "status": status,
            "result_json": json.dumps(result), "error_message": None,
            "submit_time": "2026-01-01T00:00:00", "update_time": "2026-01-01T00:00:01"})

def insert(c, table, row, without=(), **more):
    cells = {n: row[n] for n in row.keys() if n not in without} | more
    c.execute(f"INSERT INTO {table} ({', '.join(cells)}) VALUES ({', '.join('?' * len(cells))})", list(cells.values()))

def move(task_id, source, target, without=(), **more):
    with connection() as c:
        row = c.execute(f"SELECT * FROM {source[0]} WHERE task_id = ?", [task_id]).fetchone()
        if row is None:
            return False
        insert(c, target[0], row, without, **more)
        for shard in c.execute(f"SELECT * FROM {source[1]} WHERE uniqc_task_id = ?", [task_id]).fetchall():
            insert(c, target[1], shard, without, **more)
        c.execute(f"DELETE FROM {source[1]} WHERE uniqc_task_id = ?", [task_id])
        c.execute(f"DELETE FROM {source[0]} WHERE task_id = ?", [task_id])
        return True

LIVE = ("tasks", "task_shards")
ARCHIVE = ("archived_tasks", "archived_task_shards")

def archive(task_id):
    return move(task_id, LIVE, ARCHIVE, archived_at="2026-02-02T00:00:00")

def restore(task_id):
    return move(task_id, ARCHIVE, LIVE, without=["archived_at"])

def delete(task_id):
    with connection() as c:
        return c.execute("DELETE FROM tasks WHERE task_id = ?", [task_id]).rowcount > 0

SHARD = """uniqc_task_id TEXT NOT NULL, shard_index INTEGER NOT NULL, platform_task_id TEXT NOT NULL,
  backend TEXT NOT NULL, circuit_count INTEGER NOT NULL DEFAULT 1, sub_index_offset INTEGER NOT NULL DEFAULT 0,
  status TEXT NOT NULL, result_json TEXT, error_message TEXT, submit_time TEXT NOT NULL, update_time TEXT NOT NULL"""

def upgrade(pause=lambda: None):
    """From version 3 to 5: reads every task, and takes the lock when it writes the first. False where it is done."""
    with connection() as c:
        if c.execute("PRAGMA user_version").fetchone()[0] >= 5:
            return False
        c.execute(f"CREATE TABLE IF NOT EXISTS task_shards ({SHARD}, PRIMARY KEY (uniqc_task_id, shard_index),"
                  " FOREIGN KEY (uniqc_task_id) REFERENCES tasks(task_id) ON DELETE CASCADE)")
        c.execute(f"CREATE TABLE IF NOT EXISTS archived_task_shards ({SHARD}, archived_at TEXT NOT NULL,"
                  " PRIMARY KEY (uniqc_task_id, shard_index))")
        read = [(place, c.execute(f"SELECT * FROM {place[0]}").fetchall()) for place in (LIVE, ARCHIVE)]
        pause()
        for (tasks, shards), rows in read:
            for row in rows:
                new, old = f"uqt_{uuid.uuid4().hex}", row["task_id"]
                metadata = json.loads(row["metadata_json"]) | {"legacy_platform_id": old}
                insert(c, tasks, row, task_id=new, metadata_json=json.dumps(metadata, ensure_ascii=False))
                insert(c, shards, row, ["task_id", "shots", "metadata_json"],
                       uniqc_task_id=new, shard_index=0, platform_task_id=old)
                c.execute(f"DELETE FROM {tasks} WHERE task_id = ?", [old])
        c.execute("PRAGMA user_version = 5")
    return True
`
