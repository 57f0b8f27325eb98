/** Configuration by environment alone: typed, checked as a whole at the start, and told in sentences where it is wrong. */
import { z } from 'zod';

/** `problems`: one sentence for each variable, naming it, what it got and what it wants. */
export class InvalidConfiguration extends Error {
  readonly code = 'invalid-configuration';
  constructor(readonly problems: readonly string[]) {
    super(problems.join('\n'));
    this.name = 'InvalidConfiguration';
  }
}

const loopback = ['127.0.0.1', '::1', 'localhost'];
const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;

/** A variable that is a whole number; its description is what a wrong value is told. */
export const wholeNumber = (from: number, to: number) =>
  z
    .string()
    .regex(/^\d{1,15}$/)
    .transform(Number)
    .pipe(z.number().min(from).max(to))
    .describe(`a whole number from ${from} to ${to}`);

export const choice = <const Choices extends readonly [string, ...string[]]>(choices: Choices) =>
  z.enum(choices).describe(`one of ${choices.join(', ')}`);

/** A URL of one of the schemes; a password in it is never told back. */
export const url = (...schemes: readonly string[]) =>
  z
    .string()
    .refine((text) => URL.canParse(text) && schemes.includes(new URL(text).protocol.slice(0, -1)))
    .describe(`a URL like ${schemes[0]}://…`);

const serviceShape = (port: number) => ({
  PORT: wholeNumber(0, 65535).default(port),
  HOST: z.string().describe('a host name or address').default('127.0.0.1'),
  LOG_LEVEL: choice(logLevels).default('info'),
  AUTH: z.literal('off').describe('off').default('off'),
  INSECURE: choice(['yes', 'no']).default('no'),
});

/**
 * A service's variables: its own and those of every service (PORT, HOST, LOG_LEVEL, AUTH, INSECURE). Without
 * authentication only the loopback interface may be bound, unless INSECURE=yes.
 */
export function serviceVariables<Shape extends z.ZodRawShape>(port: number, shape: Shape) {
  return z.object({ ...serviceShape(port), ...shape }).superRefine((config, context) => {
    const { AUTH, HOST, INSECURE } = config as unknown as ServiceConfig;
    if (AUTH === 'off' && INSECURE !== 'yes' && !loopback.includes(HOST))
      context.addIssue({
        code: 'custom',
        path: ['HOST'],
        params: { wanted: `a loopback address (${loopback.join(', ')}) while AUTH=off, or INSECURE=yes beside it` },
      });
  });
}

export type ServiceConfig = z.output<z.ZodObject<ReturnType<typeof serviceShape>>>;

/** An empty variable counts as unset. @throws InvalidConfiguration naming everything that is wrong. */
export function parseConfig<Schema extends z.ZodObject>(schema: Schema, env: NodeJS.ProcessEnv): z.output<Schema> {
  const given = Object.fromEntries(Object.keys(schema.shape).flatMap((name) => (env[name] ? [[name, env[name]]] : [])));
  const result = schema.safeParse(given);
  if (result.success) return result.data;
  const wrong = new Map(result.error.issues.map((issue) => [String(issue.path[0]), issue]));
  throw new InvalidConfiguration(
    [...wrong].map(([name, issue]) => {
      const wanted = issue.code === 'custom' && (issue.params?.['wanted'] as string | undefined);
      const got = given[name] === undefined ? 'not set' : JSON.stringify(withoutPassword(given[name]));
      return `${name} is ${got}; wanted is ${wanted || describe(schema.shape[name])}.`;
    }),
  );
}

/** As `parseConfig`, for a program's first line: what is wrong goes to stderr in sentences, and the process exits with 1. */
export function readConfig<Schema extends z.ZodObject>(schema: Schema, env: NodeJS.ProcessEnv): z.output<Schema> {
  try {
    return parseConfig(schema, env);
  } catch (error) {
    if (!(error instanceof InvalidConfiguration)) throw error;
    process.stderr.write(`${error.problems.join('\n')}\n`);
    process.exit(1);
  }
}

/** A default or an optional variable wraps the type that is described. */
function describe(type: unknown): string {
  const { description, def } = type as { description?: string; def?: { innerType?: unknown } };
  return description ?? (def?.innerType ? describe(def.innerType) : 'another value');
}

const withoutPassword = (text: string) => text.replace(/\/\/([^:/@]*):[^@]*@/, '//$1:…@');
