import { applyDecorators } from '@nestjs/common';
import { ApiExtraModels, ApiResponse, getSchemaPath } from '@nestjs/swagger';
import { Problem, problemDocument, problemMediaType, problemTypes, type ProblemCode } from '#libs/problems';
import { ProblemAnswer } from './service.dto.js';

/** What any operation may answer with: the edge and the process are the same for all. */
const everywhere: readonly ProblemCode[] = [
  'malformed',
  'unknown-parameter',
  'not-acceptable',
  'invalid',
  'internal',
  'unavailable',
];

/** Documents an operation's problems, beside those that every operation has: one response a status, its codes listed. */
export function ApiProblems(...codes: readonly ProblemCode[]): MethodDecorator & ClassDecorator {
  const all = [...new Set([...codes, ...everywhere])];
  const byStatus = Map.groupBy(all, (code) => problemTypes[code].status);
  return applyDecorators(
    ApiExtraModels(ProblemAnswer),
    ...[...byStatus].map(([status, same]) =>
      ApiResponse({
        status,
        description: same.map((code) => `\`${code}\`: ${problemTypes[code].title}.`).join(' '),
        content: { [problemMediaType]: { schema: schemaOf(same), examples: examplesOf(same) } },
      }),
    ),
  );
}

const schemaOf = (codes: readonly ProblemCode[]) => ({
  allOf: [{ $ref: getSchemaPath(ProblemAnswer) }, { properties: { code: { type: 'string', enum: [...codes] } } }],
});

const examplesOf = (codes: readonly ProblemCode[]) =>
  Object.fromEntries(
    codes.map((code) => {
      const explanation = problemTypes[code].explanation;
      const value = problemDocument(new Problem(code, explanation), '0f8f3a52-6a0b-4c55-9a7e-6f3f9e1b8f10');
      return [code, { summary: problemTypes[code].title, value }];
    }),
  );
