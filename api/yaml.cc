#include "api/yaml.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <set>

#include "api/base64.h"
#include "api/json.h"
#include "api/yaml_scalar.h"

namespace skiff {
namespace {

constexpr std::string_view kTagPrefix = "tag:yaml.org,2002:";

// What yaml-cpp calls a mistake -> what Go's parser calls it. The first fragment that occurs in the
// message decides.
constexpr std::pair<std::string_view, std::string_view> kMessages[] = {
    {"end of map flow", "did not find expected ',' or '}'"},
    {"end of sequence flow", "did not find expected ',' or ']'"},
    {"end of map not found", "did not find expected key"},
    {"end of sequence not found", "did not find expected '-' indicator"},
    {"illegal map value", "mapping values are not allowed in this context"},
    {"illegal tab", "found a tab character that violates indentation"},
    {"unknown token", "found character that cannot start any token"},
    {"illegal block entry", "block sequence entries are not allowed in this context"},
    {"illegal map key", "mapping keys are not allowed in this context"},
    {"illegal EOF in scalar", "found unexpected end of stream"},
    {"document indicator in scalar", "found unexpected document indicator"},
    {"the referenced anchor is not defined", "unknown anchor referenced"},
};

tl::unexpected<Error> SyntaxError(const YAML::Exception& problem, std::string_view text) {
  std::string message = problem.msg;
  for (const auto& [ours, go] : kMessages) {
    if (problem.msg.find(ours) == std::string::npos) continue;
    message = go;
    break;
  }
  // Go's parser counts lines from zero, and leaves the first one out; its scanner counts from one.
  if (message.starts_with("did not find expected")) {
    const std::string where =
        problem.mark.line > 0 ? "line " + std::to_string(problem.mark.line) + ": " : "";
    return Fail(Reason::kBadRequest, "yaml: " + where + message);
  }
  // A mistake noticed at the end of the text counts for the last line that has something.
  int line = std::max(problem.mark.line, 0) + 1;
  const auto content = text.find_last_not_of(" \n\r\t");
  if (content != text.npos) {
    const auto end = text.begin() + static_cast<std::ptrdiff_t>(content);
    line = std::min(line, static_cast<int>(std::count(text.begin(), end, '\n')) + 1);
  }
  return Fail(Reason::kBadRequest, "yaml: line " + std::to_string(line) + ": " + message);
}

class Converter {
 public:
  Converter(YamlDocument& out, size_t values_max) : out_(out), values_max_(values_max) {}

  Result<Json> Value(const YAML::Node& node) {
    if (++values_ > values_max_) {
      return Fail(Reason::kBadRequest, "yaml: document contains excessive aliasing");
    }
    switch (node.Type()) {
      case YAML::NodeType::Scalar:
        return Scalar(node);
      case YAML::NodeType::Sequence: {
        Json list = Json::array();
        for (const auto& item : node) {
          Json value = TRY(Value(item));
          list.push_back(std::move(value));
        }
        return list;
      }
      case YAML::NodeType::Map:
        return Map(node);
      default:
        return Json();
    }
  }

 private:
  static Result<Json> Scalar(const YAML::Node& node) {
    const std::string& tag = node.Tag();
    const std::string& text = node.Scalar();
    if (tag == "!") return Json(text);  // Quoted.
    if (!tag.starts_with(kTagPrefix)) return ResolveYamlScalar(text);
    const std::string_view type = std::string_view(tag).substr(kTagPrefix.size());
    if (type == "str") return Json(text);
    if (type == "binary") {
      auto bytes = DecodeBase64(text);
      if (!bytes)
        return Fail(Reason::kBadRequest, "yaml: !!binary value contains invalid base64 data");
      return Json(std::move(*bytes));
    }
    return ResolveYamlScalar(text);
  }

  Result<std::string> Key(const YAML::Node& node) {
    if (!node.IsScalar()) {
      return Fail(Reason::kBadRequest, "yaml: invalid map key");
    }
    const Json key = TRY(Scalar(node));
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
      if (!given.insert(key).second) {
        out_.duplicates.push_back("line " + std::to_string(pair.first.Mark().line + 1) +
                                  ": key \"" + key + "\" already set in map");
      }
      map[key] = TRY(Value(pair.second));
    }
    return map;
  }

  // "<<": the map's keys stand here unless given in place.
  Result<> Merge(const YAML::Node& node, Json& map) {
    if (node.IsSequence()) {
      for (const auto& item : node) TRY(Merge(item, map));
      return {};
    }
    if (!node.IsMap()) {
      return Fail(Reason::kBadRequest,
                  "yaml: map merge requires map or sequence of maps as the value");
    }
    const Json other = TRY(Value(node));
    for (const auto& [key, value] : other.items()) {
      if (!map.contains(key)) map[key] = value;
    }
    return {};
  }

  YamlDocument& out_;
  const size_t values_max_;
  size_t values_ = 0;
};

Result<YamlDocument> Convert(const YAML::Node& node, std::string_view text) {
  YamlDocument document;
  document.line = std::max(node.Mark().line, 0) + 1;
  document.value = TRY(Converter(document, std::max(kYamlValuesMax, text.size())).Value(node));
  return document;
}

}  // namespace

Result<YamlDocument> ParseYaml(std::string_view text) {
  try {
    return Convert(YAML::Load(std::string(text)), text);
  } catch (const YAML::Exception& problem) {
    return SyntaxError(problem, text);
  }
}

Result<std::vector<YamlDocument>> ParseYamlStream(std::string_view text) {
  std::vector<YamlDocument> documents;
  try {
    for (const YAML::Node& node : YAML::LoadAll(std::string(text))) {
      if (node.IsNull()) continue;
      YamlDocument document = TRY(Convert(node, text));
      documents.push_back(std::move(document));
    }
  } catch (const YAML::Exception& problem) {
    return SyntaxError(problem, text);
  }
  return documents;
}

}  // namespace skiff
