-- Jobs that are asked for together, looked at, corrected, and then made.

CREATE TABLE batches (
    id          TEXT PRIMARY KEY,
    domain_id   TEXT NOT NULL,
    project_id  TEXT NOT NULL,
    user_id     TEXT NOT NULL,
    user_name   TEXT NOT NULL,
    owner       TEXT NOT NULL,
    status      TEXT NOT NULL,
    created_ms  INTEGER NOT NULL
) STRICT;
CREATE INDEX batches_by_project ON batches (project_id, created_ms);

-- What was asked for has passwords in it; it goes as soon as the job is there.
CREATE TABLE batch_drafts (
    batch_id TEXT NOT NULL REFERENCES batches (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    job_id   TEXT NOT NULL,
    sealed   BLOB,
    stage    TEXT NOT NULL,
    message  TEXT,
    PRIMARY KEY (batch_id, position)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX batch_drafts_by_job ON batch_drafts (job_id);
