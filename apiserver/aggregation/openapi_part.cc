#include "apiserver/aggregation/openapi_part.h"

#include <algorithm>
#include <map>
#include <vector>

#include "api/codec/json.h"

namespace skiff {
namespace {

// Members by their keys, both as they are written: views of the text, of which a key may be nearly
// all, and six times as long once it was read and written again.
using Texts = std::map<std::string_view, std::string_view>;

// The places that have what a reference may lead to.
constexpr std::string_view kReferred[] = {"definitions", "parameters"};

tl::unexpected<Error> NoDocument() {
  return Fail(Reason::kInvalid, "the answer is no OpenAPI document");
}

// The key in front of where the reader stands behind its colon, as it is written; `from` is where
// it stood before.
std::string_view KeyAsWritten(const JsonReader& in, size_t from) {
  const size_t begin = in.text().find('"', from) + 1;
  return in.text().substr(begin, in.text().rfind('"', in.position() - 1) - begin);
}

// The members of an object that are wanted; of what is none there are none.
template <typename Wants>
Result<Texts> MembersOf(JsonReader& in, const Wants& wants) {
  Texts members;
  const JsonToken token = in.Next();
  if (token != JsonToken::kObject) {
    in.SkipEntered(token);
    return members;
  }
  std::string_view key;
  for (size_t from = in.position(); in.NextKey(key); from = in.position()) {
    const bool is_wanted = wants(key);
    const std::string_view written = KeyAsWritten(in, from);
    const JsonToken value = in.Next();
    const size_t begin = in.begin();
    in.SkipEntered(value);
    if (!is_wanted) continue;
    if (members.size() >= kPartsMax) return NoDocument();
    members[written] = in.text().substr(begin, in.position() - begin);
  }
  return members;
}

// The texts behind each "$ref" in a text of JSON, as far as they are written plainly.
template <typename Visit>
void VisitReferences(std::string_view text, const Visit& visit) {
  constexpr std::string_view kName = "\"$ref\"", kBlanks = " \t\r\n";
  for (size_t at = text.find(kName); at != text.npos; at = text.find(kName)) {
    text.remove_prefix(at + kName.size());
    std::string_view rest = text;
    for (const char mark : {':', '"'}) {
      rest.remove_prefix(std::min(rest.find_first_not_of(kBlanks), rest.size()));
      if (!rest.starts_with(mark)) break;
      rest.remove_prefix(1);
    }
    visit(rest.substr(0, rest.find('"')));
  }
}

struct Document {
  Texts paths;
  std::map<std::string_view, Texts> referred;  // By a name in kReferred.
};

Result<Document> ReadParts(std::string_view text, std::string_view prefix) {
  Document document;
  JsonReader in(text);
  const auto is_below = [&](std::string_view key) { return key.starts_with(prefix); };
  const auto is_named = [](std::string_view key) { return !key.empty(); };
  if (in.Next() != JsonToken::kObject) return NoDocument();
  std::string_view key;
  while (in.NextKey(key)) {
    const auto referred = std::find(std::begin(kReferred), std::end(kReferred), key);
    if (key == "paths") {
      document.paths = TRY(MembersOf(in, is_below));
    } else if (referred != std::end(kReferred)) {
      document.referred[*referred] = TRY(MembersOf(in, is_named));
    } else {
      in.Skip();
    }
  }
  TRY(EndOfJson(in));
  return document;
}

// What the paths lead to, and what that leads to.
std::map<std::string_view, Texts> Reached(const Document& document) {
  std::map<std::string_view, Texts> reached;
  std::vector<std::string_view> left;
  for (const auto& [path, item] : document.paths) left.push_back(item);
  while (!left.empty()) {
    const std::string_view text = left.back();
    left.pop_back();
    VisitReferences(text, [&](std::string_view to) {
      for (const auto& [place, all] : document.referred) {
        const std::string begin = "#/" + std::string(place) + "/";
        if (!to.starts_with(begin)) continue;
        const auto found = all.find(to.substr(begin.size()));
        if (found != all.end() && reached[place].insert(*found).second) {
          left.push_back(found->second);
        }
      }
    });
  }
  return reached;
}

void WritePlace(std::string_view name, const Texts& members, std::string& out) {
  out.append(out.empty() ? "{" : ",").append("\"").append(name).append("\":{");
  const char* between = "\"";
  for (const auto& [key, text] : members) {
    out.append(between).append(key).append("\":").append(text);
    between = ",\"";
  }
  out += "}";
}

}  // namespace

Result<std::string> OpenApiPart(std::string_view text, std::string_view prefix) {
  const Document document = TRY(ReadParts(text, prefix));
  std::string out;
  // It is of pieces of the text, each of them once, with marks that stand between them there, too.
  out.reserve(text.size() + sizeof(R"({"paths":{}})"));
  WritePlace("paths", document.paths, out);
  for (const auto& [place, members] : Reached(document)) WritePlace(place, members, out);
  out += "}";
  return out;
}

}  // namespace skiff
