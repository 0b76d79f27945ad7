//  What disk and sockets say to people. Most texts of the store stand behind
//  the path of a file, as in "/srv/a/names: not a names journal". See
//  lib/README.md, "Texts for people".

#ifndef ZSEQ_IO_TEXTS_H_INCLUDED
#define ZSEQ_IO_TEXTS_H_INCLUDED

//  What to do about a directory that is no longer this process's.
#define ZSEQ_END_THE_OTHER                                                     \
    "this node stops and acknowledges nothing more: stop the other process "   \
    "for good, then recover this node (zseqd recover)"
#define ZSEQ_PUT_IT_BACK                                                       \
    "this node stops and acknowledges nothing more: use only one copy of the " \
    "directory, put it back and start again"

//  What failed, or was done.
#define ZSEQ_IO_TEXTS(X)                                                       \
    X (THREADS_LACKING,                                                        \
       "the process needs %zu more threads and cannot have them: %s: raise "   \
       "ulimit -u (systemd: TasksMax), or free memory")                        \
    X (DESCRIPTORS_LACKING,                                                    \
       "the process needs %zu more descriptors and cannot have them: %s: "     \
       "raise ulimit -n, which is %llu (systemd: LimitNOFILE)")                \
    X (STORE_NO_PARENT, "cannot be created: its parent does not exist")        \
    X (STORE_FORMAT_NOT_EMPTY,                                                 \
       "not empty; to format a node that never ran, remove its contents")      \
    X (STORE_EMPTY, "the directory is empty")                                  \
    X (STORE_NO_RECORD,                                                        \
       "no node's record: not a node's directory, or the record was deleted")  \
    X (STORE_NO_JOURNAL,                                                       \
       "missing: it was deleted, or format was interrupted (if this node "     \
       "never ran, remove the directory's contents and format again)")         \
    X (STORE_NOT_NODE, "not empty, and not a node's directory: it has no "     \
                       "lock, no node's record and no names journal")          \
    X (STORE_RECOVERED,                                                        \
       "another process has just recovered this node; start again")            \
    X (STORE_NOT_REGULAR, "not a regular file")                                \
    X (STORE_NO_DIRECTORY, "its directory does not exist")                     \
    X (FILESYSTEM_ELSEWHERE,                                                   \
       "on another file system than the node's directory; both must be on "    \
       "the same: unmount it, move its contents into the directory, and "      \
       "start again")                                                          \
    X (FILESYSTEM_REFUSED,                                                     \
       "on a file system of type %s, where a lock may not exclude every "      \
       "process that can reach the directory, or may be lost while writes "    \
       "still succeed, so that two nodes would hand out the same IDs. Use a "  \
       "local disk (ext4, xfs, btrfs, zfs); or, if you are sure that only "    \
       "this host ever uses the directory, pass --unsafe-filesystem (for "     \
       "file:, the option unsafe-filesystem=1)")                               \
    X (DIRECTORY_OWNER,                                                        \
       "user %u owns it, who could change what this node, of user %u, has "    \
       "promised: run the node as user %u, or: chown -R %u '%s/'")             \
    X (DIRECTORY_WRITABLE,                                                     \
       "other users may write it, and could change what the node has "         \
       "promised: chmod -R go-w '%s/'")                                        \
    X (FORMAT_VERSION,                                                         \
       "of an unknown format version; use the zseq that wrote it")             \
    X (RECORD_SHORT, "too short for a record")                                 \
    X (RECORD_FOREIGN_BYTES, "not a record of zseq")                           \
    X (RECORD_CHECKSUM, "checksum does not match")                             \
    X (RECORD_SIZES, "sizes do not add up")                                    \
    X (RECORD_KIND, "of the wrong kind for its path")                          \
    X (RECORD_NAME, "holds no valid name")                                     \
    X (RECORD_VALUE, "its value is invalid")                                   \
    X (JOURNAL_SHORT, "too short for a names journal")                         \
    X (JOURNAL_FOREIGN_BYTES, "not a names journal")                           \
    X (JOURNAL_CHECKSUM, "checksum of its header does not match")              \
    X (JOURNAL_HEADER, "its header is invalid")                                \
    X (STORE_ABSENT, "there is no such directory")                             \
    X (GUARD_REPLACED,                                                         \
       "replaced by another directory while it was in use; " ZSEQ_PUT_IT_BACK) \
    X (GUARD_MOVED,                                                            \
       "moved away or removed while it was in use; " ZSEQ_PUT_IT_BACK)         \
    X (GUARD_REMOVED,                                                          \
       "removed by another process while it was in use; " ZSEQ_END_THE_OTHER)  \
    X (GUARD_WRITTEN,                                                          \
       "written by another process while it was in use; " ZSEQ_END_THE_OTHER)  \
    X (GUARD_FILE, "written, moved or removed by another process while it "    \
                   "was in use; " ZSEQ_END_THE_OTHER)                          \
    X (GUARD_TAKEN, "another process has taken the directory while it was in " \
                    "use; " ZSEQ_END_THE_OTHER)                                \
    X (STORE_IN_USE, "in use by process %s")                                   \
    X (JOURNAL_VANISHED, "vanished or was cut off")                            \
    X (NO_MEMORY_JOURNAL, "no memory to write it again")                       \
    X (NO_MEMORY_LOAD, "no memory to read it")                                 \
    X (RECORD_MISSING, "missing, but listed in the names journal")             \
    X (RECORD_OLD, "older than the records beside it")                         \
    X (RECORD_OLDER_THAN_KV, "older than the directory kv beside it")          \
    X (RECORD_LONG, "too long for a record")                                   \
    X (JOURNAL_CORRUPT, "a batch before the last is corrupt")                  \
    X (JOURNAL_OTHER, "the journal of another node or cluster")                \
    X (JOURNAL_PAIR_CORRUPT, "a batch is corrupt but intact in its copy")      \
    X (JOURNAL_PAIR_SHORT, "ends before its copy does")                        \
    X (JOURNAL_PAIR_CONTINUES, "continues after the last intact batch")        \
    X (JOURNAL_PAIR_BOTH, "its last batch is corrupt, as is that of its copy") \
    X (JOURNAL_PAIR_LACKS,                                                     \
       "lacks more than the last batch of the names journal")                  \
    X (JOURNAL_PAIR_DIFFERS, "differs from the names journal")                 \
    X (JOURNAL_PAIR_LAST, "its last batch is corrupt")                         \
    X (JOURNAL_ENTRY, "an entry is invalid")                                   \
    X (STORE_NOT_DIRECTORY, "not a directory")                                 \
    X (RECORD_OTHER, "a record of another node or cluster")                    \
    X (RECORD_OTHER_NAME, "holds the record of another name")                  \
    X (SCRUB_OLDER, "older than what was written last")                        \
    X (SCRUB_DIFFERS, "not what was written last")                             \
    X (SCRUB_REPLACED, "another file is in its place")                         \
    X (SCRUB_CUT_OFF, "cut off")                                               \
    X (SCRUB_COPY_DIFFERS, "differs from its copy")                            \
    X (NO_MEMORY_LOAD_THREAD, "no thread can be had to read it: raise ulimit " \
                              "-u (systemd: TasksMax), or free memory")        \
    X (VERIFY_NOT_NODE,                                                        \
       "not a node's directory: it has none of a node's files")                \
    X (NO_MEMORY_WRITER, "no memory to write it")                              \
    X (NO_MEMORY_WRITER_THREAD,                                                \
       "no thread can be had to write it: raise ulimit -u (systemd: "          \
       "TasksMax), or free memory")                                            \
    X (KV_BATCH_BAD, "holds a bad batch, and an intact one after that")        \
    X (KV_BATCH_GAP, "holds a batch that does not follow the one before")      \
    X (KV_DAMAGED_ANEW, "damaged while it was made anew")                      \
    X (KV_ENTRY, "holds an invalid entry")                                     \
    X (KV_JOURNAL_SHORT, "the journal ends at %llu, and peers know of %llu")   \
    X (KV_NO_JOURNAL, "holds no journal")                                      \
    X (KV_OTHER_CLUSTER, "of another cluster")                                 \
    X (KV_OTHER_NODE, "of another node")                                       \
    X (KV_OTHER_NUMBER, "of another number")                                   \
    X (KV_OTHER_SHARD, "of another shard")                                     \
    X (KV_RECORD, "holds an invalid record")                                   \
    X (KV_SEGMENT_FOREIGN_BYTES, "not a segment of a journal")                 \
    X (KV_SEGMENT_SHORT, "too short for a segment of the journal")             \
    X (KV_SEGMENT_UNNAMED,                                                     \
       "holds a batch, but the segment before does not name it")               \
    X (KV_SHARD_LARGE, "the shard exceeds 4 GiB")                              \
    X (KV_SHOT_AHEAD, "relies on a segment that is yet to come")               \
    X (KV_SHOT_LACKS, "does not say what the journal relies on")               \
    X (KV_SHOT_NEW, "newer than the end of the journal")                       \
    X (KV_SHOT_OLD, "older than the journal says")                             \
    X (KEYFILE_TWICE, "the key is there for a second time: remove one")        \
    X (KEYFILE_NO_VALUE, "a key has to follow, as = \"...\"")                  \
    X (KEYFILE_NOT_KEY, "no key: it has 40 characters of Z85; copy it again")  \
    X (                                                                        \
      KEYFILE_NO_PUBLIC,                                                       \
      "holds no public key: it needs a section curve, and in that, indented, " \
      "public-key")                                                            \
    X (KEYFILE_NO_SECRET,                                                      \
       "holds no secret key: give the file NAME.key_secret")                   \
    X (KEYFILE_NO_PAIR,                                                        \
       "the secret key is not that of the public key: use the file as it was " \
       "made")                                                                 \
    X (KEYFILE_LONG, "too long for a file of keys")                            \
    X (KEYFILE_READABLE,                                                       \
       "%s: others may read the secret key: chmod 600 %s, and make a new key " \
       "if someone has")                                                       \
    X (TRANSPORT_UNKNOWN,                                                      \
       "$ZSEQ_TRANSPORT is '%.63s', and this build has no such transport: "    \
       "unset it, or set it to zmq or native")                                 \
    X (SOCKET_FAILED, "cannot open a socket: %s")                              \
    X (SOCKET_UNWATCHED, "%s cannot be watched: %s: raise the sysctl "         \
                         "fs.epoll.max_user_watches, or free memory")          \
    X (BIND_TAKEN,                                                             \
       "cannot bind %s: a process listens there: stop it, or bind elsewhere")  \
    X (BIND_NO_ADDRESS,                                                        \
       "cannot bind %s: no address or interface of this machine; correct "     \
       "it, or bind elsewhere")                                                \
    X (BIND_NOT_SOCKET,                                                        \
       "cannot bind %s: something that is no socket has that path: remove "    \
       "it, or bind elsewhere")                                                \
    X (BIND_FAILED, "cannot bind %s: %s")                                      \
    X (CONNECT_FAILED, "cannot connect to %s: %s")                             \
    X (ZMQ_NO_KEYS,                                                            \
       "this libzmq cannot be made to ask whom to let in: use the transport "  \
       "native, or libzmq 4.3")                                                \
    X (LINK_NO_KEY,                                                            \
       "cannot connect to %s: no valid public key of that node is known: add " \
       "it to the keys")                                                       \
    X (NODE_WANTS_KEYS,                                                        \
       "the node requires keys, and this end has none: use keys that the "     \
       "node allows")                                                          \
    X (NODE_LACKS_KEYS,                                                        \
       "the node has no keys, and this end requires them: start the node "     \
       "with its keys, or use none here")                                      \
    X (NODE_OTHER_KEY,                                                         \
       "the node has another key than the one that is known of it: correct "   \
       "its public key here, or start it with the right keys")                 \
    X (NODE_HANGS_UP,                                                          \
       "the node hangs up on this end's keys: it has no keys, or another key " \
       "than the one that is known of it; correct the one that is wrong")      \
    X (NODE_HANGS_UP_KEYLESS,                                                  \
       "the node hangs up before its greeting: it may require keys, and this " \
       "end has none")                                                         \
    X (NODE_DENIES,                                                            \
       "the node does not allow the key of this end: add its public key to "   \
       "those that the node allows")

//  Parts of other texts.
#define ZSEQ_IO_PARTS(X)                                                       \
    X (STORE_OPEN_TEMPORARY, "open a temporary file")                          \
    X (STORE_CREATE_TEMPORARY, "create a temporary file")                      \
    X (STORE_SYNC_PARENT, "fsync of its parent directory")                     \
    X (STORE_MAKE_DIRECTORY, "mkdir of its directory")                         \
    X (STORE_OPEN_WORKING, "open the working directory")                       \
    X (JOURNAL_TRUNCATE, "truncate after a failed append")                     \
    X (STORE_MOVE, "move to the folder damaged")                               \
    X (SOCKET_TIMER, "the timer of connections")                               \
    X (ENDPOINT_LONG, "it has more than %d bytes")                             \
    X (HOST_OWN, "this machine")                                               \
    X (HOST_GONE, "a host that has gone")                                      \
    X (HOST_UNKNOWN, "the name %s does not resolve to an IPv4 address (%s)")   \
    X (HOST_ELSEWHERE,                                                         \
       "the name %s resolves to %s, which is no address of this machine")      \
    X (SCRUB_BOTH, "the other one is damaged, too: recover this node")         \
    X (SCRUB_NO_SPACE, "no space to write it again")                           \
    X (SCRUB_RESTORED, "it was written again from the other one")

#define X(name, text) static const char ZSEQ_TEXT_##name[] = text;
ZSEQ_IO_TEXTS (X)
ZSEQ_IO_PARTS (X)
#undef X

#endif
