// serve.mjs PORT: the embedded PostgreSQL behind a socket; says `ready` once it listens.
import { PGlite } from "@electric-sql/pglite";
import { vector } from "@electric-sql/pglite/vector";
import { PGLiteSocketServer } from "@electric-sql/pglite-socket";

const db = await PGlite.create({ extensions: { vector } });
await db.exec("create extension vector");
const server = new PGLiteSocketServer({ db, port: Number(process.argv[2]), host: "127.0.0.1" });
await server.start();
console.log("ready");
