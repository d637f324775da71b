"""What a disk may hold once the power was off: rewrites the files of a dead process by the record that
shim.c made of its life (SHIM_DISK).

What was covered by an fsync is safe, and so is what was there when the life began. Of the rest anything may be
left: nothing, a part, a length with nothing but zeros behind it, and sectors in any order, so that bytes written
later are there and earlier ones are not. A name is safe once its directory was synced.

    disk = Disk(kit.state); run with SHIM_DISK=disk.record; disk.power_off("holes", rng); ...; disk.lost()"""
import os
import shutil
import tempfile

SECTOR = 512
TAILS = ("gone", "cut", "zeros", "holes", "later", "foreign")  # what becomes of bytes that were not synced
PASSING = (".lock", ".sock")  # nobody reads them after a restart


class Disk:
    def __init__(self, directory):
        self.dir = os.path.realpath(directory)
        fd, self.record = tempfile.mkstemp(prefix="disk-")
        os.close(fd)
        self.promised = {}  # path -> bytes that must stand to the end
        self.said = []      # what was done to which file
        self.begin()

    def files(self):
        if not os.path.isdir(self.dir):
            return []
        return [os.path.join(self.dir, n) for n in sorted(os.listdir(self.dir)) if not n.endswith(PASSING)]

    def begin(self):
        """A life begins: what is there now has been read from the disk."""
        self.synced = {path: os.path.getsize(path) for path in self.files()}
        with open(self.record, "w", encoding="utf-8"):
            pass

    def read(self):
        """(bytes that are safe of each file, names that are not, whether the directory itself is not)"""
        synced, loose, adrift = dict(self.synced), set(), set()
        with open(self.record, encoding="utf-8") as f:
            for line in f:
                what, *rest = line.split()
                path = rest[-1]
                if what == "made":
                    adrift.add(os.path.realpath(path))
                elif what == "new":
                    loose.add(path)
                    synced[path] = 0
                elif what == "renamed":
                    loose.discard(rest[0])
                    if path not in synced:
                        loose.add(path)
                    synced[path] = synced.pop(rest[0], 0)
                elif what == "synced":
                    synced[path] = int(rest[0])
                elif what == "cut":
                    synced[path] = min(synced.get(path, 0), int(rest[0]))
                elif what == "listed":
                    loose = {p for p in loose if os.path.dirname(p) != path}
                    adrift = {p for p in adrift if os.path.dirname(p) != path}
        return synced, loose, any(self.dir == p or self.dir.startswith(p + "/") for p in adrift)

    def power_off(self, how, rng):
        """Leaves of it what a disk might: `how` is one of TAILS, or "names", which takes those that are not safe."""
        synced, loose, adrift = self.read()
        if how == "names" and adrift:
            self.said.append("the directory is gone")
            shutil.rmtree(self.dir)
            return
        for path in self.files():
            if how == "names" and path in loose:
                self.said.append("%s is gone" % os.path.basename(path))
                os.remove(path)
                continue
            safe, tail = synced.get(path, 0), "gone" if how == "names" else how
            with open(path, "rb") as f:
                data = f.read()
            left = data[:safe] + remains(data[safe:], safe, tail, rng)
            if left != data:
                self.said.append("%s: %d bytes, %d of them synced, %s: %d left" % (
                    os.path.basename(path), len(data), safe, tail, len(left)))
                with open(path, "wb") as f:
                    f.write(left)
            if path.endswith(".jsonl") and path not in loose:
                self.promised[path] = data[:safe]

    def lost(self):
        """Faults: what was promised and is not there any more."""
        faults = []
        for path, want in self.promised.items():
            have = b""
            if os.path.exists(path):
                with open(path, "rb") as f:
                    have = f.read(len(want))
            whole = want[:want.rfind(b"\n") + 1]
            if have[:len(whole)] != whole:
                faults.append("%s has lost lines that were synced" % os.path.basename(path))
        return faults

    def end(self):
        os.remove(self.record)


def remains(tail, start, how, rng):
    """What is left of the bytes `tail`, which began at `start` of the file."""
    if how == "gone" or not tail:
        return b""
    if how == "cut":
        return tail[:rng.randrange(len(tail))]
    if how == "zeros":
        return bytes(len(tail))
    if how == "later":  # the last line, and nothing of what was written before it
        at = tail.rstrip(b"\n").rfind(b"\n") + 1
        if at:
            return bytes(at) + tail[at:]
    edges = [0] + list(range(SECTOR - start % SECTOR, len(tail), SECTOR)) + [len(tail)]
    sectors = [tail[a:b] for a, b in zip(edges, edges[1:])]
    there = [rng.random() < 0.5 for _ in sectors]
    there[rng.randrange(len(there) - 1) if len(there) > 1 else 0] = False
    there[-1] = there[-1] or len(there) > 1
    none = bytes if how != "foreign" else rng.randbytes  # a sector that belonged to another file
    return b"".join(s if t else none(len(s)) for s, t in zip(sectors, there))
