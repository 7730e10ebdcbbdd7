#include "base/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

namespace skiff {
namespace {

std::atomic<LogFormat> log_format = LogFormat::kText;
std::atomic<int> error_count = 0;

spdlog::logger& Sink() {
  static const auto logger = [] {
    auto made = spdlog::stderr_logger_mt("skiff");
    made->set_level(spdlog::level::trace);
    made->flush_on(spdlog::level::trace);
    made->set_pattern("%v");
    return made;
  }();
  return *logger;
}

void AppendQuoted(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      out += c;
    }
  }
  out += '"';
}

std::string TextLine(char letter, std::string_view component, std::string_view message,
                     std::initializer_list<LogPair> pairs) {
  std::string line(1, letter);
  const auto now = std::chrono::system_clock::now();
  const std::time_t seconds = std::chrono::system_clock::to_time_t(now);
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  const auto micros =
      std::chrono::duration_cast<std::chrono::microseconds>(now.time_since_epoch()).count() %
      1'000'000;
  line += fmt::format("{:02}{:02} {:02}:{:02}:{:02}.{:06} {}] ", utc.tm_mon + 1, utc.tm_mday,
                      utc.tm_hour, utc.tm_min, utc.tm_sec, micros, component);
  AppendQuoted(line, message);
  for (const LogPair& pair : pairs) {
    line += fmt::format(" {}=", pair.key);
    AppendQuoted(line, pair.value);
  }
  return line;
}

std::string JsonLine(char letter, std::string_view component, std::string_view message,
                     std::initializer_list<LogPair> pairs) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  std::string line =
      fmt::format("{{\"ts\":{:.3f},\"v\":\"{}\",\"logger\":\"{}\",\"msg\":",
                  std::chrono::duration<double, std::milli>(now).count(), letter, component);
  AppendQuoted(line, message);
  for (const LogPair& pair : pairs) {
    line += ',';
    AppendQuoted(line, pair.key);
    line += ':';
    AppendQuoted(line, pair.value);
  }
  return line + "}";
}

}  // namespace

void Log::Configure(LogLevel new_level, LogFormat format) {
  level = new_level;
  log_format = format;
}

int Log::ErrorCount() {
  return error_count;
}

void Log::Write(LogLevel line_level, std::string_view message,
                std::initializer_list<LogPair> pairs) const {
  if (line_level == LogLevel::kError) ++error_count;
  const char letter = line_level == LogLevel::kError  ? 'E'
                      : line_level == LogLevel::kInfo ? 'I'
                                                      : 'D';
  const std::string line = log_format == LogFormat::kJson
                               ? JsonLine(letter, component_, message, pairs)
                               : TextLine(letter, component_, message, pairs);
  Sink().log(spdlog::level::info, line);
}

}  // namespace skiff
