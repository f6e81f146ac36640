-- Consumes a credit in one call.
\set nth random(:first, :last)
SELECT bench.consume(bench.organization(0, :nth));
