#include "apiserver/storage/checkpoints.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "apiserver/storage/rocksdb_store_disk.h"
#include "base/folders.h"

namespace skiff {
namespace {

namespace fs = std::filesystem;

// Secrets are in there, as in the store itself.
Result<> MakeSecretFolder(const std::string& path) {
  const std::error_code error = MakePrivateFolder(path);
  if (!error) return {};
  return Fail(Reason::kInternalError, fmt::format("cannot make {}: {}", path, error.message()));
}

}  // namespace

Checkpoints::Checkpoints(RocksdbStore& store, std::string directory)
    : store_(store), directory_(std::move(directory)) {
  std::error_code ignored;
  fs::remove_all(directory_, ignored);
}

Result<std::string> Checkpoints::Make() {
  MutexLock lock(mutex_);
  TRY(MakeSecretFolder(directory_));
  std::error_code error;
  const auto left = std::distance(fs::directory_iterator(directory_, error), {});
  if (left >= kUntakenMax) {
    return Fail(Reason::kTooManyRequests,
                fmt::format("{} copies of the store lie in {} that nobody has taken away: remove "
                            "those that nobody needs",
                            left, directory_));
  }
  const std::string path = fmt::format("{}/{}", directory_, ++made_);
  if (Result<> made = store_.Snapshot(path); !made) {
    fs::remove_all(path, error);
    return Fail(made.error());
  }
  return path;
}

Result<> CopyClosedStore(const std::string& from, const std::string& to) {
  TRY(MakeSecretFolder(fs::path(to).parent_path()));
  const auto disk = TRY(RocksdbDisk::Open({.path = from}));
  return disk->Snapshot(to);
}

Result<> CopyOpenStore(const std::string& from, const std::string& to) {
  TRY(MakeSecretFolder(fs::path(to).parent_path()));
  return RocksdbDisk::CopyFromOutside({.path = from}, to);
}

}  // namespace skiff
