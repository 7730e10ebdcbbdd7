#include "cli/kustomize/replace.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/codec/json.h"
#include "api/text/go_text.h"
#include "api/text/patterns.h"
#include "api/text/yaml.h"
#include "base/text.h"
#include "cli/errors.h"
#include "cli/json_text.h"
#include "cli/kustomize/fields.h"
#include "cli/kustomize/selector.h"

namespace skiff::cli::kustomize {
namespace {

// Kustomize's paths are no longer either.
constexpr size_t kPathPartsMax = 200;

bool IsNumber(std::string_view part) {
  return !part.empty() && part.size() < 10 && std::all_of(part.begin(), part.end(), IsDigit);
}

// [KEY=VALUE], or [=VALUE] for items that are no maps.
struct ItemMatch {
  std::string key;
  std::string value;
};
std::optional<ItemMatch> ItemMatchOf(const std::string& part) {
  if (!part.starts_with('[') || !part.ends_with(']')) return std::nullopt;
  const size_t equals = part.find('=');
  if (equals == std::string::npos) return std::nullopt;
  return ItemMatch{part.substr(1, equals - 1), part.substr(equals + 1, part.size() - equals - 2)};
}

// The text that an item is told by; "" where it has none.
std::string KeyTextOf(const Json& item, const std::string& key) {
  if (key.empty()) return item.is_structured() ? "" : PlainText(item);
  const Json& value = At(item, key);
  return value.is_null() ? "" : PlainText(value);
}

ResourceId SelectorId(const Json& selector) {
  return {{TextAt(selector, "group"), TextAt(selector, "version"), TextAt(selector, "kind")},
          TextAt(selector, "name"),
          TextAt(selector, "namespace")};
}

// What it is and was called, for those that select by it: nothing is known of scopes there.
std::vector<ResourceId> NamesOf(const Resource& resource) {
  std::vector<ResourceId> names = {resource.Id()};
  names[0].cluster_scoped = false;
  names.insert(names.end(), resource.past.begin(), resource.past.end());
  return names;
}

std::string SourceText(const Json& source) {
  std::string text = SelectorId(source).Text();
  const std::string path = TextAt(source, "fieldPath");
  if (!path.empty()) text += ":" + path;
  const Json& options = At(source, "options");
  const std::string delimiter = TextAt(options, "delimiter");
  if (delimiter.empty() && !IsTrue(At(options, "create"))) return text;
  return text + fmt::format(":{}({}), create={}", delimiter, IntAt(options, "index"),
                            IsTrue(At(options, "create")));
}

Result<const Resource*> SourceOf(const ResourceSet& resources, const Json& source) {
  const ResourceId selector = SelectorId(source);
  const Resource* found = nullptr;
  for (const auto& each : resources.all()) {
    const auto names = NamesOf(*each);
    const bool meant = std::any_of(names.begin(), names.end(), [&](const ResourceId& id) {
      return id.IsMeantBy(selector);
    });
    if (!meant) continue;
    if (found != nullptr) {
      return CliError("multiple matches for selector " + SourceText(source));
    }
    found = each.get();
  }
  if (found == nullptr) return CliError("nothing selected by " + SourceText(source));
  return found;
}

std::vector<std::string> SplitBy(const std::string& text, const std::string& delimiter) {
  std::vector<std::string> parts;
  size_t from = 0;
  for (size_t at = text.find(delimiter); at != std::string::npos; at = text.find(delimiter, from)) {
    parts.push_back(text.substr(from, at - from));
    from = at + delimiter.size();
  }
  parts.push_back(text.substr(from));
  return parts;
}

Result<Json> SourceValue(const ResourceSet& resources, const Json& replacement) {
  const Json& given = At(replacement, "sourceValue");
  const Json& source = At(replacement, "source");
  if (!given.is_null() && !source.is_null()) {
    return CliError("value and resource selectors are mutually exclusive");
  }
  if (!given.is_null()) return given;
  const Resource* found = TRY(SourceOf(resources, source));
  std::string path = TextAt(source, "fieldPath");
  if (path.empty()) path = "metadata.name";
  const Json* value = Lookup(found->object, SplitFieldPath(path));
  if (value == nullptr || value->is_null() || (value->is_structured() && value->empty())) {
    return CliError(fmt::format("fieldPath `{}` is missing for replacement source {}", path,
                                SelectorId(source).Text()));
  }
  const Json& options = At(source, "options");
  const std::string delimiter = TextAt(options, "delimiter");
  if (delimiter.empty()) return *value;
  if (value->is_structured()) {
    return CliError("delimiter option can only be used with scalar nodes");
  }
  const std::vector<std::string> parts = SplitBy(PlainText(*value), delimiter);
  const int64_t index = IntAt(options, "index");
  if (index < 0 || index >= static_cast<int64_t>(parts.size())) {
    return CliError(fmt::format("options.index {} is out of bounds for value {}", index,
                                PlainText(*value)));
  }
  return Json(parts[static_cast<size_t>(index)]);
}

// Finds the fields that a path leads to, and makes what is missing on the way when asked to. Fields
// that are made stand out as discarded values, since what they become goes by what is put there.
class Targets {
 public:
  Targets(std::span<const std::string> path, const Json* made_for)
      : path_(path), made_for_(made_for) {}

  Result<> Find(Json& node, size_t at, std::vector<Json*>& found) const {
    if (at == path_.size()) {
      found.push_back(&node);
      return {};
    }
    const std::string& part = path_[at];
    if (IsNumber(part) && !node.is_object()) return FindNumber(node, at, found);
    if (const auto match = ItemMatchOf(part)) return FindItems(node, at, *match, found);
    if (part == "*") {
      if (!node.is_array()) return WrongForm("SequenceNode", node);
      for (Json& item : node) TRY(Find(item, at + 1, found));
      return {};
    }
    if (node.is_discarded() || node.is_null()) {
      if (made_for_ == nullptr) return {};
      node = Json::object();
    }
    if (!node.is_object()) return WrongForm("MappingNode", node);
    auto member = node.find(part);
    if (member == node.end()) {
      if (made_for_ == nullptr) return {};
      node[part] = Empty(at + 1);
      member = node.find(part);
    }
    return Find(*member, at + 1, found);
  }

 private:
  // What a part that is made is, by the one that comes after it.
  Json Empty(size_t next) const {
    if (next == path_.size()) {
      return made_for_->is_object()  ? Json::object()
             : made_for_->is_array() ? Json::array()
                                     : Json(Json::value_t::discarded);
    }
    const bool list = IsNumber(path_[next]) || ItemMatchOf(path_[next]).has_value();
    return list ? Json::array() : Json::object();
  }

  Result<> FindNumber(Json& node, size_t at, std::vector<Json*>& found) const {
    if (!node.is_array()) return WrongForm("SequenceNode", node);
    const auto index = static_cast<size_t>(std::stoul(path_[at]));
    if (index == node.size() && made_for_ != nullptr) node.push_back(Empty(at + 1));
    if (index >= node.size()) {
      return CliError(
          fmt::format("index {} specified but only {} elements found", index, node.size()));
    }
    return Find(node[index], at + 1, found);
  }

  Result<> FindItems(Json& node, size_t at, const ItemMatch& match,
                     std::vector<Json*>& found) const {
    if (!node.is_array()) return WrongForm("SequenceNode", node);
    const auto pattern = TakePattern(match.value).compiled;
    if (!pattern->ok()) return CliError(GoPatternError(*pattern));
    const size_t before = found.size();
    for (Json& item : node) {
      if (match.key.empty() ? item.is_structured() : At(item, match.key).is_null()) continue;
      if (!RE2::PartialMatch(KeyTextOf(item, match.key), *pattern)) continue;
      TRY(Find(item, at + 1, found));
    }
    if (found.size() > before || made_for_ == nullptr) return {};
    node.push_back(match.key.empty() ? Json(match.value) : Json{{match.key, match.value}});
    return Find(node.back(), at + 1, found);
  }

  const std::span<const std::string> path_;
  const Json* const made_for_;  // nullptr: nothing is made.
};

// A scalar stays of the type that it is, so far as the text allows.
Json Retyped(const Json& target, const std::string& text) {
  if (target.is_string()) return text;
  const auto document = ParseYaml(text);
  const bool same_text = document && !document->value.is_structured() &&
                         !document->value.is_null() && PlainText(document->value) == text;
  return same_text ? document->value : Json(text);
}

Result<> SetValue(const Json& options, const Json& value, Json& target, size_t& copied) {
  const std::string delimiter = TextAt(options, "delimiter");
  const bool scalar = !target.is_structured();
  std::string text = value.is_structured() ? "" : PlainText(value);
  if (!delimiter.empty()) {
    if (!scalar) return CliError("delimiter option can only be used with scalar nodes");
    auto parts = SplitBy(target.is_discarded() ? "" : PlainText(target), delimiter);
    const int64_t index = IntAt(options, "index");
    if (index < 0) {
      parts.insert(parts.begin(), text);
    } else if (index >= static_cast<int64_t>(parts.size())) {
      parts.push_back(text);
    } else {
      parts[static_cast<size_t>(index)] = text;
    }
    text = fmt::format("{}", fmt::join(parts, delimiter));
  }
  copied += value.is_structured() ? DumpJson(value).size() : text.size();
  if (copied > kCopiedBytesMax) {
    return CliError(fmt::format("replacements copy more than {} MiB", kCopiedBytesMax >> 20));
  }
  target = scalar ? Retyped(target, text) : value;
  return {};
}

Result<> CopyTo(Resource& resource, const Json& value, const Json& target, size_t& copied) {
  const Json& options = At(target, "options");
  const bool create = IsTrue(At(options, "create"));
  std::vector<std::string> paths = TextsAt(target, "fieldPaths");
  if (paths.empty()) paths = {"metadata.name"};
  for (const std::string& path : paths) {
    const std::vector<std::string> parts = SplitFieldPath(path);
    if (parts.size() > kPathPartsMax) return CliError("a fieldPath is too long: " + path);
    std::vector<Json*> fields;
    const auto found = Targets(parts, create ? &value : nullptr).Find(resource.object, 0, fields);
    const std::string missing =
        fmt::format("unable to find {}field {} in replacement target", create ? "or create " : "",
                    GoQuote(path));
    if (!found) return CliError(missing + ": " + found.error().message);
    if (fields.empty()) return CliError(missing);
    for (Json* field : fields) TRY(SetValue(options, value, *field, copied));
  }
  if (DepthOf(resource.object, kObjectDepthMax) >= kObjectDepthMax) {
    return CliError(fmt::format("an object nests deeper than {} by replacements", kObjectDepthMax));
  }
  return {};
}

// Whether the target's selectors of labels and annotations let it be meant.
Result<bool> IsLetThrough(const Json& object, const Json& target) {
  const bool selected = TRY(MatchesMetadata(object, At(target, "select")));
  if (!selected) return false;
  const Json& rejects = At(target, "reject");
  if (!rejects.is_array()) return true;
  for (const Json& reject : rejects) {
    if (TextAt(reject, "annotationSelector").empty() && TextAt(reject, "labelSelector").empty()) {
      continue;
    }
    const bool rejected = TRY(MatchesMetadata(object, reject));
    if (rejected) return false;
  }
  return true;
}

bool IsRejected(const std::vector<ResourceId>& names, const Json& target) {
  const Json& rejects = At(target, "reject");
  if (!rejects.is_array()) return false;
  return std::any_of(rejects.begin(), rejects.end(), [&](const Json& reject) {
    const ResourceId selector = SelectorId(reject);
    const bool empty =
        selector.gvk == Gvk{} && selector.name.empty() && selector.namespace_.empty();
    return !empty && std::any_of(names.begin(), names.end(), [&](const ResourceId& id) {
      return id.IsMeantBy(selector);
    });
  });
}

}  // namespace

std::vector<std::string> SplitFieldPath(const std::string& path) {
  const std::vector<std::string> parts = SplitPath(path, '.');
  std::vector<std::string> whole;
  for (size_t at = 0; at < parts.size(); ++at) {
    std::string part = parts[at];
    if (!part.starts_with('[') || part.ends_with(']')) {
      whole.push_back(std::move(part));
      continue;
    }
    while (!part.ends_with(']') && at + 1 < parts.size()) part += "." + parts[++at];
    if (part.find('=') == std::string::npos) {
      part.erase(0, part.find_first_not_of("[]"));
      part.erase(part.find_last_not_of("[]") + 1);
    }
    whole.push_back(std::move(part));
  }
  return whole;
}

const Json* Lookup(const Json& object, const std::vector<std::string>& path) {
  const Json* value = &object;
  for (const std::string& part : path) {
    if (part.empty()) continue;
    if (value->is_object()) {
      const auto found = value->find(part);
      if (found == value->end()) return nullptr;
      value = &*found;
      continue;
    }
    if (!value->is_array()) return nullptr;
    const auto match = ItemMatchOf(part);
    const auto found = std::find_if(value->begin(), value->end(), [&](const Json& item) {
      return match && (match->key.empty() || item.contains(match->key)) &&
             KeyTextOf(item, match->key) == match->value;
    });
    if (match && found != value->end()) {
      value = &*found;
    } else if (part == "-" && !value->empty()) {
      value = &value->back();
    } else if (IsNumber(part) && std::stoul(part) < value->size()) {
      value = &(*value)[std::stoul(part)];
    } else {
      return nullptr;
    }
  }
  return value;
}

Result<> Replace(ResourceSet& resources, const Json& replacement, size_t& copied) {
  const Json& targets = At(replacement, "targets");
  const bool has_source =
      replacement.contains("source") || replacement.contains("sourceValue");
  if (!has_source || !targets.is_array()) {
    return CliError("replacements must specify a source and at least one target");
  }
  const Json value = TRY(SourceValue(resources, replacement));
  for (const Json& target : targets) {
    const Json& select = At(target, "select");
    if (select.is_null()) return CliError("target must specify resources to select");
    const ResourceId selector = SelectorId(select);
    for (const auto& each : resources.all()) {
      const std::vector<ResourceId> names = NamesOf(*each);
      const bool let_through = TRY(IsLetThrough(each->object, target));
      const bool meant = std::any_of(names.begin(), names.end(), [&](const ResourceId& id) {
        return id.IsMeantBy(selector);
      });
      if (!let_through || !meant || IsRejected(names, target)) continue;
      TRY(CopyTo(*each, value, target, copied));
    }
  }
  return {};
}

}  // namespace skiff::cli::kustomize
