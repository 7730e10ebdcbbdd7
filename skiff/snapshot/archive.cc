#include "skiff/snapshot/archive.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include "api/codec/json.h"
#include "api/text/time_text.h"
#include "apiserver/storage/rocksdb_store_disk.h"
#include "base/folders.h"
#include "base/hash.h"
#include "base/sha256_stream.h"
#include "base/text.h"
#include "base/version.h"

namespace skiff {
namespace {

namespace fs = std::filesystem;

constexpr char kFactsName[] = "skiff-snapshot.json";
constexpr std::string_view kStore = "store/";
constexpr std::string_view kPki = "pki/";
constexpr std::string_view kSingle[] = {"service-account.key", "cluster.json"};
constexpr uint64_t kFactsBytesMax = 16 << 20;
constexpr int kFactsDepthMax = 100;
constexpr size_t kPieceBytes = 1 << 20;

// Closes what it holds.
class OpenFile {
 public:
  explicit OpenFile(int file) : file_(file) {}
  ~OpenFile() {
    if (file_ >= 0) close(file_);
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  int get() const { return file_; }

 private:
  const int file_;
};

tl::unexpected<Error> FailedOn(const std::string& path) {
  const Reason reason = errno == ENOENT ? Reason::kNotFound : Reason::kInternalError;
  return Fail(reason, fmt::format("{}: {}", path, std::strerror(errno)));
}

Result<> WriteAll(int file, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t n = write(file, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return FailedOn(path);
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return {};
}

// Gives `size` bytes from there to `take`, in pieces; Gone where there are fewer.
template <typename Take>
Result<> ReadPieces(int file, uint64_t offset, uint64_t size, const std::string& path, Take take) {
  std::string piece(std::min<uint64_t>(kPieceBytes, size), '\0');
  while (size > 0) {
    const ssize_t n = pread(file, piece.data(), std::min<uint64_t>(piece.size(), size),
                            static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return FailedOn(path);
    if (n == 0) return Fail(Reason::kGone, path + " became shorter while it was read");
    TRY(take(std::string_view(piece.data(), static_cast<size_t>(n))));
    offset += static_cast<uint64_t>(n);
    size -= static_cast<uint64_t>(n);
  }
  return {};
}

struct Source {
  SnapshotFile file;
  std::string path;
};

Result<Source> SourceOf(std::string name, std::string path) {
  const OpenFile file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat found {};
  if (file.get() < 0 || fstat(file.get(), &found) != 0) return FailedOn(path);
  const auto size = static_cast<uint64_t>(found.st_size);
  if (size > kTarFileBytesMax) return Fail(Reason::kInternalError, path + " is too big for tar");
  Sha256Stream digest;
  TRY(ReadPieces(file.get(), 0, size, path, [&](std::string_view piece) -> Result<> {
    digest.Add(piece);
    return {};
  }));
  return Source{{std::move(name), size, Hex(digest.Finish())}, std::move(path)};
}

Result<std::vector<Source>> SourcesOf(const std::string& store, const std::string& data_dir) {
  std::vector<Source> sources;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(store, error)) {
    const std::string name = entry.path().filename();
    // Nothing to have again: whoever opens a store has a lock of its own.
    if (name == "LOCK" || !entry.is_regular_file(error)) continue;
    auto source = TRY(SourceOf(std::string(kStore) + name, entry.path()));
    sources.push_back(std::move(source));
  }
  if (error) return Fail(Reason::kInternalError, fmt::format("{}: {}", store, error.message()));
  for (const std::string& name : IdentityFiles(data_dir)) {
    auto source = TRY(SourceOf(name, data_dir + "/" + name));
    sources.push_back(std::move(source));
  }
  std::sort(sources.begin(), sources.end(),
            [](const Source& a, const Source& b) { return a.file.name < b.file.name; });
  return sources;
}

Json DocumentOf(const SnapshotFacts& facts) {
  Json files = Json::array();
  for (const SnapshotFile& file : facts.files) {
    files.push_back({{"name", file.name}, {"size", file.size}, {"sha256", file.sha256}});
  }
  return {{"format", facts.format},           {"skiff", facts.skiff},
          {"kubernetes", facts.kubernetes},   {"storeFormat", facts.store_format},
          {"revision", facts.revision.value}, {"created", Time(facts.created).Rfc3339()},
          {"cluster", facts.cluster},         {"files", files}};
}

// What others wrote may be anything.
template <typename T>
std::optional<T> Member(const Json& document, const char* name) {
  const auto found = document.is_object() ? document.find(name) : document.end();
  if (found == document.end()) return std::nullopt;
  if constexpr (std::is_same_v<T, std::string>) {
    if (!found->is_string()) return std::nullopt;
  } else {
    if (!found->is_number_unsigned()) return std::nullopt;
  }
  return found->get<T>();
}

// What is shown on a terminal, or stands in a command that is offered, whoever wrote the archive.
bool IsPlain(std::string_view text) {
  constexpr std::string_view kPlain = "-_+.:,/";
  return std::all_of(text.begin(), text.end(),
                     [&](char c) { return IsAlnum(c) || kPlain.find(c) != kPlain.npos; });
}

bool IsPlainCluster(const Json& cluster) {
  if (!cluster.is_object()) return true;
  return std::all_of(cluster.begin(), cluster.end(), [](const Json& each) {
    return !each.is_string() || IsPlain(each.get_ref<const std::string&>());
  });
}

std::optional<SnapshotFacts> FactsOf(const Json& document) {
  // Copies go as deep as it is.
  if (DepthOf(document, kFactsDepthMax + 1) > kFactsDepthMax) return std::nullopt;
  const auto format = Member<uint32_t>(document, "format");
  if (!format) return std::nullopt;
  SnapshotFacts facts{.format = static_cast<int>(*format)};
  facts.skiff = Member<std::string>(document, "skiff").value_or("");
  facts.kubernetes = Member<std::string>(document, "kubernetes").value_or("");
  facts.store_format = Member<uint32_t>(document, "storeFormat").value_or(0);
  facts.revision = Revision{Member<uint64_t>(document, "revision").value_or(0)};
  const auto created = Time::Parse(Member<std::string>(document, "created").value_or(""));
  if (created) facts.created = created->point();
  if (document.contains("cluster")) facts.cluster = document["cluster"];
  if (!IsPlain(facts.skiff) || !IsPlain(facts.kubernetes) || !IsPlainCluster(facts.cluster)) {
    return std::nullopt;
  }
  const Json files = document.value("files", Json());
  if (!files.is_array()) return std::nullopt;
  for (const Json& each : files) {
    const auto name = Member<std::string>(each, "name");
    const auto size = Member<uint64_t>(each, "size");
    const auto sha256 = Member<std::string>(each, "sha256");
    if (!name || !size || !sha256 || !IsSnapshotName(*name)) return std::nullopt;
    facts.files.push_back({*name, *size, *sha256});
  }
  return facts;
}

// "v1.35.6" is {1, 35}.
std::pair<int, int> MinorOf(const std::string& release) {
  std::pair<int, int> minor{0, 0};
  (void)std::sscanf(release.c_str(), "v%d.%d", &minor.first, &minor.second);
  return minor;
}

Result<> WriteArchive(int file, const SnapshotFacts& facts, const std::vector<Source>& sources,
                      const std::string& path) {
  TarWriter tar;
  tar.AddFile(kFactsName, 0600, DocumentOf(facts).dump(1) + "\n");
  for (const auto& [each, from] : sources) {
    TRY(WriteAll(file, tar.TakeUpToFile(each.name, 0600, each.size), path));
    const OpenFile in(open(from.c_str(), O_RDONLY | O_CLOEXEC));
    if (in.get() < 0) return FailedOn(from);
    TRY(ReadPieces(in.get(), 0, each.size, from,
                   [&](std::string_view piece) { return WriteAll(file, piece, path); }));
    TRY(WriteAll(file, std::string(TarPadding(each.size), '\0'), path));
  }
  return WriteAll(file, tar.Finish(), path);
}

}  // namespace

uint64_t SnapshotFacts::Bytes() const {
  uint64_t bytes = 0;
  for (const SnapshotFile& file : files) bytes += file.size;
  return bytes;
}

std::optional<int> SnapshotFacts::SimulatedNodes() const {
  const auto nodes = Member<uint32_t>(cluster, "simulatedNodes");
  if (!nodes || *nodes == 0) return std::nullopt;
  return static_cast<int>(*nodes);
}

bool IsSnapshotName(std::string_view name) {
  if (std::find(std::begin(kSingle), std::end(kSingle), name) != std::end(kSingle)) return true;
  for (const std::string_view folder : {kStore, kPki}) {
    if (!name.starts_with(folder)) continue;
    const std::string_view rest = name.substr(folder.size());
    return !rest.empty() && rest != "." && rest != ".." && rest.size() < 100 &&
           std::none_of(rest.begin(), rest.end(),
                        [](unsigned char c) { return c == '/' || c < 0x20 || c == 0x7f; });
  }
  return false;
}

std::vector<std::string> IdentityFiles(const std::string& data_dir) {
  std::vector<std::string> names;
  std::error_code error;
  const auto is_file = [&](const std::string& name) {
    return fs::is_regular_file(data_dir + "/" + name, error) && !name.ends_with(".new");
  };
  for (const std::string_view name : kSingle) {
    if (is_file(std::string(name))) names.emplace_back(name);
  }
  for (const auto& entry : fs::directory_iterator(data_dir + "/pki", error)) {
    const std::string name = std::string(kPki) + entry.path().filename().string();
    if (is_file(name) && IsSnapshotName(name)) names.push_back(name);
  }
  return names;
}

Result<> CheckSnapshotVersions(const SnapshotFacts& facts) {
  const auto refuse = [&](const std::string& what, auto theirs, auto ours) {
    return Fail(Reason::kBadRequest,
                fmt::format("skiff {} wrote it, with {} {}, and this program, skiff {}, knows up "
                            "to {}: restore it with that one",
                            facts.skiff, what, theirs, kSkiffVersion, ours));
  };
  if (facts.format > SnapshotFacts::kFormat) {
    return refuse("snapshot format", facts.format, SnapshotFacts::kFormat);
  }
  if (facts.store_format > RocksdbDisk::kFormat) {
    return refuse("storage format", facts.store_format, RocksdbDisk::kFormat);
  }
  if (MinorOf(facts.kubernetes) > MinorOf(kKubernetesRelease)) {
    return refuse("the API of Kubernetes", facts.kubernetes, kKubernetesRelease);
  }
  return {};
}

Result<SnapshotFacts> WriteSnapshot(const std::string& asked, SnapshotFacts facts,
                                    const std::string& store, const std::string& data_dir,
                                    bool replace) {
  const auto exists = [&] {
    return Fail(Reason::kAlreadyExists,
                asked + " is there already: choose another name, or replace it with --force");
  };
  std::error_code error;
  const fs::file_status there = fs::status(asked, error);
  if (fs::exists(there) && !fs::is_regular_file(there)) {
    return Fail(Reason::kInvalid,
                asked + " is no file: choose another name, or - for standard output");
  }
  if (!replace && fs::exists(there)) return exists();
  // Of a link what it leads to is replaced.
  const bool is_link = fs::exists(there) && fs::is_symlink(asked, error);
  const std::string path = is_link ? fs::canonical(asked, error).string() : asked;
  const std::vector<Source> sources = TRY(SourcesOf(store, data_dir));
  for (const Source& source : sources) facts.files.push_back(source.file);
  const std::string unfinished = fmt::format("{}.{}.new", path, getpid());
  const OpenFile file(open(unfinished.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (file.get() < 0) return FailedOn(asked);
  Result<> written = WriteArchive(file.get(), facts, sources, asked);
  if (written && fsync(file.get()) != 0) written = FailedOn(asked);
  // A link fails where somebody else has made that file meanwhile; a rename replaces it.
  if (written && !replace && link(unfinished.c_str(), path.c_str()) != 0) {
    written = errno == EEXIST ? Result<>(exists()) : Result<>(FailedOn(asked));
  }
  if (written && replace && rename(unfinished.c_str(), path.c_str()) != 0) {
    written = FailedOn(asked);
  }
  (void)unlink(unfinished.c_str());
  if (!written) return Fail(written.error());
  return facts;
}

Result<SnapshotFacts> StreamSnapshot(int stream, const std::string& name, SnapshotFacts facts,
                                     const std::string& store, const std::string& data_dir) {
  const std::vector<Source> sources = TRY(SourcesOf(store, data_dir));
  for (const Source& source : sources) facts.files.push_back(source.file);
  TRY(WriteArchive(stream, facts, sources, name));
  return facts;
}

SnapshotArchive::SnapshotArchive(SnapshotArchive&& other) noexcept
    : path_(std::move(other.path_)),
      file_(std::exchange(other.file_, -1)),
      size_(other.size_),
      facts_(std::move(other.facts_)),
      entries_(std::move(other.entries_)) {}

SnapshotArchive::~SnapshotArchive() {
  if (file_ >= 0) close(file_);
}

Result<SnapshotArchive> SnapshotArchive::Open(const std::string& path) {
  // A pipe would be waited for.
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) return FailedOn(path);
  SnapshotArchive archive(path, file);
  TRY(archive.Read());
  return archive;
}

bool SnapshotArchive::Begins(const std::string& path) {
  const OpenFile file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  char name[sizeof kFactsName] = {};  // A tar archive begins with the name of its first entry.
  return file.get() >= 0 && read(file.get(), name, sizeof name) == ssize_t{sizeof name} &&
         std::equal(std::begin(name), std::end(name), kFactsName);
}

tl::unexpected<Error> SnapshotArchive::Wrong(const std::string& what) const {
  return Fail(Reason::kBadRequest, fmt::format("{} {}", path_, what));
}

Result<> SnapshotArchive::Read() {
  struct stat found {};
  if (fstat(file_, &found) != 0) return FailedOn(path_);
  if (!S_ISREG(found.st_mode)) return Wrong("is no file, and so no snapshot");
  size_ = static_cast<uint64_t>(found.st_size);
  auto index = ReadTarIndex(file_);
  if (!index && Begins(path_)) return Wrong("is damaged: " + index.error().message);
  if (!index) return Wrong("is no snapshot: " + index.error().message);
  entries_ = *std::move(index);
  if (entries_.empty() || entries_[0].path != kFactsName || entries_[0].size > kFactsBytesMax) {
    return Wrong("is a tar archive, but no snapshot of skiff's");
  }
  const TarEntry first = entries_.front();
  entries_.erase(entries_.begin());
  if (first.offset + first.size > size_) return Wrong("is cut off, within its first file");
  std::string text;
  TRY(ReadPieces(file_, first.offset, first.size, path_, [&](std::string_view piece) -> Result<> {
    text += piece;
    return {};
  }));
  auto facts = FactsOf(Json::parse(text, nullptr, /*allow_exceptions=*/false));
  if (!facts) return Wrong(fmt::format("is damaged: its {} cannot be read", kFactsName));
  facts_ = *std::move(facts);
  return {};
}

Result<> SnapshotArchive::Extract(const std::string& directory) const {
  for (size_t i = 0; i < facts_.files.size(); ++i) {
    const SnapshotFile& file = facts_.files[i];
    if (i >= entries_.size()) return Wrong("is cut off: " + file.name + " is missing");
    const TarEntry& entry = entries_[i];
    if (entry.path != file.name || entry.size != file.size || entry.type != TarEntry::Type::kFile) {
      const std::string found = IsSnapshotName(entry.path) ? entry.path : "another file";
      return Wrong(fmt::format("is damaged: {} stands where {} should", found, file.name));
    }
    if (entry.offset + entry.size > size_) {
      return Wrong(fmt::format("is cut off, within {}", file.name));
    }
    TRY(ExtractFile(file, entry, directory));
  }
  if (entries_.size() > facts_.files.size()) {
    const std::string& more = entries_[facts_.files.size()].path;
    return Wrong("is damaged: nothing was said of " +
                 (IsSnapshotName(more) ? more : std::string("a file in it")));
  }
  return {};
}

Result<> SnapshotArchive::ExtractFile(const SnapshotFile& file, const TarEntry& entry,
                                      const std::string& directory) const {
  const std::string to = directory + "/" + file.name;
  const bool writes = !directory.empty();
  const std::string folder = fs::path(to).parent_path();
  const std::error_code error = writes ? MakePrivateFolder(folder) : std::error_code();
  if (error) {
    return Fail(Reason::kInternalError, fmt::format("{}: {}", folder, error.message()));
  }
  const OpenFile out(writes ? open(to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600) : -1);
  if (writes && out.get() < 0) return FailedOn(to);
  Sha256Stream digest;
  TRY(ReadPieces(file_, entry.offset, entry.size, path_, [&](std::string_view piece) -> Result<> {
    digest.Add(piece);
    return writes ? WriteAll(out.get(), piece, to) : Result<>();
  }));
  if (Hex(digest.Finish()) != file.sha256) {
    return Wrong(fmt::format("is damaged: {} is not what was saved", file.name));
  }
  if (writes && fsync(out.get()) != 0) return FailedOn(to);
  return {};
}

}  // namespace skiff
