-- Groups, roles and who has them.

ALTER TABLE projects ADD COLUMN description TEXT NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN description TEXT NOT NULL DEFAULT '';
ALTER TABLE access_keys ADD COLUMN description TEXT NOT NULL DEFAULT '';

CREATE TABLE user_groups (
    id          TEXT PRIMARY KEY,
    domain_id   TEXT NOT NULL REFERENCES domains (id),
    name        TEXT NOT NULL,
    description TEXT NOT NULL,
    created_ms  INTEGER NOT NULL,
    UNIQUE (domain_id, name)
) STRICT;

CREATE TABLE group_members (
    group_id TEXT NOT NULL REFERENCES user_groups (id) ON DELETE CASCADE,
    user_id  TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    PRIMARY KEY (group_id, user_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX group_members_by_user ON group_members (user_id);

-- Custom policies; predefined roles are in the program.
CREATE TABLE custom_roles (
    id           TEXT PRIMARY KEY,
    domain_id    TEXT NOT NULL REFERENCES domains (id),
    display_name TEXT NOT NULL,
    kind         TEXT NOT NULL,
    description  TEXT NOT NULL,
    policy       TEXT NOT NULL,
    created_ms   INTEGER NOT NULL,
    updated_ms   INTEGER NOT NULL,
    UNIQUE (domain_id, display_name)
) STRICT;

-- A role of a user or of a group, in one project or, without one, in the domain and all its projects.
CREATE TABLE grants (
    domain_id  TEXT NOT NULL REFERENCES domains (id),
    user_id    TEXT REFERENCES users (id) ON DELETE CASCADE,
    group_id   TEXT REFERENCES user_groups (id) ON DELETE CASCADE,
    project_id TEXT REFERENCES projects (id) ON DELETE CASCADE,
    role_id    TEXT NOT NULL,
    CHECK ((user_id IS NULL) <> (group_id IS NULL))
) STRICT;
CREATE UNIQUE INDEX grants_once
    ON grants (role_id, COALESCE(user_id, ''), COALESCE(group_id, ''), COALESCE(project_id, ''));
CREATE INDEX grants_by_user ON grants (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX grants_by_group ON grants (group_id) WHERE group_id IS NOT NULL;

-- Until now every user might do everything.
INSERT INTO grants (domain_id, user_id, role_id) SELECT domain_id, id, 'te_admin' FROM users;
INSERT INTO grants (domain_id, user_id, role_id) SELECT domain_id, id, 'secu_admin' FROM users;
