select distinct n from {s} order by n
select distinct n, c from {s} order by 1,2
select distinct on (n) n, id from {s} order by n, id
select n, count(*) from {s} group by n order by n
select c, count(*), min(n), max(n) from {s} group by c order by c
select upper(n), count(*) from {s} group by upper(n) order by 1
select lower(n) as l, count(*) from {s} group by l order by l
select n from {s} union select c from {s} order by 1
select n from {s} union all select sn from {o} order by 1
select n from {s} except select sn from {o} order by 1
select n from {s} intersect select sn from {o} order by 1
select id from {s} order by n, id
select id from {s} order by n desc nulls last, id
select id from {s} order by lower(n), id
select id from {s} where n = 'al'
select id from {s} where n <> 'al' order by id
select id from {s} where n = 'bo'
select id from {s} where n in ('al','BO','bo ') order by id
select id from {s} where n not in ('al','BO','bo ') order by id
select id from {s} where n like 'a%' order by id
select id from {s} where n ilike 'a%' order by id
select id from {s} where n like '%\_c' order by id
select id from {s} where n like 'bo' order by id
select id from {s} where n between 'A' and 'b' order by id
select id from {s} where n > 'al' order by id
select id from {s} where n >= c order by id
select id from {s} where n = c
select s.id, o.id from {s} s join {o} o on s.n = o.sn order by 1,2
select s.id, o.id from {s} s left join {o} o on o.sn = s.n order by 1,2
select s.id, o.id from {s} s, {o} o where lower(s.n) = lower(o.sn) order by 1,2
select id from {s} s where exists (select 1 from {o} o where o.sn = s.n) order by id
select id from {s} where n in (select sn from {o}) order by id
select id from {s} where n not in (select sn from {o} where sn is not null) order by id
select min(n), max(n) from {s}
select count(distinct n), count(distinct c) from {s}
select count(distinct lower(n)) from {s}
select max(c) from {s} where n < 'a'
select case n when 'al' then 1 when 'AL' then 2 end from {s} order by id
select case when n = 'AL' then 1 else 0 end from {s} order by id
select nullif(n, 'al') from {s} order by id
select coalesce(n, 'none') from {s} order by id
select coalesce(n, c) = 'al' from {s} order by id
select greatest(n, 'b'), least(n, 'b') from {s} order by id
select n || '|' from {s} order by id
select length(n), position('l' in n), substr(n, 1, 1), trim(n) || '|', replace(n, 'A', 'z') from {s} order by id
select id from {s} where substr(n, 1, 1) = 'a' order by id
select id from {s} where trim(n) = 'bo' order by id
select row_number() over (partition by n order by id), id from {s} order by id
select rank() over (order by n), id from {s} order by id
select first_value(n) over (order by n, id) from {s} where id < 4
select n, max(c) from {s} group by n having max(c) = 'X ' order by 1
select n from {s} where id < 4 group by n having n = 'al'
select q.n, count(*) from (select n from {s}) q group by q.n order by 1
select q.n from (select distinct n from {s}) q where q.n = 'AL'
with q as (select n, id from {s}) select n, count(*) from q group by n order by n
with q as (select n, id from {s}) select id from q where n = 'al'
select id from {s} where (n, c) = ('al', 'x')
select id from {s} where (n, c) in (('al','x'),('AL','x')) order by id
select id from {s} where n is distinct from 'al' order by id
select id from {s} where n is not distinct from 'al' order by id
select id from {s} where n = any(array['al','bo']) order by id
select id from {s} where starts_with(n, 'a') order by id
select id from {s} where left(n, 2) = 'al' order by id
select id from {s} where n ~ '^a' order by id
select n collate "C" from {s} order by n collate "C"
select n = 'al' as e, count(*) from {s} group by n = 'al' order by 2
select n from {s} group by n, c order by n, c
select n, id from {s} order by 1, 2 limit 3
select distinct c from {s} where c is not null order by c desc limit 3
select max(n) from {s} group by c order by 1
select id from {s} where n = c || '' order by id
select (select max(n) from {s})
select id from {s} where n = (select max(n) from {s}) order by id
select distinct lower(n) from {s} order by 1
select n as "N" from {s} where id = 2
select a.n, b.n from {s} a join {s} b using (n) order by a.id
select n from {s} natural join {o} order by 1
select s.n from {s} s join (select n, count(*) k from {s} group by n) g on g.n = s.n order by 1
insert into {o} (id, sn) select id + 10, n from {s} where n = 'AL'
select * from {o} order by id
update {s} set c = 'q' where n = 'al' returning id, n, c
update {s} set n = lower(n) where n = 'AL' returning id, n
select id, n, c from {s} order by id
delete from {s} where n = 'bo' returning id
delete from {s} where n in ('BO', 'ab_c')
select id from {s} order by id
select n from {s} where id = 1
