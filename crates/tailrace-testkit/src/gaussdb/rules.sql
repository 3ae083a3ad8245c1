-- What of GaussDB Distributed's rules PostgreSQL can hold by itself. Run once in each database, by a superuser.
SET allow_system_table_mods = on;

CREATE TABLE pg_catalog.pgxc_class (
    pcrelid oid PRIMARY KEY,
    pclocatortype "char" NOT NULL,
    pcattnum int2vector
);
GRANT SELECT ON pg_catalog.pgxc_class TO PUBLIC;

CREATE VIEW pg_catalog.pgxc_node AS
    SELECT 'cn_5001'::name AS node_name, 'C'::"char" AS node_type, 5432 AS node_port, '127.0.0.1'::name AS node_host,
           5432 AS node_port1, '127.0.0.1'::name AS node_host1, true AS nodeis_active;
GRANT SELECT ON pg_catalog.pgxc_node TO PUBLIC;

CREATE OR REPLACE FUNCTION pg_catalog.version() RETURNS text LANGUAGE sql STABLE AS $$
    SELECT 'gaussdb (GaussDB Kernel 505.2.1 build 00000000) compiled at 2025-01-01 00:00:00 commit 0 last mr 0 '
        || 'release on a stand-in over PostgreSQL'
$$;

CREATE FUNCTION pg_catalog.working_version_num() RETURNS integer LANGUAGE sql STABLE AS 'SELECT 92950';

CREATE SCHEMA gaussdb_standin;
GRANT USAGE ON SCHEMA gaussdb_standin TO PUBLIC;

CREATE FUNCTION gaussdb_standin.refuse_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'Distributed key column can''t be updated in current version' USING ERRCODE = '0A000';
END $$;

CREATE FUNCTION gaussdb_standin.check_keys(relation oid) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    columns int2[];
BEGIN
    SELECT pcattnum::int2[] INTO columns FROM pg_catalog.pgxc_class WHERE pcrelid = relation AND pclocatortype = 'H';
    IF columns IS NULL THEN
        RETURN;
    END IF;
    IF EXISTS (
        SELECT FROM pg_attribute WHERE attrelid = relation AND attnum = ANY (columns) AND attisdropped
    ) THEN
        RAISE EXCEPTION 'Distribute column can''t be dropped' USING ERRCODE = '0A000';
    END IF;
    IF EXISTS (
        SELECT FROM pg_index i WHERE i.indrelid = relation AND i.indisunique
           AND NOT (i.indkey::int2[] @> columns)
    ) THEN
        RAISE EXCEPTION 'Cannot create index whose evaluation cannot be enforced to remote nodes'
            USING ERRCODE = '0A000';
    END IF;
END $$;

CREATE FUNCTION gaussdb_standin.is_distributable(type oid) RETURNS boolean LANGUAGE sql AS $$
    SELECT type::regtype::text IN ('smallint', 'integer', 'bigint', 'numeric', 'character', 'character varying', 'text',
        'date', 'time without time zone', 'time with time zone', 'timestamp without time zone',
        'timestamp with time zone', 'interval')
$$;

-- The columns that are asked for in the statement, else those that GaussDB chooses: the key's first, else the first of a
-- type that can be.
CREATE FUNCTION gaussdb_standin.distribute(relation oid) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    note jsonb;
    columns int2[];
    wanted text;
    number int2;
    list text;
BEGIN
    SELECT m[1]::jsonb INTO note
      FROM regexp_matches(current_query(), '/\*gaussdb (\{.*?\})\*/', 'g') AS m
     WHERE m[1]::jsonb ->> 'table' = (SELECT relname FROM pg_class WHERE oid = relation) LIMIT 1;
    IF note IS NOT NULL THEN
        FOR wanted IN SELECT jsonb_array_elements_text(note -> 'hash') LOOP
            SELECT attnum INTO number FROM pg_attribute
             WHERE attrelid = relation AND attname = wanted AND attnum > 0 AND NOT attisdropped;
            IF number IS NULL THEN
                RAISE EXCEPTION 'column "%" does not exist', wanted USING ERRCODE = '42703';
            END IF;
            columns := columns || number;
        END LOOP;
    ELSE
        SELECT ARRAY[indkey[0]] INTO columns FROM pg_index
         WHERE indrelid = relation AND indisunique ORDER BY indisprimary DESC, indexrelid LIMIT 1;
        IF columns IS NULL THEN
            SELECT ARRAY[attnum] INTO columns FROM pg_attribute
             WHERE attrelid = relation AND attnum > 0 AND gaussdb_standin.is_distributable(atttypid)
             ORDER BY attnum LIMIT 1;
        END IF;
    END IF;
    IF note -> 'hash' = '[]'::jsonb OR columns IS NULL THEN
        INSERT INTO pg_catalog.pgxc_class VALUES (relation, 'R', NULL);
        RETURN;
    END IF;
    FOR wanted IN
        SELECT attname FROM pg_attribute WHERE attrelid = relation AND attnum = ANY (columns)
           AND NOT gaussdb_standin.is_distributable(atttypid)
    LOOP
        RAISE EXCEPTION 'Column % is not a hash distributable data type', wanted USING ERRCODE = '42809';
    END LOOP;
    INSERT INTO pg_catalog.pgxc_class VALUES (relation, 'H', array_to_string(columns, ' ')::int2vector);
    SELECT string_agg(quote_ident(attname), ', ') INTO list FROM pg_attribute
     WHERE attrelid = relation AND attnum = ANY (columns);
    -- PostgreSQL also refuses to drop a column that a trigger names, or to change its type.
    EXECUTE format('CREATE TRIGGER gaussdb_distribution BEFORE UPDATE OF %s ON %s FOR EACH STATEMENT '
        'EXECUTE FUNCTION gaussdb_standin.refuse_update()', list, relation::regclass);
    -- It is no trigger of the user's.
    UPDATE pg_trigger SET tgisinternal = true WHERE tgrelid = relation AND tgname = 'gaussdb_distribution';
END $$;

CREATE FUNCTION gaussdb_standin.on_ddl() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog AS $$
DECLARE
    command record;
BEGIN
    FOR command IN SELECT * FROM pg_event_trigger_ddl_commands() LOOP
        IF command.object_type = 'table' THEN
            IF command.command_tag IN ('CREATE TABLE', 'CREATE TABLE AS', 'SELECT INTO') THEN
                PERFORM gaussdb_standin.distribute(command.objid);
            END IF;
            PERFORM gaussdb_standin.check_keys(command.objid);
        ELSIF command.object_type = 'index' THEN
            PERFORM gaussdb_standin.check_keys(indrelid) FROM pg_index WHERE indexrelid = command.objid;
        END IF;
    END LOOP;
END $$;

CREATE FUNCTION gaussdb_standin.on_drop() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog AS $$
BEGIN
    DELETE FROM pg_catalog.pgxc_class WHERE pcrelid IN (SELECT objid FROM pg_event_trigger_dropped_objects());
END $$;

CREATE EVENT TRIGGER gaussdb_ddl ON ddl_command_end
    WHEN TAG IN ('CREATE TABLE', 'CREATE TABLE AS', 'SELECT INTO', 'CREATE INDEX', 'ALTER TABLE')
    EXECUTE FUNCTION gaussdb_standin.on_ddl();
CREATE EVENT TRIGGER gaussdb_drop ON sql_drop WHEN TAG IN ('DROP TABLE', 'DROP SCHEMA', 'DROP OWNED')
    EXECUTE FUNCTION gaussdb_standin.on_drop();
