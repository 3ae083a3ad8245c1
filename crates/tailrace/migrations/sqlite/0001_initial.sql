-- Times are milliseconds of the Unix epoch. Sealed values are opaque here, see the module `secret`.

CREATE TABLE domains (
    id   TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE projects (
    id        TEXT PRIMARY KEY,
    domain_id TEXT NOT NULL REFERENCES domains (id),
    name      TEXT NOT NULL,
    UNIQUE (domain_id, name)
) STRICT;

CREATE TABLE users (
    id            TEXT PRIMARY KEY,
    domain_id     TEXT NOT NULL REFERENCES domains (id),
    name          TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    enabled       INTEGER NOT NULL,
    created_ms    INTEGER NOT NULL,
    UNIQUE (domain_id, name)
) STRICT;

CREATE TABLE access_keys (
    ak         TEXT PRIMARY KEY,
    user_id    TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    sealed     BLOB NOT NULL,
    enabled    INTEGER NOT NULL,
    created_ms INTEGER NOT NULL
) STRICT;

-- Only the SHA-256 of a token is stored. No project: the token is for the domain.
CREATE TABLE tokens (
    hash       BLOB PRIMARY KEY,
    user_id    TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    project_id TEXT REFERENCES projects (id) ON DELETE CASCADE,
    issued_ms  INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX tokens_by_expiry ON tokens (expires_ms);

CREATE TABLE data_keys (
    id      INTEGER PRIMARY KEY,
    master  TEXT NOT NULL,
    wrapped BLOB NOT NULL
) STRICT;

-- `document` is the job as JSON; the other columns repeat what lists filter and sort by.
CREATE TABLE jobs (
    id                    TEXT PRIMARY KEY,
    project_id            TEXT NOT NULL,
    parent_id             TEXT REFERENCES jobs (id) ON DELETE CASCADE,
    name                  TEXT NOT NULL,
    name_key              TEXT NOT NULL,
    status                TEXT NOT NULL,
    engine                TEXT NOT NULL,
    task                  TEXT NOT NULL,
    net_type              TEXT NOT NULL,
    direction             TEXT NOT NULL,
    enterprise_project_id TEXT NOT NULL,
    created_ms            INTEGER NOT NULL,
    revision              INTEGER NOT NULL,
    document              TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX jobs_by_name ON jobs (project_id, name_key) WHERE parent_id IS NULL;
CREATE INDEX jobs_by_project ON jobs (project_id, created_ms);
CREATE INDEX jobs_by_parent ON jobs (parent_id, created_ms) WHERE parent_id IS NOT NULL;
CREATE INDEX jobs_by_status ON jobs (status);

CREATE TABLE deleted_jobs (
    id         TEXT PRIMARY KEY,
    project_id TEXT NOT NULL,
    deleted_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX deleted_jobs_by_time ON deleted_jobs (deleted_ms);

CREATE TABLE job_secrets (
    job_id TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    side   TEXT NOT NULL,
    name   TEXT NOT NULL,
    sealed BLOB NOT NULL,
    PRIMARY KEY (job_id, side, name)
) STRICT;

-- `epoch` only ever grows while the job exists; whoever writes for a job must hold its newest one.
CREATE TABLE leases (
    job_id     TEXT PRIMARY KEY REFERENCES jobs (id) ON DELETE CASCADE,
    owner      TEXT NOT NULL,
    epoch      INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL
) STRICT;

-- A copy for reading: the record that counts is in the target.
CREATE TABLE checkpoints (
    job_id     TEXT PRIMARY KEY REFERENCES jobs (id) ON DELETE CASCADE,
    epoch      INTEGER NOT NULL,
    checkpoint TEXT,
    totals     TEXT NOT NULL,
    written_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE table_progress (
    job_id        TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    database_name TEXT NOT NULL,
    table_name    TEXT NOT NULL,
    row_count     INTEGER NOT NULL,
    done          INTEGER NOT NULL,
    PRIMARY KEY (job_id, database_name, table_name)
) STRICT;

CREATE TABLE ddl (
    job_id     TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    seq        INTEGER NOT NULL,
    position   TEXT NOT NULL,
    statement  TEXT NOT NULL,
    at_ms      INTEGER NOT NULL,
    cleared_ms INTEGER,
    PRIMARY KEY (job_id, seq)
) STRICT;

CREATE TABLE timeline (
    seq       INTEGER PRIMARY KEY AUTOINCREMENT,
    job_id    TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    name      TEXT NOT NULL,
    success   INTEGER NOT NULL,
    at_ms     INTEGER NOT NULL,
    user_name TEXT NOT NULL,
    detail    TEXT
) STRICT;
CREATE INDEX timeline_by_job ON timeline (job_id, seq);

CREATE TABLE job_logs (
    seq     INTEGER PRIMARY KEY AUTOINCREMENT,
    job_id  TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    at_ms   INTEGER NOT NULL,
    level   TEXT NOT NULL,
    message TEXT NOT NULL
) STRICT;
CREATE INDEX job_logs_by_job ON job_logs (job_id, seq);

CREATE TABLE parameter_changes (
    seq       INTEGER PRIMARY KEY AUTOINCREMENT,
    job_id    TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    name      TEXT NOT NULL,
    old_value TEXT NOT NULL,
    new_value TEXT NOT NULL,
    at_ms     INTEGER NOT NULL,
    user_name TEXT NOT NULL
) STRICT;
CREATE INDEX parameter_changes_by_job ON parameter_changes (job_id, seq);

CREATE TABLE queries (
    id         TEXT PRIMARY KEY,
    job_id     TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    kind       TEXT NOT NULL,
    owner      TEXT NOT NULL,
    status     TEXT NOT NULL,
    request    TEXT NOT NULL,
    result     TEXT,
    error      TEXT,
    created_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX queries_by_job ON queries (job_id, kind, created_ms);
CREATE INDEX queries_pending ON queries (owner) WHERE status = 'pending';
