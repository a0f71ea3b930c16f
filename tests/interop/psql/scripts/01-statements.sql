set client_min_messages = warning;
drop table if exists people;
create table people (id integer primary key, name varchar(50) not null, born date, score numeric(8,2), active boolean default true);
insert into people (id, name, born, score) values (1, 'Ada', '1815-12-10', 99.5), (2, 'Grace', '1906-12-09', 88), (3, 'Zoë', null, null);
select id, name, born, score, active from people order by id;
select name from people where active and score > 90;
update people set score = score + 1 where id in (1, 2);
update people set active = false where name = 'Zoë' and score is null;
select id, score, active from people order by score desc nulls last;
delete from people where id = 2;
select count(*) as how_many, max(score) as best from people;
select * from people where false;
\x on
select id, name from people where id = 1;
\x off
drop table people;
