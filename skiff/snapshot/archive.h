// A cluster's state as one file: a plain tar archive, whose first entry says what is in it.
//
//   skiff-snapshot.json     SnapshotFacts: versions, revision, and each file's size and digest
//   store/NAME              the copy of the store, as it was on the disk
//   pki/NAME, service-account.key, cluster.json     who the cluster is; as in its data directory
//
// All of it is read and checked before anything of it is used: a file that is none, is cut off or
// was changed is refused with what is wrong.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "api/values.h"
#include "apiserver/storage/store.h"
#include "base/clock.h"
#include "base/error.h"
#include "kubelet/tar.h"

namespace skiff {

struct SnapshotFile {
  std::string name;  // In the archive and in the data directory: "store/000012.sst"
  uint64_t size = 0;
  std::string sha256;  // In hex.
};

struct SnapshotFacts {
  static constexpr int kFormat = 1;

  int format = kFormat;
  std::string skiff;       // Which one wrote it: "0.1.0"
  std::string kubernetes;  // "v1.35.6"
  uint32_t store_format = 0;
  Revision revision;
  TimePoint created{};
  Json cluster;  // Of cluster.json; null where there was none.
  std::vector<SnapshotFile> files;

  uint64_t Bytes() const;
  // As `skiff up --nodes` made them; nullopt where a cluster's nodes run containers, or no cluster
  // was there but a server alone.
  std::optional<int> SimulatedNodes() const;
};

// Whether something of that name may be in an archive: nothing else is ever written from one.
bool IsSnapshotName(std::string_view name);
// What of a data directory goes along with the store, by names as above.
std::vector<std::string> IdentityFiles(const std::string& data_dir);
// What this program may not read, in words.
Result<> CheckSnapshotVersions(const SnapshotFacts& facts);

// Writes all files of `store` (as store/NAME) and the identity of `data_dir` to `path`, which only
// its owner may read, in one step. `facts.files` is filled in. AlreadyExists, unless it may be
// replaced; Invalid where something is there that is no file.
Result<SnapshotFacts> WriteSnapshot(const std::string& path, SnapshotFacts facts,
                                    const std::string& store, const std::string& data_dir,
                                    bool replace);

// The same to a stream, which is called `name` where it fails.
Result<SnapshotFacts> StreamSnapshot(int stream, const std::string& name, SnapshotFacts facts,
                                     const std::string& store, const std::string& data_dir);

class SnapshotArchive {
 public:
  // Reads what it says of itself; versions are the caller's to check.
  static Result<SnapshotArchive> Open(const std::string& path);
  // Whether the file begins as one does: what is damaged, or was not written to its end, does too.
  static bool Begins(const std::string& path);
  SnapshotArchive(SnapshotArchive&& other) noexcept;
  ~SnapshotArchive();

  const SnapshotFacts& facts() const { return facts_; }
  // Reads everything, and compares it with what was saved; writes it to `directory`, unless that
  // is "". BadRequest says what is wrong with the archive.
  Result<> Extract(const std::string& directory) const;

 private:
  SnapshotArchive(std::string path, int file) : path_(std::move(path)), file_(file) {}
  Result<> Read();
  tl::unexpected<Error> Wrong(const std::string& what) const;
  Result<> ExtractFile(const SnapshotFile& file, const TarEntry& entry,
                       const std::string& directory) const;

  std::string path_;
  int file_;
  uint64_t size_ = 0;
  SnapshotFacts facts_;
  std::vector<TarEntry> entries_;  // Beside the first.
};

}  // namespace skiff
