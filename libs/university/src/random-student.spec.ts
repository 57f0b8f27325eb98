import { describe, expect, it } from '@jest/globals';
import { randomStudent, type RandomStudent } from './random-student.js';

const today = '2026-02-28';
const sample = Array.from({ length: 20_000 }, (_, index) => randomStudent(7, index, today));

/** Share of the sample, in per cent. */
const share = (is: (student: RandomStudent) => boolean): number => (sample.filter(is).length / sample.length) * 100;
/** Six standard deviations: the seed is fixed, so this never fails by chance, and a wrong weight fails at once. */
const tolerance = (percent: number): number => 6 * Math.sqrt((percent * (100 - percent)) / sample.length);

describe('a random student', () => {
  it('is the same for a seed and an index, in any order, and another for others', () => {
    expect(randomStudent(7, 1234, today)).toEqual(sample[1234]);
    expect(randomStudent(7, 3, today)).toEqual(sample[3]);
    expect(randomStudent(8, 1234, today)).not.toEqual(sample[1234]);
    expect(new Set(sample.map((student) => JSON.stringify(student))).size).toBe(sample.length);
  });

  it.each([
    [0, 2, 10],
    [2, 3, 20],
    [3, 3.5, 30],
    [3.5, 4.01, 40],
  ])('has a GPA from %d to below %d in %d % of cases', (from, to, percent) => {
    const found = share(({ gpa }) => Number(gpa) >= from && Number(gpa) < to);
    expect(Math.abs(found - percent)).toBeLessThan(tolerance(percent));
  });

  it('is in the first four years mostly, in the fifth and sixth rarely', () => {
    for (const year of [1, 2, 3, 4]) expect(share(({ year_of_study }) => year_of_study === year)).toBeGreaterThan(20);
    for (const year of [5, 6]) {
      const rare = share(({ year_of_study }) => year_of_study === year);
      expect(rare).toBeGreaterThan(0);
      expect(rare).toBeLessThan(7);
    }
  });

  it('studies full-time forty times as often as part-time', () => {
    const percent = 100 / 41;
    const found = share(({ enrollment_status }) => enrollment_status === 'part-time');
    expect(Math.abs(found - percent)).toBeLessThan(tolerance(percent));
  });

  it('is 18 to 26 years old today, and every age is as common', () => {
    const ages = sample.map(({ date_of_birth }) => ageOf(date_of_birth));
    expect([Math.min(...ages), Math.max(...ages)]).toEqual([18, 26]);
    for (let age = 18; age <= 26; age++) {
      const found = (ages.filter((of) => of === age).length / ages.length) * 100;
      expect(Math.abs(found - 100 / 9)).toBeLessThan(tolerance(100 / 9));
    }
  });

  it('is of age on a leap day, too', () => {
    for (let index = 0; index < 500; index++) {
      const age = ageOf(randomStudent(1, index, '2024-02-29').date_of_birth, '2024-02-29');
      expect(age).toBeGreaterThanOrEqual(18);
      expect(age).toBeLessThanOrEqual(26);
    }
  });

  it('has one of fifteen majors', () => {
    expect(new Set(sample.map(({ major }) => major)).size).toBe(15);
  });

  it('fits the columns: texts that are not empty, a GPA of two digits, a date', () => {
    for (const { first_name, last_name, address, gpa, date_of_birth } of sample) {
      expect([first_name, last_name, address].every((text) => text && text.trim() === text)).toBe(true);
      expect(gpa).toMatch(/^[0-4]\.\d\d$/);
      expect(Number(gpa)).toBeLessThanOrEqual(4);
      expect(date_of_birth).toMatch(/^\d{4}-\d\d-\d\d$/);
    }
  });
});

/** Birthdays had until the day. */
function ageOf(birth: string, on = today): number {
  const years = Number(on.slice(0, 4)) - Number(birth.slice(0, 4));
  return on.slice(5) >= birth.slice(5) ? years : years - 1;
}
