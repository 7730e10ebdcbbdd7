#include "apiserver/storage/record_header.h"

#include <algorithm>

namespace skiff {
namespace {

constexpr uint8_t kVersion = 1;
constexpr char kUnreadableMark = '\xFF';  // In the place of a version.
constexpr uint32_t kNone = UINT32_MAX;
constexpr size_t kNumberBytes = 4;
constexpr size_t kFixedBytes = 1 + 2 * kNumberBytes;
constexpr size_t kDigitsMax = 20;  // Of a revision.

void AppendNumber(std::string& out, size_t number) {
  CHECK(number <= UINT32_MAX);
  for (const int shift : {24, 16, 8, 0}) out.push_back(static_cast<char>(number >> shift));
}

void AppendText(std::string& out, std::string_view text) {
  AppendNumber(out, text.size());
  out.append(text);
}

void AppendPairs(std::string& out, std::span<const NamedText> pairs) {
  AppendNumber(out, pairs.size());
  for (const auto& [name, value] : pairs) {
    AppendText(out, name);
    AppendText(out, value);
  }
}

size_t TextBytes(std::string_view text) {
  return kNumberBytes + text.size();
}

size_t PairsBytes(std::span<const NamedText> pairs) {
  size_t bytes = kNumberBytes;
  for (const auto& [name, value] : pairs) bytes += TextBytes(name) + TextBytes(value);
  return bytes;
}

uint32_t NumberAt(std::string_view in) {
  uint32_t number = 0;
  for (size_t i = 0; i < 4; ++i) number = number << 8 | static_cast<uint8_t>(in[i]);
  return number;
}

// Takes things off the front of a header that may be damaged; once one does not fit, `ok` is false.
struct Reader {
  std::string_view rest;
  bool ok = true;

  uint32_t Number() {
    if (rest.size() < 4) ok = false;
    if (!ok) return 0;
    const uint32_t number = NumberAt(rest);
    rest.remove_prefix(4);
    return number;
  }

  std::string_view Text() {
    const uint32_t size = Number();
    if (size > rest.size()) ok = false;
    if (!ok) return {};
    const auto text = rest.substr(0, size);
    rest.remove_prefix(size);
    return text;
  }

  // All of them, still encoded.
  std::string_view Pairs() {
    const uint32_t count = Number();
    const std::string_view start = rest;
    for (uint32_t i = 0; i < count && ok; ++i) {
      Text();
      Text();
    }
    return start.substr(0, start.size() - rest.size());
  }
};

std::string CompactText(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// {"name":value,...} with each member written by `write`.
template <typename Write>
void AppendMembers(std::string& out, const Json& object, Write write) {
  char separator = '{';
  for (const auto& [name, value] : object.items()) {
    out.push_back(separator);
    separator = ',';
    out.append(CompactText(Json(name))).push_back(':');
    write(name, value);
  }
  if (separator == '{') out.push_back('{');
  out.push_back('}');
}

}  // namespace

ObjectBody BodyOf(const Json& object) {
  ObjectBody body;
  const auto metadata = object.is_object() ? object.find("metadata") : object.end();
  if (!object.is_object() || metadata == object.end() || !metadata->is_object()) {
    body.text = CompactText(object);
    return body;
  }
  std::string& out = body.text;
  const auto append_revision = [&] {
    out.append("\"\"");
    body.revision_at = out.size() - 1;
  };
  AppendMembers(out, object, [&](const std::string& name, const Json& value) {
    if (name != "metadata") {
      out.append(CompactText(value));
      return;
    }
    AppendMembers(out, value, [&](const std::string& inner, const Json& inner_value) {
      if (inner == "resourceVersion") {
        append_revision();
      } else {
        out.append(CompactText(inner_value));
      }
    });
    if (body.revision_at != std::string::npos) return;
    out.pop_back();  // The closing brace.
    out.append(value.empty() ? "\"resourceVersion\":" : ",\"resourceVersion\":");
    append_revision();
    out.push_back('}');
  });
  return body;
}

StoredObject EncodeObject(const ObjectParts& parts) {
  StoredObject stored;
  std::string& out = stored.value;
  // With room for the revision: the record keeps what was reserved for as long as it lives.
  out.reserve(kFixedBytes + TextBytes(parts.uid) + PairsBytes(parts.labels) +
              PairsBytes(parts.fields) + parts.body.text.size() + kDigitsMax);
  out.assign(kFixedBytes, '\0');
  AppendText(out, parts.uid);
  AppendPairs(out, parts.labels);
  AppendPairs(out, parts.fields);
  const size_t header_size = out.size();
  std::string fixed(1, static_cast<char>(kVersion));
  AppendNumber(fixed, header_size);
  const bool has_revision = parts.body.revision_at != std::string::npos;
  AppendNumber(fixed, has_revision ? parts.body.revision_at : kNone);
  out.replace(0, kFixedBytes, fixed);
  out.append(parts.body.text);
  if (has_revision) stored.revision_at = header_size + parts.body.revision_at;
  return stored;
}

void FetchSoon(const Record& record) {
  constexpr size_t kLine = 64, kBytes = 1024;
  const size_t bytes = std::min(record.value.size(), kBytes);
  for (size_t at = 0; at < bytes; at += kLine) __builtin_prefetch(record.value.data() + at);
}

std::string UnreadableValue(std::string_view why) {
  return std::string(1, kUnreadableMark).append(why);
}

bool IsUnreadable(std::string_view value) {
  return value.starts_with(kUnreadableMark);
}

namespace {

// As kube-apiserver answers, from whichever part of the server.
Error InternalErrorWith(std::string text) {
  Error error{Reason::kInternalError, "Internal error occurred: " + text};
  error.details.emplace();
  error.causes.push_back({.message = std::move(text)});
  return error;
}

}  // namespace

Error UnreadableInList(const Record& record) {
  return InternalErrorWith("unable to transform key \"" + record.key +
                           "\": " + record.value.substr(1));
}

Result<ObjectView> ObjectView::Of(std::string_view value) {
  if (IsUnreadable(value)) return Fail(InternalErrorWith(std::string(value.substr(1))));
  const auto unreadable = [] {
    return Fail(Reason::kInternalError, "a stored object has a damaged header");
  };
  if (value.size() < kFixedBytes) return unreadable();
  if (static_cast<uint8_t>(value[0]) != kVersion) {
    return Fail(Reason::kInternalError, "a stored object has a header of an unknown version");
  }
  const uint32_t header_size = NumberAt(value.substr(1));
  const uint32_t revision_at = NumberAt(value.substr(5));
  if (header_size < kFixedBytes || header_size > value.size()) return unreadable();
  ObjectView view;
  view.body_ = value.substr(header_size);
  if (revision_at != kNone) view.revision_at_ = revision_at;
  if (revision_at != kNone && revision_at > view.body_.size()) return unreadable();
  Reader reader{value.substr(kFixedBytes, header_size - kFixedBytes)};
  view.uid_ = reader.Text();
  view.labels_ = reader.Pairs();
  view.fields_ = reader.Pairs();
  if (!reader.ok || !reader.rest.empty()) return unreadable();
  return view;
}

ObjectView::Pieces ObjectView::pieces() const {
  if (revision_at_ == std::string::npos) return {.before = body_};
  size_t end = revision_at_;
  while (end < body_.size() && body_[end] >= '0' && body_[end] <= '9') ++end;
  return {.before = body_.substr(0, revision_at_),
          .revision = body_.substr(revision_at_, end - revision_at_),
          .after = body_.substr(end)};
}

std::string ObjectView::BodyAt(Revision revision) const {
  const Pieces parts = pieces();
  if (revision_at_ == std::string::npos) return std::string(body_);
  const std::string digits = std::to_string(revision.value);
  std::string body;
  body.reserve(parts.before.size() + digits.size() + parts.after.size());
  return body.append(parts.before).append(digits).append(parts.after);
}

NamedText ObjectView::TakePair(std::string_view& rest) {
  Reader reader{rest};
  const auto name = reader.Text();
  const auto value = reader.Text();
  rest = reader.rest;
  return {name, value};
}

std::optional<std::string_view> ObjectView::Find(std::string_view pairs, std::string_view name) {
  while (!pairs.empty()) {
    const NamedText pair = TakePair(pairs);
    if (pair.name == name) return pair.value;
  }
  return std::nullopt;
}

}  // namespace skiff
