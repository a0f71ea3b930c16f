CREATE SCHEMA IF NOT EXISTS "sales";
CREATE TABLE "sales"."invoices" ("invoice_no" character(8) NOT NULL, "order_id" bigint NOT NULL, "amount" double precision, "issued" date DEFAULT current_date, "payload" bytea, CONSTRAINT "invoices_pkey" PRIMARY KEY ("invoice_no"));
CREATE TABLE "public"."customers" ("id" serial, "name" character varying(80) NOT NULL, "email" text, "active" boolean DEFAULT true, "balance" numeric(12,2), "created_at" timestamp without time zone DEFAULT now(), "dob" date, "notes" text, CONSTRAINT "customers_email_key" UNIQUE ("email"), CONSTRAINT "customers_pkey" PRIMARY KEY ("id"));
CREATE TABLE "public"."docs" ("id" bigint NOT NULL, "title" text, "embedding" vector(3), CONSTRAINT "docs_pkey" PRIMARY KEY ("id"));
CREATE TABLE "public"."orders" ("id" bigserial, "customer_id" integer, "total" numeric, "status" character varying(20) DEFAULT 'new', "placed_at" timestamp with time zone, CONSTRAINT "orders_pkey" PRIMARY KEY ("id"), CONSTRAINT "orders_status_check" CHECK (status IN ('new','paid','shipped')));
CREATE INDEX "orders_customer_idx" ON "public"."orders" ("customer_id", "placed_at");
ALTER TABLE "sales"."invoices" ADD CONSTRAINT "invoices_order_id_fkey" FOREIGN KEY ("order_id") REFERENCES "public"."orders" ("id");
ALTER TABLE "public"."orders" ADD CONSTRAINT "orders_customer_id_fkey" FOREIGN KEY ("customer_id") REFERENCES "public"."customers" ("id") ON DELETE CASCADE;
DO 'BEGIN IF to_regclass(''"public"."active_customers"'') IS NULL THEN EXECUTE ''CREATE VIEW "public"."active_customers" ("id", "name", "email", "balance") AS SELECT id, name, email, balance FROM public.customers WHERE active''; END IF; END';
