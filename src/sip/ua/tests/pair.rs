//! Two user agents and a bad network between them.
