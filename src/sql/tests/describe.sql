-- One statement a line; postgres.py asks PostgreSQL for the names and types of their columns.
SELECT 1, 2147483648, 9223372036854775808, 1.5, 1e3, 'x', NULL, true, false
SELECT -1, +1, 1 + 1, 1 + 2147483648, 1 + 1.5, 7 / 2, 7 % 2, 2 ^ 3, 2.0 ^ 3, 7 / 2.0
SELECT id, name, active, n, big, price, ratio, at, day, ts, uid, doc, raw, code FROM known
SELECT known.id, k.name FROM known, known k
SELECT n + n, n + big, n + price, n + ratio, price * ratio, big / n, n - 1, -n, -price, abs(n), abs(price) FROM known
SELECT n = 1, n > 1 AND active, NOT active, n IS NULL, n BETWEEN 1 AND 2, n IN (1, 2), name LIKE 'a%' FROM known
SELECT (n > 1), ((n)), (n), -(n) FROM known
SELECT n::int8, n::text, name::varchar(20), price::int, '1'::int, '1'::int4, 1::bigint, 1::float8, 1::real, 1::numeric(10,2) FROM known
SELECT n::int8, n::text, name::varchar(20), price::int, code::char(3), n::bool, ts::date, day::timestamp FROM known
SELECT CAST(n AS text), CAST('1' AS integer), CAST(1 AS double precision), CAST('x' AS varchar) FROM known
SELECT '1'::int::text, n::int::text, (n + 1)::text, count(*)::int, sum(n)::float FROM known GROUP BY n
SELECT date '2024-01-01', timestamp '2024-01-01', timestamptz '2024-01-01', interval '1 day', time '10:00', int '1'
SELECT 't'::bool, 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'::uuid, '{}'::jsonb, '\x00'::bytea, '{1,2}'::int[]
SELECT count(*), count(n), sum(n), sum(big), sum(price), sum(ratio), avg(n), avg(price), avg(ratio) FROM known
SELECT min(n), max(name), min(code), max(at), min(price), bool_and(active), bool_or(active), every(active) FROM known
SELECT count(DISTINCT name), sum(n) FILTER (WHERE active), string_agg(name, ','), json_agg(n), jsonb_agg(n) FROM known
SELECT stddev(n), stddev(ratio), variance(price), var_pop(n) FROM known
SELECT row_number() OVER (), rank() OVER (ORDER BY n), ntile(4) OVER (), lag(n) OVER (ORDER BY n), sum(n) OVER () FROM known
SELECT now(), current_timestamp, current_date, localtimestamp, clock_timestamp(), transaction_timestamp()
SELECT now() - interval '1 day', day + interval '1 day', ts + interval '1 day', at + interval '1 day' FROM known
SELECT day + 1, day - 1, day - day, current_date + 7 FROM known
SELECT extract(year from ts), extract(epoch from at), date_part('year', ts), date_trunc('month', ts), date_trunc('day', at) FROM known
SELECT date_trunc('day', day), to_char(at, 'YYYY'), to_date('2024-01-01', 'YYYY-MM-DD'), at AT TIME ZONE 'UTC', ts AT TIME ZONE 'UTC' FROM known
SELECT length(name), char_length(name), lower(name), upper(name), trim(name), trim(leading from name), trim(trailing from name) FROM known
SELECT substring(name from 1 for 2), substr(name, 1), position('a' in name), strpos(name, 'a'), replace(name, 'a', 'b') FROM known
SELECT left(name, 1), right(name, 1), lpad(name, 3), reverse(name), repeat(name, 2), ascii(name), chr(65), concat(name, 1) FROM known
SELECT concat_ws(',', name, code), split_part(name, ',', 1), btrim(name), ltrim(name), rtrim(name), name || code, n || name FROM known
SELECT round(price), round(price, 1), round(ratio), ceil(price), ceil(ratio), floor(price), trunc(price), trunc(price, 1) FROM known
SELECT sqrt(ratio), power(ratio, 2), mod(n, 2), mod(big, n), sign(price), exp(ratio), ln(ratio), pi() FROM known
SELECT coalesce(name, 'x'), coalesce(n, 0), coalesce(price, 0), nullif(n, 1), nullif(name, ''), greatest(n, big), least(1, 2) FROM known
SELECT CASE WHEN active THEN 1 ELSE 2 END, CASE WHEN active THEN 'a' END, CASE n WHEN 1 THEN n ELSE big END FROM known
SELECT CASE WHEN active THEN 1 ELSE n END, CASE WHEN active THEN n END, CASE WHEN active THEN 1.5 ELSE n END FROM known
SELECT EXISTS (SELECT 1), (SELECT 1), (SELECT n FROM known LIMIT 1), (SELECT count(*) FROM known), (SELECT 1 AS x)
SELECT ARRAY[1,2], ARRAY['a','b'], ARRAY[1.5]
SELECT version(), current_user, session_user, user, current_database(), current_schema(), current_catalog, current_role
SELECT pg_backend_pid(), current_setting('server_version_num'), pg_is_in_recovery(), current_schemas(true), txid_current()
SELECT pg_catalog.version(), pg_catalog.current_database()
SELECT n AS "Mixed", n AS x, n y, n AS "a b" FROM known
SELECT n AS x, count(*) AS c FROM known GROUP BY 1 ORDER BY 2
SELECT n, 'a' AS k FROM known UNION ALL SELECT big, 'b' FROM known
SELECT 1 AS a UNION SELECT 2.5
SELECT NULL UNION SELECT 1
VALUES (1, 'a'), (2, 'b')
VALUES (1, NULL), (2.5, 'b')
SELECT * FROM (VALUES (1, 'a')) AS v(id, name)
SELECT * FROM (SELECT n, count(*) FROM known GROUP BY n) s
SELECT count FROM (SELECT count(*) FROM known) s
SELECT s.n + 1, s.total FROM (SELECT n, sum(price) AS total FROM known GROUP BY n) s
WITH a AS (SELECT 1 AS x, 'y' AS y) SELECT *, x + 1 FROM a
WITH a(p, q) AS (SELECT 1, 2) SELECT p, q FROM a
SELECT DISTINCT ON (n) n, name FROM known ORDER BY n, name
SELECT name COLLATE "C" FROM known
SELECT gen_random_uuid(), random()
SELECT jsonb_build_object('a', 1), json_build_array(1, 2)
SELECT 1 = 1, 'a' = 'b', 1 < 2, true AND false, NOT true, 1 IS NULL, 1 IS DISTINCT FROM 2
SELECT a.n, b.n FROM known a LEFT JOIN known b ON a.id = b.id
TABLE known
