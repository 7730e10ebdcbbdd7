#include "client/watch_stream.h"

#include "api/json.h"
#include "client/client.h"

namespace skiff {
namespace {

constexpr size_t kPullBytesMax = 256u << 10;

Result<WatchEvent> ParseEvent(std::string_view line) {
  auto parsed = ParseJson(line);
  if (!parsed) return Fail(Reason::kInternalError, "the watch sent a line that is no JSON");
  Json& event = *parsed;
  if (!event.is_object() || !event.contains("object") || !event.contains("type") ||
      !event["type"].is_string()) {
    return Fail(Reason::kInternalError, "the watch sent a line that is no event");
  }
  const std::string& type = event["type"].get_ref<const std::string&>();
  Json& object = event["object"];
  if (type == "ERROR") return Fail(ErrorFromStatus(object, 0));
  if (type == "ADDED") return WatchEvent{WatchEvent::Type::kAdded, std::move(object)};
  if (type == "MODIFIED") return WatchEvent{WatchEvent::Type::kModified, std::move(object)};
  if (type == "DELETED") return WatchEvent{WatchEvent::Type::kDeleted, std::move(object)};
  if (type == "BOOKMARK") return WatchEvent{WatchEvent::Type::kBookmark, std::move(object)};
  return Fail(Reason::kInternalError, "the watch sent an unknown event type: " + type);
}

}  // namespace

Result<http::Pulled> WatchStream::Next(std::vector<WatchEvent>& out) {
  std::vector<http::SharedBytes> chunks;
  const http::Pulled pulled = source_->Pull(kPullBytesMax, chunks);
  for (const http::SharedBytes& chunk : chunks) {
    partial_ += *chunk;
    TRY(TakeLines(out));
  }
  if (pulled == http::Pulled::kAbort) {
    return Fail(Reason::kServiceUnavailable, "the watch broke off");
  }
  return pulled;
}

Result<> WatchStream::TakeLines(std::vector<WatchEvent>& out) {
  size_t begin = 0;
  while (true) {
    const size_t end = partial_.find('\n', begin);
    if (end == std::string::npos) break;
    if (end > begin) {
      auto event = TRY(ParseEvent(std::string_view(partial_).substr(begin, end - begin)));
      out.push_back(std::move(event));
    }
    begin = end + 1;
  }
  partial_.erase(0, begin);
  if (partial_.size() > kWatchLineBytesMax) {
    return Fail(Reason::kInternalError, "the watch sent an event that is too large");
  }
  return {};
}

}  // namespace skiff
