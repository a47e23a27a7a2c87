// Whether a file system tells what happens in it. The network's do not tell what another machine did, and no error says so.
import { statfs } from "node:fs/promises";

/** Linux: the numbers of statfs(2) that say NFS, SMB, 9p (WSL's view of Windows), VirtualBox, AFS, Ceph and Parallels. */
const SILENT = new Set([
  0x6969, 0x517b, 0xff534d42, 0xfe534d42, 0x01021997, 0x786f4256, 0x5346414f, 0x00c36400, 0x7c7c6673,
]);

export async function hasFileEvents(path: string): Promise<boolean> {
  try {
    const { type } = await statfs(path);
    return !SILENT.has(type >>> 0);
  } catch {
    return true;
  }
}
