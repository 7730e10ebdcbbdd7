// A disk that fills and breaks when a test says so.
#pragma once

#include <rocksdb/env.h>

#include <atomic>
#include <memory>
#include <string>
#include <utility>

#include "base/mutex.h"

namespace skiff {

// A disk whose files refuse to grow or to be synced when told so. Thread-safe.
class FaultyDisk final : public rocksdb::EnvWrapper {
 public:
  explicit FaultyDisk(rocksdb::Env* disk) : EnvWrapper(disk) {}

  // Nothing can be written from now on, and the disk says that it is full; or no longer.
  void SetFull(bool full) {
    Break(full ? rocksdb::Status::NoSpace("no space left on device") : rocksdb::Status::OK());
    SetFreeBytes(full ? 0 : kFreeBytes);
  }
  // rocksdb::Status::OK() mends it.
  void Break(rocksdb::Status status) {
    const MutexLock lock(mutex_);
    broken_ = sync_broken_ = std::move(status);
  }
  void BreakSync(rocksdb::Status status) {
    const MutexLock lock(mutex_);
    sync_broken_ = std::move(status);
  }
  void SetFreeBytes(uint64_t bytes) { free_bytes_ = bytes; }

  rocksdb::Status GetFreeSpace(const std::string&, uint64_t* bytes) override {
    *bytes = free_bytes_;
    return rocksdb::Status::OK();
  }

  rocksdb::Status NewWritableFile(const std::string& name,
                                  std::unique_ptr<rocksdb::WritableFile>* file,
                                  const rocksdb::EnvOptions& options) override {
    auto status = EnvWrapper::NewWritableFile(name, file, options);
    if (status.ok()) *file = std::make_unique<File>(*this, std::move(*file));
    return status;
  }

 private:
  static constexpr uint64_t kFreeBytes = uint64_t{1} << 40;

  class File final : public rocksdb::WritableFileWrapper {
   public:
    File(FaultyDisk& disk, std::unique_ptr<rocksdb::WritableFile> file)
        : WritableFileWrapper(file.get()), disk_(disk), file_(std::move(file)) {}
    rocksdb::Status Append(const rocksdb::Slice& data) override {
      const auto broken = disk_.Broken();
      return broken.ok() ? WritableFileWrapper::Append(data) : broken;
    }
    rocksdb::Status Append(const rocksdb::Slice& data,
                           const rocksdb::DataVerificationInfo& info) override {
      const auto broken = disk_.Broken();
      return broken.ok() ? WritableFileWrapper::Append(data, info) : broken;
    }
    rocksdb::Status Sync() override {
      const auto broken = disk_.SyncBroken();
      return broken.ok() ? WritableFileWrapper::Sync() : broken;
    }

   private:
    FaultyDisk& disk_;
    std::unique_ptr<rocksdb::WritableFile> file_;
  };

  rocksdb::Status Broken() const {
    const MutexLock lock(mutex_);
    return broken_;
  }
  rocksdb::Status SyncBroken() const {
    const MutexLock lock(mutex_);
    return sync_broken_;
  }

  mutable Mutex mutex_;
  rocksdb::Status broken_ GUARDED_BY(mutex_), sync_broken_ GUARDED_BY(mutex_);
  std::atomic<uint64_t> free_bytes_ = kFreeBytes;
};

}  // namespace skiff
