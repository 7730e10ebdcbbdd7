#include "skiff/snapshot/restore.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <limits>

#include "apiserver/storage/rocksdb_store_disk.h"
#include "base/shell_word.h"
#include "skiff/daemon.h"
#include "skiff/host_facts.h"

namespace skiff {
namespace {

namespace fs = std::filesystem;

// Beside what they become: a rename is one step.
constexpr char kUnpacked[] = "restore.new";
constexpr char kReplaced[] = "restore.old";
// What a snapshot stands for, as a whole: also what it has nothing of.
constexpr const char* kOfSnapshot[] = {"store", "pki", "service-account.key", "cluster.json"};
constexpr uint64_t kRevisionMax = std::numeric_limits<int64_t>::max();

Result<> RequireDirectory(const RestoreOptions& options, const SnapshotFacts& facts) {
  const DataDirFact found = ReadDataDir(options.data_dir);
  const auto refuse = [&](const std::string& why) {
    return Fail(Reason::kConflict, fmt::format("{} {}", options.data_dir, why));
  };
  const std::string another = "; choose another with --data-dir";
  if (found.is_file) return refuse("is no directory" + another);
  if (!found.problem.empty()) return refuse(found.problem + another);
  if (found.locked) {
    return refuse(
        fmt::format("is in use by a skiff that runs: end it with `skiff down --keep-data "
                    "--data-dir={}`{}",
                    ShellWord(options.data_dir), another));
  }
  if (found.empty) return {};
  if (found.foreign) return refuse("holds files that are no cluster's" + another);
  if (found.is_node) {
    return refuse(fmt::format("belongs to a node that joined the cluster at {}{}",
                              found.joined_server, another));
  }
  if (!options.force) {
    return refuse("is not empty: --force replaces the cluster that it holds, for good" + another);
  }
  // Its containers, links and rules would be nobody's.
  if (found.has_mark && found.simulated_nodes == 0 && facts.SimulatedNodes()) {
    return refuse(
        fmt::format("holds a cluster whose node runs containers, and the snapshot is of one of "
                    "simulated nodes: remove the one with `skiff down --data-dir={}`{}",
                    ShellWord(options.data_dir), another));
  }
  return {};
}

Result<> RenamePath(const std::string& from, const std::string& to) {
  std::error_code error;
  fs::rename(from, to, error);
  if (!error) return {};
  return Fail(Reason::kInternalError,
              fmt::format("cannot move {} to {}: {}", from, to, error.message()));
}

Result<> RemovePath(const std::string& path) {
  std::error_code error;
  fs::remove_all(path, error);
  if (!error) return {};
  return Fail(Reason::kInternalError, fmt::format("cannot remove {}: {}", path, error.message()));
}

// The revision of the cluster that is replaced, which its clients may know; 0 where there is none.
// One that cannot be read has said nothing for a while.
Revision ReplacedRevision(const std::string& data_dir) {
  const auto replaced = RocksdbDisk::Inspect({.path = data_dir + "/store"});
  return replaced ? replaced->last : Revision{};
}

// Opened once as it will be, so that what RocksDB does not like is seen before anything is changed.
Result<Revision> BumpRevision(const std::string& store, Revision replaced, uint64_t bump) {
  const auto disk = TRY(RocksdbDisk::Open({.path = store}));
  const Revision from = std::max(disk->LastRevision(), replaced);
  if (bump > kRevisionMax - std::min(kRevisionMax, from.value)) {
    return Fail(Reason::kInvalid,
                fmt::format("--bump-revision={}: revisions end at {}", bump, kRevisionMax));
  }
  const Revision to{from.value + bump};
  TRY(disk->SkipTo(to));
  return to;
}

// In place of what is there, which is put back where one step fails.
Result<> PutInPlace(const std::string& data_dir) {
  const std::string unpacked = data_dir + "/" + kUnpacked;
  const std::string replaced = data_dir + "/" + kReplaced;
  std::error_code error;
  fs::create_directory(replaced, error);
  Result<> done;
  for (const std::string name : kOfSnapshot) {
    const std::string path = data_dir + "/" + name;
    if (done && fs::exists(path, error)) done = RenamePath(path, replaced + "/" + name);
    if (done && fs::exists(unpacked + "/" + name, error)) {
      done = RenamePath(unpacked + "/" + name, path);
    }
  }
  if (done) return RemovePath(replaced);
  for (const std::string name : kOfSnapshot) {
    if (!fs::exists(replaced + "/" + name, error)) continue;
    (void)RemovePath(data_dir + "/" + name);
    (void)RenamePath(replaced + "/" + name, data_dir + "/" + name);
  }
  // What could not be put back is there, and nowhere else.
  if (fs::remove(replaced, error) || !error) return done;
  return Fail(done.error().reason,
              fmt::format("{}; what the directory held is in {}", done.error().message, replaced));
}

// What a restore that was ended half-way had found is there, and nowhere else.
Result<> RequireNoReplaced(const std::string& data_dir) {
  const std::string replaced = data_dir + "/" + kReplaced;
  std::error_code error;
  fs::remove(replaced, error);
  if (!error) return {};
  return Fail(
      Reason::kConflict,
      fmt::format("{} holds the cluster that a restore found here which was ended half-way: "
                  "move what is in it back to {}, or remove it",
                  replaced, data_dir));
}

}  // namespace

Result<Restored> Restore(const RestoreOptions& options) {
  if (options.bump_revision == 0) {
    return Fail(Reason::kInvalid,
                "--bump-revision: with 0, a client that has seen later writes of this cluster "
                "would take other objects for those that it knows");
  }
  const auto archive = TRY(SnapshotArchive::Open(options.archive));
  if (const auto known = CheckSnapshotVersions(archive.facts()); !known) {
    return Fail(known.error().reason,
                fmt::format("{}: {}", options.archive, known.error().message));
  }
  TRY(RequireDirectory(options, archive.facts()));
  std::error_code ignored;
  const bool is_new = !fs::exists(options.data_dir, ignored);
  const std::string unpacked = options.data_dir + "/" + kUnpacked;
  const auto restore = [&]() -> Result<Revision> {
    const auto lock = TRY(DataDirLock::Take(options.data_dir));
    TRY(RequireNoReplaced(options.data_dir));
    TRY(RemovePath(unpacked));  // Of one that was ended half-way.
    TRY(archive.Extract(unpacked));
    const Revision revision = TRY(BumpRevision(
        unpacked + "/store", ReplacedRevision(options.data_dir), options.bump_revision));
    TRY(PutInPlace(options.data_dir));
    return revision;
  };
  const auto revision = restore();
  (void)RemovePath(unpacked);
  if (!revision && is_new) (void)RemovePath(options.data_dir);
  if (!revision) return Fail(revision.error());
  return Restored{archive.facts(), *revision};
}

}  // namespace skiff
