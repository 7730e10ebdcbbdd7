#include "api/text/yaml.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>

#include "api/codec/json.h"
#include "api/patch/patch.h"
#include "api/text/go_value.h"
#include "api/text/yaml_read.h"
#include "api/text/yaml_scalar.h"
#include "api/text/yaml_texts.h"

namespace skiff {
namespace {

// Most YAML that machines send is JSON, and that we read in a tenth of the time, and as deep as
// JSON may be. Nothing: it is not, or it says a key twice, of which YAML has more to tell.
std::optional<Result<YamlDocument>> AsJson(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == text.npos || (text[begin] != '{' && text[begin] != '[')) return std::nullopt;
  auto json = ParseJson(text);
  if (!json) {
    if (json.error().message != "exceeded max depth") return std::nullopt;
    return YamlTooDeep(kYamlDepthMax);
  }
  if (!FindDuplicates(text).empty()) return std::nullopt;
  const auto lines = std::count(text.begin(), text.begin() + static_cast<long>(begin), '\n');
  return YamlDocument{
      .value = std::move(*json), .line = static_cast<int>(lines) + 1, .is_json = true};
}

// `json` is well formed, so that backslashes stand in texts alone.
Result<> CheckEscapes(std::string_view json) {
  for (size_t at = json.find('\\'); at != json.npos; at = json.find('\\', at + 2)) {
    const std::string_view escape = json.substr(at + 1, 3);
    const bool is_surrogate = escape.size() == 3 && escape[0] == 'u' &&
                              (escape[1] == 'd' || escape[1] == 'D') &&
                              std::string_view("89abcdefABCDEF").find(escape[2]) != json.npos;
    if (!escape.starts_with('/') && !is_surrogate) continue;
    const auto lines = std::count(json.begin(), json.begin() + static_cast<long>(at), '\n');
    return Fail(Reason::kBadRequest,
                "yaml: " + (lines > 0 ? "line " + std::to_string(lines + 1) + ": " : "") +
                    (is_surrogate ? "found invalid Unicode character escape code"
                                  : "found unknown escape character"));
  }
  return {};
}

class Converter {
 public:
  Converter(YamlDocument& out, std::string_view text, bool words_are_texts)
      : out_(out),
        text_(text),
        words_are_texts_(words_are_texts),
        values_max_(std::max(kYamlValuesMax, text.size())),
        bytes_max_(kYamlAliasedBytesMax + text.size()) {}

  Result<Json> Value(const YAML::Node& node) {
    if (++values_ > values_max_) return Excessive();
    switch (node.Type()) {
      case YAML::NodeType::Scalar:
        return Scalar(node);
      case YAML::NodeType::Sequence:
      case YAML::NodeType::Map:
        break;
      default:
        NoteBlank(node);
        return Json();
    }
    // Aliases may make more of it than yaml-cpp has seen; an anchor that holds itself has no end.
    if (++depth_ > kYamlDepthMax) {
      return YamlTooDeep(kYamlDepthMax);
    }
    auto value = node.IsMap() ? Map(node) : List(node);
    --depth_;
    return value;
  }

  // Whether there were numbers that no JSON can show; one of the same key may have come after it.
  bool may_be_no_json() const { return may_be_no_json_; }

 private:
  static tl::unexpected<Error> Excessive() {
    return Fail(Reason::kBadRequest, "yaml: document contains excessive aliasing");
  }

  Result<Json> List(const YAML::Node& node) {
    Json list = Json::array();
    for (const auto& item : node) {
      Json value = TRY(ValueAt(list.size(), item));
      list.push_back(std::move(value));
    }
    return list;
  }

  // `place`: its key or its index.
  template <typename Place>
  Result<Json> ValueAt(const Place& place, const YAML::Node& node) {
    if (!words_are_texts_) return Value(node);
    place_ /= place;
    auto value = Value(node);
    place_.pop_back();
    return value;
  }

  // Where a null is written, it stands at its mark; else that is of whatever comes next, which may
  // be a key: "nullable: true".
  void NoteBlank(const YAML::Node& node) {
    if (!words_are_texts_ || place_.empty()) return;
    const auto at = static_cast<size_t>(std::max(node.Mark().pos, 0));
    const std::string_view rest = text_.substr(std::min(at, text_.size()));
    const std::string_view word = rest.substr(0, rest.find_first_of(" \t\n,]}:"));
    const bool is_key = rest.substr(word.size()).starts_with(':');
    if (is_key || word.empty() || !ResolveYamlScalar(word).is_null()) {
      out_.blanks.push_back(place_.to_string());
    }
  }

  Result<Json> Scalar(const YAML::Node& node) {
    std::string text = YamlText(node);
    bytes_ += text.size();
    if (bytes_ > bytes_max_) return Excessive();
    Json value = TRY(YamlScalarOf(node, text));
    if (IsNoJsonNumber(value)) {
      if (words_are_texts_) return Json(std::move(text));
      may_be_no_json_ = true;
    }
    if (words_are_texts_ && value.is_boolean() && text != "true" && text != "True" &&
        text != "TRUE" && text != "false" && text != "False" && text != "FALSE") {
      return Json(std::move(text));
    }
    return value;
  }

  Result<std::string> Key(const YAML::Node& node) {
    if (!node.IsScalar()) {
      return Fail(Reason::kBadRequest, "yaml: invalid map key");
    }
    const Json key = TRY(Scalar(node));
    if (IsNoJsonNumber(key)) {
      const auto number = key.get<double>();
      return std::string(std::isnan(number) ? ".nan" : number < 0 ? "-.inf" : ".inf");
    }
    return key.is_string() ? key.get<std::string>() : DumpJson(key);
  }

  Result<Json> Map(const YAML::Node& node) {
    Json map = Json::object();
    std::set<std::string> given;
    for (const auto& pair : node) {
      if (pair.first.IsScalar() && pair.first.Tag() == "?" && pair.first.Scalar() == "<<") {
        TRY(Merge(pair.second, map));
        continue;
      }
      const std::string key = TRY(Key(pair.first));
      if (!given.insert(key).second && out_.duplicates.size() < kYamlDuplicatesMax) {
        out_.duplicates.push_back("line " + std::to_string(pair.first.Mark().line + 1) +
                                  ": key \"" + key + "\" already set in map");
      }
      map[key] = TRY(ValueAt(key, pair.second));
    }
    return map;
  }

  static tl::unexpected<Error> NoMap() {
    return Fail(Reason::kBadRequest,
                "yaml: map merge requires map or sequence of maps as the value");
  }

  // "<<": the map's keys stand here unless given in place.
  Result<> Merge(const YAML::Node& node, Json& map) {
    if (node.IsSequence()) {
      for (const auto& item : node) {
        if (!item.IsMap()) return NoMap();
        TRY(Merge(item, map));
      }
      return {};
    }
    if (!node.IsMap()) return NoMap();
    const Json other = TRY(Value(node));
    for (const auto& [key, value] : other.items()) {
      if (!map.contains(key)) map[key] = value;
    }
    return {};
  }

  YamlDocument& out_;
  const std::string_view text_;
  const bool words_are_texts_;
  const size_t values_max_;
  const size_t bytes_max_;
  size_t values_ = 0;
  size_t bytes_ = 0;  // Of all scalars so far.
  Json::json_pointer place_;
  int depth_ = 0;     // Lists and maps that we are in.
  bool may_be_no_json_ = false;
};

// As Go makes JSON of it.
Result<> CheckIsJson(const Json& value) {
  if (value.is_structured()) {
    for (const Json& each : value) TRY(CheckIsJson(each));
  } else if (IsNoJsonNumber(value)) {
    return Fail(Reason::kBadRequest, "json: unsupported value: " + GoFloat(value.get<double>()));
  }
  return {};
}

Result<YamlDocument> ParseDocument(std::string_view text, bool words_are_texts) {
  TRY(CheckYamlCharacters(text));
  if (auto json = AsJson(text)) return std::move(*json);
  YamlDocument document;
  TRY(ReadYaml(text, [&](const YAML::Node& node) -> Result<> {
    document.line = std::max(node.Mark().line, 0) + 1;
    Converter converter(document, text, words_are_texts);
    document.value = TRY(converter.Value(node));
    return converter.may_be_no_json() ? CheckIsJson(document.value) : Result<>();
  }));
  return document;
}

Result<std::vector<YamlDocument>> ParseStream(std::string_view text, bool words_are_texts) {
  // As kubectl does, which reads line by line. kyaml does not.
  std::string changed;
  if (words_are_texts) {
    text = changed = NormalYaml(text);
  } else if (!text.ends_with('\n')) {
    text = changed = std::string(text) + "\n";
  }
  std::vector<YamlDocument> documents;
  for (const YamlPart& part : SplitYaml(text)) {
    YamlDocument document = TRY(ParseDocument(part.text, words_are_texts));
    if (document.value.is_null()) continue;
    document.line += part.lines_before;
    documents.push_back(std::move(document));
  }
  return documents;
}

}  // namespace

Result<YamlDocument> ParseSentYaml(std::string_view text) {
  YamlDocument document = TRY(ParseYaml(text));
  if (document.is_json) TRY(CheckEscapes(text));
  return document;
}

Result<YamlDocument> ParseYaml(std::string_view text) {
  return ParseDocument(text, /*words_are_texts=*/false);
}

Result<std::vector<YamlDocument>> ParseYamlStream(std::string_view text) {
  return ParseStream(text, /*words_are_texts=*/false);
}

Result<std::vector<YamlDocument>> ParseYamlStreamWithTexts(std::string_view text) {
  return ParseStream(text, /*words_are_texts=*/true);
}

}  // namespace skiff
