#include "api/codec/document_bytes.h"

#include <string>
#include <vector>

#include "base/text.h"

namespace skiff {
namespace {

constexpr size_t kLinkBytes = 4 * sizeof(void*);
constexpr size_t kValueBytes = sizeof(Json);
constexpr size_t kTextBytes = sizeof(std::string);
constexpr size_t kListBytes = sizeof(Json::array_t);
constexpr size_t kObjectBytes = sizeof(Json::object_t);
// Of what is no JSON: a value and its name, of which two characters tell.
constexpr size_t kHalfMemberBytes = (kLinkBytes + 2 * kTextBytes + kValueBytes) / 2;

// What a character of JSON adds that stands in no text. An item tells of itself by what parts it
// from the one before, a member by its colon, and the first item by the bracket in front of it: so
// an empty list counts as if it had one.
size_t BytesFor(char c) {
  switch (c) {
    case ',':
      return kValueBytes;
    case '[':
      return kListBytes + kValueBytes;
    case '{':
      return kObjectBytes;
    case ':':
      return kLinkBytes + kValueBytes;
    case '"':
      return kTextBytes;
    default:
      return 0;
  }
}

size_t BytesOfJson(std::string_view text) {
  size_t bytes = kValueBytes + text.size();
  bool quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted && c == '\\') {
      ++i;
    } else if (c == '"') {
      quoted = !quoted;
      if (quoted) bytes += kTextBytes;
    } else if (!quoted) {
      bytes += BytesFor(c);
    }
  }
  return bytes;
}

// In protobuf each value has a tag and a length, and one of the two is no letter unless the value
// is long.
size_t BytesOfProtobuf(std::string_view text) {
  size_t marks = 0;
  for (const char c : text) marks += static_cast<unsigned char>(c) < ' ' ? 1 : 0;
  return kValueBytes + text.size() + marks * kHalfMemberBytes;
}

size_t BytesOfYaml(std::string_view text) {
  constexpr std::string_view kMarks = "\n,:-[{";
  size_t marks = 0;
  for (const char c : text) marks += kMarks.find(c) != kMarks.npos ? 1 : 0;
  return kValueBytes + text.size() + marks * kHalfMemberBytes;
}

}  // namespace

size_t DocumentBytes(const Json& document) {
  size_t bytes = 0;
  std::vector<const Json*> left = {&document};
  while (!left.empty()) {
    const Json& value = *left.back();
    left.pop_back();
    bytes += kValueBytes;
    if (const auto* text = value.get_ptr<const std::string*>()) {
      bytes += kTextBytes + text->size();
    } else if (const auto* list = value.get_ptr<const Json::array_t*>()) {
      bytes += kListBytes;
      for (const Json& item : *list) left.push_back(&item);
    } else if (const auto* members = value.get_ptr<const Json::object_t*>()) {
      bytes += kObjectBytes;
      for (const auto& [name, member] : *members) {
        bytes += kLinkBytes + kTextBytes + name.size();
        left.push_back(&member);
      }
    }
  }
  return bytes;
}

size_t DocumentBytesOf(std::string_view text) {
  constexpr std::string_view kProtobuf("k8s\0", 4);
  if (text.starts_with(kProtobuf)) return BytesOfProtobuf(text);
  const std::string_view begin = WithoutBlanks(text.substr(0, 64));
  const bool is_json = !begin.empty() && std::string_view("{[\"").find(begin[0]) != begin.npos;
  return is_json ? BytesOfJson(text) : BytesOfYaml(text);
}

}  // namespace skiff
