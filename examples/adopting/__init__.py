"""From a table with a status column to instances of a machine."""
