/** The command line: what can be asked for, how it is asked of the projector, and what a script learns of the answer. */
import { Command, CommanderError } from 'commander';
import { ConnectFailed, Connector } from '#libs/debezium';
import { connectorVerbs, connectorWork, type ConnectorSource, type ConnectorVerb } from './connector.js';
import { exitCodes, type ExitCode } from './exit-codes.js';
import { cancel, conduct, WaitingInterrupted } from './operation.js';
import { describe, exitCodeOf } from './outcome.js';
import { ProgressLine } from './progress-line.js';
import { ProjectorClient, Refused, Unreachable } from './projector-client.js';
import { describeStatus } from './status.js';

export interface Surroundings {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** Whether the error stream is one on which a line can be written over. */
  readonly isTerminal: boolean;
  readonly connector: ConnectorSource;
  /** Aborts when whoever waits has had enough: Ctrl-C. */
  readonly interrupted?: AbortSignal;
}

const usualProjector = 'http://127.0.0.1:8603';
const usualConnect = 'http://127.0.0.1:8083';

const epilogue = `
Exit codes:
  0  fine
  1  the projector refused, the work failed, or verify found differences
  2  the command line is wrong, or names a table that the catalog does not have
  3  nothing answers at the projector's address, or at Kafka Connect's
130  Ctrl-C: the work goes on in the projector; cancel ends it

With npm start the projector is also at http://localhost:8501/api/projector.`;

/** Runs one command. Never rejects: what went wrong is told on the error stream, and by the exit code. */
export async function runCli(args: readonly string[], surroundings: Surroundings): Promise<ExitCode> {
  let code: ExitCode = exitCodes.fine;
  const program = programOf(surroundings, async (command, work) => {
    code = await answered(command.optsWithGlobals<Options>(), surroundings, work);
  });
  try {
    await program.parseAsync(args, { from: 'user' });
    return code;
  } catch (error) {
    if (error instanceof WrongAddress) {
      surroundings.err(`${error.message}\n`);
      return exitCodes.usage;
    }
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.fine : exitCodes.usage;
    throw error;
  }
}

const isAddress = (text: string): boolean => /^https?:/.test(URL.parse(text)?.protocol ?? '');

class WrongAddress extends Error {
  constructor(what: string, address: string, usual: string) {
    super(`${what} is ${JSON.stringify(address)}; wanted is one like ${usual}.`);
  }
}

interface Options {
  readonly json?: true;
  readonly projector: string;
}

/** What a command has to do, with what it is asked of, how it tells its progress, and until when it waits. */
type Work = (projector: ProjectorClient, progress: ProgressLine, interrupted?: AbortSignal) => Promise<Answer>;

interface Answer {
  /** What `--json` prints. */
  readonly json: object;
  readonly text: string;
  readonly code: ExitCode;
}

type Run = (command: Command, work: Work) => Promise<void>;

function programOf(surroundings: Surroundings, run: Run): Command {
  const { environment } = surroundings;
  const program = new Command('migsbyu')
    .description('Looks after the lake through its projector.')
    .option('--json', 'print one JSON object, as the projector answers, and nothing else on stdout')
    .option(
      '--projector <url>',
      'address of the projector, instead of PROJECTOR_URL',
      environment['PROJECTOR_URL'] || usualProjector,
    )
    .addHelpText('after', epilogue);
  addOperations(program, run);
  addConnector(program, run, surroundings);
  return quiet(program, surroundings);
}

/** Speaks through the surroundings, and ends no process; its subcommands do the same. */
function quiet(command: Command, surroundings: Surroundings): Command {
  const { out: writeOut, err: writeErr } = surroundings;
  for (const subcommand of command.commands) quiet(subcommand, surroundings);
  return command.configureOutput({ writeOut, writeErr }).exitOverride();
}

function addOperations(program: Command, run: Run): void {
  const command = (name: string, description: string, work: (table?: string) => Work) =>
    program
      .command(name)
      .description(description)
      .action((...given: unknown[]) => run(given.at(-1) as Command, work(tableIn(given))));
  command('status', 'Show what the projector does, how far each table is, and what is running.', () => status);
  command('fold', 'Fold every table up to the changelog’s end now, without waiting until it is worth it.', () =>
    operation('fold', '/v1/folds'),
  );
  command(
    'rebuild <table>',
    'Make a table’s versions anew from the whole changelog, report what differs, and swap them in. Changes and queries go on.',
    (table) => operation('rebuild', '/v1/rebuilds', { table }),
  );
  command(
    'resnapshot',
    'Open a new epoch of the source by a snapshot, which is compared with the lake. The history stays.',
    () => operation('resnapshot', '/v1/resnapshots'),
  );
  command(
    'verify [table]',
    'Compare the open versions of a table, or of all, with the rows of the source. Changes and queries go on.',
    (table) => operation('verification', '/v1/verifications', table === undefined ? {} : { table }),
  );
  command('cancel <id>', 'Cancel what is running (status shows its id), and wait until it has ended.', (id) =>
    cancellation(id!),
  );
}

function addConnector(program: Command, run: Run, { environment, connector }: Surroundings): void {
  const group = program
    .command('connector')
    .description('Look after the Debezium connector in Kafka Connect (CHANGE_SOURCE=kafka).')
    .option(
      '--connect <url>',
      'address of Kafka Connect, instead of CONNECT_URL',
      environment['CONNECT_URL'] || usualConnect,
    )
    .option('--name <name>', 'the connector’s name, instead of CONNECTOR', environment['CONNECTOR'] || 'migsbyu');
  for (const [verb, description] of Object.entries(connectorVerbs))
    group
      .command(verb)
      .description(description)
      .action((_options: object, command: Command) => {
        const { connect, name } = group.opts<{ connect: string; name: string }>();
        if (!isAddress(connect)) throw new WrongAddress('The address of Kafka Connect', connect, usualConnect);
        return run(command, () => connectorWork(verb as ConnectorVerb, new Connector(connect, name), connector));
      });
}

/** Commander hands over the arguments, the options and the command. */
const tableIn = (given: readonly unknown[]): string | undefined =>
  typeof given[0] === 'string' ? given[0] : undefined;

const status: Work = async (projector) => {
  const json = await projector.ask('GET', '/v1/status');
  return { json, text: describeStatus(json), code: exitCodes.fine };
};

const operation =
  (name: string, collection: string, body?: object): Work =>
  async (projector, progress, interrupted) => {
    const options = { progress: progress.show.bind(progress), ...(interrupted && { interrupted }) };
    const ended = await conduct(projector, { name, collection, body }, options).finally(() => progress.end());
    return { json: ended, text: describe(name, ended), code: exitCodeOf(ended) };
  };

const cancellation =
  (id: string): Work =>
  async (projector) => {
    const ended = await cancel(projector, id);
    return { json: ended, text: describe(ended.kind, ended), code: exitCodes.fine };
  };

async function answered({ json, projector }: Options, surroundings: Surroundings, work: Work): Promise<ExitCode> {
  const { out, err, isTerminal, interrupted } = surroundings;
  if (!isAddress(projector)) {
    err(`${new WrongAddress("The projector's address", projector, usualProjector).message}\n`);
    return exitCodes.usage;
  }
  try {
    const answer = await work(new ProjectorClient(projector), new ProgressLine(err, isTerminal), interrupted);
    if (json) out(`${JSON.stringify(answer.json)}\n`);
    else (answer.code === exitCodes.fine ? out : err)(answer.text);
    return answer.code;
  } catch (error) {
    const { code, message } = error as Error & { code?: string };
    if (json)
      out(`${JSON.stringify({ error: error instanceof Refused ? error.problem : { code, detail: message } })}\n`);
    err(`${message}\n`);
    return failureOf(error);
  }
}

function failureOf(error: unknown): ExitCode {
  if (error instanceof WaitingInterrupted) return exitCodes.interrupted;
  if (error instanceof Unreachable || (error instanceof ConnectFailed && error.cause)) return exitCodes.unreachable;
  return error instanceof Refused && error.code === 'invalid' ? exitCodes.usage : exitCodes.failed;
}
