/**
 * The source's own record: a trigger writes each row's change in the transaction that makes it, into a table that nobody
 * captures. Values are texts, as Postgres prints them.
 */
export interface SourceTable {
  readonly table: string;
  /** Names and types, those of the key included. */
  readonly columns: readonly (readonly [name: string, type: string])[];
  readonly key: readonly string[];
}

const quoted = (name: string): string => `"${name}"`;

const created = ({ table, columns, key }: SourceTable): string => `
  CREATE TABLE ${table} (${columns.map(([name, type]) => `${quoted(name)} ${type}`).join(', ')},
    PRIMARY KEY (${key.map(quoted).join(', ')}));
  ALTER TABLE ${table} REPLICA IDENTITY FULL;`;

/** By the types' output functions, as in the write-ahead log: a cast would print true for t. Columns that come later are texts. */
function recorded({ table, columns }: SourceTable): string {
  const texts = columns.map(([name]) => {
    const value = `(whole).${quoted(name)}`;
    return `'${name}', CASE WHEN ${value} IS NOT NULL THEN format('%s', ${value}) END`;
  });
  return `
  CREATE FUNCTION texts_of_${table}(whole ${table}) RETURNS json LANGUAGE sql STABLE SET timezone = 'UTC'
    RETURN (to_jsonb(whole) || jsonb_build_object(${texts.join(', ')}))::json;
  CREATE FUNCTION record_${table}() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      INSERT INTO record (xid, "table", op, before, after) VALUES (pg_current_xact_id(), TG_TABLE_NAME, TG_OP,
        CASE WHEN TG_OP IN ('UPDATE', 'DELETE') THEN texts_of_${table}(OLD) END,
        CASE WHEN TG_OP IN ('UPDATE', 'INSERT') THEN texts_of_${table}(NEW) END);
      RETURN NULL;
    END $$;
  CREATE TRIGGER record_rows AFTER INSERT OR UPDATE OR DELETE ON ${table} FOR EACH ROW EXECUTE FUNCTION record_${table}();
  CREATE TRIGGER record_truncate AFTER TRUNCATE ON ${table} FOR EACH STATEMENT EXECUTE FUNCTION record_${table}();`;
}

/** The tables, published by that name, and the record of them. */
export const recordedTables = (publication: string, tables: readonly SourceTable[]): string => `
  CREATE TABLE record (sequence bigserial PRIMARY KEY, xid xid8 NOT NULL, "table" text NOT NULL, op text NOT NULL,
    before json, after json);
  ${tables.map(created).join('')}
  ${tables.map(recorded).join('')}
  CREATE PUBLICATION ${publication} FOR TABLE ${tables.map(({ table }) => table).join(', ')};`;
