import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { randomBytes } from 'node:crypto';
import type { Aggregate, CommandContext, CommandResult, Outcome } from '../event-store/command.js';
import { CommandExecutor } from '../event-store/command-executor.js';
import { entityTag } from '../http/entity-tag.js';
import { studentRow, studentsTable } from './student-row.js';
import { resourceOf } from './student-resource.js';
import {
  decide,
  evolve,
  initialState,
  type Student,
  type StudentCommand,
  type StudentEvent,
  type StudentRecord,
} from './student.js';

const students: Aggregate<Student, StudentCommand, StudentEvent> = {
  initialState,
  evolve,
  decide,
  table: studentsTable,
  row: studentRow,
};

type Result = CommandResult<StudentEvent>;

export class RegisterStudent extends Command<Result> {
  constructor(
    /** Absent: it is generated. */
    readonly id: string | undefined,
    readonly record: StudentRecord,
    readonly context: CommandContext,
  ) {
    super();
  }
}

export class ChangeStudent extends Command<Result> {
  constructor(
    readonly id: string,
    readonly changes: Partial<StudentRecord>,
    readonly context: CommandContext,
  ) {
    super();
  }
}

export class RemoveStudent extends Command<Result> {
  constructor(
    readonly id: string,
    readonly context: CommandContext,
  ) {
    super();
  }
}

@CommandHandler(RegisterStudent)
export class RegisterStudentHandler implements ICommandHandler<RegisterStudent> {
  constructor(private readonly executor: CommandExecutor) {}

  execute({ id, record, context }: RegisterStudent): Promise<Result> {
    return this.executor.execute({
      aggregate: students,
      key: id === undefined ? () => [randomBytes(5).toString('hex').toUpperCase()] : [id],
      command: { type: 'RegisterStudent', record },
      context,
      answer: (outcome) => {
        const answer = present(outcome);
        return { ...answer, status: 201, headers: { ...answer.headers, Location: `/v1/students/${outcome.key[0]}` } };
      },
    });
  }
}

@CommandHandler(ChangeStudent)
export class ChangeStudentHandler implements ICommandHandler<ChangeStudent> {
  constructor(private readonly executor: CommandExecutor) {}

  execute({ id, changes, context }: ChangeStudent): Promise<Result> {
    const command = { type: 'ChangeStudent', changes } as const;
    return this.executor.execute({ aggregate: students, key: [id], command, context, answer: present });
  }
}

@CommandHandler(RemoveStudent)
export class RemoveStudentHandler implements ICommandHandler<RemoveStudent> {
  constructor(private readonly executor: CommandExecutor) {}

  execute({ id, context }: RemoveStudent): Promise<Result> {
    const command = { type: 'RemoveStudent' } as const;
    return this.executor.execute({ aggregate: students, key: [id], command, context, answer: () => ({ status: 204 }) });
  }
}

const present = ({ key, state, version }: Outcome<Student, StudentEvent>) => ({
  status: 200,
  headers: { ETag: entityTag(version) },
  body: resourceOf(key[0]!, state!),
});
