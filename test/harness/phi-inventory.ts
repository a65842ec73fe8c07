/** What docs/security.md says lies where. */
export interface Inventory {
  /** Names of columns by table. */
  readonly tables: ReadonlyMap<string, readonly string[]>;
  readonly files: readonly InventoryFile[];
}

export interface InventoryFile {
  /** As it stands in the document: words in capitals stand for what varies. */
  readonly pattern: string;
  /** There for a moment, or left by a crash: need not be found. */
  readonly isPassing: boolean;
}

/** What there is: tables with their columns, and files under the names of their places. */
export interface Found {
  readonly tables: ReadonlyMap<string, readonly string[]>;
  /** `DATA/keys.json`. */
  readonly files: readonly string[];
}

/** @throws when the document has no such tables, or one without rows. */
export function readInventory(markdown: string): Inventory {
  const tables = new Map(
    rowsBelow(markdown, 'Tables of the database').map((cells) => {
      const [table] = namesIn(cells[0]!);
      return [table!, [...namesIn(cells[1]!), ...namesIn(cells[2]!)]] as const;
    }),
  );
  const files = rowsBelow(markdown, 'Files').map((cells) => {
    return { pattern: namesIn(cells[0]!)[0]!, isPassing: cells[3] === 'yes' };
  });
  return { tables, files };
}

function rowsBelow(markdown: string, heading: string): string[][] {
  const [, section = ''] = markdown.split(`\n### ${heading}\n`);
  const lines = section
    .split(/\n#/)[0]!
    .split('\n')
    .filter((line) => line.startsWith('| '));
  // The first names the columns; the line of dashes below it begins alike.
  const rows = lines.slice(2).map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
  if (rows.length === 0) throw new Error(`the inventory has no table ${heading}`);
  return rows;
}

const namesIn = (cell: string): string[] => [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name!);

/** Everything in which the two differ, a line each. */
export function differences(inventory: Inventory, found: Found): string[] {
  const said: string[] = [];
  for (const [table, columns] of found.tables) {
    const named = inventory.tables.get(table);
    if (!named) said.push(`the table ${table} is not in the inventory`);
    for (const column of named ? columns : []) {
      if (!named!.includes(column)) said.push(`the column ${table}.${column} is not in the inventory`);
    }
  }
  for (const [table, columns] of inventory.tables) {
    const there = found.tables.get(table);
    if (!there) said.push(`there is no table ${table}`);
    const twice = columns.filter((column, at) => columns.indexOf(column) !== at);
    said.push(...twice.map((column) => `the column ${table}.${column} is named twice`));
    const gone = there ? columns.filter((column) => !there.includes(column)) : [];
    said.push(...gone.map((column) => `there is no column ${table}.${column}`));
  }
  const patterns = inventory.files.map((file) => ({ ...file, expression: expressionOf(file.pattern) }));
  for (const file of found.files) {
    const isNamed = patterns.some(({ expression }) => expression.test(file));
    if (!isNamed) said.push(`the file ${file} is not in the inventory`);
  }
  for (const { pattern, isPassing, expression } of patterns) {
    if (!isPassing && !found.files.some((file) => expression.test(file))) said.push(`there is no file ${pattern}`);
  }
  return said;
}

const PLACES = ['DATA', 'ARCHIVE', 'REPOSITORY', 'WITNESS', 'EXPORT'];
const VARYING: Readonly<Record<string, string>> = {
  XX: '[0-9a-f]{2}',
  PACK: '[0-9a-f]{32}',
  SHA: '[0-9a-f]{64}',
  ID: '[0-9a-f]{8,16}',
  NAME: '[0-9A-Za-z.-]+',
};

function expressionOf(pattern: string): RegExp {
  const pieces = pattern.split(/([A-Z]{2,})/).map((piece, at) => {
    if (at % 2 === 0 || (at === 1 && PLACES.includes(piece))) return piece.replaceAll('.', '\\.');
    const varying = VARYING[piece];
    if (varying === undefined) throw new Error(`nobody knows what ${piece} in ${pattern} stands for`);
    return varying;
  });
  return new RegExp(`^${pieces.join('')}$`);
}
