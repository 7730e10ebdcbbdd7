#include "apiserver/webhooks/answer_members.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "api/codec/document_bytes.h"
#include "api/codec/json.h"
#include "apiserver/webhooks/memory_room.h"

namespace skiff {
namespace {

using MemberNames = std::span<const std::string_view>;
// By names in a MemberNames; a name that is repeated has several, in their order.
using MemberTexts = std::map<std::string_view, std::vector<std::string_view>>;

// Of all that are named: their places are noted before there is room for what they say.
constexpr size_t kTextsMax = 10'000;

MemoryRoom& RoomOfAnswers() {
  static MemoryRoom room(kAnswersInWorkBytesMax);
  return room;
}

// The texts of an object's members, of those that are named; nullopt: it is none. Takes them from
// `texts_left`.
Result<std::optional<MemberTexts>> FindMembers(std::string_view text, MemberNames names,
                                               size_t& texts_left) {
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
      if (name == names.end()) continue;
      if (texts_left == 0) {
        return Fail(Reason::kInternalError,
                    fmt::format("the answer repeats its members more than {} times", kTextsMax));
      }
      --texts_left;
      texts[*name].push_back(text.substr(begin, in.position() - begin));
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
  for (const auto& [name, parts] : texts) {
    for (const std::string_view text : parts) bytes += DocumentBytesOf(text);
  }
  return bytes;
}

// As Go reads into what it has read already.
void ReadOver(Json& value, Json later) {
  const bool is_plain = !value.is_structured() && !value.is_null();
  if (later.is_null() && is_plain) return;
  if (!later.is_object() || !value.is_object()) {
    value = std::move(later);
    return;
  }
  for (auto& [name, member] : later.items()) {
    const auto found = value.find(name);
    if (found == value.end()) {
      value[name] = std::move(member);
    } else {
      ReadOver(*found, std::move(member));
    }
  }
}

Result<> ReadMembers(const MemberTexts& texts, Json& object) {
  for (const auto& [name, parts] : texts) {
    Json& value = object[std::string(name)];
    for (const std::string_view text : parts) {
      Json part = TRY(ParseJson(text));
      ReadOver(value, std::move(part));
    }
  }
  return {};
}

// The members of the object that is written in these parts, one over the other; nullopt: the last
// is null, or one is neither. Then `parts` has it alone.
Result<std::optional<MemberTexts>> FindInner(std::vector<std::string_view>& parts,
                                             MemberNames names, size_t& texts_left) {
  std::optional<MemberTexts> inner;
  std::string_view other;
  for (const std::string_view text : parts) {
    auto more = TRY(FindMembers(text, names, texts_left));
    if (!more) {
      inner.reset();
      other = text;
      if (text != "null") break;
      continue;
    }
    if (!inner) inner.emplace();
    for (const auto& [name, texts] : *more) {
      auto& all = (*inner)[name];
      all.insert(all.end(), texts.begin(), texts.end());
    }
  }
  if (!inner) parts = {other};
  return inner;
}

}  // namespace

Result<Json> ReadAnswerMembers(std::string_view text, const AnswerMembers& members) {
  size_t texts_left = kTextsMax;
  std::optional<MemberTexts> outer = TRY(FindMembers(text, members.names, texts_left));
  if (!outer) outer = MemberTexts{{"", {text}}};
  std::optional<MemberTexts> inner;
  if (const auto found = outer->find(members.inner);
      !members.inner.empty() && found != outer->end()) {
    inner = TRY(FindInner(found->second, members.inner_names, texts_left));
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
