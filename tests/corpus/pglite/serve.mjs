// serve.mjs PORT FOLDER: the embedded PostgreSQL with a database USER behind a socket; says `ready` once it listens.
import { PGlite } from "@electric-sql/pglite";
import { vector } from "@electric-sql/pglite/vector";
import { PGLiteSocketServer } from "@electric-sql/pglite-socket";

const [port, folder] = process.argv.slice(2);
const first = await PGlite.create(folder, { extensions: { vector } });
await first.exec('create database "USER"');
await first.close();
const db = await PGlite.create(folder, { database: "USER", extensions: { vector } });
await db.exec("create extension vector");
const server = new PGLiteSocketServer({ db, port: Number(port), host: "127.0.0.1" });
await server.start();
console.log("ready");
