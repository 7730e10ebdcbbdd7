#include "client/watch_stream.h"

#include "api/codec/json.h"
#include "client/client.h"

namespace skiff {
namespace {

constexpr size_t kPullBytesMax = 256u << 10;

Result<WatchEvent::Type> EventType(std::string_view type) {
  if (type == "ADDED") return WatchEvent::Type::kAdded;
  if (type == "MODIFIED") return WatchEvent::Type::kModified;
  if (type == "DELETED") return WatchEvent::Type::kDeleted;
  if (type == "BOOKMARK") return WatchEvent::Type::kBookmark;
  return Fail(Reason::kInternalError,
              "the watch sent an unknown event type: " + std::string(type));
}

// The object stays text: whoever wants it knows as what.
Result<WatchEvent> ParseEvent(std::string_view line) {
  JsonReader in(line);
  std::string type;
  RawJson object;
  bool has_object = false;
  if (in.Next() == JsonToken::kObject) {
    std::string_view key;
    while (in.NextKey(key)) {
      const bool is_object = key == "object", is_type = key == "type";
      const JsonToken token = in.Next();
      if (is_type && token == JsonToken::kString) type = in.string();
      const size_t begin = in.begin();
      in.SkipEntered(token);
      if (!is_object || in.failed()) continue;
      object = RawJson::FromText(line.substr(begin, in.position() - begin));
      has_object = true;
    }
  }
  in.Finish();
  if (in.failed()) return Fail(Reason::kInternalError, "the watch sent a line that is no JSON");
  if (type.empty() || !has_object) {
    return Fail(Reason::kInternalError, "the watch sent a line that is no event");
  }
  if (type == "ERROR") return Fail(ErrorFromStatus(object.Parse(), 0));
  return WatchEvent{TRY(EventType(type)), std::move(object)};
}

}  // namespace

const std::string& HandedEvent::Text() const {
  static const std::string kNone;
  return kNone;
}

Result<http::Pulled> WatchStream::Next(std::vector<WatchEvent>& out) {
  std::vector<http::SharedBytes> chunks;
  http::HandedObjects objects;
  const http::Pulled pulled = source_->GivesHanded()
                                  ? source_->PullHanded(kPullBytesMax, objects, chunks)
                                  : source_->Pull(kPullBytesMax, chunks);
  for (const auto& object : objects) {
    const auto* event = dynamic_cast<const HandedEvent*>(object.get());
    CHECK(event != nullptr);
    out.push_back(event->Take());
  }
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
