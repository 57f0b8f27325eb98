export { university } from './catalog.js';
export { randomStudent, type RandomStudent } from './random-student.js';
