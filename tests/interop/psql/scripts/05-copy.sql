set client_min_messages = warning;
drop table if exists c;
create table c (id integer primary key, name varchar(40), n numeric(10,3), d date, b boolean);
copy c from stdin;
1	one	1.5	2026-01-02	t
2	tab\tbackslash\\ ü	-2	1999-12-31	f
3	\N	\N	\N	\N
4		0	2000-02-29	true
\.
select id, name, n, d, b from c order by id;
copy c (name, id) from stdin;
seven	7
eight	8
\.
select count(*), count(name), count(n) from c;
-- All or nothing.
copy c from stdin;
20	ok	1	2026-01-02	t
x	bad	1	2026-01-02	t
\.
copy c from stdin;
21	ok	1	2026-01-02	t
1	duplicate	1	2026-01-02	t
\.
copy c from stdin;
22	too few
\.
select count(*) from c;
begin;
copy c (id) from stdin;
30
\.
rollback;
select count(*) from c;
-- With \copy, whose data is in a file: behind a refused COPY whose data is in the script, newer psql reads the rest as data.
\copy nowhere from /dev/null
drop table c;
