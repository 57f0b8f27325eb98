#!/usr/bin/env node
/**
 * Stands in for Prisma's native schema engine, which its CLI downloads (and cannot, behind a closed network): the same
 * arguments and the same JSON-RPC over stdin and stdout, answered by @prisma/schema-engine-wasm through pg.
 * tools/prisma.mjs points PRISMA_SCHEMA_ENGINE_BINARY here.
 */
import { PrismaPg } from '@prisma/adapter-pg';
import { bindMigrationAwareSqlAdapterFactory, ColumnTypeEnum } from '@prisma/driver-adapter-utils';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import pg from 'pg';

const wasm = dirname(createRequire(import.meta.url).resolve('@prisma/schema-engine-wasm/schema_engine_bg'));
const { values: options, positionals } = parseArgs({
  strict: false,
  options: {
    version: { type: 'boolean' },
    datamodels: { type: 'string', multiple: true },
    datasource: { type: 'string' },
    'extension-types': { type: 'string' },
  },
});
const url = options.datasource && JSON.parse(options.datasource).url;

/** What @prisma/adapter-pg 7.10 gets wrong for the engine's use, put right. */
class MigrationAdapter extends PrismaPg {
  async connect() {
    const adapter = await super.connect();
    sendScriptsWhole(adapter);
    readCatalogCharacters(adapter);
    return adapter;
  }

  /** The inherited one opens the real database, and drops the shadow before it closes its own pool. */
  async connectToShadowDb() {
    const database = `prisma_migrate_shadow_db_${crypto.randomUUID()}`;
    await onServer((client) => client.query(`CREATE DATABASE "${database}"`));
    const adapter = await new MigrationAdapter({ ...connection(), database }).connect();
    const close = adapter.dispose.bind(adapter);
    adapter.dispose = async () => {
      await close();
      await onServer((client) => client.query(`DROP DATABASE IF EXISTS "${database}" WITH (FORCE)`));
    };
    return adapter;
  }
}

/** The inherited one splits at every semicolon, also inside of function bodies, strings and comments. */
function sendScriptsWhole(adapter) {
  adapter.executeScript = async (script) => {
    try {
      await adapter.underlyingDriver().query(script);
    } catch (error) {
      adapter.onError(error);
    }
  };
}

/** The inherited one cannot read the catalog's type "char" (oid 18): it is read as text and handed on as a character. */
function readCatalogCharacters(adapter) {
  const inherited = adapter.queryRaw;
  adapter.queryRaw = async (query) => {
    const result = await adapter.performIO(query);
    const characters = result.fields.flatMap((field, i) => (field.dataTypeID === 18 ? [i] : []));
    for (const i of characters) result.fields[i].dataTypeID = 25;
    const answer = await inherited.call(Object.create(adapter, { performIO: { value: async () => result } }), query);
    for (const i of characters) answer.columnTypes[i] = ColumnTypeEnum.Character;
    return answer;
  };
}

if (options.version) {
  console.log(`schema-engine-wasm ${JSON.parse(readFileSync(join(wasm, 'package.json'), 'utf8')).version}`);
} else if (positionals[0] === 'cli') {
  await runOnce(positionals.find((verb) => verb in commands()));
} else {
  serve(await loadEngine());
}

/** The verbs that the CLI asks for one at a time, outside the protocol. */
function commands() {
  return {
    'can-connect-to-database': async () => {
      const client = new pg.Client({ connectionString: url });
      await client.connect();
      await client.end();
    },
    'create-database': () => onServer((client, name) => client.query(`CREATE DATABASE ${name}`)),
    'drop-database': () => onServer((client, name) => client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)),
  };
}

async function runOnce(verb) {
  try {
    await commands()[verb]();
  } catch (error) {
    const codes = { '3D000': 'P1003', '28P01': 'P1000' };
    report(codes[error.code] ?? 'P1001', error.message);
    process.exitCode = 1;
  }
}

function report(error_code, message) {
  const line = { level: 'ERROR', target: 'schema_engine::logger', fields: { error_code, message } };
  process.stderr.write(`\n${JSON.stringify(line)}\n`);
}

/** Outside the database itself, which is to be made or dropped. */
async function onServer(work) {
  const server = new URL(url);
  const database = decodeURIComponent(server.pathname.slice(1));
  server.pathname = '/postgres';
  server.search = '';
  const client = new pg.Client({ connectionString: server.href });
  await client.connect();
  try {
    return await work(client, client.escapeIdentifier(database), database);
  } finally {
    await client.end();
  }
}

async function loadEngine() {
  const panic = {
    message: '',
    get: () => panic.message,
    set_message: (text) => (panic.message = `RuntimeError: ${text}`),
  };
  globalThis.PRISMA_WASM_PANIC_REGISTRY = panic;
  process.on('uncaughtException', (error) => {
    report(null, panic.get() || String(error));
    process.exit(101);
  });
  const glue = await import(join(wasm, 'schema_engine_bg.js'));
  const bytes = readFileSync(join(wasm, 'schema_engine_bg.wasm'));
  const { instance } = await WebAssembly.instantiate(bytes, { './schema_engine_bg.js': glue });
  glue.__wbg_set_wasm(instance.exports);
  instance.exports.__wbindgen_start();
  const datamodels = options.datamodels?.map((file) => [file, readFileSync(file, 'utf8')]);
  const schema = (url && new URL(url).searchParams.get('schema')) ?? undefined;
  const factory = bindMigrationAwareSqlAdapterFactory(new MigrationAdapter(connection(), { schema }));
  return glue.SchemaEngine.new({ datamodels }, () => {}, factory);
}

function connection() {
  const { host, port, user, password, database, ssl } = new pg.Client({
    connectionString: url ?? 'postgresql://nobody@127.0.0.1:1/none',
  });
  return { host, port, user, password, database, ssl, max: 1 };
}

/** One request a line, one at a time. */
function serve(engine) {
  const methods = {
    getDatabaseVersion: (params) => engine.version(params),
    createDatabase: () =>
      onServer(async (client, name, databaseName) => {
        await client.query(`CREATE DATABASE ${name}`);
        return { databaseName };
      }),
  };
  const answer = async ({ id, method, params }) => {
    try {
      const result = await (methods[method]?.(params) ?? engine[method](params));
      say({ id, result: method === 'diff' ? printed(id, result) : (result ?? {}) });
    } catch (error) {
      const data = { is_panic: false, message: error?.message ?? String(error), error_code: error?.code ?? null };
      say({ id, error: { code: 4466, message: 'See the data field.', data: { ...data, meta: error?.meta ?? null } } });
    }
  };
  let last = Promise.resolve();
  const lines = createInterface({ input: process.stdin, crlfDelay: Infinity });
  lines.on('line', (line) => {
    const request = JSON.parse(line);
    if (request.method) last = last.then(() => answer(request));
  });
  lines.on('close', () => last.then(() => process.exit(0)));
}

function say(message) {
  process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
}

/** The native engine has the CLI print a difference by a request of its own. */
function printed(id, result) {
  if (result?.stdout == null) return result ?? {};
  say({ id: 1_000_000 + id, method: 'print', params: { content: result.stdout.replace(/\n$/, '') } });
  return { ...result, stdout: null };
}
