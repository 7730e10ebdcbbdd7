#include "apiserver/storage/rocksdb_store_disk.h"

#include <fmt/format.h>
#include <rocksdb/cache.h>
#include <rocksdb/convenience.h>
#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/utilities/checkpoint.h>

#include <algorithm>
#include <bit>
#include <filesystem>
#include <limits>

#include "apiserver/storage/rocksdb_options.h"
#include "base/folders.h"

namespace skiff {
namespace {

constexpr size_t kNumberBytes = 8;
constexpr size_t kBlockCacheBytes = 8 << 20;
constexpr size_t kLogBufferBytes = 4 << 20;
constexpr size_t kKeysBufferBytes = 1 << 20;
constexpr size_t kMetaBufferBytes = 256 << 10;
// What Append keeps for the next time: most batches fit.
constexpr size_t kBatchBytes = 256 << 10;
// How many versions Compact drops in one batch.
constexpr size_t kDropBatch = 1024;
// Of who walks the log.
constexpr size_t kReadAheadBytes = 256 << 10;

// Of an empty store, as of etcd's.
constexpr Revision kFirstRevision{1};

constexpr char kPutMark = 'p';
constexpr char kDeleteMark = 'd';

template <typename T>
void AppendNumber(std::string& out, T number) {
  for (int shift = 8 * (sizeof(T) - 1); shift >= 0; shift -= 8) {
    out.push_back(static_cast<char>(number >> shift));
  }
}

template <typename T>
T ReadNumber(std::string_view in) {
  T number = 0;
  for (size_t i = 0; i < sizeof(T); ++i) number = number << 8 | static_cast<uint8_t>(in[i]);
  return number;
}

std::string LogKey(Revision revision) {
  std::string key;
  AppendNumber(key, revision.value);
  return key;
}

std::string VersionKey(std::string_view key, Revision revision) {
  std::string version;
  version.reserve(key.size() + 1 + kNumberBytes);
  version.append(key).push_back('\0');
  AppendNumber(version, ~revision.value);
  return version;
}

struct KeyVersion {
  std::string_view key;
  Revision revision;
};

std::optional<KeyVersion> ParseVersionKey(std::string_view version) {
  if (version.size() <= 1 + kNumberBytes) return std::nullopt;
  const size_t length = version.size() - 1 - kNumberBytes;
  if (version[length] != '\0') return std::nullopt;
  return KeyVersion{version.substr(0, length),
                    Revision{~ReadNumber<uint64_t>(version.substr(length + 1))}};
}

std::string LogHead(const Version& version) {
  std::string head;
  head.reserve(1 + 2 * kNumberBytes + 4 + version.key.size());
  head.push_back(version.kind == Event::Kind::kPut ? kPutMark : kDeleteMark);
  AppendNumber(head, version.created.value);
  AppendNumber(head, version.previous.value);
  AppendNumber(head, static_cast<uint32_t>(version.key.size()));
  head.append(version.key);
  return head;
}

std::optional<Version> ParseLog(std::string_view key, std::string_view value) {
  constexpr size_t kFixed = 1 + 2 * kNumberBytes + 4;
  if (key.size() != kNumberBytes || value.size() < kFixed) return std::nullopt;
  const uint32_t key_size = ReadNumber<uint32_t>(value.substr(1 + 2 * kNumberBytes));
  if (value.size() - kFixed < key_size) return std::nullopt;
  return Version{
      .kind = value[0] == kDeleteMark ? Event::Kind::kDelete : Event::Kind::kPut,
      .revision = Revision{ReadNumber<uint64_t>(key)},
      .created = Revision{ReadNumber<uint64_t>(value.substr(1))},
      .previous = Revision{ReadNumber<uint64_t>(value.substr(1 + kNumberBytes))},
      .key = value.substr(kFixed, key_size),
      .value = value.substr(kFixed + key_size),
  };
}

tl::unexpected<Error> Corrupt(std::string_view what) {
  return Fail(Reason::kInternalError, fmt::format("storage is corrupt: {}", what));
}

// etcd's words where it has some: operators search for them.
Result<> Checked(const rocksdb::Status& status) {
  if (status.ok()) return {};
  if (status.IsNoSpace()) {
    return Fail(Reason::kInternalError,
                fmt::format("etcdserver: mvcc: database space exceeded ({})", status.ToString()));
  }
  return Fail(Reason::kInternalError, fmt::format("storage: {}", status.ToString()));
}

// For nobody else to read, as etcd makes its own: Secrets are in it.
Result<> MakeFolder(const std::string& path) {
  const std::error_code error = MakePrivateFolder(path);
  if (!error) return {};
  return Fail(Reason::kInternalError,
              fmt::format("cannot make the storage folder {}: {}", path, error.message()));
}

}  // namespace

RecordPtr RecordOf(const Version& version) {
  return std::make_shared<Record>(Record{.key = std::string(version.key),
                                         .value = std::string(version.value),
                                         .created = version.created,
                                         .modified = version.revision});
}

struct RocksdbDisk::Database {
  std::unique_ptr<rocksdb::DB> db;
  rocksdb::ColumnFamilyHandle* meta = nullptr;
  rocksdb::ColumnFamilyHandle* keys = nullptr;
  rocksdb::ColumnFamilyHandle* log = nullptr;
  bool write_ahead_log = true;
  rocksdb::WriteBatch batch{kBatchBytes};  // Append's.

  ~Database() {
    if (!db) return;
    // Without a log, what is in memory is lost unless it is flushed here; an error leaves what a
    // crash would.
    if (!write_ahead_log) (void)db->Flush(rocksdb::FlushOptions(), {meta, keys, log});
    for (auto* family : {meta, keys, log}) (void)db->DestroyColumnFamilyHandle(family);
    (void)db->Close();
  }

  WriteTimes::Place times() const { return {db.get(), meta}; }

  rocksdb::WriteOptions Options(bool sync) const {
    rocksdb::WriteOptions options;
    options.sync = sync && write_ahead_log;
    options.disableWAL = !write_ahead_log;
    return options;
  }

  Result<uint64_t> ReadMeta(const char* name, uint64_t otherwise) const {
    std::string value;
    const auto status = db->Get(rocksdb::ReadOptions(), meta, name, &value);
    if (status.IsNotFound()) return otherwise;
    TRY(Checked(status));
    if (value.size() != kNumberBytes) return Corrupt(name);
    return ReadNumber<uint64_t>(value);
  }
};

namespace {

std::string_view ViewOf(const rocksdb::Slice& slice) {
  return {slice.data(), slice.size()};
}

// Of a log that is so long, its entries are written to files first.
Result<> MakeCheckpoint(rocksdb::DB& db, const std::string& path, uint64_t log_bytes) {
  rocksdb::Checkpoint* made = nullptr;
  TRY(Checked(rocksdb::Checkpoint::Create(&db, &made)));
  const std::unique_ptr<rocksdb::Checkpoint> checkpoint(made);
  return Checked(checkpoint->CreateCheckpoint(path, log_bytes));
}

// Its name and how long it is: it is only ever added to.
Result<std::string> ManifestOf(rocksdb::Env& env, const std::string& path) {
  std::string name;
  TRY(Checked(rocksdb::ReadFileToString(&env, path + "/CURRENT", &name)));
  while (!name.empty() && name.back() == '\n') name.pop_back();
  uint64_t bytes = 0;
  TRY(Checked(env.GetFileSize(path + "/" + name, &bytes)));
  return fmt::format("{} {}", name, bytes);
}

}  // namespace

RocksdbDisk::RocksdbDisk(Options options, std::unique_ptr<Database> database)
    : options_(std::move(options)), database_(std::move(database)) {}

RocksdbDisk::~RocksdbDisk() = default;

Result<std::unique_ptr<RocksdbDisk::Database>> RocksdbDisk::OpenDatabase(const Options& options,
                                                                         bool read_only) {
  const auto cache = rocksdb::NewLRUCache(kBlockCacheBytes);
  const std::vector<rocksdb::ColumnFamilyDescriptor> families = {
      {rocksdb::kDefaultColumnFamilyName, RocksdbFamilyOptions(kMetaBufferBytes, cache)},
      {"keys", RocksdbFamilyOptions(kKeysBufferBytes, cache)},
      {"log", RocksdbFamilyOptions(kLogBufferBytes, cache)},
  };
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* db = nullptr;
  const auto how = RocksdbOptions(options.env, options.write_ahead_log);
  const auto opened = read_only
                          ? rocksdb::DB::OpenForReadOnly(how, options.path, families, &handles, &db)
                          : rocksdb::DB::Open(how, options.path, families, &handles, &db);
  if (opened.IsIOError() && opened.ToString().find("lock") != std::string::npos) {
    return Fail(Reason::kInternalError,
                fmt::format("{} is in use by another process", options.path));
  }
  TRY(Checked(opened));
  auto database = std::make_unique<Database>();
  database->db.reset(db);
  database->meta = handles[0];
  database->keys = handles[1];
  database->log = handles[2];
  database->write_ahead_log = options.write_ahead_log;
  return database;
}

Result<std::unique_ptr<RocksdbDisk>> RocksdbDisk::Open(const Options& options) {
  if (!options.env) TRY(MakeFolder(options.path));
  auto database = TRY(OpenDatabase(options, /*read_only=*/false));
  auto disk = std::unique_ptr<RocksdbDisk>(new RocksdbDisk(options, std::move(database)));
  TRY(disk->Load(options.path));
  return disk;
}

Result<> RocksdbDisk::CheckRoom() const {
  rocksdb::Env* env = options_.env ? options_.env : rocksdb::Env::Default();
  uint64_t bytes = 0;
  const auto asked = env->GetFreeSpace(options_.path, &bytes);
  if (asked.IsNotSupported() || (asked.ok() && bytes >= kReopenBytesMin)) return {};
  TRY(Checked(asked));
  return Fail(Reason::kInternalError,
              fmt::format("only {} KiB are free at {}", bytes >> 10, options_.path));
}

Result<> RocksdbDisk::Reopen() {
  if (!options_.write_ahead_log) {
    return Fail(Reason::kInternalError, "what is not written yet would be lost");
  }
  TRY(CheckRoom());
  const std::unique_lock alone(mutex_, std::try_to_lock);
  if (!alone) return Fail(Reason::kConflict, "the store is being read");
  // Opened before the other is closed: should that not open again, this one is there.
  auto readable = TRY(OpenDatabase(options_, /*read_only=*/true));
  database_.reset();
  auto writable = OpenDatabase(options_, /*read_only=*/false);
  if (!writable) {
    database_ = std::move(readable);
    return Fail(writable.error());
  }
  database_ = *std::move(writable);
  TRY(Load(options_.path));
  full_ = false;
  return {};
}

// 0: a database that was just made.
Result<uint64_t> RocksdbDisk::LoadFormat(const std::string& path) const {
  const uint64_t format = TRY(database_->ReadMeta("format", 0));
  if (format <= kFormat) return format;
  return Fail(Reason::kInternalError,
              fmt::format("{} has storage format {}, this program knows up to {}: it was written "
                          "by a newer version of skiff",
                          path, format, kFormat));
}

Result<> RocksdbDisk::Load(const std::string& path) {
  const uint64_t format = TRY(LoadFormat(path));
  if (format < kFormat) {
    std::string value;
    AppendNumber(value, uint64_t{kFormat});
    TRY(Checked(database_->db->Put(database_->Options(true), database_->meta, "format", value)));
  }
  return LoadRevisions();
}

Result<> RocksdbDisk::LoadRevisions() {
  compacted_ = Revision {
    TRY(database_->ReadMeta("compacted", 0))
  };
  dropped_ = Revision {
    TRY(database_->ReadMeta("dropped", 0))
  };
  last_ = compacted_;
  TRY(Checked(times_.Load(database_->times())));
  std::unique_ptr<rocksdb::Iterator> newest(
      database_->db->NewIterator(rocksdb::ReadOptions(), database_->log));
  newest->SeekToLast();
  TRY(Checked(newest->status()));
  if (!newest->Valid()) return {};
  const auto version = ParseLog(ViewOf(newest->key()), ViewOf(newest->value()));
  if (!version) return Corrupt("the last entry of the log cannot be read");
  last_ = std::max(last_, version->revision);
  return {};
}

Result<RocksdbDisk::Facts> RocksdbDisk::Inspect(const Options& options) {
  auto database = TRY(OpenDatabase(options, /*read_only=*/true));
  RocksdbDisk disk(options, std::move(database));
  const uint64_t format = TRY(disk.LoadFormat(options.path));
  if (format == 0) return Corrupt(options.path + " has no storage format");
  TRY(disk.LoadRevisions());
  return Facts{static_cast<uint32_t>(format), std::max(disk.last_, kFirstRevision),
               disk.compacted_};
}

Result<> RocksdbDisk::CopyFromOutside(const Options& options, const std::string& path) {
  rocksdb::Env* env = options.env ? options.env : rocksdb::Env::Default();
  // Whoever makes files of what is in the log, or removes any, says so in the manifest first.
  const std::string before = TRY(ManifestOf(*env, options.path));
  const auto database = TRY(OpenDatabase(options, /*read_only=*/true));
  // The log is copied: nothing is written to the store itself.
  TRY(MakeCheckpoint(*database->db, path, std::numeric_limits<uint64_t>::max()));
  if (TRY(ManifestOf(*env, options.path)) == before) return {};
  return Fail(Reason::kConflict, "the store was being written to while it was copied: try again");
}

Result<> RocksdbDisk::SkipTo(Revision revision) {
  CHECK(revision > last_);
  const std::shared_lock use(mutex_);
  std::string value;
  AppendNumber(value, revision.value);
  rocksdb::WriteBatch batch;
  TRY(Checked(batch.Put(database_->meta, "compacted", value)));
  // That it was written then is true of nothing that can be read from now on.
  TRY(Checked(WriteTimes::DropAll(database_->times(), batch)));
  TRY(Write(batch, /*sync=*/true));
  last_ = compacted_ = revision;
  return {};
}

RocksdbDisk::View RocksdbDisk::Newest() const {
  return View(*this, View::Use(mutex_));
}

namespace {

// The put that was found; nullptr when there is none.
Result<RecordPtr> RecordIn(Revision revision, std::string_view key, const rocksdb::Status& status,
                           std::string_view value) {
  if (status.IsNotFound()) return nullptr;
  TRY(Checked(status));
  const auto version = ParseLog(key, value);
  if (!version) return Corrupt(fmt::format("revision {} cannot be read", revision.value));
  if (version->kind != Event::Kind::kPut) return nullptr;
  return RecordOf(*version);
}

}  // namespace

Result<RecordPtr> RocksdbDisk::View::Read(Revision revision) const {
  const std::string key = LogKey(revision);
  rocksdb::PinnableSlice value;
  const Database& database = *disk_.database_;
  const auto status = database.db->Get(rocksdb::ReadOptions(), database.log, key, &value);
  return RecordIn(revision, key, status, ViewOf(value));
}

Result<std::vector<RecordPtr>> RocksdbDisk::View::ReadMany(
    std::span<const Revision> revisions) const {
  const size_t count = revisions.size();
  std::vector<std::string> keys;
  keys.reserve(count);
  for (const Revision revision : revisions) keys.push_back(LogKey(revision));
  const std::vector<rocksdb::Slice> named(keys.begin(), keys.end());
  std::vector<rocksdb::PinnableSlice> values(count);
  std::vector<rocksdb::Status> statuses(count);
  const Database& database = *disk_.database_;
  database.db->MultiGet(rocksdb::ReadOptions(), database.log, count, named.data(), values.data(),
                        statuses.data());
  std::vector<RecordPtr> records(count);
  for (size_t i = 0; i < count; ++i) {
    records[i] = TRY(RecordIn(revisions[i], keys[i], statuses[i], ViewOf(values[i])));
    values[i].Reset();
  }
  return records;
}

Result<Revision> RocksdbDisk::View::FindAt(std::string_view key, Revision at) const {
  const Database& database = *disk_.database_;
  std::unique_ptr<rocksdb::Iterator> next(
      database.db->NewIterator(rocksdb::ReadOptions(), database.keys));
  next->Seek(VersionKey(key, at));
  TRY(Checked(next->status()));
  if (!next->Valid()) return Revision{};
  const auto version = ParseVersionKey(ViewOf(next->key()));
  if (!version) return Corrupt("an entry of the keys cannot be read");
  if (version->key != key || ViewOf(next->value()) != std::string_view(&kPutMark, 1)) {
    return Revision{};
  }
  return version->revision;
}

Result<> RocksdbDisk::View::WalkKeys(
    std::string_view prefix, std::string_view start_after, Revision at,
    const std::function<Result<bool>(std::string_view, Revision)>& visit) const {
  // A version's key is its key, NUL, and eight bytes: those of one key end before key \x01.
  constexpr int kStepsBeforeSeek = 8;
  const Database& database = *disk_.database_;
  std::unique_ptr<rocksdb::Iterator> next(
      database.db->NewIterator(rocksdb::ReadOptions(), database.keys));
  const bool from_start = start_after.empty() || start_after < prefix;
  next->Seek(from_start ? std::string(prefix) : std::string(start_after) + '\x01');
  std::string done;  // The key whose version at `at` was found; older ones follow it.
  int steps = 0;
  while (next->Valid() && next->key().starts_with(rocksdb::Slice(prefix.data(), prefix.size()))) {
    const auto version = ParseVersionKey(ViewOf(next->key()));
    if (!version) return Corrupt("an entry of the keys cannot be read");
    if (version->key == done) {
      if (++steps < kStepsBeforeSeek) {
        next->Next();
      } else {
        next->Seek(done + '\x01');
      }
      continue;
    }
    if (version->revision > at) {
      next->Seek(VersionKey(version->key, at));
      continue;
    }
    done = version->key;
    steps = 0;
    const bool exists = ViewOf(next->value()) == std::string_view(&kPutMark, 1);
    if (exists) {
      const bool go_on = TRY(visit(done, version->revision));
      if (!go_on) return {};
    }
    next->Next();
  }
  return Checked(next->status());
}

Result<> RocksdbDisk::View::WalkLog(
    Revision after, const std::function<Result<bool>(const Version&)>& visit) const {
  const Database& database = *disk_.database_;
  rocksdb::ReadOptions options;
  options.fill_cache = false;
  options.readahead_size = kReadAheadBytes;
  std::unique_ptr<rocksdb::Iterator> next(database.db->NewIterator(options, database.log));
  for (next->Seek(LogKey(Revision{after.value + 1})); next->Valid(); next->Next()) {
    const auto version = ParseLog(ViewOf(next->key()), ViewOf(next->value()));
    if (!version)
      return Corrupt(fmt::format("the log after revision {} cannot be read", after.value));
    const bool go_on = TRY(visit(*version));
    if (!go_on) return {};
  }
  return Checked(next->status());
}

Result<> RocksdbDisk::Append(std::span<const Version> versions, bool sync, TimePoint now) {
  const std::shared_lock use(mutex_);
  rocksdb::WriteBatch& batch = database_->batch;
  if (batch.Data().capacity() > kBatchBytes) batch = rocksdb::WriteBatch(kBatchBytes);
  batch.Clear();
  for (const Version& version : versions) {
    const char mark = version.kind == Event::Kind::kPut ? kPutMark : kDeleteMark;
    const std::string version_key = VersionKey(version.key, version.revision);
    TRY(Checked(batch.Put(database_->keys, version_key, rocksdb::Slice(&mark, 1))));
    const std::string log_key = LogKey(version.revision);
    const std::string head = LogHead(version);
    const rocksdb::Slice key_part(log_key);
    const rocksdb::Slice value_parts[] = {head, {version.value.data(), version.value.size()}};
    TRY(Checked(batch.Put(database_->log, rocksdb::SliceParts(&key_part, 1),
                          rocksdb::SliceParts(value_parts, 2))));
  }
  TRY(Checked(times_.Add(database_->times(), versions.front().revision, now, batch)));
  return Write(batch, sync);
}

Result<WriteTimes::Around> RocksdbDisk::TimesAround(TimePoint moment) const {
  const std::shared_lock use(mutex_);
  WriteTimes::Around found;
  TRY(Checked(WriteTimes::Find(database_->times(), moment, found)));
  return found;
}

Result<> RocksdbDisk::Write(rocksdb::WriteBatch& batch, bool sync) {
  const auto status = database_->db->Write(database_->Options(sync), &batch);
  if (status.IsNoSpace()) full_ = true;
  return Checked(status);
}

Result<> RocksdbDisk::Sync() {
  const std::shared_lock use(mutex_);
  if (!database_->write_ahead_log) return {};
  // A synced write of nothing: unlike SyncWAL it works on every Env, the one in memory too.
  rocksdb::WriteBatch nothing;
  return Write(nothing, /*sync=*/true);
}

Result<> RocksdbDisk::Compact(Revision revision, const std::function<void()>& announce) {
  const std::shared_lock use(mutex_);
  std::string value;
  AppendNumber(value, revision.value);
  rocksdb::WriteBatch batch;
  TRY(Checked(batch.Put(database_->meta, "compacted", value)));
  TRY(Write(batch, /*sync=*/false));
  batch.Clear();
  announce();
  const auto flush = [&](Revision through) -> Result<> {
    std::string progress;
    AppendNumber(progress, through.value);
    TRY(Checked(batch.Put(database_->meta, "dropped", progress)));
    TRY(Write(batch, /*sync=*/false));
    batch.Clear();
    dropped_ = through;
    return {};
  };
  const auto drop = [&](std::string_view key, Revision version) {
    // These fail only for families with other settings than ours.
    (void)batch.Delete(database_->keys, VersionKey(key, version));
    (void)batch.Delete(database_->log, LogKey(version));
  };
  const View all(*this, {});
  TRY(all.WalkLog(dropped_, [&](const Version& version) -> Result<bool> {
    if (version.revision > revision) return false;
    if (version.previous.value != 0) drop(version.key, version.previous);
    if (version.kind == Event::Kind::kDelete) drop(version.key, version.revision);
    if (static_cast<size_t>(batch.Count()) >= kDropBatch) TRY(flush(version.revision));
    return true;
  }));
  TRY(Checked(WriteTimes::DropBefore(database_->times(), revision, batch)));
  return flush(revision);
}

Result<> RocksdbDisk::Snapshot(const std::string& path) const {
  const std::shared_lock use(mutex_);
  return MakeCheckpoint(*database_->db, path, /*log_bytes=*/0);
}

std::shared_ptr<rocksdb::Env> NewMemoryDisk() {
  return std::shared_ptr<rocksdb::Env>(rocksdb::NewMemEnv(rocksdb::Env::Default()));
}

}  // namespace skiff
