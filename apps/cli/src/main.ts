#!/usr/bin/env node
import { fileURLToPath } from 'node:url';
import { capturedTables, loadCatalog } from '#libs/catalog';
import { university } from '#libs/university';
import { runCli } from './cli.js';

const { CATALOG_MODULE } = process.env;

const interrupting = new AbortController();
process.once('SIGINT', () => interrupting.abort()); // the second one ends the process as usual

process.exitCode = await runCli(process.argv.slice(2), {
  environment: process.env,
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  isTerminal: process.stderr.isTTY,
  interrupted: interrupting.signal,
  connector: {
    settings: fileURLToPath(new URL('../../../../deploy/debezium/connector.json', import.meta.url)),
    tables: async () => capturedTables(CATALOG_MODULE ? await loadCatalog(CATALOG_MODULE) : university).keys(),
  },
});
