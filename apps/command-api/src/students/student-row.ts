/** The students' table: its columns, and how a state looks as a row. */
import type { ListSpec } from '#libs/list-query';
import type { Row, Table } from '../event-store/table.js';
import type { Student } from './student.js';

/** In the order in which every answer lists them. */
export const studentList = {
  fields: [
    { name: 'id', type: 'text' },
    { name: 'first_name', type: 'text' },
    { name: 'last_name', type: 'text' },
    { name: 'gender', type: 'text', nullable: true },
    { name: 'address', type: 'text', nullable: true },
    { name: 'date_of_birth', type: 'date' },
    { name: 'major', type: 'text', nullable: true },
    { name: 'year_of_study', type: 'smallint' },
    { name: 'gpa', type: 'numeric(3,2)', nullable: true },
    { name: 'enrollment_status', type: 'text' },
  ],
  key: ['id'],
} as const satisfies ListSpec;

export const studentsTable: Table = {
  name: 'students',
  key: studentList.key,
  columns: studentList.fields.map(({ name }) => name).filter((name) => name !== 'id'),
};

export const studentRow = (student: Student): Row | null => student && { ...student };
