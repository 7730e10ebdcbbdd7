// A data directory made of a snapshot.
//
// What clients know of the cluster from before, the restored one has not: revisions of the time
// after the snapshot belong to other writes by now. So it goes on far beyond any that was ever
// given out, as etcd does with --bump-revision and --mark-compacted: watches and lists from before
// get 410 Gone and begin anew.
#pragma once

#include <cstdint>
#include <string>

#include "base/error.h"
#include "skiff/snapshot/archive.h"

namespace skiff {

struct RestoreOptions {
  std::string archive;
  std::string data_dir;
  bool force = false;  // What the directory holds of a cluster is replaced.
  // What etcd's documentation has Kubernetes take: more writes than come between two backups.
  uint64_t bump_revision = 1'000'000'000;
};

struct Restored {
  SnapshotFacts facts;
  Revision revision;  // That it goes on from.
};

// All is checked before anything is changed; after an error the directory is as it was.
Result<Restored> Restore(const RestoreOptions& options);

}  // namespace skiff
