// Records what handlebars.js makes of the templates in handlebars.json:
// `npm install handlebars@4 && node handlebars.mjs`, in a copy of this folder.
import { readFileSync, writeFileSync } from 'node:fs'
import Handlebars from 'handlebars'

Handlebars.registerHelper('increment', value => (Number.isFinite(value) ? value + 1 : value))
Handlebars.registerHelper('padTaskId', index => `T${String((index ?? 0) + 1).padStart(3, '0')}`)
Handlebars.registerHelper('hasItems', value =>
  value && typeof value === 'object' ? Object.keys(value).length > 0 : Boolean(value),
)

const file = new URL('handlebars.json', import.meta.url)
const { data, cases } = JSON.parse(readFileSync(file, 'utf8'))
for (const one of cases) one.output = Handlebars.compile(one.template, { noEscape: true })(data)
const lines = cases.map(one => `    ${JSON.stringify(one)}`).join(',\n')
writeFileSync(file, `{\n  "data": ${JSON.stringify(data)},\n  "cases": [\n${lines}\n  ]\n}\n`)
