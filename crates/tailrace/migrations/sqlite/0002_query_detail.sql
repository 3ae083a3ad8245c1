-- What is asked for with one query only, and would make lists of them long: the rows that a comparison found to differ.
ALTER TABLE queries ADD COLUMN detail TEXT;
