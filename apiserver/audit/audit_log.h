// The file that the audit log's lines go to, and the files that it was before. Lines wait in memory
// for whoever writes them, so that neither a loop of connections nor an answer waits for a disk:
//
//   log.HasRoom()     before a request is begun: if not, it waits, or goes on where it may wait
//   log.Write(line)   takes it in any case
//   Step()            all that waits, to the file, in order
//
// A file that grows beyond its bound gets the date into its name, audit-2026-11-23T13-05-36.123.log
// beside audit.log, and a new one is begun; those that are too many or too old go.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "apiserver/audit/audit_options.h"
#include "base/clock.h"
#include "base/control_loop.h"
#include "base/error.h"
#include "base/log.h"
#include "base/mutex.h"

namespace skiff {

// Thread-safe.
class AuditLog final : public ControlLoop {
 public:
  // Of lines that wait to be written.
  static constexpr size_t kWaitingBytesMax = 16 << 20;
  static constexpr int kMegabytesOtherwise = 100;

  using Options = AuditFileOptions;
  // Makes the file and its folder where they are missing.
  static Result<std::unique_ptr<AuditLog>> Open(Options options, const Clock& clock);
  ~AuditLog() override;

  // Whether another request may be begun. Where lines are dropped there always is.
  bool HasRoom();
  // Until there is; somebody else runs the loop.
  void AwaitRoom();
  void Write(std::string_view line);
  Duration Step() override;
  // Lines that nobody will read.
  uint64_t lost() const;

 private:
  AuditLog(Options options, const Clock& clock) : options_(std::move(options)), clock_(clock) {}
  bool Fits() const REQUIRES(mutex_) { return waiting_.size() < kWaitingBytesMax; }
  // Of whoever writes, one at a time.
  Result<> OpenFile();
  Result<> WriteFile(std::string_view lines);
  Result<> WriteAll(std::string_view bytes);
  Result<> Rotate();
  void RemoveOld();
  void WriteNow(std::string_view lines);
  uint64_t BytesMax() const;

  const Options options_;
  const Clock& clock_;
  const Log log_{"audit"};
  mutable Mutex mutex_;
  CondVar room_;
  std::string waiting_ GUARDED_BY(mutex_);
  uint64_t lost_ GUARDED_BY(mutex_) = 0;
  Mutex writing_;
  int fd_ GUARDED_BY(writing_) = -1;
  uint64_t file_bytes_ GUARDED_BY(writing_) = 0;
  bool failing_ GUARDED_BY(writing_) = false;  // It has been said.
};

}  // namespace skiff
