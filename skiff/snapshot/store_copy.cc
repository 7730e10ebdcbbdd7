#include "skiff/snapshot/store_copy.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <utility>

#include "apiserver/auth/pki.h"
#include "apiserver/storage/checkpoints.h"
#include "apiserver/storage/rocksdb_store_disk.h"
#include "base/version.h"
#include "client/client.h"
#include "client/kubeconfig.h"
#include "client/transport.h"
#include "skiff/cluster.h"
#include "skiff/daemon.h"
#include "skiff/node_certificates.h"

namespace skiff {
namespace {

namespace fs = std::filesystem;

constexpr char kCheckpoints[] = "/skiff/checkpoints";

// What a server says is read, and removed at the end: of one that is another's, or lies, nothing
// but a copy of this data directory's store may be meant.
bool IsCopyIn(const fs::path& path, const std::string& data_dir) {
  const std::string name = path.filename();
  std::error_code error;
  const fs::path own = fs::canonical(data_dir + "/checkpoints", error);
  return !error && !name.empty() && name.find_first_not_of("0123456789") == std::string::npos &&
         fs::canonical(path.parent_path(), error) == own && !error;
}

Result<std::string> AskServer(const std::string& kubeconfig, const std::string& data_dir) {
  const Kubeconfig config = TRY(Kubeconfig::Load(kubeconfig));
  const HttpsOptions options = TRY(config.Options());
  const auto transport = TRY(MakeHttpsTransport(options));
  http::Request request;
  request.method = "POST";
  request.path = request.target = kCheckpoints;
  const http::Response answer = transport->Send(std::move(request));
  const Json body = Json::parse(answer.body, nullptr, /*allow_exceptions=*/false);
  if (answer.status != 201) {
    Error error = ErrorFromStatus(body, answer.status);
    if (answer.status == 404) {
      error.message = "it copies no store: it is no skiff, or one from before there were snapshots";
    }
    error.message = fmt::format("the server at {}: {}", options.server, error.message);
    return Fail(std::move(error));
  }
  const auto path = body.is_object() ? body.find("path") : body.end();
  const bool is_said = path != body.end() && path->is_string() &&
                       fs::path(path->get<std::string>()).is_absolute();
  if (!is_said) {
    return Fail(Reason::kInternalError,
                fmt::format("the server at {} does not say where its copy lies", options.server));
  }
  auto copy = path->get<std::string>();
  if (IsCopyIn(copy, data_dir)) return copy;
  return Fail(Reason::kForbidden,
              fmt::format("the server at {} says that its copy is {}, which is none of {}: run "
                          "this on its machine, as its user, and name its data directory with "
                          "--data-dir; that copy is left to be removed",
                          options.server, copy, data_dir));
}

Result<> RequireStore(const std::string& data_dir) {
  std::error_code error;
  const std::string store = data_dir + "/store";
  if (const auto node = LoadNodeIdentity(data_dir); node && !fs::exists(store, error)) {
    return Fail(Reason::kNotFound,
                fmt::format("{} is of a node that joined the cluster at {}: its objects are there",
                            data_dir, node->server));
  }
  // Else a new one would be made, and copied.
  if (access((store + "/CURRENT").c_str(), R_OK | W_OK) == 0) return {};
  if (errno == EACCES) {
    return Fail(Reason::kForbidden,
                fmt::format("the cluster of {} is another user's: run this as that one", data_dir));
  }
  return Fail(Reason::kNotFound,
              fmt::format("{} holds no cluster; which one is meant says --data-dir", data_dir));
}

Result<std::string> CopyStopped(const std::string& data_dir) {
  const auto lock = TRY(DataDirLock::Take(data_dir));
  const std::string path = fmt::format("{}/checkpoints/of-{}", data_dir, getpid());
  auto copied = CopyClosedStore(data_dir + "/store", path);
  if (copied) return path;
  std::error_code ignored;
  fs::remove_all(path, ignored);
  copied.error().message +=
      "; where a `skiff apiserver` runs on it, name a kubeconfig by which it can be asked with "
      "--kubeconfig";
  return Fail(copied.error());
}

Result<std::string> MakeCopy(const std::string& data_dir, const std::string& kubeconfig) {
  if (!kubeconfig.empty()) return AskServer(kubeconfig, data_dir);
  TRY(RequireStore(data_dir));
  if (!IsDataDirLocked(data_dir)) return CopyStopped(data_dir);
  return AskServer(AdminKubeconfigPath({.data_dir = data_dir}), data_dir);
}

// A copy beside the store is made of further names of its files, and of some megabytes.
bool HasRoomForCopies(const std::string& data_dir) {
  std::error_code error;
  const auto space = fs::space(data_dir, error);
  return error || space.available >= RocksdbDisk::kReopenBytesMin;
}

bool AreOnOneDisk(const std::string& one, const std::string& other) {
  struct stat a {
  }, b{};
  return stat(one.c_str(), &a) == 0 && stat(other.c_str(), &b) == 0 && a.st_dev == b.st_dev;
}

}  // namespace

Result<StoreCopy> StoreCopy::TakeAside(const std::string& data_dir, const std::string& aside,
                                       Error why) {
  if (AreOnOneDisk(data_dir, aside)) {
    why.message += fmt::format(
        "; the disk of {} is full: make room there, or have the copy made on another disk",
        data_dir);
    return Fail(std::move(why));
  }
  std::string folder = aside + "/.skiff-copy-XXXXXX";
  if (mkdtemp(folder.data()) == nullptr) {
    return Fail(Reason::kForbidden, fmt::format("{}: {}", aside, std::strerror(errno)));
  }
  StoreCopy copy(folder + "/store");
  copy.folder_ = std::move(folder);
  TRY(CopyOpenStore(data_dir + "/store", copy.path_));
  return copy;
}

Result<StoreCopy> StoreCopy::Take(const std::string& data_dir, const std::string& kubeconfig,
                                  const std::string& aside) {
  auto path = MakeCopy(data_dir, kubeconfig);
  if (!path && RequireStore(data_dir) && !HasRoomForCopies(data_dir)) {
    return TakeAside(data_dir, aside, std::move(path.error()));
  }
  StoreCopy copy(TRY(std::move(path)));
  if (access(copy.path_.c_str(), R_OK | X_OK) == 0) return copy;
  return Fail(Reason::kForbidden,
              fmt::format("the server has made a copy in {}, which cannot be read here ({}): run "
                          "this on its machine, as its user",
                          copy.path_, std::strerror(errno)));
}

StoreCopy::StoreCopy(StoreCopy&& other) noexcept
    : path_(std::exchange(other.path_, "")), folder_(std::exchange(other.folder_, "")) {}

StoreCopy::~StoreCopy() {
  std::error_code ignored;
  if (!path_.empty()) fs::remove_all(path_, ignored);
  if (!folder_.empty()) fs::remove_all(folder_, ignored);
}

Result<SnapshotFacts> StoreCopy::Facts(const std::string& data_dir) const {
  const auto store = TRY(RocksdbDisk::Inspect({.path = path_}));
  const auto mark = ReadWholeFile(data_dir + "/cluster.json");
  Json cluster = Json::parse(mark.value_or(""), nullptr, /*allow_exceptions=*/false);
  return SnapshotFacts{.skiff = kSkiffVersion,
                       .kubernetes = kKubernetesRelease,
                       .store_format = store.format,
                       .revision = store.last,
                       .created = SystemClock().Now(),
                       .cluster = cluster.is_discarded() ? Json() : std::move(cluster)};
}

Result<> StoreCopy::MoveTo(const std::string& path) {
  std::error_code error;
  // Before: where it goes, others may look, and to another disk it goes slowly, with its rights.
  fs::permissions(path_, fs::perms::owner_all, error);
  if (!error) fs::rename(path_, path, error);
  if (error == std::errc::cross_device_link) {
    fs::copy(path_, path, fs::copy_options::recursive, error);
    if (!error) fs::remove_all(path_, error);
  }
  if (error) {
    return Fail(Reason::kInternalError,
                fmt::format("cannot move {} to {}: {}", path_, path, error.message()));
  }
  path_.clear();
  return {};
}

}  // namespace skiff
