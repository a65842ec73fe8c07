import { readdirSync, readFileSync } from 'node:fs';

/** Resident memory by /proc, which works while a process is deep in native code; 0 where there is no /proc. */
export function residentBytesOf(pid: number | string | undefined): number {
  try {
    const match = /^VmRSS:\s*(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'));
    return match ? Number(match[1]) * 1024 : 0;
  } catch {
    return 0;
  }
}

/** The same for the children of this process together: the inference child. */
export function childrenResidentBytes(): number {
  try {
    const children = readdirSync('/proc/self/task').flatMap((thread) =>
      readFileSync(`/proc/self/task/${thread}/children`, 'latin1').trim().split(' '),
    );
    return children.reduce((bytes, pid) => bytes + (pid === '' ? 0 : residentBytesOf(pid)), 0);
  } catch {
    return 0;
  }
}
