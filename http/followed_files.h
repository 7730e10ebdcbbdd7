// Files that somebody puts in place anew while the server runs: a certificate and its key. They are
// read again when something happens in their directories.
//
//   FollowedFiles serving(loops, {certificate_file, key_file}, [&](const auto& texts) {...});
//   executor.Add(serving);
//
//   a change ──> (on a loop) Wake ──> Step reads the files; their texts differ ──> `take`
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/control_loop.h"
#include "base/error.h"
#include "http/file_watch.h"

namespace skiff::http {

class FollowedFiles final : public ControlLoop {
 public:
  // Gets the texts, in the order of the paths. What it refuses counts as not read: of two files
  // that belong together one is there before the other.
  using Take = std::function<Result<>(const std::vector<std::string>& texts)>;
  // The first step takes the files as they are. `loops` outlives it. They are read every `period`
  // besides: who writes into a file that is mounted alone tells nobody of it here.
  FollowedFiles(Loops& loops, std::vector<std::string> paths, Take take, Duration period = kNever);

  // While a directory cannot be watched: looks again after a minute.
  Duration Step() override;

 private:
  bool Watch();
  Result<std::vector<std::string>> Read() const;

  Loops& loops_;
  const std::vector<std::string> paths_;
  const Take take_;
  const Duration period_;
  std::vector<std::string> taken_;  // What was read and taken last.
  std::vector<std::unique_ptr<FileWatch>> watches_;
};

}  // namespace skiff::http
