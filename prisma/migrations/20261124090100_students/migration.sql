CREATE TABLE students (
  id                varchar(10)   COLLATE "C" NOT NULL,
  first_name        text          COLLATE "C" NOT NULL,
  last_name         text          COLLATE "C" NOT NULL,
  gender            text          COLLATE "C",
  address           text          COLLATE "C",
  date_of_birth     date          NOT NULL,
  major             text          COLLATE "C",
  year_of_study     smallint      NOT NULL,
  gpa               numeric(3, 2),
  enrollment_status text          COLLATE "C" NOT NULL,
  version           integer       NOT NULL,
  CONSTRAINT students_pkey PRIMARY KEY (id),
  CONSTRAINT students_year_of_study_check CHECK (year_of_study BETWEEN 1 AND 6),
  CONSTRAINT students_gpa_check CHECK (gpa BETWEEN 0 AND 4),
  CONSTRAINT students_enrollment_status_check CHECK (enrollment_status IN ('full-time', 'part-time'))
);

-- The whole row before a change, in the log: the lake keeps it.
ALTER TABLE students REPLICA IDENTITY FULL;

ALTER PUBLICATION migsbyu ADD TABLE students;
