/**
 * Registers students, one a command: over HTTP, by the event store without HTTP, or by its one writing statement alone,
 * which is the least that a command can cost.
 */
import { Agent, request } from 'node:http';
import { randomBytes, randomUUID } from 'node:crypto';
import { randomStudent, type RandomStudent } from '#libs/university';
import { append } from '../../apps/command-api/src/event-store/append.js';
import { CommandExecutor } from '../../apps/command-api/src/event-store/command-executor.js';
import { connect } from '../../apps/command-api/src/event-store/connection.js';
import { RegisterStudent, RegisterStudentHandler } from '../../apps/command-api/src/students/student-commands.js';
import { studentRow, studentsTable } from '../../apps/command-api/src/students/student-row.js';
import { closedLoop, type LoopOptions } from './closed-loop.js';
import { serveLoad } from './load-process.js';

export type Way = 'statement' | 'event store' | 'HTTP';

export interface RegisterOptions extends LoopOptions {
  readonly way: Way;
  readonly databaseUrl: string;
  readonly commandApiUrl: string;
}

/** Made before, since making one costs as much as sending it. */
const students = Array.from({ length: 2000 }, (_, index) => randomStudent(1, index, '2026-03-01'));
let made = 0;
const nextStudent = (): RandomStudent => students[made++ % students.length]!;
const newId = (): string => randomBytes(5).toString('hex').toUpperCase();

function byStatement({ databaseUrl }: RegisterOptions): () => Promise<void> {
  const database = connect(databaseUrl);
  const metadata = { actor: 'bench', command: 'RegisterStudent', correlation_id: '0'.repeat(32) };
  return async () => {
    const student = nextStudent();
    const token = await append(database, {
      table: studentsTable,
      key: [newId()],
      expectedVersion: 0,
      events: [{ type: 'StudentRegistered', data: student }],
      metadata: { ...metadata, command_id: randomUUID(), causation_id: null, traceparent: null },
      row: { before: null, after: studentRow(student) },
    });
    if (!token) throw new Error('A random id was taken.');
  };
}

function byEventStore({ databaseUrl }: RegisterOptions): () => Promise<void> {
  const handler = new RegisterStudentHandler(new CommandExecutor(connect(databaseUrl)));
  const context = { actor: 'bench', correlationId: '0'.repeat(32) };
  return async () => {
    await handler.execute(new RegisterStudent(undefined, nextStudent(), context));
  };
}

function byHttp({ commandApiUrl, connections }: RegisterOptions): () => Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const headers = { 'content-type': 'application/json', 'x-actor': 'bench' };
  const bodies = students.map((student) => JSON.stringify({ ...student, gpa: Number(student.gpa) }));
  const options = { agent, method: 'POST', headers };
  return () =>
    new Promise((resolve, reject) => {
      const body = bodies[made++ % bodies.length]!;
      const asked = request(`${commandApiUrl}/v1/students`, options, (answer) => {
        answer.resume();
        answer.once('error', reject);
        answer.once('end', () =>
          answer.statusCode === 201
            ? resolve()
            : reject(new Error(`A command was answered with ${answer.statusCode}.`)),
        );
      });
      asked.once('error', reject);
      asked.setHeader('content-length', Buffer.byteLength(body));
      asked.end(body);
    });
}

const ways = { statement: byStatement, 'event store': byEventStore, HTTP: byHttp };

await serveLoad((options: RegisterOptions, begun) => closedLoop(options, begun, ways[options.way](options)));
