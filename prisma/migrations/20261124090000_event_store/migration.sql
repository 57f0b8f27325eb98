-- What happened, and to which stream. `sequence` is not the order of commits: transactions overlap, so a reader that
-- polls by it would miss events. Change data capture reads the log instead.
CREATE TABLE domain_events (
  sequence       bigserial   NOT NULL,
  stream_id      text        COLLATE "C" NOT NULL,
  version        integer     NOT NULL CONSTRAINT domain_events_version_check CHECK (version >= 1),
  type           text        COLLATE "C" NOT NULL,
  schema_version smallint    NOT NULL DEFAULT 1,
  data           jsonb       NOT NULL,
  metadata       jsonb       NOT NULL,
  tx_id          xid8        NOT NULL DEFAULT pg_current_xact_id(),
  lsn            pg_lsn      NOT NULL DEFAULT pg_current_wal_insert_lsn(),
  occurred_at    timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT domain_events_pkey PRIMARY KEY (stream_id, version)
);

-- Tables are listed by name: a schema-wide publication needs a superuser, and would capture _prisma_migrations.
CREATE PUBLICATION migsbyu FOR TABLE domain_events;

-- The write side's own tables: never published.
CREATE SCHEMA internal;

-- key: the first 128 bits of SHA-256 over (actor, method, path, Idempotency-Key); request: the same of the body. Its
-- insertion is the lock on which an equal request waits, since key and effect commit together.
-- tx_id, lsn and issued_at are those of the consistency token that the answer carries.
CREATE TABLE internal.idempotency (
  key        uuid        NOT NULL,
  request    uuid        NOT NULL,
  outcome    text        COLLATE "C" NOT NULL CONSTRAINT idempotency_outcome_check CHECK (outcome IN ('answered', 'refused')),
  answer     text        COLLATE "C" NOT NULL,
  tx_id      xid8,
  lsn        pg_lsn,
  issued_at  timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT idempotency_pkey PRIMARY KEY (key)
);

CREATE INDEX idempotency_created_at ON internal.idempotency USING brin (created_at) WITH (pages_per_range = 32);
