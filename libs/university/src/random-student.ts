import { faker } from '@faker-js/faker/locale/en';

/** What a student is registered with. Decimals and dates are text, as Postgres prints them. */
export interface RandomStudent {
  readonly first_name: string;
  readonly last_name: string;
  readonly gender: string | null;
  readonly address: string | null;
  readonly date_of_birth: string;
  readonly major: string | null;
  readonly year_of_study: number;
  readonly gpa: string | null;
  readonly enrollment_status: 'full-time' | 'part-time';
}

const majors = [
  'Architecture',
  'Biology',
  'Business Administration',
  'Chemistry',
  'Computer Science',
  'Economics',
  'Electrical Engineering',
  'English Literature',
  'History',
  'Mathematics',
  'Mechanical Engineering',
  'Nursing',
  'Philosophy',
  'Physics',
  'Psychology',
] as const;

const genders = [
  { value: 'female', weight: 49 },
  { value: 'male', weight: 49 },
  { value: 'non-binary', weight: 2 },
] as const;

const yearsOfStudy = [
  { value: 1, weight: 24 },
  { value: 2, weight: 24 },
  { value: 3, weight: 23 },
  { value: 4, weight: 22 },
  { value: 5, weight: 5 },
  { value: 6, weight: 2 },
];

/** In hundredths, both ends included: grades crowd at the top. */
const gpaBands = [
  { value: { min: 0, max: 199 }, weight: 10 },
  { value: { min: 200, max: 299 }, weight: 20 },
  { value: { min: 300, max: 349 }, weight: 30 },
  { value: { min: 350, max: 400 }, weight: 40 },
];

const enrollmentStatuses = [
  { value: 'full-time', weight: 40 },
  { value: 'part-time', weight: 1 },
] as const;

const youngest = 18;
const oldest = 26;

/**
 * The `index`th student of a seed: the same whenever and wherever it is asked for, and without making those before, so
 * that work that was broken off goes on where it was. `today` (`2026-03-01`) is the day of whom the ages are true.
 */
export function randomStudent(seed: number, index: number, today: string): RandomStudent {
  faker.seed([seed, index]);
  const gender = faker.helpers.weightedArrayElement(genders);
  return {
    first_name: faker.person.firstName(gender === 'non-binary' ? undefined : gender),
    last_name: faker.person.lastName(),
    gender,
    address: `${faker.location.streetAddress()}, ${faker.location.city()}, ${faker.location.state({ abbreviated: true })} ${faker.location.zipCode('#####')}`,
    date_of_birth: dateOfBirth(today),
    major: faker.helpers.arrayElement(majors),
    year_of_study: faker.helpers.weightedArrayElement(yearsOfStudy),
    gpa: (faker.number.int(faker.helpers.weightedArrayElement(gpaBands)) / 100).toFixed(2),
    enrollment_status: faker.helpers.weightedArrayElement(enrollmentStatuses),
  };
}

/** Of somebody whose last birthday was their 18th to 26th. */
function dateOfBirth(today: string): string {
  const [year, month, day] = today.split('-').map(Number) as [number, number, number];
  const age = faker.number.int({ min: youngest, max: oldest });
  const lastDay = Date.UTC(year - age, month - 1, day);
  // a year and a day before, at most 366 days
  const days = (lastDay - Date.UTC(year - age - 1, month - 1, day)) / 86_400_000;
  return new Date(lastDay - faker.number.int({ min: 0, max: days - 1 }) * 86_400_000).toISOString().slice(0, 10);
}
