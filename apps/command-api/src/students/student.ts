/**
 * A student of the university: what can happen to one, and what may be asked.
 *
 * Pure: no clock, no id generator, no database. What the outside must provide comes in with the command.
 */
import { Rejection } from '../rejection.js';

/** Everything the university knows of a student. Decimals and dates are text, exactly as
 *  Postgres prints them (the controller brings `3.9` to `3.90` before the decider sees it). */
export interface StudentRecord {
  first_name: string;
  last_name: string;
  gender: string | null;
  address: string | null;
  date_of_birth: string;
  major: string | null;
  year_of_study: number;
  gpa: string | null;
  enrollment_status: 'full-time' | 'part-time';
}

/** Which event tells of a change to which fields: a fact has a name, and one fact is one event. */
const facts = {
  StudentRenamed: ['first_name', 'last_name'],
  StudentMoved: ['address'],
  StudentDetailsCorrected: ['gender', 'date_of_birth'],
  MajorDeclared: ['major'],
  YearOfStudyChanged: ['year_of_study'],
  GpaChanged: ['gpa'],
  EnrollmentStatusChanged: ['enrollment_status'],
} as const satisfies Record<string, readonly (keyof StudentRecord)[]>;

type Fact = keyof typeof facts;

export type StudentEvent =
  | { type: 'StudentRegistered'; data: StudentRecord }
  | { [F in Fact]: { type: F; data: Partial<Pick<StudentRecord, (typeof facts)[F][number]>> } }[Fact]
  | { type: 'StudentRemoved'; data: Record<string, never> };

export type StudentCommand =
  | { type: 'RegisterStudent'; record: StudentRecord }
  | { type: 'ChangeStudent'; changes: Partial<StudentRecord> }
  | { type: 'RemoveStudent' };

/** A removed student is unknown again, and may be registered anew; the stream's version goes on counting. */
export type Student = StudentRecord | null;

export const initialState: Student = null;

export function evolve(student: Student, event: StudentEvent): Student {
  switch (event.type) {
    case 'StudentRegistered':
      return event.data;
    case 'StudentRemoved':
      return null;
    default:
      return { ...student!, ...event.data };
  }
}

export function decide(student: Student, command: StudentCommand): StudentEvent[] {
  if (command.type === 'RegisterStudent') {
    if (student) throw new Rejection('already-exists', 'A student with this id is registered already.');
    return [{ type: 'StudentRegistered', data: command.record }];
  }
  if (!student) throw new Rejection('not-found', 'No student has this id.');
  if (command.type === 'RemoveStudent') return [{ type: 'StudentRemoved', data: {} }];
  return factsOf(student, command.changes);
}

/** One event for each fact that changed; none where nothing did, so that saying the same twice is harmless. */
function factsOf(student: StudentRecord, changes: Partial<StudentRecord>): StudentEvent[] {
  return (Object.keys(facts) as Fact[]).flatMap((fact) => {
    const changed = facts[fact].filter((field) => field in changes && changes[field] !== student[field]);
    if (changed.length === 0) return [];
    return { type: fact, data: Object.fromEntries(changed.map((field) => [field, changes[field]])) } as StudentEvent;
  });
}
