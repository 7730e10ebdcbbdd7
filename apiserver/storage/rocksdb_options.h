// How the store opens RocksDB.
#pragma once

#include <rocksdb/cache.h>
#include <rocksdb/options.h>

#include <memory>

namespace skiff {

// `env`: nullptr for the real disk.
rocksdb::DBOptions RocksdbOptions(rocksdb::Env* env, bool write_ahead_log);
rocksdb::ColumnFamilyOptions RocksdbFamilyOptions(size_t buffer_bytes,
                                                  const std::shared_ptr<rocksdb::Cache>& cache);

}  // namespace skiff
