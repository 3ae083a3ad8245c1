-- Endpoints that are kept apart from jobs. `document` is the endpoint as JSON, without its password.
CREATE TABLE connections (
    id         TEXT PRIMARY KEY,
    project_id TEXT NOT NULL,
    name       TEXT NOT NULL,
    name_key   TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    document   TEXT NOT NULL,
    sealed     BLOB,
    UNIQUE (project_id, name_key)
) STRICT;
