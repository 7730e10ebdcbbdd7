#include "apiserver/storage/rocksdb_options.h"

#include <rocksdb/convenience.h>
#include <rocksdb/env.h>
#include <rocksdb/listener.h>
#include <rocksdb/rate_limiter.h>
#include <rocksdb/table.h>
#include <rocksdb/utilities/table_properties_collectors.h>
#include <sched.h>

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <limits>
#include <memory>

#include "base/log.h"

namespace skiff {
namespace {

// Bounds what a restart replays.
constexpr size_t kWriteAheadLogBytes = 16 << 20;
constexpr int kOpenFilesMax = 256;

// RocksDB's own recovery from a full disk goes on in the log whose last write failed, and its
// assertions, which Debian's build has, end the process: Reopen does it instead.
class NoRecovery final : public rocksdb::EventListener {
 public:
  void OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason, rocksdb::Status,
                            bool* auto_recovery) override {
    *auto_recovery = false;
  }
};

// What RocksDB complains about stands in the program's own log, not in files beside the data. That
// is for whoever looks for a cause: what somebody must act on, the store says itself.
class OwnLog final : public rocksdb::Logger {
 public:
  OwnLog() : Logger(rocksdb::InfoLogLevel::ERROR_LEVEL) {}
  // All options, whenever a database is opened.
  void LogHeader(const char*, va_list) override {}
  using Logger::Logv;
  void Logv(const char* format, va_list values) override {
    char text[kLineBytesMax];
    if (std::vsnprintf(text, sizeof text, format, values) < 0) return;
    log_.Info("rocksdb complains", {{"text", text}});
  }

 private:
  static constexpr size_t kLineBytesMax = 1024;
  const Log log_{"storage"};
};

// Limits nothing, but is asked before each write of a file that is made in the background. To write
// memory to files takes a processor for a tenth of a second, and whoever waits for that processor
// would get it at the clock's next tick alone, each time.
class TurnsOfOthers final : public rocksdb::RateLimiter {
 public:
  using RateLimiter::Request;
  void Request(int64_t, rocksdb::Env::IOPriority, rocksdb::Statistics*) override { sched_yield(); }
  int64_t GetSingleBurstBytes() const override { return kStepBytes; }
  void SetBytesPerSecond(int64_t) override {}
  int64_t GetBytesPerSecond() const override { return std::numeric_limits<int64_t>::max(); }
  int64_t GetTotalBytesThrough(rocksdb::Env::IOPriority) const override { return 0; }
  int64_t GetTotalRequests(rocksdb::Env::IOPriority) const override { return 0; }

  // Some five times as much before it was packed: a third of a millisecond.
  static constexpr size_t kStepBytes = 16 << 10;
};

}  // namespace

rocksdb::ColumnFamilyOptions RocksdbFamilyOptions(size_t buffer_bytes,
                                                  const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::ColumnFamilyOptions options;
  options.write_buffer_size = buffer_bytes;
  options.max_write_buffer_number = 2;
  const auto supported = rocksdb::GetSupportedCompressions();
  const bool has_lz4 = std::ranges::count(supported, rocksdb::kLZ4Compression) > 0;
  options.compression = has_lz4 ? rocksdb::kLZ4Compression : rocksdb::kNoCompression;
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = cache;
  table.cache_index_and_filter_blocks = true;
  table.block_size = 8 << 10;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  // Where compaction dropped much, files are rewritten soon, so that walks do not wade through
  // tombstones.
  options.table_properties_collector_factories.push_back(
      rocksdb::NewCompactOnDeletionCollectorFactory(1024, 512));
  return options;
}

rocksdb::DBOptions RocksdbOptions(rocksdb::Env* env, bool write_ahead_log) {
  rocksdb::DBOptions database;
  database.create_if_missing = true;
  database.create_missing_column_families = true;
  database.env = env ? env : rocksdb::Env::Default();
  database.max_open_files = kOpenFilesMax;
  database.max_total_wal_size = kWriteAheadLogBytes;
  database.max_background_jobs = 2;
  database.rate_limiter = std::make_shared<TurnsOfOthers>();
  database.writable_file_max_buffer_size = TurnsOfOthers::kStepBytes;
  // Of 16 threads none finds anything to open in a store of this size, yet all are started.
  database.max_file_opening_threads = 1;
  // A torn last record was never acknowledged; anything else that is broken must not be skipped.
  database.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  // Without a log, only this keeps the families of one write together.
  database.atomic_flush = !write_ahead_log;
  database.listeners.push_back(std::make_shared<NoRecovery>());
  database.max_bgerror_resume_count = 0;
  database.info_log = std::make_shared<OwnLog>();
  database.stats_dump_period_sec = 0;
  database.stats_persist_period_sec = 0;
  return database;
}

}  // namespace skiff
