#include "apiserver/subresources/log_options.h"

#include <fmt/format.h>

#include <charconv>

#include "api/violations.h"
#include "apiserver/request/api_errors.h"
#include "apiserver/request/list_options.h"
#include "apiserver/request/request_info.h"

namespace skiff {
namespace {

constexpr std::string_view kPositive = "must be greater than 0";

bool Flag(const http::Request& request, std::string_view name) {
  const auto value = request.Query(name);
  return value && QueryIsTrue(*value);
}

Result<std::optional<int64_t>> Number(const http::Request& request, std::string_view name) {
  const auto value = request.Query(name);
  if (!value) return std::nullopt;
  return TRY(ParseIntQuery(*value));
}

Result<std::optional<Instant>> Moment(const http::Request& request, std::string_view name) {
  const auto value = request.Query(name);
  if (!value || value->empty()) return std::nullopt;
  const auto parsed = ParseInstant(*value, TimeForm::kSeconds);
  if (!parsed) return Fail(Reason::kBadRequest, parsed.error().message);
  return *parsed;
}

Violations Check(const LogOptions& options, const http::Request& request) {
  Violations wrong;
  if (options.tail_lines.value_or(0) < 0) {
    wrong.Invalid(FieldPath("tailLines"), *options.tail_lines,
                  "must be greater than or equal to 0");
  }
  if (options.limit_bytes.value_or(1) < 1) {
    wrong.Invalid(FieldPath("limitBytes"), *options.limit_bytes, kPositive);
  }
  if (options.since_seconds && options.since_time) {
    // Kubernetes' path has one element without a name, which prints so.
    wrong.Forbidden(FieldPath("[]"),
                    "at most one of `sinceTime` or `sinceSeconds` may be specified");
  } else if (options.since_seconds.value_or(1) < 1) {
    wrong.Invalid(FieldPath("sinceSeconds"), *options.since_seconds, kPositive);
  }
  // One stream of the two is an alpha feature, off in v1.35.
  if (request.HasQuery("stream")) wrong.Forbidden(FieldPath("stream"), "may not be specified");
  return wrong;
}

}  // namespace

std::string LogOptions::KubeletQuery() const {
  std::string query;
  const auto add = [&](std::string_view name, const std::string& value) {
    query += fmt::format("{}{}={}", query.empty() ? "" : "&", name, value);
  };
  if (follow) add("follow", "true");
  if (limit_bytes) add("limitBytes", std::to_string(*limit_bytes));
  if (previous) add("previous", "true");
  if (since_seconds) add("sinceSeconds", std::to_string(*since_seconds));
  if (since_time) {
    std::string text;
    for (const char c : FormatInstant(*since_time, TimeForm::kSeconds)) {
      text += c == ':' ? "%3A" : std::string(1, c);
    }
    add("sinceTime", text);
  }
  if (tail_lines) add("tailLines", std::to_string(*tail_lines));
  if (timestamps) add("timestamps", "true");
  return query;
}

Result<LogOptions> ParseLogOptions(const http::Request& request, const std::string& pod_name) {
  LogOptions options;
  options.container = std::string(request.Query("container").value_or(""));
  options.follow = Flag(request, "follow");
  options.previous = Flag(request, "previous");
  options.since_seconds = TRY(Number(request, "sinceSeconds"));
  options.since_time = TRY(Moment(request, "sinceTime"));
  options.timestamps = Flag(request, "timestamps");
  options.tail_lines = TRY(Number(request, "tailLines"));
  options.limit_bytes = TRY(Number(request, "limitBytes"));
  const Violations wrong = Check(options, request);
  if (!wrong.empty()) return Fail(wrong.ToError("", "PodLogOptions", pod_name));
  return options;
}

Result<> CheckForwardedPorts(const http::Request& request) {
  for (const auto& [name, value] : request.query) {
    if (name != "ports") continue;
    uint32_t port = 0;
    const char* end = value.data() + value.size();
    const auto [parsed, code] = std::from_chars(value.data(), end, port);
    if (code == std::errc() && parsed == end) continue;
    const char* why =
        code == std::errc::result_out_of_range ? "value out of range" : "invalid syntax";
    return Fail(Reason::kBadRequest,
                fmt::format("cannot convert to []int32: strconv.ParseUint: parsing {}: {}",
                            Quoted(value), why));
  }
  return {};
}

}  // namespace skiff
