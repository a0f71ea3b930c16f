CREATE EXTENSION IF NOT EXISTS vector;
CREATE TABLE public.customers (
  id serial PRIMARY KEY,
  name varchar(80) NOT NULL,
  email text UNIQUE,
  active boolean DEFAULT true,
  balance numeric(12,2),
  created_at timestamp DEFAULT now(),
  dob date,
  notes text
);
COMMENT ON TABLE public.customers IS 'People who buy things';
COMMENT ON COLUMN public.customers.email IS 'unique contact address';
CREATE INDEX customers_name_lower_idx ON public.customers (lower(name));
CREATE TABLE public.orders (
  id bigserial PRIMARY KEY,
  customer_id int REFERENCES public.customers(id) ON DELETE CASCADE,
  total numeric,
  status varchar(20) DEFAULT 'new' CHECK (status IN ('new','paid','shipped')),
  placed_at timestamptz
);
CREATE INDEX orders_customer_idx ON public.orders (customer_id, placed_at DESC);
CREATE TABLE public.docs (
  id bigint PRIMARY KEY,
  title text,
  embedding vector(3)
);
CREATE INDEX docs_embedding_hnsw ON public.docs USING hnsw (embedding vector_l2_ops);
CREATE VIEW public.active_customers AS
  SELECT id, name, email, balance FROM public.customers WHERE active;
CREATE SCHEMA sales;
CREATE TABLE sales.invoices (
  invoice_no char(8) PRIMARY KEY,
  order_id bigint NOT NULL REFERENCES public.orders(id),
  amount double precision,
  issued date DEFAULT current_date,
  payload bytea
);
