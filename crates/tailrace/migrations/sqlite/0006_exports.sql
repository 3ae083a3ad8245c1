-- Files that were made for users to fetch.
CREATE TABLE exports (
    id         TEXT PRIMARY KEY,
    project_id TEXT NOT NULL,
    kind       TEXT NOT NULL,
    file_name  TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    content    BLOB NOT NULL,
    UNIQUE (project_id, file_name)
) STRICT;
CREATE INDEX exports_by_project ON exports (project_id, kind, created_ms);
