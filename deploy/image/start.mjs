/**
 * What the image runs: ROLE chooses the service. With `healthy` as its argument it asks the one that runs beside it, and
 * ends with 0 or 1; roles that do their work and end are always well.
 */
const roles = {
  'command-api': { program: 'command-api/src/main.js', port: 8601 },
  projector: { program: 'projector/src/main.js', port: 8603 },
  'query-api': { program: 'query-api/src/main.js', port: 8602 },
  origin: { program: 'standalone/src/front-door.js', port: 8501 },
  migrate: { program: 'command-api/src/migrate.js' },
  'connector-apply': { program: 'cli/src/main.js', arguments: ['connector', 'apply'] },
};

const { ROLE, PORT } = process.env;
const role = Object.hasOwn(roles, ROLE ?? '') ? roles[ROLE] : null;
if (!role) {
  process.stderr.write(
    `ROLE is ${ROLE ? `"${ROLE}"` : 'not set'}; wanted is one of ${Object.keys(roles).join(', ')}.\n`,
  );
  process.exit(2);
}

if (process.argv[2] === 'healthy') process.exit((await isHealthy()) ? 0 : 1);
process.argv.push(...(role.arguments ?? []));
await import(new URL(`../../dist/apps/${role.program}`, import.meta.url).href);

async function isHealthy() {
  if (!role.port) return true;
  const url = `http://127.0.0.1:${PORT || role.port}/health/live`;
  return fetch(url, { signal: AbortSignal.timeout(10_000) }).then(
    (answer) => answer.ok,
    () => false,
  );
}
