#include "apiserver/webhooks/answer_members.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>

#include "api/codec/document_bytes.h"
#include "api/codec/json.h"
#include "apiserver/webhooks/memory_room.h"

namespace skiff {
namespace {

using MemberNames = std::span<const std::string_view>;
using MemberTexts = std::map<std::string_view, std::string_view>;  // By names in a MemberNames.

MemoryRoom& RoomOfAnswers() {
  static MemoryRoom room(kAnswersInWorkBytesMax);
  return room;
}

// The texts of an object's members, of those that are named; nullopt: it is none. Later ones of the
// same name win.
Result<std::optional<MemberTexts>> FindMembers(std::string_view text, MemberNames names) {
  JsonReader in(text);
  const JsonToken token = in.Next();
  MemberTexts texts;
  if (token == JsonToken::kObject) {
    std::string_view key;
    while (in.NextKey(key)) {
      const auto name = std::find(names.begin(), names.end(), key);
      const JsonToken value = in.Next();
      const size_t begin = in.begin();
      in.SkipEntered(value);
      if (name != names.end()) texts[*name] = text.substr(begin, in.position() - begin);
    }
  } else {
    in.SkipEntered(token);
  }
  TRY(EndOfJson(in));
  if (token != JsonToken::kObject) return std::nullopt;
  return texts;
}

size_t BytesOfMembers(const MemberTexts& texts) {
  size_t bytes = 0;
  for (const auto& [name, text] : texts) bytes += DocumentBytesOf(text);
  return bytes;
}

Result<> ReadMembers(const MemberTexts& texts, Json& object) {
  for (const auto& [name, text] : texts) object[std::string(name)] = TRY(ParseJson(text));
  return {};
}

}  // namespace

Result<Json> ReadAnswerMembers(std::string_view text, const AnswerMembers& members) {
  std::optional<MemberTexts> outer = TRY(FindMembers(text, members.names));
  if (!outer) outer = MemberTexts{{"", text}};
  std::optional<MemberTexts> inner;
  if (const auto found = outer->find(members.inner);
      !members.inner.empty() && found != outer->end()) {
    inner = TRY(FindMembers(found->second, members.inner_names));
    if (inner) outer->erase(found);
  }
  const size_t bytes = BytesOfMembers(*outer) + (inner ? BytesOfMembers(*inner) : 0);
  if (bytes > members.document_bytes_max) {
    return Fail(Reason::kInternalError, fmt::format("the answer takes more than {} bytes of memory",
                                                    members.document_bytes_max));
  }
  const MemoryRoom::Part part = RoomOfAnswers().Take(bytes);
  if (outer->contains("")) return ParseJson(text);
  Json document = Json::object();
  TRY(ReadMembers(*outer, document));
  if (inner) {
    Json& object = document[std::string(members.inner)] = Json::object();
    TRY(ReadMembers(*inner, object));
  }
  return document;
}

}  // namespace skiff
