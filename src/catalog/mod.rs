//! Who answers a statement, and what PostgreSQL types the columns of IRIS tables were declared with.
