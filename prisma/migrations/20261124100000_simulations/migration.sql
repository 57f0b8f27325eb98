-- Commands that are made up and sent at a rate. `done` counts from the front without a gap: whoever takes a broken one
-- over begins there, and the idempotency keys of its commands keep what had gone further from happening twice.
CREATE TABLE internal.simulations (
  id             uuid             NOT NULL,
  kind           text             COLLATE "C" NOT NULL,
  total          integer          NOT NULL CONSTRAINT simulations_total_check CHECK (total >= 1),
  seed           bigint           NOT NULL,
  rate           double precision CONSTRAINT simulations_rate_check CHECK (rate > 0),
  today          date             NOT NULL DEFAULT current_date,
  actor          text             COLLATE "C" NOT NULL,
  correlation_id text             COLLATE "C" NOT NULL,
  state          text             COLLATE "C" NOT NULL DEFAULT 'running',
  done           integer          NOT NULL DEFAULT 0,
  measured_rate  double precision,
  failure        text             COLLATE "C",
  created_at     timestamptz      NOT NULL DEFAULT now(),
  progressed_at  timestamptz      NOT NULL DEFAULT now(),
  finished_at    timestamptz,
  CONSTRAINT simulations_pkey PRIMARY KEY (id),
  CONSTRAINT simulations_done_check CHECK (done BETWEEN 0 AND total),
  CONSTRAINT simulations_state_check CHECK (state IN ('running', 'done', 'cancelled', 'failed'))
);
