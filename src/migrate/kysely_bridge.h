#pragma once

namespace howdah::migrate {

/// Loads Kysely migrations with the user's own node and kysely, and sends every statement that they execute to us as a
/// line of JSON; see tunnel.h for the protocol. argv[1] is the directory, or a file that exports a MigrationProvider.
constexpr const char* kKyselyBridge = R"js(
import path from 'node:path'
import readline from 'node:readline'
import { promises as fs } from 'node:fs'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

console.log = console.error // stdout is the tunnel
const send = (o) => process.stdout.write(JSON.stringify(o) + '\n')
const lines = readline.createInterface({ input: process.stdin })[Symbol.asyncIterator]()
const receive = async () => {
  const { value, done } = await lines.next()
  if (done) process.exit(0)
  return JSON.parse(value)
}
const given = path.resolve(process.argv[1])
const provider = (await fs.stat(given)).isFile()
const directory = provider ? path.dirname(given) : given
const require = createRequire(path.join(directory, 'x.js'))

// Values as the driver `pg` sends and reads them; without it the types that migrations use.
let parser = (oid) => {
  if (oid === 16) return (v) => v === 't'
  if ([21, 23, 26, 700, 701].includes(oid)) return Number
  if (oid === 114 || oid === 3802) return JSON.parse
  if (oid === 1114 || oid === 1184) return (v) => new Date(v)
  return (v) => v
}
const text = (v) => {
  if (v === null || v === undefined) return null
  if (v instanceof Date) return v.toISOString()
  if (Buffer.isBuffer(v)) return '\\x' + v.toString('hex')
  if (Array.isArray(v)) return '{' + v.map((x) => (x === null ? 'NULL' : Array.isArray(x) ? text(x) : JSON.stringify(text(x)))).join(',') + '}'
  return typeof v === 'object' ? JSON.stringify(v) : String(v)
}

const connection = {
  async executeQuery(q) {
    send({ sql: q.sql, params: q.parameters.map(text) })
    const r = await receive()
    if (r.error) throw Object.assign(new Error(r.error.message), r.error)
    const parse = r.types.map((oid) => parser(oid))
    const rows = r.rows.map((row) => Object.fromEntries(row.map((v, i) => [r.columns[i], v === null ? null : parse[i](v)])))
    return { rows, numAffectedRows: r.affected === null ? undefined : BigInt(r.affected) }
  },
  async *streamQuery() { throw new Error('streaming is not possible in a migration') },
}
// The first export that provides migrations: a MigrationProvider, its class, or an object of them.
const provided = (m) => {
  for (const x of [m.default, ...Object.values(m)]) {
    const p = typeof x === 'function' && x.prototype?.getMigrations ? new x() : x
    if (typeof p?.getMigrations === 'function') return p.getMigrations()
    if (p && typeof p === 'object' && Object.keys(p).length && Object.values(p).every((v) => typeof v?.up === 'function')) return p
  }
  throw new Error(`${given} exports no MigrationProvider`)
}
let depth = 0
const run = (sql) => connection.executeQuery({ sql, parameters: [] })
const driver = {
  async init() {}, async destroy() {}, async acquireConnection() { return connection }, async releaseConnection() {},
  // The migration is in a transaction already: transactions inside become savepoints.
  async beginTransaction() { await run(`savepoint howdah_${++depth}`) },
  async commitTransaction() { await run(`release savepoint howdah_${depth--}`) },
  async rollbackTransaction() { await run(`rollback to savepoint howdah_${depth--}`) },
}

try {
  try { const pg = require('pg'); parser = (oid) => pg.types.getTypeParser(oid) } catch { /* not installed */ }
  const kysely = await import(pathToFileURL(require.resolve('kysely')).href)
  let load = (url) => import(url)
  const files = provider ? [path.basename(given)] : (await fs.readdir(directory)).filter((f) => /\.[mc]?[jt]s$/.test(f) && !/\.d\.[mc]?ts$/.test(f))
  if (files.some((f) => /ts$/.test(f)) && (provider || !process.features.typescript)) {
    const tsx = (() => { try { return path.join(path.dirname(require.resolve('tsx/package.json')), 'dist/esm/api/index.mjs') } catch { return null } })()
    if (!tsx && !process.features.typescript) throw new Error(`node ${process.version} cannot load TypeScript: use node 22.18 or later, or npm install --save-dev tsx`)
    const { tsImport } = tsx ? await import(pathToFileURL(tsx).href) : {}
    if (tsx) load = (url) => (/ts$/.test(url) ? tsImport(url, pathToFileURL(directory + '/').href) : import(url))
  }
  const migrations = {}
  for (const f of files) {
    const m = await load(pathToFileURL(path.join(directory, f)).href)
    if (provider) {
      for (const [name, one] of Object.entries(await provided(m))) migrations[name] = one
      continue
    }
    const found = m.up ? m : m.default?.up ? m.default : null
    if (found) migrations[f.replace(/\.[^.]+$/, '')] = { ...found, file: f }
  }
  const db = new kysely.Kysely({ dialect: { createDriver: () => driver, createAdapter: () => new kysely.PostgresAdapter(),
    createQueryCompiler: () => new kysely.PostgresQueryCompiler(), createIntrospector: (d) => new kysely.PostgresIntrospector(d) } })
  send({ list: Object.entries(migrations).map(([name, m]) => ({ name, file: m.file ?? path.basename(given), down: !!m.down })) })
  for (;;) {
    const { op, name } = await receive()
    depth = 0
    try { await migrations[name][op](db); send({ done: true }) } catch (e) { send({ failed: String(e?.stack ?? e) }) }
  }
} catch (e) {
  send({ failed: String(e?.message ?? e) })
}
)js";

}  // namespace howdah::migrate
