DROP TABLE auto_top_ups;
DROP INDEX checkouts_charged;
ALTER TABLE checkouts DROP COLUMN saved_method, DROP COLUMN saves_method;
