// The door to spdlog. A line is a constant message and pairs, klog-like or JSON:
//   log.Error("pod start failed", {{"pod", key}, {"attempt", attempt}, {"error", error.message}});
// Lower case, no full stop. Info: an operator cares; Debug: a developer does; Error: somebody must
// act. The same key means the same everywhere: pod node kind revision error.
#pragma once

#include <fmt/format.h>

#include <atomic>
#include <initializer_list>
#include <string>
#include <string_view>

namespace skiff {

enum class LogLevel { kDebug, kInfo, kError };
enum class LogFormat { kText, kJson };

struct LogPair {
  template <typename T>
  LogPair(std::string_view key, const T& value) : key(key), value(fmt::format("{}", value)) {}
  std::string_view key;
  std::string value;
};

// Cheap to copy; thread-safe.
class Log {
 public:
  // `component` stands in every line: "apiserver", "kubelet", "deployment".
  explicit Log(std::string_view component) : component_(component) {}
  void Debug(std::string_view message, std::initializer_list<LogPair> pairs = {}) const {
    if (level <= LogLevel::kDebug) Write(LogLevel::kDebug, message, pairs);
  }
  void Info(std::string_view message, std::initializer_list<LogPair> pairs = {}) const {
    if (level <= LogLevel::kInfo) Write(LogLevel::kInfo, message, pairs);
  }
  void Error(std::string_view message, std::initializer_list<LogPair> pairs = {}) const {
    Write(LogLevel::kError, message, pairs);
  }
  // Set once by the program before its threads start.
  static void Configure(LogLevel level, LogFormat format);
  // Error lines written since the start; in simulation any fails the run.
  static int ErrorCount();

 private:
  void Write(LogLevel level, std::string_view message, std::initializer_list<LogPair> pairs) const;
  static inline std::atomic<LogLevel> level = LogLevel::kInfo;
  std::string component_;
};

}  // namespace skiff
