/**
 * What the projector follows while it is killed: tables whose contents tell by themselves whether a cut is whole. Money only
 * moves, so its sum over two tables is the same at every transaction's end; one row counts the transactions. The services
 * load this very file: CATALOG_MODULE names it.
 */
import type { Catalog, Column, ColumnType, Table } from '#libs/catalog';

const about = (name: string) => ({ label: name, description: `The ${name}.` });
const column = (name: string, type: ColumnType, more: Partial<Column> = {}): Column => ({
  ...{ name, type, ...about(name) },
  ...more,
});

export const accounts: Table = {
  ...{ table: 'accounts', name: 'account', kind: 'dimension', key: ['id'], ...about('accounts') },
  columns: [column('id', 'text'), column('owner', 'text', { nullable: true }), column('balance', 'bigint')],
};

export const deposits: Table = {
  ...{ table: 'deposits', name: 'deposit', kind: 'relationship', key: ['bank', 'number'], ...about('deposits') },
  columns: [
    column('number', 'integer'),
    column('bank', 'text'),
    column('balance', 'bigint'),
    column('since', 'date', { nullable: true }),
  ],
};

export const counters: Table = {
  ...{ table: 'counters', name: 'counter', kind: 'dimension', key: ['id'], ...about('counters') },
  columns: [column('id', 'text'), column('n', 'bigint')],
};

/** Some of its readings cannot be typed. */
export const gauges: Table = {
  ...{ table: 'gauges', name: 'gauge', kind: 'dimension', key: ['id'], ...about('gauges') },
  columns: [column('id', 'text'), column('reading', 'numeric(8,2)', { nullable: true })],
};

export const catalog: Catalog = { name: 'bank', tables: [accounts, deposits, counters, gauges] };

/** Of all money, at the end of every transaction. */
export const total = 1_000_000;

/** Keys of each of the two money tables at the start. */
export const owners = 12;

/**
 * The tables, and the source's own record of them: a trigger writes each row's change in the transaction that makes it, into
 * a table that nobody captures. Values are texts, as Postgres writes them.
 */
export const ddl = `
  CREATE TABLE accounts (id text PRIMARY KEY, owner text, balance bigint NOT NULL CHECK (balance >= 0));
  CREATE TABLE deposits (bank text, number integer, balance bigint NOT NULL CHECK (balance >= 0), since date,
    PRIMARY KEY (bank, number));
  CREATE TABLE counters (id text PRIMARY KEY, n bigint NOT NULL);
  CREATE TABLE gauges (id text PRIMARY KEY, reading numeric);
  CREATE TABLE record (sequence bigserial PRIMARY KEY, xid xid8 NOT NULL, "table" text NOT NULL, op text NOT NULL,
    before json, after json);
  CREATE FUNCTION texts(whole jsonb) RETURNS json LANGUAGE sql IMMUTABLE
    RETURN (SELECT json_object_agg(key, value) FROM jsonb_each_text(whole));
  CREATE FUNCTION record_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      INSERT INTO record (xid, "table", op, before, after) VALUES (pg_current_xact_id(), TG_TABLE_NAME, TG_OP,
        CASE WHEN TG_OP IN ('UPDATE', 'DELETE') THEN texts(to_jsonb(OLD)) END,
        CASE WHEN TG_OP IN ('UPDATE', 'INSERT') THEN texts(to_jsonb(NEW)) END);
      RETURN NULL;
    END $$;
  ${['accounts', 'deposits', 'counters', 'gauges'].map(recorded).join('\n')}
  CREATE PUBLICATION bank FOR TABLE accounts, deposits, counters, gauges;
  INSERT INTO counters VALUES ('transactions', 0);
  INSERT INTO accounts SELECT 'A' || i, 'owner ' || i, ${total / owners / 2} FROM generate_series(1, ${owners}) AS i;
  INSERT INTO deposits SELECT 'Bank ' || i % 3, i, 0, '2020-01-01' FROM generate_series(1, ${owners}) AS i;
  INSERT INTO accounts SELECT 'rest', NULL, ${total} - sum(balance) FROM accounts;
  INSERT INTO gauges SELECT 'G' || i, i FROM generate_series(1, 6) AS i;`;

function recorded(table: string): string {
  return `ALTER TABLE ${table} REPLICA IDENTITY FULL;
    CREATE TRIGGER record_rows AFTER INSERT OR UPDATE OR DELETE ON ${table}
      FOR EACH ROW EXECUTE FUNCTION record_change();
    CREATE TRIGGER record_truncate AFTER TRUNCATE ON ${table} FOR EACH STATEMENT EXECUTE FUNCTION record_change();`;
}
