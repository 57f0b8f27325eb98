import { describe, expect, it } from '@jest/globals';
import { problemDocument } from './problem-document.js';
import { problemPage } from './problem-page.js';
import { isProblemCode, problemCodes, problemTypes } from './problem-types.js';
import { invalid, Problem } from './problem.js';

describe('a problem', () => {
  it('becomes a document with its type, status and correlation id', () => {
    expect(problemDocument(new Problem('not-found', 'No building has the id B7.'), 'c-1')).toEqual({
      type: '/problems/not-found',
      title: 'Nothing is here',
      status: 404,
      detail: 'No building has the id B7.',
      code: 'not-found',
      correlation_id: 'c-1',
    });
  });

  it('keeps its own members even where an extra one has their name', () => {
    const problem = new Problem('has-dependents', '2 rooms.', { extra: { status: 1, dependents: { rooms: 2 } } });
    expect(problemDocument(problem, 'c')).toMatchObject({ status: 409, dependents: { rooms: 2 } });
  });

  it('tells when to come back as whole seconds', () => {
    expect(new Problem('unavailable', 'Away.', { retryAfter: 0.2 }).headers).toEqual({ 'Retry-After': '1' });
  });

  it('tells back what came, shortened, and never as a value that JSON turns into null', () => {
    const error = { pointer: '/x', code: 'wrong-type', detail: 'x is wrong.' };
    const got = (value: unknown) => problemDocument(invalid([{ ...error, got: value }]), 'c').errors![0]!.got;
    expect(got(Infinity)).toBe('Infinity');
    expect(got(null)).toBeNull();
    expect(got('y'.repeat(500))).toBe(`${'y'.repeat(200)}…`);
    expect(got({ a: 1 })).toEqual({ a: 1 });
  });

  it('says in its detail how many values are bad', () => {
    const error = { parameter: 'limit', code: 'out-of-range', detail: 'limit is 0.' };
    expect(invalid([error]).message).toBe('limit is 0.');
    expect(invalid([error, error, error]).message).toBe('limit is 0. (and 2 more)');
  });
});

describe('the table of problems', () => {
  it('has statuses that HTTP calls errors, and a page for each code that links to all others', () => {
    for (const code of problemCodes) {
      expect(problemTypes[code].status).toBeGreaterThanOrEqual(400);
      expect(problemPage(code)).toContain(`<h1>${problemTypes[code].title}</h1>`);
      for (const other of problemCodes) expect(problemPage(code)).toContain(`href="${other}"`);
    }
  });

  it('knows no code by inheritance', () => {
    expect(isProblemCode('constructor')).toBe(false);
    expect(isProblemCode('invalid')).toBe(true);
  });
});
