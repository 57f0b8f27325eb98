import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { node } from './processes.mjs';

const apps = ['command-api', 'query-api', 'projector'];
const copyOf = (app) => `docs/openapi/${app}.json`;
const remedy = 'If the change is meant: node tools/check.mjs --write, and commit the copy.';

/** A copy that differs is an undeclared change of the HTTP contract. */
export async function openApiCopies(build) {
  if (build.status !== 0)
    return [{ rule: 'build', message: `the build failed, no document was made:\n${build.output.trim()}` }];
  const findings = await Promise.all(
    apps.map(async (app) => {
      const file = copyOf(app);
      const document = await documentOf(app);
      if (!existsSync(file)) return { rule: 'openapi', file, message: 'does not exist', remedy };
      if (readFileSync(file, 'utf8') === document) return null;
      return {
        rule: 'openapi',
        file,
        line: firstDifference(readFileSync(file, 'utf8'), document),
        message: `differs from what ${app} publishes`,
        remedy,
      };
    }),
  );
  return findings.filter(Boolean);
}

/** @returns {Promise<string[]>} a line for each document: what was done. */
export async function renewOpenApiCopies() {
  mkdirSync('docs/openapi', { recursive: true });
  return Promise.all(
    apps.map(async (app) => {
      const [file, document] = [copyOf(app), await documentOf(app)];
      if (existsSync(file) && readFileSync(file, 'utf8') === document) return `${file} is up to date`;
      writeFileSync(file, document);
      return `${file} renewed`;
    }),
  );
}

/** Read from the built app: only the build's compiler plug-in sees the documents' properties. */
async function documentOf(app) {
  const main = `dist/apps/${app}/src/main.js`;
  if (!existsSync(main)) throw new Error(`${main} does not exist: the app ${app} was not built.`);
  const { status, stdout, output } = await node(main, '--openapi');
  if (status !== 0) throw new Error(`${main} --openapi failed:\n${output}`);
  return `${JSON.stringify(JSON.parse(stdout), null, 2)}\n`;
}

function firstDifference(was, is) {
  const [a, b] = [was.split('\n'), is.split('\n')];
  return a.findIndex((line, i) => line !== b[i]) + 1 || a.length;
}
