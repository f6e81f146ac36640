//! What must hold of use: counters and days are what raw events come to, those that are put away
//! included.

/// What must hold of use.
pub(super) const USAGE: &[(&str, &str)] = &[
    (
        "U1 a counter is what its events come to, here and in archives",
        "SELECT organization_id, meter, limit_window, window_start, c.used, e.counted \
         FROM usage_counters c FULL JOIN (SELECT organization_id, meter, limit_window, \
         window_start, CASE m.aggregation WHEN 'max' THEN max(largest) \
         WHEN 'latest' THEN (array_agg(latest ORDER BY latest_at DESC, latest_seq DESC))[1] \
         WHEN 'unique' THEN count(DISTINCT value) ELSE coalesce(sum(total), 0) END AS counted \
         FROM (SELECT organization_id, meter, limit_window, window_start, quantity AS total, \
         quantity AS largest, quantity AS latest, at AS latest_at, seq AS latest_seq, \
         (properties->property)::text AS value FROM usage_events LEFT JOIN meters USING (meter) \
         UNION ALL SELECT organization_id, meter, limit_window, window_start, c.total, largest, \
         latest, latest_at, latest_seq, NULL FROM usage_checkpoints c \
         JOIN usage_archives USING (month) \
         UNION ALL SELECT organization_id, meter, limit_window, window_start, NULL, NULL, NULL, \
         NULL, NULL, nullif(value, '')::jsonb::text FROM usage_checkpoint_values \
         JOIN usage_archives USING (month)) counted LEFT JOIN meters m USING (meter) \
         GROUP BY organization_id, meter, limit_window, window_start, m.aggregation) e \
         USING (organization_id, meter, limit_window, window_start) \
         WHERE c.used IS DISTINCT FROM coalesce(e.counted, 0)",
    ),
    (
        "U1 where distinct values count, the counter is how many were seen",
        "SELECT organization_id, meter, limit_window, window_start, c.used, v.seen \
         FROM (SELECT * FROM usage_counters JOIN meters USING (meter) \
         WHERE aggregation = 'unique') c FULL JOIN (SELECT organization_id, meter, limit_window, \
         window_start, count(*) AS seen FROM usage_values \
         GROUP BY organization_id, meter, limit_window, window_start) v \
         USING (organization_id, meter, limit_window, window_start) \
         WHERE coalesce(c.used, 0) <> coalesce(v.seen, 0)",
    ),
    (
        "U2 events are numbered without gaps, here and in archives",
        "SELECT organization_id, a.last_seq, e.here, c.away, e.most FROM usage_accounts a \
         FULL JOIN (SELECT organization_id, count(*) AS here, count(DISTINCT seq) AS numbers, \
         max(seq) AS most FROM usage_events GROUP BY organization_id) e USING (organization_id) \
         FULL JOIN (SELECT organization_id, sum(c.events) AS away FROM usage_checkpoints c \
         JOIN usage_archives USING (month) GROUP BY organization_id) c USING (organization_id) \
         WHERE a.last_seq IS DISTINCT FROM coalesce(e.here, 0) + coalesce(c.away, 0) \
         OR e.numbers <> e.here OR e.most > a.last_seq",
    ),
    (
        "U3 one event for each use that was counted, as long as it is not in an archive",
        "SELECT organization_id, event_id, count(*) FROM usage_events e \
         FULL JOIN (SELECT * FROM usage_keys WHERE recorded) k USING (organization_id, event_id) \
         GROUP BY organization_id, event_id \
         HAVING (count(*) <> 1 OR count(e.seq) <> 1 OR count(k.decided_at) <> 1) \
         AND NOT (count(e.seq) = 0 AND max(k.decided_at) < coalesce((SELECT max(month) \
         + interval '1 month 36 days' FROM usage_archives), '-infinity'))",
    ),
    (
        "U4 warnings: what a counter remembers to have told was told once",
        "SELECT organization_id, meter, data->>'percent', data->>'window_start', count(*) \
         FROM outbox, LATERAL (SELECT data->>'meter' AS meter) of_it \
         WHERE type = 'quota.warning' AND meter NOT IN (SELECT meter FROM features \
         WHERE limit_window LIKE 'rolling%') \
         GROUP BY organization_id, meter, data->>'percent', data->>'window_start' \
         HAVING count(*) > 1",
    ),
    (
        "U5 a day is what its events come to, as far as they are rolled up and not in an archive",
        "SELECT organization_id, meter, day, d.used, d.events, e.used, e.events FROM usage_days d \
         FULL JOIN (SELECT organization_id, meter, (at AT TIME ZONE 'UTC')::date AS day, \
         count(*) AS events, CASE m.aggregation WHEN 'max' THEN max(quantity) \
         WHEN 'latest' THEN (array_agg(quantity ORDER BY at DESC, seq DESC))[1] \
         WHEN 'unique' THEN count(DISTINCT coalesce((properties->m.property)::text, '')) \
         ELSE sum(quantity) END AS used FROM usage_events JOIN usage_rollups \
         USING (organization_id) LEFT JOIN meters m USING (meter) WHERE seq <= rolled_seq \
         GROUP BY organization_id, meter, 3, m.aggregation) e USING (organization_id, meter, day) \
         WHERE (d.used, d.events) IS DISTINCT FROM (e.used, e.events) AND day >= coalesce((SELECT \
         max(month) + interval '1 month' FROM usage_archives), '-infinity')",
    ),
    (
        "U6 an archived month has as many events, and their sum, as its checkpoints",
        "SELECT month, a.events, a.total, c.events, c.total FROM usage_archives a LEFT JOIN \
         (SELECT month, sum(events) AS events, sum(total) AS total FROM usage_checkpoints \
         GROUP BY month) c USING (month) WHERE (a.events, a.total) \
         IS DISTINCT FROM (coalesce(c.events, 0), coalesce(c.total, 0))",
    ),
];
