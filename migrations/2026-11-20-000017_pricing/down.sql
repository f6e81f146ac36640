DROP INDEX invoice_lines_use;
ALTER TABLE invoice_lines DROP COLUMN used;
DROP TABLE price_components;
ALTER TABLE prices DROP COLUMN model;
