set client_min_messages = warning;
drop table if exists s;
create table s (id integer primary key)\; insert into s values (1)\; insert into s values (2);
select count(*) from s;
-- One Query message is one transaction: the duplicate undoes the insert before it.
insert into s values (3)\; insert into s values (1)\; insert into s values (4);
select id from s order by id;
begin\; insert into s values (5)\; commit\; insert into s values (1);
select id from s order by id;
select 1 as a\; select 2 as b\; ;
drop table s;
